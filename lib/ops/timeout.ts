/**
 * IORING_OP_TIMEOUT, IORING_OP_TIMEOUT_REMOVE, IORING_OP_LINK_TIMEOUT.
 *
 * A time is struct __kernel_timespec, 16 bytes: seconds and nanoseconds, 64 bits each, none negative (-EINVAL). See
 * `timespec`. The kernel copies it while it takes the entry. With IORING_TIMEOUT_IMMEDIATE_ARG (since 7.1) `time` is a
 * number of nanoseconds instead.
 *
 * The clock is CLOCK_MONOTONIC, or another one by IORING_TIMEOUT_BOOTTIME or IORING_TIMEOUT_REALTIME (since 5.15); the
 * time is a duration, or with IORING_TIMEOUT_ABS a point in time of that clock.
 */
import {
  IORING_OP_LINK_TIMEOUT,
  IORING_OP_TIMEOUT,
  IORING_OP_TIMEOUT_REMOVE,
} from '../../syscalls/constants/opcodes.ts';
import { IORING_TIMEOUT_UPDATE } from '../../syscalls/constants/sqe.ts';
import { __kernel_timespec } from '../../syscalls/layouts/time.ts';
import type { Pointer, Sqe, U64 } from '../sqe.ts';
import { addressIn, bits32, uint32, uint64 } from './check.ts';

const TIME_BYTES = __kernel_timespec.size;

/**
 * Completes after a time, or earlier when a number of other requests have completed.
 *
 * `res`: -ETIME when the time is up, 0 when the number was reached, -ECANCELED when it was removed; or another
 * -errno. With IORING_TIMEOUT_MULTISHOT one CQE for each time, -ETIME with IORING_CQE_F_MORE while it goes on.
 *
 * Since Linux 5.4. io_uring_prep_timeout.
 * @param time struct __kernel_timespec: see `timespec`.
 * @param count complete after so many other CQEs; 0 for the time alone. With IORING_TIMEOUT_MULTISHOT: how many times
 * to fire; 0 for ever.
 * @param flags IORING_TIMEOUT_ABS (a point in time), IORING_TIMEOUT_BOOTTIME or IORING_TIMEOUT_REALTIME (another
 * clock; since 5.15), IORING_TIMEOUT_IMMEDIATE_ARG (`time` is nanoseconds; since 7.1), IORING_TIMEOUT_ETIME_SUCCESS
 * (a chain goes on after -ETIME; since 5.16), IORING_TIMEOUT_MULTISHOT (since 6.4; not with IORING_TIMEOUT_ABS:
 * -EINVAL).
 */
export function timeout(sqe: Sqe, time: Pointer, count = 0, flags = 0): void {
  const bits = bits32('flags', flags);
  const completions = uint32('count', count);
  sqe.rw(IORING_OP_TIMEOUT, -1, sqe.point(time, TIME_BYTES), 1, completions);
  sqe.opFlags = bits;
}

/**
 * Takes back a pending timeout, which then completes with -ECANCELED.
 *
 * `res`: 0, or -ENOENT when there is none, -EALREADY (-EBUSY on older kernels) when it is just completing.
 *
 * Since Linux 5.5. io_uring_prep_timeout_remove.
 * @param userData the user data of the timeout.
 * @param flags none are known (-EINVAL).
 */
export function timeoutRemove(sqe: Sqe, userData: U64, flags = 0): void {
  const bits = bits32('flags', flags);
  const target = uint64('userData', userData);
  sqe.rw(IORING_OP_TIMEOUT_REMOVE, -1, 0, 0, 0);
  sqe.addr = target;
  sqe.opFlags = bits;
}

/**
 * Gives a pending timeout another time, counted from now; a number of completions no longer ends it.
 *
 * `res`: 0, or -errno (-ENOENT when there is none, -EALREADY when it is just completing).
 *
 * Since Linux 5.11. io_uring_prep_timeout_update.
 * @param time struct __kernel_timespec: see `timespec`.
 * @param userData the user data of the timeout.
 * @param flags IORING_TIMEOUT_ABS, and IORING_LINK_TIMEOUT_UPDATE (since 5.15) for a linked timeout. The clock stays
 * what it was.
 */
export function timeoutUpdate(sqe: Sqe, time: Pointer, userData: U64, flags = 0): void {
  const bits = bits32('flags', flags);
  const target = uint64('userData', userData);
  sqe.rw(IORING_OP_TIMEOUT_REMOVE, -1, 0, 0, addressIn(sqe, 'time', time, TIME_BYTES));
  sqe.addr = target;
  sqe.opFlags = bits | IORING_TIMEOUT_UPDATE;
}

/**
 * Limits the time of the request before it, which must have IOSQE_IO_LINK (else -EINVAL): when the time is up that one
 * is cancelled, and with it what is linked behind.
 *
 * `res`: -ETIME when it cancelled the request (which completes with -ECANCELED or -EINTR), -ECANCELED when the
 * request was done in time, -EALREADY when it could no longer be stopped, -ENOENT when it was just done.
 *
 * Since Linux 5.5. io_uring_prep_link_timeout.
 * @param time struct __kernel_timespec: see `timespec`.
 * @param flags IORING_TIMEOUT_ABS, IORING_TIMEOUT_BOOTTIME, IORING_TIMEOUT_REALTIME, IORING_TIMEOUT_ETIME_SUCCESS.
 */
export function linkTimeout(sqe: Sqe, time: Pointer, flags = 0): void {
  const bits = bits32('flags', flags);
  sqe.rw(IORING_OP_LINK_TIMEOUT, -1, sqe.point(time, TIME_BYTES), 1, 0);
  sqe.opFlags = bits;
}
