/**
 * IORING_OP_ASYNC_CANCEL.
 *
 * What is cancelled still completes by itself, mostly with -ECANCELED, sometimes with what it had done already. Until
 * then its memory is the kernel's.
 */
import { IORING_OP_ASYNC_CANCEL } from '../../syscalls/constants/opcodes.ts';
import { IORING_ASYNC_CANCEL_FD } from '../../syscalls/constants/sqe.ts';
import type { Sqe, U64 } from '../sqe.ts';
import { bits32, uint64 } from './check.ts';

/**
 * Cancels the request with this user data; when several have it, one of them, not always the oldest.
 *
 * `res`: 0; with IORING_ASYNC_CANCEL_ALL or IORING_ASYNC_CANCEL_ANY how many were found, 0 for none; or -ENOENT when
 * there is none, -EALREADY when it is running and may or may not be stopped (a disk read will not), -EINVAL.
 *
 * Since Linux 5.5. io_uring_prep_cancel64, and io_uring_prep_cancel, where the user data is a pointer.
 * @param userData the user data of the request. Not looked at with IORING_ASYNC_CANCEL_ANY.
 * @param flags since 5.19: IORING_ASYNC_CANCEL_ALL for every match, IORING_ASYNC_CANCEL_ANY for every request. Since
 * 6.6: IORING_ASYNC_CANCEL_OP for those whose opcode stands in `sqe.len` (set it afterwards), with
 * IORING_ASYNC_CANCEL_USERDATA for those that have the user data too.
 */
export function cancel(sqe: Sqe, userData: U64, flags = 0): void {
  const bits = bits32('flags', flags);
  const target = uint64('userData', userData);
  sqe.rw(IORING_OP_ASYNC_CANCEL, -1, 0, 0, 0);
  sqe.addr = target;
  sqe.opFlags = bits;
}

/** `cancel` under the name that liburing has for it with a number. io_uring_prep_cancel64. */
export const cancel64: typeof cancel = cancel;

/**
 * Cancels a request on a file; when there are several, one of them, not always the oldest.
 *
 * `res`: 0; with IORING_ASYNC_CANCEL_ALL how many were found, 0 for none; or -ENOENT when there is none, -EALREADY when
 * it is running and may or may not be stopped, -EBADF when the file is not open.
 *
 * Since Linux 5.19. io_uring_prep_cancel_fd.
 * @param fd the file.
 * @param flags IORING_ASYNC_CANCEL_ALL for every request on it; IORING_ASYNC_CANCEL_FD_FIXED (since 6.0) when `fd` is a
 * slot of the registered files; IORING_ASYNC_CANCEL_OP and IORING_ASYNC_CANCEL_USERDATA (since 6.6) for those with the
 * opcode in `sqe.len`, the user data in `sqe.addr`.
 */
export function cancelFd(sqe: Sqe, fd: number, flags = 0): void {
  const bits = bits32('flags', flags);
  sqe.rw(IORING_OP_ASYNC_CANCEL, fd, 0, 0, 0);
  sqe.opFlags = bits | IORING_ASYNC_CANCEL_FD;
}
