/**
 * The entries of a ring of provided buffers: what the kernel reads of it. Every Atomics call on one stands here.
 *
 * An entry is a `struct io_uring_buf` of 16 bytes: address, length, buffer ID. The last two bytes of the first one are
 * not its own: there the tail is. The indexes are 16 bits wide and wrap. Ours: the tail. The kernel's: the head, which
 * it keeps to itself.
 */
import { io_uring_buf, io_uring_buf_ring } from '../syscalls/layouts/buffers.ts';

export class BufferRingEntries {
  /** Entries that are written and not yet the kernel's. */
  staged = 0;
  readonly #mask: number;
  #words: Int32Array;
  #halves: Uint16Array;
  /** One past the last entry that the kernel may take: what stands in the ring. */
  #tail = 0;

  /** `bytes` begin on a page boundary and are `entries` times 16. */
  constructor(bytes: Uint8Array, entries: number) {
    this.#mask = entries - 1;
    this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
    this.#halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 1);
    // io_uring_buf_ring_init. Nobody takes a buffer yet; the kernel begins with a head of 0.
    Atomics.store(this.#halves, TAIL, 0);
  }

  /** The tail as the kernel sees it, 16 bits. */
  get tail(): number {
    return this.#tail;
  }

  /** Writes an entry behind all that were written before. Gives its slot. */
  push(address: number, length: number, bufferId: number): number {
    const slot = (this.#tail + this.staged++) & this.#mask;
    const words = this.#words;
    words[slot * WORDS + ADDRESS] = address | 0;
    words[slot * WORDS + ADDRESS + 1] = (address / 0x1_0000_0000) | 0;
    words[slot * WORDS + LENGTH] = length;
    // Two bytes, not four: the next two may be the tail.
    this.#halves[slot * HALVES + BUFFER_ID] = bufferId;
    return slot;
  }

  /** Shows the `count` oldest staged entries to the kernel: one store. */
  publish(count: number): void {
    const tail = (this.#tail + count) & 0xffff;
    this.staged -= count;
    this.#tail = tail;
    // Release: the entries are written before the tail. Pairs with smp_load_acquire(&br->tail) in io_ring_buffer_select
    // and io_ring_buffers_peek.
    Atomics.store(this.#halves, TAIL, tail);
  }

  /** The buffer ID in a slot. */
  bufferIdAt(slot: number): number {
    return this.#halves[slot * HALVES + BUFFER_ID];
  }

  /**
   * The length in a slot, which the kernel may have made smaller. Plain reads do: what it wrote comes before the
   * completion, and that was read behind an acquire of the CQ's tail.
   */
  lengthAt(slot: number): number {
    return this.#words[slot * WORDS + LENGTH] >>> 0;
  }

  /** The address in a slot, which the kernel moves on in an incremental group. */
  addressAt(slot: number): number {
    const at = slot * WORDS + ADDRESS;
    return (this.#words[at + 1] >>> 0) * 0x1_0000_0000 + (this.#words[at] >>> 0);
  }

  /** Lets go of the memory: from now on no slot holds a buffer. */
  detach(): void {
    this.#words = new Int32Array(0);
    this.#halves = new Uint16Array(0);
  }

  /** Whether `bufferId` is in this slot, and the slot between the kernel's `head` and the last staged entry. */
  isAhead(slot: number, bufferId: number, head: number): boolean {
    return ((slot - head) & this.#mask) < this.#count(head) && this.bufferIdAt(slot) === bufferId;
  }

  /** The slots from the kernel's `head` to the last staged entry, oldest first. */
  *slotsFrom(head: number): Generator<number> {
    const count = this.#count(head);
    // More than there are slots would be a kernel that lost count: what is in them now was given last.
    for (let i = Math.max(0, count - this.#mask - 1); i < count; i++) yield (head + i) & this.#mask;
  }

  /** Entries that the kernel, with its `head`, has not taken. */
  #count(head: number): number {
    return ((this.#tail - head) & 0xffff) + this.staged;
  }
}

const WORDS = io_uring_buf.size / 4;
const HALVES = io_uring_buf.size / 2;
const ADDRESS = io_uring_buf.fields.addr[0] / 4;
const LENGTH = io_uring_buf.fields.len[0] / 4;
const BUFFER_ID = io_uring_buf.fields.bid[0] / 2;
const TAIL = io_uring_buf_ring.fields.tail[0] / 2;
