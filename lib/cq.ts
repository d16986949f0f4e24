/**
 * The completion queue: what has completed, and what we have seen of it. Every Atomics call on the CQ ring stands
 * here.
 *
 * The indexes are 32 bits wide and wrap; differences are taken with `| 0`. Ours: the head. The kernel's: the tail
 * and the overflow count. In a ring of IORING_SETUP_CQE_MIXED an entry takes one slot or two, and a slot may be
 * filler (IORING_CQE_F_SKIP); everywhere else an entry is a slot.
 */
import { IORING_CQE_F_32, IORING_CQE_F_SKIP } from '../syscalls/constants/cqe.ts';
import { IORING_CQ_EVENTFD_DISABLED } from '../syscalls/constants/setup.ts';
import { ECANCELED, ETIME } from '../syscalls/errno.ts';
import { invalidState, outOfRange } from '../syscalls/invalid.ts';
import { Cqe } from './cqe.ts';

/** Where the CQ ring's fields are: indexes of 32-bit words in `ring`. */
export interface CqLayout {
  readonly ring: Int32Array;
  readonly head: number;
  readonly tail: number;
  readonly overflow: number;
  /** 0 where the kernel has no such field (before Linux 5.8). */
  readonly flags: number;
  /** Index of the first entry. */
  readonly cqes: number;
  readonly entries: number;
  /** 32-bit words of a slot: 4, or 8 with IORING_SETUP_CQE32. */
  readonly stride: number;
  /** IORING_SETUP_CQE_MIXED. */
  readonly mixed: boolean;
}

export class CompletionQueue {
  /** The number of slots, a power of two. */
  entries = 0;
  /** Completions that were acknowledged. */
  acknowledged = 0;
  /** Whether other threads may have moved our head meanwhile: then it is read again where it matters. */
  shared = false;
  #layout: CqLayout;
  #ring: Int32Array;
  #mask = 0;
  #stride = 0;
  #first = 0;
  #mixed = false;
  #headAt = 0;
  #tailAt = 0;
  /** Our head: what stands in the ring. */
  #head: number;
  /** The kernel's tail when we last looked. */
  #tail: number;
  readonly #cqe = new Cqe();
  /** A cursor of its own for iteration, so that a peek inside of it moves nothing. */
  readonly #each = new Cqe();
  #draining = false;

  constructor(layout: CqLayout) {
    this.#layout = layout;
    this.#ring = layout.ring;
    // The head is ours alone; the load of the tail pairs with the kernel's setup of the page.
    this.#head = Atomics.load(layout.ring, layout.head);
    this.#tail = Atomics.load(layout.ring, layout.tail);
    this.#bind(layout);
  }

  /** The oldest completion that was not acknowledged, or null. Always the same cursor object. */
  peek(): Cqe | null {
    if (this.shared) this.#follow();
    if (this.#tail === this.#head && this.#loadTail() === this.#head) return null;
    if (this.#mixed && !this.#skipFiller()) return null;
    const cqe = this.#cqe;
    cqe.at = this.#first + (this.#head & this.#mask) * this.#stride;
    return cqe;
  }

  /** Slots that stand ready (io_uring_cq_ready). */
  ready(): number {
    if (this.shared) this.#follow();
    return (this.#loadTail() - this.#head) | 0;
  }

  /**
   * Puts the cursors on the oldest completions, one on each, and gives the number of those that there are
   * (io_uring_peek_batch_cqe).
   */
  peekBatch(cursors: readonly Cqe[]): number {
    if (this.shared) this.#follow();
    const tail = this.#loadTail();
    let head = this.#head;
    let count = 0;
    while (head !== tail && count < cursors.length) {
      const at = this.#first + (head & this.#mask) * this.#stride;
      const slots = this.#mixed ? this.#slots(at) : 1;
      head = (head + (slots || 1)) | 0;
      if (slots === 0) continue;
      const cqe = cursors[count++];
      cqe.words = this.#ring;
      cqe.at = at;
    }
    return count;
  }

  /** Acknowledges the `count` oldest completions: their slots are the kernel's again. One store. */
  advance(count: number): void {
    this.refuseInside();
    const head = this.#mixed ? this.#walk(count, null) : this.#after(count);
    this.#head = head;
    this.acknowledged += count;
    // Release: everything we read of the entries is read before the kernel may overwrite them. Pairs with
    // the kernel's READ_ONCE of rings->cq.head and its control dependency in io_cqe_cache_refill.
    Atomics.store(this.#ring, this.#layout.head, head);
  }

  /**
   * Calls `visit` for the `count` oldest completions without acknowledging them. Throws as `advance` does, and then
   * before the first visit.
   */
  visit(count: number, visit: (cqe: Cqe) => void): void {
    this.refuseInside();
    if (this.#mixed) this.#walk(count, null);
    else this.#after(count);
    this.#walk(count, visit);
  }

  /**
   * Calls `visit` for every completion that stood ready when `ready` was asked last, oldest first; then acknowledges them all with one
   * store, and also when `visit` throws, those up to and with the one it threw at. Returns their number.
   */
  drain(visit: (cqe: Cqe) => void): number {
    this.refuseInside();
    this.#draining = true;
    const cqe = this.#each;
    const first = this.#first;
    const mask = this.#mask;
    const stride = this.#stride;
    const mixed = this.#mixed;
    const tail = this.#tail;
    let head = this.#head;
    let count = 0;
    try {
      while (head !== tail) {
        const at = first + (head & mask) * stride;
        const slots = mixed ? this.#slots(at) : 1;
        head = (head + (slots || 1)) | 0;
        if (slots === 0) continue;
        count++;
        cqe.at = at;
        visit(cqe);
        // The ring may be closed by now: what the cursor stood on is gone.
        if (!this.#draining) break;
      }
    } finally {
      this.acknowledged += count;
      if (this.#draining) {
        this.#draining = false;
        this.#head = head;
        // Release, as in `advance`.
        Atomics.store(this.#ring, this.#headAt, head);
      }
    }
    return count;
  }

  /**
   * Whether a completion that stands can be one of a time-out: of these the kernel ends a wait early, without having
   * what was waited for.
   */
  mayBeTimeout(): boolean {
    const tail = this.#loadTail();
    for (let head = this.#head; head !== tail; head = (head + 1) | 0) {
      const res = this.#ring[this.#first + (head & this.#mask) * this.#stride + 2];
      if (res === -ETIME || res === 0 || res === -ECANCELED) return true;
    }
    return false;
  }

  /** How many completions can be waited for: one that takes two slots must fit when all others are taken. */
  get most(): number {
    // Linux 6.18 waits for a full queue without ever looking at signals or the time, when a large completion is left over.
    return this.#mixed ? this.entries - 1 : this.entries;
  }

  /** Whether the kernel signals the registered eventfd. Always, where it has no flag for it. */
  eventfdEnabled(): boolean {
    const { flags } = this.#layout;
    // Ours to write, the kernel's to read: orders nothing.
    return flags === 0 || (Atomics.load(this.#ring, flags) & IORING_CQ_EVENTFD_DISABLED) === 0;
  }

  /** Switches that. False where the kernel has no flag for it. */
  toggleEventfd(enabled: boolean): boolean {
    const { flags } = this.#layout;
    if (flags === 0) return enabled;
    // The kernel reads it at every completion (io_eventfd_trigger), whenever it gets to see it; other bits are not ours.
    if (enabled) Atomics.and(this.#ring, flags, ~IORING_CQ_EVENTFD_DISABLED);
    else Atomics.or(this.#ring, flags, IORING_CQ_EVENTFD_DISABLED);
    return true;
  }

  /** Whether all that is not acknowledged fits into `entries` slots, two-slot completions in one piece. */
  fits(entries: number): boolean {
    const tail = this.#loadTail();
    if (((tail - this.#head) | 0) > entries) return false;
    if (!this.#mixed) return true;
    let at = this.#head;
    while (at !== tail) {
      const slots = this.#slots(this.#first + (at & this.#mask) * this.#stride) || 1;
      if (slots === 2 && ((at + 1) & (entries - 1)) === 0) return false;
      at = (at + slots) | 0;
    }
    return true;
  }

  /** Goes on in other memory, into which the kernel has moved the queue. */
  rebind(layout: CqLayout): void {
    // What the kernel had posted when it moved: it posts no more to the old place. It copies these, on some versions
    // wrongly for entries of 32 bytes: all are copied again.
    const tail = this.#loadTail();
    for (let at = this.#head; at !== tail; at = (at + 1) | 0) {
      const from = this.#first + (at & this.#mask) * this.#stride;
      const to = layout.cqes + (at & (layout.entries - 1)) * layout.stride;
      layout.ring.set(this.#ring.subarray(from, from + this.#stride), to);
    }
    this.#layout = layout;
    this.#ring = layout.ring;
    this.#bind(layout);
  }

  /** Completions that were lost for good: the kernel had no memory to keep them (IORING_FEAT_NODROP: never). */
  overflow(): number {
    // Statistics only: orders nothing.
    return Atomics.load(this.#ring, this.#layout.overflow) >>> 0;
  }

  /** Lets go of the ring's memory: from now on there is nothing, and cursors lead nowhere. */
  detach(): void {
    const { tail, head, overflow, flags } = this.#layout;
    // Somebody may have transferred the memory away.
    const lost = this.#ring.length > 0 ? this.overflow() : 0;
    this.#ring = new Int32Array(Math.max(tail, head, overflow, flags) + 1);
    this.#ring[overflow] = lost;
    this.#ring[tail] = this.#head;
    this.#tail = this.#head;
    this.#draining = false;
    this.shared = false;
    this.#cqe.words = new Int32Array(0);
    this.#each.words = new Int32Array(0);
  }

  #bind({ entries, stride, cqes, mixed, head, tail, ring }: CqLayout): void {
    this.entries = entries;
    this.#mask = entries - 1;
    this.#stride = stride;
    this.#first = cqes;
    this.#mixed = mixed;
    this.#headAt = head;
    this.#tailAt = tail;
    this.#cqe.words = ring;
    this.#each.words = ring;
  }

  /** Another thread may have acknowledged since. */
  #follow(): void {
    // Acquire: pairs with the release in that thread's `advance`.
    if (!this.#draining) this.#head = Atomics.load(this.#ring, this.#headAt);
  }

  /** Throws inside of `drain`: what it stands on must not move. */
  refuseInside(): void {
    if (this.#draining) throw invalidState('The completions of a forEachCqe are acknowledged when it ends');
  }

  #loadTail(): number {
    // Acquire: the entries below the tail are written. Pairs with smp_store_release(&rings->cq.tail) in
    // io_commit_cqring.
    const tail = Atomics.load(this.#ring, this.#tailAt);
    this.#tail = tail;
    return tail;
  }

  #after(count: number): number {
    if (this.shared) this.#follow();
    if (!(count <= ((this.#tail - this.#head) | 0)) && !(count <= this.ready()))
      throw outOfRange('count', `<= ${this.ready()}, the completions that stand ready`, count);
    if (!(count >= 0 && Number.isInteger(count))) throw outOfRange('count', '>= 0 and an integer', count);
    return (this.#head + count) | 0;
  }

  /** The head after `count` more completions. */
  #walk(count: number, visit: ((cqe: Cqe) => void) | null): number {
    if (!(count >= 0 && Number.isInteger(count))) throw outOfRange('count', '>= 0 and an integer', count);
    if (this.shared) this.#follow();
    const tail = this.#loadTail();
    const cqe = this.#each;
    let head = this.#head;
    for (let left = count; left > 0; left--) {
      let slots = 0;
      while (slots === 0) {
        if (head === tail)
          throw outOfRange('count', `<= ${count - left}, the completions that stand ready`, count);
        cqe.at = this.#first + (head & this.#mask) * this.#stride;
        slots = this.#mixed ? this.#slots(cqe.at) : 1;
        head = (head + (slots || 1)) | 0;
      }
      visit?.(cqe);
    }
    return head;
  }

  /** How many slots the entry takes: 0 for filler. */
  #slots(at: number): number {
    const flags = this.#ring[at + 3];
    if ((flags & IORING_CQE_F_SKIP) !== 0) return 0;
    return (flags & IORING_CQE_F_32) !== 0 ? 2 : 1;
  }

  /** Moves our head over filler. False when nothing else is there. */
  #skipFiller(): boolean {
    while (this.#head !== this.#tail || this.#loadTail() !== this.#head) {
      if (this.#slots(this.#first + (this.#head & this.#mask) * this.#stride) !== 0) return true;
      this.#head = (this.#head + 1) | 0;
      // Release, as in `advance`.
      Atomics.store(this.#ring, this.#layout.head, this.#head);
    }
    return false;
  }
}
