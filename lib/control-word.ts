/**
 * What the threads that have the same ring agree by: a word in shared memory that counts them. Whoever makes the count
 * zero closes the ring, and then it stays zero: no handle can be opened any more, and none that was left reaches the
 * file that gets the ring's number.
 *
 * A thread that is terminated never leaves: the count stays above zero, and the ring leaks rather than faults.
 */

export class ControlWord {
  /** To be posted to other threads. */
  readonly buffer: SharedArrayBuffer;
  readonly #count: Int32Array;

  /** A new word that counts one, or the word of another thread, which `join` must then count in. */
  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    this.#count = new Int32Array(this.buffer);
    // Nobody else sees a new word before it is posted, which orders the two threads.
    if (buffer === undefined) Atomics.store(this.#count, 0, 1);
  }

  /** Whether the last one has left. */
  get closed(): boolean {
    // Pairs with the last one's compareExchange in `leave`, which comes before it closes the ring's fd.
    return Atomics.load(this.#count, 0) === 0;
  }

  /** Counts this thread in. False when the last one has left: there is no ring any more. */
  join(): boolean {
    for (;;) {
      // An old value only makes the exchange fail.
      const count = Atomics.load(this.#count, 0);
      if (count === 0) return false;
      // All or nothing: between the look and the addition the last one might leave.
      if (Atomics.compareExchange(this.#count, 0, count, count + 1) === count) return true;
    }
  }

  /** Counts this thread out. True for the last one, which then closes the ring. */
  leave(): boolean {
    // Pairs with `closed` and `join`: whatever this thread did to the ring comes before.
    return Atomics.sub(this.#count, 0, 1) === 1;
  }
}
