/**
 * The submission queue: who may write which entry when. Every Atomics call on the SQ ring stands here.
 *
 * The indexes are 32 bits wide and wrap; differences are taken with `| 0`. Ours: the tail. The kernel's: the head,
 * the flags and the dropped count. Between `#published` and `#tail` stand entries that are staged, filled but not
 * yet the kernel's.
 */
import { IORING_OP_NOP, IORING_OP_NOP128, IORING_OP_URING_CMD128 } from '../syscalls/constants/opcodes.ts';
import { IORING_SQ_NEED_WAKEUP } from '../syscalls/constants/setup.ts';
import { IOSQE_CQE_SKIP_SUCCESS } from '../syscalls/constants/sqe.ts';
import { invalidState } from '../syscalls/invalid.ts';
import { Sqe } from './sqe.ts';

/** Where the SQ ring's fields are: indexes of 32-bit words in `ring`, and the entries' own memory. */
export interface SqLayout {
  readonly ring: Int32Array;
  readonly head: number;
  readonly tail: number;
  readonly flags: number;
  readonly dropped: number;
  /** Index of the SQ array, or -1 on a ring without one (IORING_SETUP_NO_SQARRAY). */
  readonly array: number;
  readonly sqes: Int32Array;
  readonly entries: number;
  /** 32-bit words of an entry: 16, or 32 with IORING_SETUP_SQE128. */
  readonly stride: number;
  /** IORING_SETUP_SQE_MIXED: an entry takes one slot of 64 bytes or two. */
  readonly mixed: boolean;
  /** IORING_SETUP_SQ_REWIND: the kernel reads from the first entry at every submission and ignores the indexes. */
  readonly rewind: boolean;
}

export class SubmissionQueue {
  /** The number of slots, a power of two. */
  entries = 0;
  /** The cursor that `current` hands out. */
  readonly sqe: Sqe = new Sqe();
  /** Whether other threads may have moved the indexes meanwhile: then they are read again where it matters. */
  shared = false;
  #layout: SqLayout;
  #ring: Int32Array;
  #mask = 0;
  #stride = 0;
  #headAt = 0;
  #tailAt = 0;
  #mixed = false;
  #rewind = false;
  /** One past the last staged entry. */
  #tail: number;
  /** One past the last entry that the kernel may see: what stands in the ring. */
  #published: number;
  /** The kernel's head when we last looked: it only moves on, so an old value errs on the safe side. */
  #head: number;
  /** Slots of the entry that was handed out and not yet staged; 0 when there is none. */
  #open = 0;

  constructor(layout: SqLayout) {
    this.#layout = layout;
    this.#ring = layout.ring;
    // Nobody else runs on this ring yet; the loads pair with the kernel's setup of the page.
    this.#head = Atomics.load(layout.ring, layout.head);
    this.#tail = Atomics.load(layout.ring, layout.tail);
    this.#published = this.#tail;
    this.#bind(layout);
    if (layout.array >= 0) fillArray(layout);
  }

  /** The next free entry, zeroed; the same one, untouched, until it is staged; null when all are taken. */
  current(): Sqe | null {
    if (this.#open !== 0) return this.sqe;
    if (this.shared) this.#follow();
    if (((this.#tail - this.#head) | 0) >= this.entries && this.#full(1)) return null;
    this.#open = 1;
    const { sqe } = this;
    const at = (this.#tail & this.#mask) * this.#stride;
    sqe.at = at;
    zero(sqe.doubles, at >>> 1);
    if (this.#stride === 32) zero(sqe.doubles, (at >>> 1) + 8);
    return sqe;
  }

  /**
   * The next two slots as one entry of 128 bytes, on a ring of mixed sizes (io_uring_get_sqe128). They must follow each
   * other in memory: where only the last slot is left before the wrap, it becomes a NOP without a completion.
   */
  current128(): Sqe | null {
    if (this.#stride === 32) return this.current();
    if (!this.#mixed)
      throw invalidState('Entries of 128 bytes need IORING_SETUP_SQE128 or IORING_SETUP_SQE_MIXED');
    if (this.#open === 1)
      throw invalidState('Another entry, of 64 bytes, is open: commit it before asking for one of 128');
    if (this.#open === 2) return this.sqe;
    const last = ((this.#tail + 1) & this.#mask) === 0;
    if (this.#full(last ? 3 : 2)) return null;
    if (last) {
      const nop = this.current()!;
      nop.rw(IORING_OP_NOP, -1, 0, 0, 0);
      nop.userData = 0;
      nop.flags = IOSQE_CQE_SKIP_SUCCESS;
      this.stage();
    }
    const sqe = this.current()!;
    zero(sqe.doubles, (sqe.at >>> 1) + 8);
    sqe.byteLength = 128;
    this.#open = 2;
    return sqe;
  }

  /** Ends the filling of the current entry: it goes out with the next `publish`. False when there is none. */
  stage(): boolean {
    if (this.#open === 0) return false;
    if (this.#mixed) this.#checkSize();
    this.#tail = (this.#tail + this.#open) | 0;
    this.#open = 0;
    return true;
  }

  /** Entries that are staged and not published. */
  get staged(): number {
    return (this.#tail - this.#published) | 0;
  }

  /** Shows all staged entries to the kernel, by one store for all of them. Returns their number. */
  publish(): number {
    const tail = this.#tail;
    const count = (tail - this.#published) | 0;
    if (count === 0) return 0;
    if (this.shared) this.#refuseOvertaken();
    this.#published = tail;
    // Release: the entries' words are written before the tail. Pairs with smp_load_acquire(&rings->sq.tail) in
    // io_sqring_entries. Being sequentially consistent it is also the full barrier that needsWakeup asks for.
    if (!this.#rewind) Atomics.store(this.#ring, this.#tailAt, tail);
    return count;
  }

  /** Entries that are published and not yet consumed by the kernel. */
  pending(): number {
    if (this.shared) this.#follow();
    return (this.#published - this.#loadHead()) | 0;
  }

  /** Entries staged or published that the kernel has not consumed (io_uring_sq_ready). */
  ready(): number {
    if (this.shared) this.#follow();
    return (this.#tail - this.#loadHead()) | 0;
  }

  /**
   * With IORING_SETUP_SQ_REWIND, after the kernel took `taken` entries: it will begin with the first one again, so what
   * it left, and the entry that is being filled, move to the front.
   */
  rewind(taken: number): void {
    if (!this.#rewind || taken === 0) return;
    const half = this.#stride >>> 1;
    const end = this.#tail + this.#open;
    if (taken < end) this.sqe.doubles.copyWithin(0, taken * half, end * half);
    if (this.#open !== 0) this.sqe.at -= taken * this.#stride;
    this.#tail -= taken;
    this.#published -= taken;
  }

  /** Whether all that is not consumed fits into `entries` slots, two-slot entries in one piece. */
  fits(entries: number): boolean {
    const head = this.#loadHead();
    const end = (this.#tail + this.#open) | 0;
    if (((end - head) | 0) > entries) return false;
    if (!this.#mixed) return true;
    for (let at = head; at !== end; at = (at + 1) | 0) {
      const opcode = this.sqe.words[(at & this.#mask) * this.#stride] & 0xff;
      const wide = isWide(opcode) || (at === this.#tail && this.#open === 2);
      if (wide && ((at + 1) & (entries - 1)) === 0) return false;
      if (wide) at = (at + 1) | 0;
    }
    return true;
  }

  /** Goes on in other memory, into which the kernel has moved the queue: what it does not know of moves along. */
  rebind(layout: SqLayout): void {
    const { words } = this.sqe;
    const mask = this.#mask;
    const stride = this.#stride;
    const end = (this.#tail + this.#open) | 0;
    // The kernel copies what was published, on some versions wrongly for entries of 128 bytes: all is copied again.
    for (let at = this.#loadHead(); at !== end; at = (at + 1) | 0) {
      const from = (at & mask) * stride;
      layout.sqes.set(words.subarray(from, from + stride), (at & (layout.entries - 1)) * stride);
    }
    this.#layout = layout;
    this.#ring = layout.ring;
    this.#bind(layout);
    this.sqe.at = (this.#tail & this.#mask) * stride;
    if (this.#open === 2) this.sqe.byteLength = 128;
    if (layout.array >= 0) fillArray(layout);
  }

  /** The IORING_SQ_… flags. */
  flags(): number {
    // Pairs with the kernel's atomic_or on rings->sq_flags. After `publish` this load cannot be taken before the
    // store of the tail: both are sequentially consistent, which is what io_sq_thread's own barrier between setting
    // NEED_WAKEUP and its last look at the tail pairs with.
    return Atomics.load(this.#ring, this.#layout.flags);
  }

  /** Whether the kernel's submission thread sleeps and must be woken by an enter. Ask after `publish`. */
  needsWakeup(): boolean {
    return (this.flags() & IORING_SQ_NEED_WAKEUP) !== 0;
  }

  /** Entries that the kernel refused to read because their index in the SQ array was invalid. */
  dropped(): number {
    // Statistics only: orders nothing.
    return Atomics.load(this.#ring, this.#layout.dropped) >>> 0;
  }

  /** Lets go of the ring's memory: from now on there is no room, and cursors lead nowhere. */
  detach(): void {
    const { head, tail, flags, dropped } = this.#layout;
    this.#ring = new Int32Array(Math.max(head, tail, flags, dropped) + 1);
    this.#ring[head] = this.#tail - this.entries;
    this.#head = this.#ring[head];
    this.sqe.words = new Int32Array(0);
    this.sqe.doubles = new Float64Array(0);
    this.sqe.held = null;
    this.#open = 0;
    this.#rewind = false;
    this.#mixed = false;
    this.shared = false;
  }

  #bind({ entries, stride, head, tail, mixed, rewind, sqes }: SqLayout): void {
    this.entries = entries;
    this.#mask = entries - 1;
    this.#stride = stride;
    this.#headAt = head;
    this.#tailAt = tail;
    this.#mixed = mixed;
    this.#rewind = rewind;
    this.sqe.doubles = new Float64Array(sqes.buffer, sqes.byteOffset, sqes.length >>> 1);
    this.sqe.words = sqes;
    this.sqe.byteLength = 4 * stride;
  }

  /** Whether there is no room for so many slots more. */
  #full(slots: number): boolean {
    return ((this.#tail + slots - this.#loadHead()) | 0) > this.entries;
  }

  /** Another thread may have published since. What is staged here would be lost, so then it may not. */
  #follow(): void {
    if (this.#tail !== this.#published || this.#open !== 0) return;
    // Acquire: pairs with the release in that thread's `publish`.
    this.#tail = Atomics.load(this.#ring, this.#tailAt);
    this.#published = this.#tail;
  }

  /** Another thread has published over what was staged here: these entries are lost, and the queue stays whole. */
  #refuseOvertaken(): void {
    // Acquire: as in `#follow`.
    const tail = Atomics.load(this.#ring, this.#tailAt);
    if (tail === this.#published) return;
    this.#tail = tail;
    this.#published = tail;
    this.#open = 0;
    this.sqe.held = null;
    throw invalidState(
      'Another thread has published entries meanwhile: what was staged here is given up; flush before a role is handed over',
    );
  }

  /** The kernel goes by the opcode to tell how many slots an entry has: a mistake would shift all that follow. */
  #checkSize(): void {
    const wide = isWide(this.sqe.opcode);
    if (wide === (this.#open === 2)) {
      this.sqe.byteLength = 64;
      return;
    }
    throw invalidState(
      wide
        ? 'This operation has 128 bytes: get its entry by getSqe128()'
        : 'This operation has 64 bytes: an entry of getSqe128() takes nop128 or uringCmd128',
    );
  }

  #loadHead(): number {
    if (this.#rewind) return 0;
    // Acquire: entries before the head are read, ours to overwrite. Pairs with smp_store_release(&rings->sq.head) in
    // io_commit_sqring.
    const head = Atomics.load(this.#ring, this.#headAt);
    this.#head = head;
    return head;
  }
}

function isWide(opcode: number): boolean {
  return opcode === IORING_OP_NOP128 || opcode === IORING_OP_URING_CMD128;
}

/** Slot i of the array names entry i, for good. */
function fillArray({ ring, array, entries }: SqLayout): void {
  for (let i = 0; i < entries; i++) ring[array + i] = i;
}

/** 64 bytes by eight stores of 0.0, whose bits are all zero: half of what 32-bit stores cost. */
function zero(doubles: Float64Array, at: number): void {
  doubles[at] = 0;
  doubles[at + 1] = 0;
  doubles[at + 2] = 0;
  doubles[at + 3] = 0;
  doubles[at + 4] = 0;
  doubles[at + 5] = 0;
  doubles[at + 6] = 0;
  doubles[at + 7] = 0;
}
