/**
 * What completions mean: each belongs to an operation, which it settles, to a message, or to nothing.
 */
import { IORING_CQE_F_MORE } from '../../syscalls/constants/cqe.ts';
import type { Cqe } from '../cqe.ts';
import { rejectFrom } from './errors.ts';
import { failure } from './failure.ts';
import type { Listeners } from './listeners.ts';
import { settle } from './settle.ts';
import { KIND_MESSAGE, KIND_OPERATION, kindOf, type Slot } from './slot.ts';
import type { Slots } from './slots.ts';
import { traceEnd } from './trace.ts';

/** Completions that are no operation's: what a cancelling request says. */
export type OtherCompletion = (index: number, key: number, res: number, flags: number) => void;

export class Completions {
  /** Completions of operations so far. */
  completed = 0;
  /** Completions that belonged to nothing. */
  strays = 0;
  /** Operations in flight that keep the process alive. */
  refs = 0;
  /** Takes completions of the other kinds: by kind. */
  readonly others: (OtherCompletion | undefined)[] = [];
  readonly #slots: Slots;
  readonly #listeners: Listeners;

  constructor(slots: Slots, listeners: Listeners) {
    this.#slots = slots;
    this.#listeners = listeners;
  }

  /** Takes one completion. */
  readonly take = (cqe: Cqe): void => {
    const { words, at } = cqe;
    const index = words[at];
    const key = words[at + 1];
    const res = words[at + 2];
    const flags = words[at + 3];
    const slot = this.#slots.find(index, key);
    if (slot === null) this.#other(index, key, res, flags);
    else if (slot.receiver !== null) this.#receive(slot, res, flags, cqe);
    else if ((flags & IORING_CQE_F_MORE) !== 0) slot.first ??= res;
    else this.#settle(slot, slot.first ?? res, flags);
  };

  #settle(slot: Slot, res: number, flags: number): void {
    this.completed++;
    if (slot.ref) this.refs--;
    const { resolve, finish, view } = slot;
    const plain = finish === null && slot.cancellation === null && slot.vectors === null;
    if (res >= 0 && plain && (view === null || view.byteLength > 0)) {
      if (slot.traced) traceEnd(slot, res, null);
      this.#slots.give(slot);
      resolve(res);
      return;
    }
    const problem = failure(slot, res);
    if (slot.traced) traceEnd(slot, res, problem);
    slot.cancellation?.end();
    this.#slots.give(slot);
    if (problem !== null) rejectFrom(resolve, problem);
    else settle(resolve, finish, res, flags);
  }

  #receive(slot: Slot, res: number, flags: number, cqe: Cqe): void {
    const receiver = slot.receiver!;
    const more = (flags & IORING_CQE_F_MORE) !== 0;
    if (!more) {
      this.completed++;
      if (slot.ref) this.refs--;
      const outcome = slot.first ?? res;
      if (slot.traced) traceEnd(slot, outcome, outcome < 0 ? failure(slot, outcome) : null);
    }
    try {
      receiver.complete(res, flags, more, cqe);
    } finally {
      if (!more) {
        slot.cancellation?.end();
        this.#slots.give(slot);
      }
    }
  }

  #other(index: number, key: number, res: number, flags: number): void {
    const kind = kindOf(key);
    if (kind === KIND_MESSAGE && this.#listeners.take(res, index, key)) return;
    const take = kind === KIND_OPERATION ? undefined : this.others[kind];
    if (take === undefined) this.strays++;
    else take(index, key, res, flags);
  }
}
