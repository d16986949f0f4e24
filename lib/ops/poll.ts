/**
 * IORING_OP_POLL_ADD, IORING_OP_POLL_REMOVE.
 */
import { IORING_OP_POLL_ADD, IORING_OP_POLL_REMOVE } from '../../syscalls/constants/opcodes.ts';
import { IORING_POLL_ADD_MULTI } from '../../syscalls/constants/sqe.ts';
import type { Sqe, U64 } from '../sqe.ts';
import { bits32, uint64 } from './check.ts';

/**
 * Completes once, when the file is ready for one of the events, as poll(2).
 *
 * `res`: the events there are, POLL…, with POLLERR and POLLHUP always among those looked for; or -errno (-ECANCELED
 * when it was removed).
 *
 * Since Linux 5.1. io_uring_prep_poll_add.
 * @param fd the file, or its slot with IOSQE_FIXED_FILE.
 * @param events POLLIN, POLLOUT …; also EPOLLET, EPOLLEXCLUSIVE and EPOLLONESHOT.
 */
export function pollAdd(sqe: Sqe, fd: number, events: number): void {
  const bits = bits32('events', events);
  sqe.rw(IORING_OP_POLL_ADD, fd, 0, 0, 0);
  sqe.opFlags = bits;
}

/**
 * Completes each time the file becomes ready for one of the events. It is edge-triggered: no kernel so far takes
 * IORING_POLL_ADD_LEVEL (-EINVAL). Nor may IOSQE_CQE_SKIP_SUCCESS be set (-EINVAL).
 *
 * One CQE for each time. `res`: the events there are; or -errno. Flags: IORING_CQE_F_MORE while it goes on: without
 * it, this was the last one, and a new request is needed for more.
 *
 * Since Linux 5.13. io_uring_prep_poll_multishot.
 * @param fd the file, or its slot with IOSQE_FIXED_FILE.
 * @param events POLLIN, POLLOUT ….
 */
export function pollMultishot(sqe: Sqe, fd: number, events: number): void {
  const bits = bits32('events', events);
  sqe.rw(IORING_OP_POLL_ADD, fd, 0, IORING_POLL_ADD_MULTI, 0);
  sqe.opFlags = bits;
}

/**
 * Takes back a pending poll, which then completes with -ECANCELED.
 *
 * `res`: 0, or -ENOENT when there is none, -EALREADY when it is just completing.
 *
 * Since Linux 5.1. io_uring_prep_poll_remove.
 * @param userData the user data of the poll.
 */
export function pollRemove(sqe: Sqe, userData: U64): void {
  const target = uint64('userData', userData);
  sqe.rw(IORING_OP_POLL_REMOVE, -1, 0, 0, 0);
  sqe.addr = target;
}

/**
 * Changes the events or the user data of a pending poll, or both. A poll for once stays one, a multishot one too.
 *
 * `res`: 0, or -errno (-ENOENT when there is none, -EALREADY when it is just completing, -EINVAL). The poll itself
 * completes with -ECANCELED when it cannot be armed again.
 *
 * Since Linux 5.13. io_uring_prep_poll_update.
 * @param oldUserData the user data of the poll.
 * @param newUserData its new user data with IORING_POLL_UPDATE_USER_DATA, otherwise 0 (else -EINVAL).
 * @param events its new events with IORING_POLL_UPDATE_EVENTS, the lower 16 bits (not EPOLLET and the like); otherwise
 * 0 (else -EINVAL).
 * @param flags IORING_POLL_UPDATE_USER_DATA, IORING_POLL_UPDATE_EVENTS or both; 0 removes the poll, as `pollRemove`.
 * IORING_POLL_ADD_MULTI is taken with them (alone -EINVAL), but makes no multishot poll of it.
 */
export function pollUpdate(
  sqe: Sqe,
  oldUserData: U64,
  newUserData: U64,
  events: number,
  flags: number,
): void {
  const bits = bits32('events', events);
  const how = bits32('flags', flags);
  const target = uint64('oldUserData', oldUserData);
  sqe.rw(IORING_OP_POLL_REMOVE, -1, 0, how >>> 0, uint64('newUserData', newUserData));
  sqe.addr = target;
  sqe.opFlags = bits;
}
