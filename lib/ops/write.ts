/**
 * IORING_OP_WRITE, IORING_OP_WRITEV, IORING_OP_WRITE_FIXED, IORING_OP_WRITEV_FIXED.
 *
 * In all of them `offset` is where to write, in bytes from the file's start: -1 (2^64 - 1) writes at the file's own
 * position and moves it, which pipes and sockets need (or 0). A file opened with O_APPEND grows at its end in any
 * case. An I/O priority, as of ioprio_set(2), goes into `sqe.ioprio` afterwards. Fewer bytes than given break a chain
 * of IOSQE_IO_LINK.
 */
import {
  IORING_OP_WRITE,
  IORING_OP_WRITE_FIXED,
  IORING_OP_WRITEV,
  IORING_OP_WRITEV_FIXED,
} from '../../syscalls/constants/opcodes.ts';
import type { Pointer, Sqe, U64 } from '../sqe.ts';
import { bits32, uint16 } from './check.ts';

const IOVEC_BYTES = 16;

/**
 * Writes memory to a file, as pwrite(2). RWF_… flags go into `sqe.opFlags` afterwards. Do not change the bytes before
 * the CQE is there.
 *
 * `res`: the bytes written, perhaps fewer than given; or -errno.
 *
 * Since Linux 5.6. io_uring_prep_write.
 * @param fd the file, or its slot with IOSQE_FIXED_FILE.
 * @param buffer where the bytes come from.
 * @param length how many bytes to write.
 * @param offset where in the file, in bytes; -1 for its own position.
 */
export function write(sqe: Sqe, fd: number, buffer: Pointer, length: number, offset: U64): void {
  sqe.rw(IORING_OP_WRITE, fd, sqe.point(buffer, length), length, offset);
}

/**
 * Writes a part of a registered buffer to a file: the kernel need not look up and pin its pages each time. RWF_… flags
 * go into `sqe.opFlags` afterwards.
 *
 * `res`: the bytes written, perhaps fewer than given; or -errno (-EFAULT when the part does not lie within the
 * registered buffer, or there is none).
 *
 * Since Linux 5.1. io_uring_prep_write_fixed.
 * @param fd the file, or its slot with IOSQE_FIXED_FILE.
 * @param buffer where the bytes come from: within the registered buffer.
 * @param length how many bytes to write.
 * @param offset where in the file, in bytes; -1 for its own position.
 * @param bufIndex the registered buffer's index, 0 to 65535.
 */
export function writeFixed(
  sqe: Sqe,
  fd: number,
  buffer: Pointer,
  length: number,
  offset: U64,
  bufIndex: number,
): void {
  const index = uint16('bufIndex', bufIndex);
  sqe.rw(IORING_OP_WRITE_FIXED, fd, sqe.point(buffer, length), length, offset);
  sqe.bufIndex = index;
}

/**
 * Writes several pieces of memory to a file, as pwritev2(2).
 *
 * `res`: the bytes written in all, perhaps fewer than given; or -errno.
 *
 * Since Linux 5.1. io_uring_prep_writev, and io_uring_prep_writev2 when flags are given.
 * @param fd the file, or its slot with IOSQE_FIXED_FILE.
 * @param iovecs an `Iovecs`, which has the buffers held that it names; or `count` times struct iovec (an address and a
 * length of 64 bits each), where the memory that they name is not held: keep it until the CQE.
 * @param count how many iovecs, 1024 at most: `iovecs.count`, or fewer for the first of them.
 * @param offset where in the file, in bytes; -1 for its own position.
 * @param flags RWF_….
 */
export function writev(sqe: Sqe, fd: number, iovecs: Pointer, count: number, offset: U64, flags = 0): void {
  const bits = bits32('flags', flags);
  sqe.rw(IORING_OP_WRITEV, fd, sqe.point(iovecs, count * IOVEC_BYTES), count, offset);
  sqe.opFlags = bits;
}

/** `writev` under the name that liburing has for it with flags. io_uring_prep_writev2. */
export const writev2: typeof writev = writev;

/**
 * Writes several parts of one registered buffer to a file.
 *
 * `res`: the bytes written in all, perhaps fewer than given; or -errno (-EFAULT when an iovec does not lie within the
 * registered buffer).
 *
 * Since Linux 6.15. io_uring_prep_writev_fixed.
 * @param fd the file, or its slot with IOSQE_FIXED_FILE.
 * @param iovecs an `Iovecs`, or `count` times struct iovec, each within the registered buffer.
 * @param count how many iovecs, 1024 at most: `iovecs.count`, or fewer for the first of them.
 * @param offset where in the file, in bytes; -1 for its own position.
 * @param flags RWF_…; 0 for none.
 * @param bufIndex the registered buffer's index, 0 to 65535.
 */
export function writevFixed(
  sqe: Sqe,
  fd: number,
  iovecs: Pointer,
  count: number,
  offset: U64,
  flags: number,
  bufIndex: number,
): void {
  const bits = bits32('flags', flags);
  const index = uint16('bufIndex', bufIndex);
  sqe.rw(IORING_OP_WRITEV_FIXED, fd, sqe.point(iovecs, count * IOVEC_BYTES), count, offset);
  sqe.opFlags = bits;
  sqe.bufIndex = index;
}
