/**
 * What goes on on one FileHandle by the ring.
 */

import { Waiting } from '../engine/waiting.ts';

/** How Node's FileHandle counts what is in flight: close waits for it. */
export interface Counted {
  ref(): void;
  unref(): void;
  /** Whether the file has a position of its own: a terminal has none, and who writes to it waits for nobody who reads. */
  hasPosition(): boolean;
}

/**
 * Counts the operations in flight, and lets one after the other use the file's own position: the kernel looks where the file
 * stands when it begins a transfer, and moves it when that is over, so two at a time would read the same bytes, or write to
 * the same place.
 */
export class Traffic {
  readonly #counted: Counted;
  #hasPosition: boolean | null = null;
  #positioned = false;
  /** Who waits for the position, in order. */
  readonly #waiting = new Waiting<() => void>();
  /** Somebody is being called. */
  #calling = false;

  constructor(counted: Counted) {
    this.#counted = counted;
  }

  ref(): void {
    this.#counted.ref();
  }

  unref(): void {
    this.#counted.unref();
  }

  /** Calls `go` when the file's position is free for it; it is given back by `leave`. */
  enter(go: () => void): void {
    this.#hasPosition ??= this.#counted.hasPosition();
    if (this.#positioned && this.#hasPosition) {
      this.#waiting.add(go);
      return;
    }
    this.#positioned = true;
    go();
  }

  leave(): void {
    this.#positioned = false;
    // Who is through at once, since he fails, is followed by the next one here: each in the other would exhaust the stack.
    if (this.#calling) return;
    this.#calling = true;
    while (!this.#positioned && this.#waiting.size > 0) {
      this.#positioned = true;
      this.#waiting.next()();
    }
    this.#calling = false;
  }
}
