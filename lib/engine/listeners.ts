/**
 * Those who want the messages that other rings send.
 */
import type { Messages } from './messages.ts';

export class Listeners {
  readonly #all = new Set<Messages>();

  get size(): number {
    return this.#all.size;
  }

  /** Whether one of them keeps the process alive. */
  get keepAlive(): boolean {
    for (const messages of this.#all) if (messages.keepsAlive) return true;
    return false;
  }

  add(messages: Messages): void {
    this.#all.add(messages);
  }

  delete(messages: Messages): void {
    this.#all.delete(messages);
  }

  /** Tells all of them. False when there are none. */
  take(res: number, index: number, key: number): boolean {
    for (const messages of this.#all) messages.take(res, index, key);
    return this.#all.size > 0;
  }

  /** No more messages are to come, for the reason that `why` makes. */
  end(why: (() => Error) | null): void {
    for (const messages of this.#all) messages.end(why);
  }
}
