/**
 * Sending without a copy: done when the kernel has taken the bytes, and over when it has let go of their memory.
 */
import { checkCancelOptions } from './cancellation.ts';
import type { Engine } from './engine.ts';
import { rejectFrom } from './errors.ts';
import { failure } from './failure.ts';
import { enter } from './launch.ts';
import type { Request } from './operations.ts';
import type { Receiver, Slot } from './slot.ts';

/** What was sent without a copy. */
export interface ZeroCopySent {
  /** How many bytes, perhaps fewer than asked for. */
  readonly bytes: number;
  /** Resolved when the kernel has let go of the memory: until then it must not change. Never rejected. */
  readonly released: Promise<void>;
}

/** Starts the operation, or has it wait for room; never throws. An error of it has `released`, too. */
export function sendZeroCopy(engine: Engine, request: Request): Promise<ZeroCopySent> {
  return new Promise((resolve, reject) => {
    const attempt = (): void => {
      try {
        if (request.options !== undefined) checkCancelOptions(request.options);
        const slot = enter(engine, request);
        if (slot === null) {
          engine.wait(attempt);
          return;
        }
        slot.receiver = new Sending(slot, resolve as (value: unknown) => void);
        engine.send(slot);
      } catch (error) {
        reject(error);
      }
    };
    attempt();
  });
}

class Sending implements Receiver {
  readonly #slot: Slot;
  readonly #resolve: (value: unknown) => void;
  readonly #released: Promise<void>;
  #release: () => void = nothing;

  constructor(slot: Slot, resolve: (value: unknown) => void) {
    this.#slot = slot;
    this.#resolve = resolve;
    this.#released = new Promise((released) => {
      this.#release = released;
    });
  }

  /** First what was sent, then that the memory is free; both at once where nothing was. */
  complete(res: number, _flags: number, more: boolean): void {
    const slot = this.#slot;
    if (slot.first === null) {
      slot.first = res;
      this.#settle(res);
    }
    if (!more) this.#release();
  }

  #settle(bytes: number): void {
    const slot = this.#slot;
    const released = this.#released;
    const problem = failure(slot, bytes);
    // There is nothing left to cancel: the memory comes free when it does.
    slot.cancellation?.end();
    if (problem === null) this.#resolve({ bytes, released } satisfies ZeroCopySent);
    else rejectFrom(this.#resolve, () => Object.assign(problem(), { released }));
  }
}

function nothing(): void {}
