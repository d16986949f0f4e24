/**
 * IORING_OP_SPLICE, IORING_OP_TEE.
 */
import { IORING_OP_SPLICE, IORING_OP_TEE } from '../../syscalls/constants/opcodes.ts';
import type { Sqe, U64 } from '../sqe.ts';
import { bits32, int32, uint64 } from './check.ts';

/**
 * Moves bytes between a pipe and a file, socket or other pipe without a copy through this process, as splice(2). One
 * of the two must be a pipe. The kernel gives it to a worker.
 *
 * `res`: the bytes moved, perhaps fewer than asked (which breaks a chain of IOSQE_IO_LINK), 0 at the end of the input;
 * or -errno (-EINVAL when neither is a pipe, one of them cannot splice or the output has O_APPEND, -ESPIPE for an
 * offset on a pipe, -EAGAIN with SPLICE_F_NONBLOCK).
 *
 * Since Linux 5.7. io_uring_prep_splice.
 * @param fdIn where the bytes come from; a slot of the registered files with SPLICE_F_FD_IN_FIXED in `flags`.
 * @param offsetIn where in the input, in bytes; -1 for its own position, as a pipe needs.
 * @param fdOut where the bytes go; a slot with IOSQE_FIXED_FILE in `sqe.flags`.
 * @param offsetOut where in the output, in bytes; -1 for its own position, as a pipe needs.
 * @param length how many bytes to move at most.
 * @param flags SPLICE_F_….
 */
export function splice(
  sqe: Sqe,
  fdIn: number,
  offsetIn: U64,
  fdOut: number,
  offsetOut: U64,
  length: number,
  flags = 0,
): void {
  const bits = bits32('flags', flags);
  const from = uint64('offsetIn', offsetIn);
  const source = int32('fdIn', fdIn);
  sqe.rw(IORING_OP_SPLICE, int32('fdOut', fdOut), 0, length, uint64('offsetOut', offsetOut));
  sqe.addr = from;
  sqe.fileIndex = source;
  sqe.opFlags = bits;
}

/**
 * Copies bytes from one pipe to another and leaves them in the first, as tee(2). The kernel gives it to a worker.
 *
 * `res`: the bytes copied, perhaps fewer than asked, 0 when the first pipe is empty and has no writer; or -errno
 * (-EINVAL when they are not two different pipes, -EAGAIN with SPLICE_F_NONBLOCK).
 *
 * Since Linux 5.8. io_uring_prep_tee.
 * @param fdIn the pipe to read; a slot of the registered files with SPLICE_F_FD_IN_FIXED in `flags`.
 * @param fdOut the pipe to write; a slot with IOSQE_FIXED_FILE in `sqe.flags`.
 * @param length how many bytes to copy at most.
 * @param flags SPLICE_F_….
 */
export function tee(sqe: Sqe, fdIn: number, fdOut: number, length: number, flags = 0): void {
  const bits = bits32('flags', flags);
  const source = int32('fdIn', fdIn);
  sqe.rw(IORING_OP_TEE, int32('fdOut', fdOut), 0, length, 0);
  sqe.fileIndex = source;
  sqe.opFlags = bits;
}
