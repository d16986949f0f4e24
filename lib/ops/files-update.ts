/**
 * IORING_OP_FILES_UPDATE.
 */
import { IORING_OP_FILES_UPDATE } from '../../syscalls/constants/opcodes.ts';
import type { Pointer, Sqe } from '../sqe.ts';
import { bits32, uint32 } from './check.ts';

const FD_BYTES = 4;

/**
 * Puts files into slots of the registered files, or empties slots. What was in a slot is closed when nothing uses it
 * any more.
 *
 * `res`: how many slots were changed, perhaps fewer than asked; or -errno (-ENXIO without a table, -EINVAL beyond it or
 * for a count of 0, -EBADF when the first descriptor is not open or is a ring's own, and its slot is empty then; with
 * IORING_FILE_INDEX_ALLOC -ENFILE when no slot is free, -EBADF for -1).
 *
 * Since Linux 5.6. io_uring_prep_files_update.
 * @param fds `count` descriptors of 32 bits: -1 empties the slot, IORING_REGISTER_FILES_SKIP leaves it as it is.
 * @param count how many.
 * @param offset the first slot; or IORING_FILE_INDEX_ALLOC (since 5.19) for free ones, whose numbers then replace the
 * descriptors in `fds`.
 */
export function filesUpdate(sqe: Sqe, fds: Pointer, count: number, offset: number): void {
  const slots = uint32('count', count);
  const first = bits32('offset', offset);
  sqe.rw(IORING_OP_FILES_UPDATE, -1, sqe.point(fds, slots * FD_BYTES), slots, first >>> 0);
}
