/**
 * IORING_OP_FSYNC, IORING_OP_SYNC_FILE_RANGE, IORING_OP_FALLOCATE.
 */
import {
  IORING_OP_FALLOCATE,
  IORING_OP_FSYNC,
  IORING_OP_SYNC_FILE_RANGE,
} from '../../syscalls/constants/opcodes.ts';
import type { Sqe, U64 } from '../sqe.ts';
import { bits32, uint64 } from './check.ts';

/**
 * Waits until what was written to the file is on the disk, as fsync(2). It does not wait for writes that are still in
 * flight in the ring: link it behind them (IOSQE_IO_LINK) or reap their CQEs first. The kernel gives it to a worker.
 *
 * For a range only, set `sqe.off` and `sqe.len` (both in bytes) afterwards.
 *
 * `res`: 0, or -errno (-EIO, -ENOSPC …: written data may be lost; -EINVAL for a pipe or socket).
 *
 * Since Linux 5.1. io_uring_prep_fsync.
 * @param fd the file, or its slot with IOSQE_FIXED_FILE.
 * @param flags IORING_FSYNC_DATASYNC for fdatasync(2), which leaves out metadata that reading does not need.
 */
export function fsync(sqe: Sqe, fd: number, flags = 0): void {
  const bits = bits32('flags', flags);
  sqe.rw(IORING_OP_FSYNC, fd, 0, 0, 0);
  sqe.opFlags = bits;
}

/**
 * Starts or awaits the writing of a range of the file's pages to the disk, as sync_file_range(2). No metadata is
 * written and no disk cache is flushed: it does not make data safe from a power cut. The kernel gives it to a worker.
 *
 * `res`: 0, or -errno (-EIO, -ENOSPC …, -ESPIPE for a pipe or socket, -EINVAL).
 *
 * Since Linux 5.2. io_uring_prep_sync_file_range.
 * @param fd the file, or its slot with IOSQE_FIXED_FILE.
 * @param length the range's length in bytes; 0 to the end of the file.
 * @param offset the range's start in bytes.
 * @param flags SYNC_FILE_RANGE_….
 */
export function syncFileRange(sqe: Sqe, fd: number, length: number, offset: U64, flags = 0): void {
  const bits = bits32('flags', flags);
  sqe.rw(IORING_OP_SYNC_FILE_RANGE, fd, 0, length, offset);
  sqe.opFlags = bits;
}

/**
 * Reserves, frees, zeroes or moves disk space of a file, as fallocate(2). The kernel gives it to a worker.
 *
 * `res`: 0, or -errno (-EOPNOTSUPP when the file system cannot do it, -ENOSPC, -EFBIG, -EINVAL for length 0 or negative
 * numbers, -EBADF when it is not open for writing, -ESPIPE for a pipe, -ENODEV for a device such as /dev/null).
 *
 * Since Linux 5.6. io_uring_prep_fallocate.
 * @param fd the file, or its slot with IOSQE_FIXED_FILE.
 * @param mode 0 to reserve, or FALLOC_FL_….
 * @param offset the range's start in bytes.
 * @param length the range's length in bytes, at least 1.
 */
export function fallocate(sqe: Sqe, fd: number, mode: number, offset: U64, length: U64): void {
  const bits = bits32('mode', mode);
  const bytes = uint64('length', length);
  sqe.rw(IORING_OP_FALLOCATE, fd, 0, bits >>> 0, offset);
  sqe.addr = bytes;
}
