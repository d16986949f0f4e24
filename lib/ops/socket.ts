/**
 * IORING_OP_SOCKET, IORING_OP_CONNECT, IORING_OP_BIND, IORING_OP_LISTEN, IORING_OP_SHUTDOWN.
 */
import {
  IORING_OP_BIND,
  IORING_OP_CONNECT,
  IORING_OP_LISTEN,
  IORING_OP_SHUTDOWN,
  IORING_OP_SOCKET,
} from '../../syscalls/constants/opcodes.ts';
import { IORING_FILE_INDEX_ALLOC } from '../../syscalls/constants/sqe.ts';
import type { Pointer, Sqe } from '../sqe.ts';
import { bits32, int32, slotOf, uint32 } from './check.ts';

/**
 * Makes a socket, as socket(2).
 *
 * `res`: its descriptor, which is yours to close; or -errno (-EAFNOSUPPORT, -EMFILE …).
 *
 * Since Linux 5.19. io_uring_prep_socket.
 * @param domain AF_INET, AF_INET6, AF_UNIX ….
 * @param type SOCK_STREAM, SOCK_DGRAM …, with SOCK_CLOEXEC and SOCK_NONBLOCK.
 * @param protocol 0 for the usual one, or IPPROTO_….
 * @param flags none are known (-EINVAL).
 */
export function socket(sqe: Sqe, domain: number, type: number, protocol = 0, flags = 0): void {
  const bits = bits32('flags', flags);
  const kind = bits32('type', type);
  const which = int32('protocol', protocol);
  sqe.rw(IORING_OP_SOCKET, int32('domain', domain), 0, which >>> 0, kind >>> 0);
  sqe.opFlags = bits;
}

/**
 * Makes a socket in a slot of the registered files, without a descriptor of the process.
 *
 * `res`: 0, or the slot when the kernel chose it; or -errno (-ENXIO without a table, -EINVAL for a slot beyond it; with
 * IORING_FILE_INDEX_ALLOC -ENFILE when none is free or there is no table).
 *
 * Since Linux 5.19. io_uring_prep_socket_direct.
 * @param domain AF_INET, AF_INET6, AF_UNIX ….
 * @param type SOCK_STREAM, SOCK_DGRAM …, with SOCK_NONBLOCK but not SOCK_CLOEXEC (-EINVAL).
 * @param protocol 0 for the usual one, or IPPROTO_….
 * @param fileIndex the slot (what is in it is closed), or IORING_FILE_INDEX_ALLOC for any free one.
 * @param flags none are known (-EINVAL).
 */
export function socketDirect(
  sqe: Sqe,
  domain: number,
  type: number,
  protocol: number,
  fileIndex: number,
  flags = 0,
): void {
  const slot = slotOf(fileIndex);
  socket(sqe, domain, type, protocol, flags);
  sqe.fileIndex = slot;
}

/**
 * Makes a socket in any free slot of the registered files.
 *
 * `res`: the slot; or -errno (-ENFILE when none is free or there is no table).
 *
 * Since Linux 5.19. io_uring_prep_socket_direct_alloc.
 * @param domain AF_INET, AF_INET6, AF_UNIX ….
 * @param type SOCK_STREAM, SOCK_DGRAM …, with SOCK_NONBLOCK but not SOCK_CLOEXEC (-EINVAL).
 * @param protocol 0 for the usual one, or IPPROTO_….
 * @param flags none are known (-EINVAL).
 */
export function socketDirectAlloc(sqe: Sqe, domain: number, type: number, protocol = 0, flags = 0): void {
  socketDirect(sqe, domain, type, protocol, IORING_FILE_INDEX_ALLOC, flags);
}

/**
 * Connects a socket to an address, as connect(2).
 *
 * `res`: 0 when it is connected; or -errno (-ECONNREFUSED, -ETIMEDOUT, -ENETUNREACH …).
 *
 * Since Linux 5.5. io_uring_prep_connect.
 * @param fd the socket, or its slot with IOSQE_FIXED_FILE.
 * @param address struct sockaddr_in, sockaddr_in6, sockaddr_un …: see `sockaddr`.
 * @param addressLength its length in bytes.
 */
export function connect(sqe: Sqe, fd: number, address: Pointer, addressLength: number): void {
  const length = uint32('addressLength', addressLength);
  sqe.rw(IORING_OP_CONNECT, fd, sqe.point(address, length), 0, length);
}

/**
 * Gives a socket its own address, as bind(2).
 *
 * `res`: 0, or -errno (-EADDRINUSE, -EADDRNOTAVAIL, -EACCES …).
 *
 * Since Linux 6.11. io_uring_prep_bind.
 * @param fd the socket, or its slot with IOSQE_FIXED_FILE.
 * @param address struct sockaddr_in, sockaddr_in6, sockaddr_un …: see `sockaddr`.
 * @param addressLength its length in bytes.
 */
export function bind(sqe: Sqe, fd: number, address: Pointer, addressLength: number): void {
  const length = uint32('addressLength', addressLength);
  sqe.rw(IORING_OP_BIND, fd, sqe.point(address, length), 0, length);
}

/**
 * Lets a socket take connections, as listen(2).
 *
 * `res`: 0, or -errno (-EADDRINUSE, -EOPNOTSUPP …).
 *
 * Since Linux 6.11. io_uring_prep_listen.
 * @param fd the socket, or its slot with IOSQE_FIXED_FILE.
 * @param backlog how many connections may wait to be accepted; the system's limit is net.core.somaxconn.
 */
export function listen(sqe: Sqe, fd: number, backlog: number): void {
  sqe.rw(IORING_OP_LISTEN, fd, 0, int32('backlog', backlog) >>> 0, 0);
}

/**
 * Ends one or both directions of a connection, as shutdown(2). The kernel gives it to a worker.
 *
 * `res`: 0, or -errno (-ENOTCONN, -ENOTSOCK).
 *
 * Since Linux 5.11. io_uring_prep_shutdown.
 * @param fd the socket, or its slot with IOSQE_FIXED_FILE.
 * @param how SHUT_RD, SHUT_WR or SHUT_RDWR.
 */
export function shutdown(sqe: Sqe, fd: number, how: number): void {
  sqe.rw(IORING_OP_SHUTDOWN, fd, 0, int32('how', how) >>> 0, 0);
}
