/**
 * Whether the kernel is recent enough for tables: of files that operations fill and empty, of buffers, of provided ones.
 */
import { IORING_SETUP_SUBMIT_ALL } from '../../syscalls/constants/setup.ts';
import { EOPNOTSUPP } from '../../syscalls/errno.ts';
import { UringError } from '../../syscalls/error.ts';
import type { IoUringState } from '../state.ts';

/**
 * What a ring of the engine's tells: it was made with a flag of Linux 5.18. Older kernels must not be asked for a registration
 * that they do not know, since they wait until nothing is in flight before they say so; and those before 5.15 do not look at
 * the slot of an operation: they would open descriptors, and close descriptor 0.
 */
export function isSince518({ setupFlags }: IoUringState): boolean {
  return (setupFlags & IORING_SETUP_SUBMIT_ALL) !== 0;
}

/** @throws UringError EOPNOTSUPP where the kernel cannot. */
export function needDirect(ring: IoUringState): void {
  if (!isSince518(ring))
    throw new UringError(EOPNOTSUPP, 'io_uring_enter', 'Operations on slots need Linux 5.18.');
}
