/**
 * IORING_OP_FTRUNCATE.
 */
import { IORING_OP_FTRUNCATE } from '../../syscalls/constants/opcodes.ts';
import type { Sqe, U64 } from '../sqe.ts';
import { uint64 } from './check.ts';

/**
 * Makes a file this long, as ftruncate(2): what is beyond is dropped, what is missing reads as zeros. The kernel gives
 * it to a worker.
 *
 * `res`: 0, or -errno (-EINVAL when it is no regular file, not open for writing or the length is negative, -EFBIG when
 * it is more than the file system can do).
 *
 * Since Linux 6.9. io_uring_prep_ftruncate.
 * @param fd the file, or its slot with IOSQE_FIXED_FILE.
 * @param length the new length in bytes.
 */
export function ftruncate(sqe: Sqe, fd: number, length: U64): void {
  sqe.rw(IORING_OP_FTRUNCATE, fd, 0, 0, uint64('length', length));
}
