/**
 * What keeps the memory of operations alive: the buffers that an entry names, from its commit until the completion
 * that ends it is acknowledged.
 *
 * Keyed by user data, since that is all that a completion tells. Operations with the same user data are told apart
 * by their order only, so they let go oldest first: give those that point at buffers different ones.
 */
import { IORING_CQE_F_MORE } from '../syscalls/constants/cqe.ts';
import type { Cqe } from './cqe.ts';
import { giveHold, type Hold } from './hold.ts';
import type { U64 } from './sqe.ts';

export class Holds {
  /** The oldest of the operations with this user data; the others follow by `next`. */
  readonly #byUserData = new Map<U64, Hold>();
  /** Operations that hold something. */
  size = 0;

  /** Keeps what `hold` has for the operation with this user data. */
  add(userData: U64, hold: Hold): void {
    this.size++;
    let last = this.#byUserData.get(userData);
    if (last === undefined) {
      this.#byUserData.set(userData, hold);
      return;
    }
    while (last.next !== null) last = last.next;
    last.next = hold;
  }

  /** Lets go of what the completed operation held, unless more completions of it are to come. */
  complete(cqe: Cqe): void {
    if ((cqe.flags & IORING_CQE_F_MORE) === 0) this.letGo(cqe.userData);
  }

  /** Lets go of what the oldest operation with this user data held. False when there is none. */
  letGo(userData: U64): boolean {
    const oldest = this.#byUserData.get(userData);
    if (oldest === undefined) return false;
    this.size--;
    if (oldest.next === null) this.#byUserData.delete(userData);
    else this.#byUserData.set(userData, oldest.next);
    giveHold(oldest);
    return true;
  }

  /** Everything that is held, which is then no longer held here. */
  takeAll(): unknown[] {
    const all = [...this.#byUserData.values()];
    this.#byUserData.clear();
    this.size = 0;
    return all;
  }
}
