/**
 * Why an operation failed, if it did.
 */
import { ECANCELED, EINTR } from '../../syscalls/errno.ts';
import { invalidState } from '../../syscalls/invalid.ts';
import { operationError } from './errors.ts';
import type { Slot } from './slot.ts';

/**
 * Makes the error of an operation that ended with `res`; null when it succeeded. Made later, when somebody awaits it: so
 * everything is read from the slot now.
 */
export function failure(slot: Slot, res: number): (() => Error) | null {
  const { name, path, dest, cancellation, view, vectors, accepts } = slot;
  if (slot.gone) return () => goneBefore(name);
  if (view?.byteLength === 0 || vectors?.detached)
    return () =>
      invalidState(
        `The buffer was transferred away while the operation was in flight, ${name}: what it did to the memory is unknown`,
      );
  if (res >= 0 || res === accepts) return null;
  const why = wasCancelled(res) ? (cancellation?.why ?? null) : null;
  return why ?? (() => operationError(res, name, path, dest));
}

/** The error of an operation whose buffer has no bytes any more when its turn has come. */
export function goneBefore(name: string): Error {
  return invalidState(`The buffer was transferred away before the operation began, ${name}`);
}

/** The results of a request that was cancelled: some calls that a signal interrupts tell of the signal. */
function wasCancelled(res: number): boolean {
  return res === -ECANCELED || res === -EINTR || (res <= -512 && res >= -516);
}
