/**
 * The value of an operation that succeeded.
 */
import type { Finish } from './slot.ts';

/** Resolves a promise with what `finish` makes of a result, or with the result itself; rejects it with what that throws. */
export function settle(
  resolve: (value: unknown) => void,
  finish: Finish | null | undefined,
  res: number,
  flags: number,
): void {
  if (finish === null || finish === undefined) {
    resolve(res);
    return;
  }
  try {
    resolve(finish(res, flags));
  } catch (error) {
    resolve(Promise.reject(error));
  }
}

/** For operations whose result is only that they succeeded. */
export function nothing(): void {}
