/**
 * What keeps the memory of operations alive: the buffers that an entry names, from its commit until the completion
 * that ends it is acknowledged.
 *
 * Keyed by user data, since that is all that a completion tells. Of operations with the same user data nobody knows
 * which has completed, so what they hold is let go together, when as many have completed as there are.
 */
import { IORING_CQE_F_MORE } from '../syscalls/constants/cqe.ts';
import type { Cqe } from './cqe.ts';
import { giveHold, type Hold } from './hold.ts';
import type { U64 } from './sqe.ts';

export class Holds {
  /** The first of the operations with this user data; the others follow by `next`. It counts for all of them. */
  readonly #byUserData = new Map<U64, Hold>();
  /** Operations that hold something, or share their user data with one that does. */
  size = 0;

  /** Whether an operation with this user data holds something. */
  has(userData: U64): boolean {
    return this.#byUserData.has(userData);
  }

  /** Keeps what `hold` has for the operation with this user data. */
  add(userData: U64, hold: Hold): void {
    this.size++;
    const first = this.#byUserData.get(userData);
    if (first === undefined) {
      hold.operations = 1;
      this.#byUserData.set(userData, hold);
      return;
    }
    first.operations++;
    hold.next = first.next;
    first.next = hold;
  }

  /** Lets go of what the completed operation held, unless more completions of it are to come. */
  complete(cqe: Cqe): void {
    if ((cqe.flags & IORING_CQE_F_MORE) === 0) this.letGo(cqe.userData);
  }

  /** One more operation with this user data is over. False when there was none that held something. */
  letGo(userData: U64): boolean {
    const first = this.#byUserData.get(userData);
    if (first === undefined) return false;
    this.size--;
    if (--first.operations > 0) return true;
    this.#byUserData.delete(userData);
    for (let hold: Hold | null = first; hold !== null; ) {
      const next: Hold | null = hold.next;
      giveHold(hold);
      hold = next;
    }
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
