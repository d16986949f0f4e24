/**
 * IORING_OP_FADVISE, IORING_OP_MADVISE.
 */
import { IORING_OP_FADVISE, IORING_OP_MADVISE } from '../../syscalls/constants/opcodes.ts';
import type { Pointer, Sqe, U64 } from '../sqe.ts';
import { bits32, uint64 } from './check.ts';

/**
 * Tells how a range of a file will be read, as posix_fadvise(2).
 *
 * `res`: 0, or -errno (-EINVAL for unknown advice, -ESPIPE for a pipe).
 *
 * Since Linux 5.6. io_uring_prep_fadvise.
 * @param fd the file, or its slot with IOSQE_FIXED_FILE.
 * @param offset the range's start in bytes.
 * @param length the range's length in bytes, below 4 GiB; 0 to the end of the file.
 * @param advice POSIX_FADV_….
 */
export function fadvise(sqe: Sqe, fd: number, offset: U64, length: number, advice: number): void {
  const bits = bits32('advice', advice);
  sqe.rw(IORING_OP_FADVISE, fd, 0, length, offset);
  sqe.opFlags = bits;
}

/**
 * As `fadvise`, with a length of 64 bits. Kernels before 6.11 give -EINVAL.
 *
 * `res`: 0, or -errno as of `fadvise`.
 *
 * Since Linux 6.11. io_uring_prep_fadvise64.
 * @param fd the file, or its slot with IOSQE_FIXED_FILE.
 * @param offset the range's start in bytes.
 * @param length the range's length in bytes; 0 to the end of the file.
 * @param advice POSIX_FADV_….
 */
export function fadvise64(sqe: Sqe, fd: number, offset: U64, length: U64, advice: number): void {
  const bits = bits32('advice', advice);
  const bytes = uint64('length', length);
  sqe.rw(IORING_OP_FADVISE, fd, 0, 0, offset);
  sqe.addr = bytes;
  sqe.opFlags = bits;
}

/**
 * Tells how a range of this process's memory will be used, as madvise(2). Some advice changes the memory itself:
 * MADV_DONTNEED and MADV_FREE throw its contents away. The kernel gives it to a worker.
 *
 * `res`: 0, or -errno (-EINVAL for an address that is not at a page's start or unknown advice, -ENOMEM where nothing is
 * mapped).
 *
 * Since Linux 5.6. io_uring_prep_madvise.
 * @param memory the range's start, at a page boundary.
 * @param length the range's length in bytes, below 4 GiB.
 * @param advice MADV_….
 */
export function madvise(sqe: Sqe, memory: Pointer, length: number, advice: number): void {
  const bits = bits32('advice', advice);
  sqe.rw(IORING_OP_MADVISE, -1, sqe.point(memory, length), length, 0);
  sqe.opFlags = bits;
}

/**
 * As `madvise`, with a length of 64 bits. Kernels before 6.11 give -EINVAL.
 *
 * `res`: 0, or -errno as of `madvise`.
 *
 * Since Linux 6.11. io_uring_prep_madvise64.
 * @param memory the range's start, at a page boundary.
 * @param length the range's length in bytes.
 * @param advice MADV_….
 */
export function madvise64(sqe: Sqe, memory: Pointer, length: U64, advice: number): void {
  const bits = bits32('advice', advice);
  const bytes = uint64('length', length);
  sqe.rw(IORING_OP_MADVISE, -1, sqe.point(memory, Number(bytes)), 0, bytes);
  sqe.opFlags = bits;
}
