/**
 * How long operations that complete at once may follow each other before the event loop has its turn. Without a limit a
 * loop of reads from the page cache would stop timers and sockets for ever.
 */
import { now, setImmediate } from '../timers.ts';

/** Inline rounds at most between two turns of the event loop. */
export const MOST_ROUNDS = 256;
/** Milliseconds at most, when the rounds are long. */
export const MOST_MS = 4;

export class Turns {
  /** Rounds so far, all together. */
  rounds = 0;
  /** How often the event loop was given its turn. */
  yields = 0;
  /** Since the last turn of the event loop that we know of. */
  #since = 0;
  #start = 0;
  /** Whether the next turn of the event loop is looked out for. */
  #watching = false;

  /** The event loop turns: we are called by it. */
  begin(): void {
    this.#since = 0;
  }

  /** Whether one more round may run now, and counts it. False: call `begin` from the event loop, then run it. */
  mayGoOn(): boolean {
    const since = this.#since++;
    this.rounds++;
    if (since === 0) {
      this.#start = now();
      this.#watch();
      return true;
    }
    // The clock takes as long as all else here: every fourth round looks at it.
    const inTime = since % 4 !== 0 || now() - this.#start < MOST_MS;
    if (since < MOST_ROUNDS && inTime) return true;
    this.yields++;
    return false;
  }

  /** Others turn the loop as well: rounds that come one by one between its turns are not to be put off. */
  #watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    setImmediate(this.#turned).unref();
  }

  readonly #turned = (): void => {
    this.#watching = false;
    this.#since = 0;
  };
}
