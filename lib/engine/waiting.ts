/**
 * What waits for room in the submission queue, in order.
 */
export class Waiting {
  /** Before all others, the last one first. */
  readonly #first: (() => void)[] = [];
  #rest: (() => void)[] = [];
  /** Those of `#rest` before it are gone: taking them out one by one would move all others each time. */
  #head = 0;

  get size(): number {
    return this.#first.length + this.#rest.length - this.#head;
  }

  add(again: () => void): void {
    this.#rest.push(again);
  }

  addFirst(again: () => void): void {
    this.#first.push(again);
  }

  /** Takes out the next one. There must be one. */
  next(): () => void {
    const first = this.#first.pop();
    if (first !== undefined) return first;
    const next = this.#rest[this.#head++];
    if (this.#head === this.#rest.length || this.#head === MOST_GONE) {
      this.#rest = this.#rest.slice(this.#head);
      this.#head = 0;
    }
    return next;
  }
}

const MOST_GONE = 16_384;
