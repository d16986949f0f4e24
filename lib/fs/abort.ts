/**
 * How the signal of a call that has several steps is heeded: between them, as Node does.
 */
import { abortError } from '../engine/errors.ts';
import { setImmediate } from '../timers.ts';

/** @throws AbortError. */
export function checkAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal.reason);
}

/**
 * Before a result is given: whoever aborts in the turn of the event loop in which he has asked is heard, though all is there
 * by then. With Node it never is. @throws AbortError.
 */
export async function heed(signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return;
  await new Promise((resolve) => setImmediate(resolve));
  checkAborted(signal);
}
