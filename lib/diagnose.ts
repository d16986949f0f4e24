/**
 * Why no ring could be made, as a sentence that says what to do.
 */
import { fixFor } from '../syscalls/fixes.ts';
import type { CheckedOptions } from './options.ts';

/** The fix for `errno` (positive) of io_uring_setup with these options, which wanted `bytes` of locked memory. */
export function diagnoseSetup(errno: number, _options: CheckedOptions, _bytes: number): string {
  return fixFor('io_uring_setup', errno);
}
