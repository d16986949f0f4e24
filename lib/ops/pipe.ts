/**
 * IORING_OP_PIPE.
 */
import { IORING_OP_PIPE } from '../../syscalls/constants/opcodes.ts';
import type { Pointer, Sqe } from '../sqe.ts';
import { bits32, slotOf } from './check.ts';

const TWO_FDS_BYTES = 8;

/**
 * Makes a pipe, as pipe2(2).
 *
 * `res`: 0, with the two descriptors in `fds`; or -errno (-EMFILE, -EFAULT).
 *
 * Since Linux 6.16. io_uring_prep_pipe.
 * @param fds where two descriptors of 32 bits go: the end to read, then the end to write.
 * @param flags O_CLOEXEC, O_NONBLOCK, O_DIRECT ….
 */
export function pipe(sqe: Sqe, fds: Pointer, flags = 0): void {
  const bits = bits32('flags', flags);
  sqe.rw(IORING_OP_PIPE, 0, sqe.point(fds, TWO_FDS_BYTES), 0, 0);
  sqe.opFlags = bits;
}

/**
 * Makes a pipe whose ends are registered files, without descriptors of the process.
 *
 * `res`: 0, with the two slots in `fds` (Linux 6.16 writes 0, 0 when they were given); or -errno (-ENXIO without a
 * table, -EINVAL for a slot beyond it; with IORING_FILE_INDEX_ALLOC -ENFILE when no two are free or there is no table).
 *
 * Since Linux 6.16. io_uring_prep_pipe_direct.
 * @param fds where two slots of 32 bits go: the end to read, then the end to write.
 * @param flags O_NONBLOCK, O_DIRECT …, but not O_CLOEXEC (-EINVAL).
 * @param fileIndex the slot of the end to read, the next one is for the end to write (what is in them is closed); or
 * IORING_FILE_INDEX_ALLOC for any two free ones.
 */
export function pipeDirect(sqe: Sqe, fds: Pointer, flags: number, fileIndex: number): void {
  const slot = slotOf(fileIndex);
  pipe(sqe, fds, flags);
  sqe.fileIndex = slot;
}
