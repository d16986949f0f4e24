/**
 * Sending without a copy: done when the kernel has taken the bytes, and over when it has let go of their memory.
 */
import { IORING_CQE_F_NOTIF } from '../../syscalls/constants/cqe.ts';
import { checkCancelOptions } from './cancellation.ts';
import type { Engine } from './engine.ts';
import { rejectFrom } from './errors.ts';
import { failure } from './failure.ts';
import { enter, waitFor } from './launch.ts';
import { refuseClosed } from './named-files.ts';
import type { Request } from './operations.ts';
import { nothing } from './settle.ts';
import type { Receiver, Slot } from './slot.ts';

/** What was sent without a copy. */
export interface ZeroCopySent {
  /** How many bytes, perhaps fewer than asked for. */
  readonly bytes: number;
  /**
   * Resolved when the kernel has let go of the memory: until then it must not change. Of a stream that is when the peer has
   * acknowledged the bytes, or the connection is gone. Never rejected.
   */
  readonly released: Promise<void>;
}

/** Starts the operation, or has it wait for room; never throws. An error of the kernel's has `released`, too. */
export function sendZeroCopy(engine: Engine, request: Request): Promise<ZeroCopySent> {
  return new Promise((resolve, reject) => {
    const begin = (slot: Slot): void => {
      slot.receiver = new Sending(slot, resolve as (value: unknown) => void);
      engine.send(slot);
    };
    try {
      if (request.options !== undefined) checkCancelOptions(request.options);
      refuseClosed(request);
      const slot = enter(engine, request);
      if (slot !== null) begin(slot);
      else
        waitFor(engine, request, (entered) => {
          try {
            begin(entered());
          } catch (error) {
            reject(error);
          }
        });
    } catch (error) {
      reject(error);
    }
  });
}

class Sending implements Receiver {
  readonly #slot: Slot;
  readonly #resolve: (value: unknown) => void;
  readonly #released: Promise<void>;
  #release: () => void = nothing;
  #settled = false;

  constructor(slot: Slot, resolve: (value: unknown) => void) {
    this.#slot = slot;
    this.#resolve = resolve;
    this.#released = new Promise((released) => {
      this.#release = released;
    });
  }

  /** First what was sent, then that the memory is free; both at once where nothing was. */
  complete(res: number, flags: number, more: boolean): void {
    const alone = !this.#settled && !more;
    if (!this.#settled) this.#settle(res);
    // Of a ring that broke nobody knows when the kernel lets go: then it stays unresolved.
    if (alone || (flags & IORING_CQE_F_NOTIF) !== 0) this.#release();
  }

  #settle(bytes: number): void {
    const slot = this.#slot;
    const released = this.#released;
    this.#settled = true;
    slot.first = bytes;
    const problem = failure(slot, bytes);
    // There is nothing left to cancel: the memory comes free when it does.
    slot.cancellation?.end();
    // The request is over; what is to come needs no file, and may well wait for its close.
    slot.file?.letGo();
    slot.file = null;
    if (problem === null) this.#resolve({ bytes, released } satisfies ZeroCopySent);
    else rejectFrom(this.#resolve, () => Object.assign(problem(), { released }));
  }
}
