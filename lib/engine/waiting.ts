/**
 * What waits for something, in order.
 */
export class Waiting<T> {
  /** Before all others, the last one first. */
  readonly #first: T[] = [];
  #rest: (T | null)[] = [];
  /** Those of `#rest` before it are gone: taking them out one by one would move all others each time. */
  #head = 0;

  get size(): number {
    return this.#first.length + this.#rest.length - this.#head;
  }

  add(one: T): void {
    this.#rest.push(one);
  }

  addFirst(one: T): void {
    this.#first.push(one);
  }

  /** Takes out the next one. There must be one. */
  next(): T {
    const first = this.#first.pop();
    if (first !== undefined) return first;
    const next = this.#rest[this.#head] as T;
    // Its place keeps nothing: behind it are promises with all that they were resolved with.
    this.#rest[this.#head++] = null;
    if (this.#head === this.#rest.length || this.#head === MOST_GONE) {
      this.#rest = this.#rest.slice(this.#head);
      this.#head = 0;
    }
    return next;
  }
}

const MOST_GONE = 16_384;
