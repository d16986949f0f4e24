/**
 * IORING_OP_READ, IORING_OP_READV, IORING_OP_READ_FIXED, IORING_OP_READV_FIXED, IORING_OP_READ_MULTISHOT.
 *
 * In all of them `offset` is where to read, in bytes from the file's start: -1 (2^64 - 1) reads at the file's own
 * position and moves it, which pipes and sockets need (or 0). An I/O priority, as of ioprio_set(2), goes into
 * `sqe.ioprio` afterwards. Fewer bytes than asked break a chain of IOSQE_IO_LINK, also at the end of the file.
 */
import {
  IORING_OP_READ,
  IORING_OP_READ_FIXED,
  IORING_OP_READ_MULTISHOT,
  IORING_OP_READV,
  IORING_OP_READV_FIXED,
} from '../../syscalls/constants/opcodes.ts';
import { IOSQE_BUFFER_SELECT } from '../../syscalls/constants/sqe.ts';
import type { Pointer, Sqe, U64 } from '../sqe.ts';
import { bits32, uint16 } from './check.ts';

const IOVEC_BYTES = 16;

/**
 * Reads from a file into memory, as pread(2). RWF_… flags go into `sqe.opFlags` afterwards. To let the kernel choose
 * a provided buffer, give 0 for `buffer`, then set `sqe.flags |= IOSQE_BUFFER_SELECT` and `sqe.bufIndex` to the group.
 *
 * `res`: the bytes read, perhaps fewer than asked, 0 at the end of the file; or -errno (-ENOBUFS when the group is
 * empty). Flags: with a provided buffer IORING_CQE_F_BUFFER and its ID in the upper 16 bits.
 *
 * Since Linux 5.6. io_uring_prep_read.
 * @param fd the file, or its slot with IOSQE_FIXED_FILE.
 * @param buffer where the bytes go.
 * @param length how many bytes to read at most.
 * @param offset where in the file, in bytes; -1 for its own position.
 */
export function read(sqe: Sqe, fd: number, buffer: Pointer, length: number, offset: U64): void {
  sqe.rw(IORING_OP_READ, fd, sqe.point(buffer, length), length, offset);
}

/**
 * Reads from a file into a part of a registered buffer: the kernel need not look up and pin its pages each time. RWF_…
 * flags go into `sqe.opFlags` afterwards.
 *
 * `res`: the bytes read, perhaps fewer than asked, 0 at the end of the file; or -errno (-EFAULT when the part does
 * not lie within the registered buffer, or there is none).
 *
 * Since Linux 5.1. io_uring_prep_read_fixed.
 * @param fd the file, or its slot with IOSQE_FIXED_FILE.
 * @param buffer where the bytes go: within the registered buffer.
 * @param length how many bytes to read at most.
 * @param offset where in the file, in bytes; -1 for its own position.
 * @param bufIndex the registered buffer's index, 0 to 65535.
 */
export function readFixed(
  sqe: Sqe,
  fd: number,
  buffer: Pointer,
  length: number,
  offset: U64,
  bufIndex: number,
): void {
  const index = uint16('bufIndex', bufIndex);
  sqe.rw(IORING_OP_READ_FIXED, fd, sqe.point(buffer, length), length, offset);
  sqe.bufIndex = index;
}

/**
 * Reads from a file into several pieces of memory, as preadv2(2).
 *
 * `res`: the bytes read in all, perhaps fewer than asked, 0 at the end of the file; or -errno.
 *
 * Since Linux 5.1. io_uring_prep_readv, and io_uring_prep_readv2 when flags are given.
 * @param fd the file, or its slot with IOSQE_FIXED_FILE.
 * @param iovecs an `Iovecs`, which has the buffers held that it names; or `count` times struct iovec (an address and a
 * length of 64 bits each), where the memory that they name is not held: keep it until the CQE.
 * @param count how many iovecs, 1024 at most: `iovecs.count`, or fewer for the first of them.
 * @param offset where in the file, in bytes; -1 for its own position.
 * @param flags RWF_….
 */
export function readv(sqe: Sqe, fd: number, iovecs: Pointer, count: number, offset: U64, flags = 0): void {
  const bits = bits32('flags', flags);
  sqe.rw(IORING_OP_READV, fd, sqe.point(iovecs, count * IOVEC_BYTES), count, offset);
  sqe.opFlags = bits;
}

/** `readv` under the name that liburing has for it with flags. io_uring_prep_readv2. */
export const readv2: typeof readv = readv;

/**
 * Reads from a file into several parts of one registered buffer.
 *
 * `res`: the bytes read in all, perhaps fewer than asked, 0 at the end of the file; or -errno (-EFAULT when an iovec
 * does not lie within the registered buffer).
 *
 * Since Linux 6.15. io_uring_prep_readv_fixed.
 * @param fd the file, or its slot with IOSQE_FIXED_FILE.
 * @param iovecs an `Iovecs`, or `count` times struct iovec, each within the registered buffer.
 * @param count how many iovecs, 1024 at most: `iovecs.count`, or fewer for the first of them.
 * @param offset where in the file, in bytes; -1 for its own position.
 * @param flags RWF_…; 0 for none.
 * @param bufIndex the registered buffer's index, 0 to 65535.
 */
export function readvFixed(
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
  sqe.rw(IORING_OP_READV_FIXED, fd, sqe.point(iovecs, count * IOVEC_BYTES), count, offset);
  sqe.opFlags = bits;
  sqe.bufIndex = index;
}

/**
 * Reads again and again from a file that can be polled (a pipe, a tun device, not a regular file: -EBADFD), whenever
 * data is there, each time into a provided buffer of the kernel's choice. Sets IOSQE_BUFFER_SELECT.
 *
 * One CQE for every read. `res`: the bytes read; 0 at the end, which uses no buffer; or -errno (-ENOBUFS when the group
 * has run empty). Flags: IORING_CQE_F_BUFFER with the buffer's ID in the upper 16 bits, but not at the end;
 * IORING_CQE_F_MORE while it goes on: without it, this was the last one, and a new request is needed for more.
 *
 * Since Linux 6.7. io_uring_prep_read_multishot.
 * @param fd the file, or its slot with IOSQE_FIXED_FILE.
 * @param length 0 (else -EINVAL): each time as many bytes as the buffer takes.
 * @param offset -1 or 0, for files without positions.
 * @param group the group of provided buffers, 0 to 65535.
 */
export function readMultishot(sqe: Sqe, fd: number, length: number, offset: U64, group: number): void {
  const index = uint16('group', group);
  sqe.rw(IORING_OP_READ_MULTISHOT, fd, 0, length, offset);
  sqe.bufIndex = index;
  sqe.flags = IOSQE_BUFFER_SELECT;
}
