/**
 * The submission queue: who may write which entry when. Every Atomics call on the SQ ring stands here.
 *
 * The indexes are 32 bits wide and wrap; differences are taken with `| 0`. Ours: the tail. The kernel's: the head,
 * the flags and the dropped count. Between `#published` and `#tail` stand entries that are staged, filled but not
 * yet the kernel's.
 */
import { IORING_SQ_NEED_WAKEUP } from '../syscalls/constants/setup.ts';
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
  /** IORING_SETUP_SQ_REWIND: the kernel reads from the first entry at every submission and ignores the indexes. */
  readonly rewind: boolean;
}

export class SubmissionQueue {
  /** The number of entries, a power of two. */
  readonly entries: number;
  /** The cursor that `current` hands out. */
  readonly sqe: Sqe = new Sqe();
  readonly #layout: SqLayout;
  #ring: Int32Array;
  readonly #mask: number;
  readonly #stride: number;
  readonly #headAt: number;
  readonly #tailAt: number;
  #rewind: boolean;
  /** One past the last staged entry. */
  #tail: number;
  /** One past the last entry that the kernel may see: what stands in the ring. */
  #published: number;
  /** The kernel's head when we last looked: it only moves on, so an old value errs on the safe side. */
  #head: number;
  #open = false;

  constructor(layout: SqLayout) {
    this.#layout = layout;
    this.#ring = layout.ring;
    this.entries = layout.entries;
    this.#mask = layout.entries - 1;
    this.#stride = layout.stride;
    this.#headAt = layout.head;
    this.#tailAt = layout.tail;
    this.#rewind = layout.rewind;
    // Nobody else runs on this ring yet; the loads pair with the kernel's setup of the page.
    this.#head = Atomics.load(layout.ring, layout.head);
    this.#tail = Atomics.load(layout.ring, layout.tail);
    this.#published = this.#tail;
    const { buffer, byteOffset, length } = layout.sqes;
    this.sqe.doubles = new Float64Array(buffer, byteOffset, length >>> 1);
    this.sqe.words = layout.sqes;
    if (layout.array >= 0) for (let i = 0; i < layout.entries; i++) layout.ring[layout.array + i] = i;
  }

  /** The next free entry, zeroed; the same one, untouched, until it is staged; null when all are taken. */
  current(): Sqe | null {
    if (this.#open) return this.sqe;
    if (((this.#tail - this.#head) | 0) >= this.entries && this.#full()) return null;
    this.#open = true;
    const { sqe } = this;
    const at = (this.#tail & this.#mask) * this.#stride;
    sqe.at = at;
    zero(sqe.doubles, at >>> 1);
    if (this.#stride === 32) zero(sqe.doubles, (at >>> 1) + 8);
    return sqe;
  }

  /** Ends the filling of the current entry: it goes out with the next `publish`. False when there is none. */
  stage(): boolean {
    if (!this.#open) return false;
    this.#tail = (this.#tail + 1) | 0;
    this.#open = false;
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
    this.#published = tail;
    // Release: the entries' words are written before the tail. Pairs with smp_load_acquire(&rings->sq.tail) in
    // io_sqring_entries. Being sequentially consistent it is also the full barrier that needsWakeup asks for.
    if (!this.#rewind) Atomics.store(this.#ring, this.#tailAt, tail);
    return count;
  }

  /** Entries that are published and not yet consumed by the kernel. */
  pending(): number {
    return (this.#published - this.#loadHead()) | 0;
  }

  /** Entries staged or published that the kernel has not consumed (io_uring_sq_ready). */
  ready(): number {
    return (this.#tail - this.#loadHead()) | 0;
  }

  /**
   * With IORING_SETUP_SQ_REWIND, after the kernel took `taken` entries: it will begin with the first one again, so what
   * it left, and the entry that is being filled, move to the front.
   */
  rewind(taken: number): void {
    if (!this.#rewind || taken === 0) return;
    const half = this.#stride >>> 1;
    const end = this.#open ? this.#tail + 1 : this.#tail;
    if (taken < end) this.sqe.doubles.copyWithin(0, taken * half, end * half);
    if (this.#open) this.sqe.at -= taken * this.#stride;
    this.#tail -= taken;
    this.#published -= taken;
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
    this.#open = false;
    this.#rewind = false;
  }

  #full(): boolean {
    return ((this.#tail - this.#loadHead()) | 0) >= this.entries;
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
