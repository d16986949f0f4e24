/**
 * What keeps the memory of operations alive: the buffers that an entry names, from its commit until the completion
 * that ends it is acknowledged.
 *
 * Keyed by user data, since that is all that a completion tells. Operations with the same user data are told apart
 * by their order only, so they let go oldest first: give those that point at buffers different ones.
 */
import { IORING_CQE_F_MORE } from '../syscalls/constants/cqe.ts';
import type { Cqe } from './cqe.ts';
import type { U64 } from './sqe.ts';

export class Holds {
  readonly #byUserData = new Map<U64, unknown[][]>();
  /** Operations that hold something. */
  size = 0;

  /** Keeps `buffers` for the operation with this user data. */
  add(userData: U64, buffers: unknown[]): void {
    const others = this.#byUserData.get(userData);
    if (others) others.push(buffers);
    else this.#byUserData.set(userData, [buffers]);
    this.size++;
  }

  /** Lets go of what the completed operation held, unless more completions of it are to come. */
  complete(cqe: Cqe): void {
    if ((cqe.flags & IORING_CQE_F_MORE) !== 0) return;
    const { userData } = cqe;
    const held = this.#byUserData.get(userData);
    if (held === undefined) return;
    held.shift();
    this.size--;
    if (held.length === 0) this.#byUserData.delete(userData);
  }

  /** Everything that is held, which is then no longer held here. */
  takeAll(): unknown[] {
    const all = [...this.#byUserData.values()];
    this.#byUserData.clear();
    this.size = 0;
    return all;
  }
}
