/**
 * IORING_OP_EPOLL_CTL, IORING_OP_EPOLL_WAIT.
 *
 * An event is struct epoll_event: 12 bytes on x64, 16 elsewhere. `epollEvent` makes one, `EpollEvents` has room for many.
 */
import { IORING_OP_EPOLL_CTL, IORING_OP_EPOLL_WAIT } from '../../syscalls/constants/opcodes.ts';
import { epoll_event } from '../../syscalls/layouts/epoll.ts';
import type { Pointer, Sqe } from '../sqe.ts';
import { bits32, int32 } from './check.ts';

/**
 * Adds, changes or removes a file that an epoll instance watches, as epoll_ctl(2).
 *
 * `res`: 0, or -errno (-EEXIST, -ENOENT, -EPERM for a regular file, -EINVAL when `epollFd` is no epoll instance).
 *
 * Since Linux 5.6. io_uring_prep_epoll_ctl.
 * @param epollFd the epoll instance's descriptor; a slot will not do.
 * @param fd the descriptor to watch; a slot will not do.
 * @param op EPOLL_CTL_ADD, EPOLL_CTL_MOD or EPOLL_CTL_DEL.
 * @param event struct epoll_event: see `epollEvent`; 0 with EPOLL_CTL_DEL.
 */
export function epollCtl(sqe: Sqe, epollFd: number, fd: number, op: number, event: Pointer): void {
  const instance = int32('epollFd', epollFd);
  const watched = int32('fd', fd);
  const what = int32('op', op);
  const at = sqe.point(event, epoll_event.size);
  sqe.rw(IORING_OP_EPOLL_CTL, instance, at, what >>> 0, watched >>> 0);
}

/**
 * Waits for events of an epoll instance, as epoll_wait(2) without a time limit (link a `linkTimeout` behind it for one).
 *
 * `res`: how many events were written; or -errno (-EINVAL when `fd` is no epoll instance or `maxEvents` below 1).
 *
 * Since Linux 6.15. io_uring_prep_epoll_wait.
 * @param fd the epoll instance, or its slot with IOSQE_FIXED_FILE.
 * @param events where they go: an `EpollEvents`, or room for `maxEvents` times struct epoll_event.
 * @param maxEvents how many events at most: its `capacity`.
 * @param flags none are known (-EINVAL).
 */
export function epollWait(sqe: Sqe, fd: number, events: Pointer, maxEvents: number, flags = 0): void {
  const bits = bits32('flags', flags);
  const count = int32('maxEvents', maxEvents);
  sqe.rw(IORING_OP_EPOLL_WAIT, fd, sqe.point(events, count * epoll_event.size), count >>> 0, 0);
  sqe.opFlags = bits;
}
