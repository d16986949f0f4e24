/**
 * What ends an operation before its time: an AbortSignal, a timeout. The promise settles with the operation's own
 * completion: until then its memory is the kernel's.
 */

import { IORING_OP_ASYNC_CANCEL } from '../../syscalls/constants/opcodes.ts';
import { IORING_FEAT_REG_REG_RING, IORING_SETUP_DEFER_TASKRUN } from '../../syscalls/constants/setup.ts';
import { ENOENT, ETIMEDOUT } from '../../syscalls/errno.ts';
import { UringError } from '../../syscalls/error.ts';
import { checkInteger, invalidType } from '../../syscalls/invalid.ts';
import type { IoUringState } from '../state.ts';
import { clearTimeout, setImmediate, setTimeout } from '../timers.ts';
import type { Engine } from './engine.ts';
import { abortError, operationError } from './errors.ts';
import { KIND_CANCEL, KIND_OPERATION, keyOf, type Slot } from './slot.ts';

/** How an operation can be ended early. */
export interface CancelOptions {
  /** Cancels the operation when it is aborted: the promise is rejected with an AbortError whose cause is the reason. */
  signal?: AbortSignal | undefined;
  /** Milliseconds after which the operation is cancelled: the promise is rejected with ETIMEDOUT. */
  timeout?: number | undefined;
}

/** @throws TypeError, RangeError; the AbortError when the signal is aborted already. */
export function checkCancelOptions({ signal, timeout }: CancelOptions): void {
  checkSignal(signal);
  if (timeout !== undefined) checkInteger('options.timeout', timeout, 0, 0x7fff_ffff);
  if (signal?.aborted) throw abortError(signal.reason);
}

/** @throws TypeError. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw invalidType('options.signal', 'an instance of AbortSignal', signal);
}

/** Of one operation in flight. */
export class Cancellation {
  /** Makes the error of the operation, once it was asked to end. */
  why: (() => Error) | null = null;
  readonly #engine: Engine;
  readonly #slot: Slot;
  readonly #signal: AbortSignal | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;
  #pause = 1;

  constructor(engine: Engine, slot: Slot, { signal, timeout }: CancelOptions = {}) {
    this.#engine = engine;
    this.#slot = slot;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#abort);
    if (signal?.aborted) this.#abort();
    if (timeout !== undefined) this.#timer = setTimeout(this.#expire, timeout).unref();
  }

  /** Asks the kernel to end the operation, which is then rejected with what `why` gives; unless it ends well before. */
  cancel(why: () => Error): void {
    if (this.#ended || this.why !== null) return;
    this.why = why;
    requestCancel(this.#engine, this.#slot);
  }

  /** The kernel did not find it: it was on its way from one place to another. Asks again, unless it is over by then. */
  retry(): void {
    if (this.#ended || this.why === null) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (!this.#ended) requestCancel(this.#engine, this.#slot);
    }, this.#pause).unref();
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE_MS);
  }

  /** The operation is over. */
  end(): void {
    this.#ended = true;
    this.#signal?.removeEventListener('abort', this.#abort);
    clearTimeout(this.#timer);
  }

  readonly #abort = (): void => {
    const reason = this.#signal?.reason;
    this.cancel(() => abortError(reason));
  };

  readonly #expire = (): void => {
    const { name, path, dest } = this.#slot;
    this.cancel(() => operationError(-ETIMEDOUT, name, path, dest));
  };
}

/** Sends the request that cancels what stands in the slot now. */
export function requestCancel(engine: Engine, slot: Slot): void {
  const { key } = slot;
  if (engine.drains > 0) {
    setImmediate(() => cancelPastDrain(engine, slot, key));
    return;
  }
  const send = (): void => {
    if (!slot.busy || slot.key !== key || engine.openRing === null) return;
    const sqe = engine.beginFirst();
    if (sqe === null) {
      engine.waitFirst(send);
      return;
    }
    sqe.rw(IORING_OP_ASYNC_CANCEL, -1, 0, 0, 0);
    sqe.words[sqe.at + 4] = slot.index;
    sqe.words[sqe.at + 5] = key;
    engine.startOther(sqe, slot.index, keyOf(KIND_CANCEL, key));
  };
  send();
}

/**
 * Whether something can be cancelled while a chain waits for all that was submitted before: by a registration that Linux
 * has since 6.0. Older kernels must not be asked: for a call that they do not know they wait until nothing is in flight. So
 * other things tell, which came a little later.
 */
export function canCancelPastDrain({ setupFlags, features }: IoUringState): boolean {
  return (setupFlags & IORING_SETUP_DEFER_TASKRUN) !== 0 || (features & IORING_FEAT_REG_REG_RING) !== 0;
}

/** A request in the queue would itself wait for what was drained for: this one goes past it. */
function cancelPastDrain(engine: Engine, slot: Slot, key: number): void {
  engine.flush();
  if (!slot.busy || slot.key !== key || engine.openRing === null) return;
  try {
    engine.openRing.registerSyncCancel({ userData: slot.userData, timeout: 0 });
  } catch (error) {
    if (!(error instanceof UringError)) throw error;
    // It is not to be found while it is drained itself: then it ends with the others.
    slot.cancellation?.retry();
  }
  engine.flush();
}

/** Takes what the requests that cancel have to say. */
export function takeCancelled(engine: Engine): void {
  engine.completions.others[KIND_CANCEL] = (index, key, res) => {
    if (res !== -ENOENT) return;
    const slot = engine.slots.find(index, keyOf(KIND_OPERATION, key));
    slot?.cancellation?.retry();
  };
}

const LONGEST_PAUSE_MS = 64;
