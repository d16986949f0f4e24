/**
 * Whether operations can fill slots of the registered files, and empty them.
 */
import { IORING_SETUP_SUBMIT_ALL } from '../../syscalls/constants/setup.ts';
import { EOPNOTSUPP } from '../../syscalls/errno.ts';
import { UringError } from '../../syscalls/error.ts';
import type { IoUringState } from '../state.ts';

/**
 * What a ring made for Linux 5.18 tells. Kernels before 5.15 do not look at the slot: they would open descriptors, and
 * close descriptor 0.
 */
export function opensDirectly({ setupFlags }: IoUringState): boolean {
  return (setupFlags & IORING_SETUP_SUBMIT_ALL) !== 0;
}

/** @throws UringError EOPNOTSUPP where the kernel cannot. */
export function needDirect(ring: IoUringState): void {
  if (!opensDirectly(ring))
    throw new UringError(EOPNOTSUPP, 'io_uring_enter', 'Operations on slots need Linux 5.18.');
}
