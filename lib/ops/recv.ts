/**
 * IORING_OP_RECV, IORING_OP_RECVMSG, IORING_OP_RECV_ZC.
 *
 * Set IORING_RECVSEND_POLL_FIRST (since 5.19), when nothing is expected to be there yet, with `sqe.ioprio |= …`.
 *
 * IORING_CQE_F_SOCK_NONEMPTY in a CQE says that there is more to receive: of TCP (since 5.19), where the peer's end
 * counts too, even when `res` is 0; and of Unix streams (since 6.17). Datagrams and SOCK_SEQPACKET do not have it.
 */
import { IORING_OP_RECV, IORING_OP_RECV_ZC, IORING_OP_RECVMSG } from '../../syscalls/constants/opcodes.ts';
import { IORING_RECV_MULTISHOT } from '../../syscalls/constants/sqe.ts';
import { msghdr } from '../../syscalls/layouts/sockets.ts';
import type { Pointer, Sqe } from '../sqe.ts';
import { bits32, uint32 } from './check.ts';

/**
 * Receives bytes from a socket, as recv(2). To let the kernel choose a provided buffer when there is something to
 * receive, give 0 for `buffer`, then set `sqe.flags |= IOSQE_BUFFER_SELECT` and `sqe.bufIndex` to the group.
 *
 * `sqe.ioprio |= IORING_RECVSEND_BUNDLE` (since 6.10, groups of a `BufferRing` only) fills several buffers with one
 * CQE: `res` is the bytes in all, the ID that of the first buffer, and the others follow in the order in which the
 * ring has them.
 *
 * `res`: the bytes received, 0 when the peer has ended the connection; or -errno (-ECONNRESET, -ENOBUFS when the group
 * is empty …). Flags: with a provided buffer IORING_CQE_F_BUFFER and its ID in the upper 16 bits.
 *
 * Since Linux 5.6. io_uring_prep_recv.
 * @param fd the socket, or its slot with IOSQE_FIXED_FILE.
 * @param buffer where the bytes go.
 * @param length how many at most.
 * @param flags MSG_…: MSG_WAITALL to wait until the buffer is full, MSG_PEEK ….
 */
export function recv(sqe: Sqe, fd: number, buffer: Pointer, length: number, flags = 0): void {
  const bits = bits32('flags', flags);
  sqe.rw(IORING_OP_RECV, fd, sqe.point(buffer, length), length, 0);
  sqe.opFlags = bits;
}

/**
 * Receives again and again, each time into a provided buffer of the kernel's choice, until the connection ends, the
 * request is cancelled or the buffers run out. Set `sqe.flags |= IOSQE_BUFFER_SELECT` and `sqe.bufIndex` to the group
 * afterwards (else -EINVAL).
 *
 * One CQE for every piece. `res`: the bytes received, 0 when the peer has ended the connection; or -errno (-ENOBUFS).
 * Flags: IORING_CQE_F_BUFFER with the buffer's ID in the upper 16 bits; IORING_CQE_F_MORE while it goes on: without
 * it, this was the last one, and a new request is needed for more. IORING_RECVSEND_BUNDLE as with `recv`.
 *
 * Since Linux 6.0. io_uring_prep_recv_multishot.
 * @param fd the socket, or its slot with IOSQE_FIXED_FILE.
 * @param buffer 0: the buffers are the group's.
 * @param length 0; since 6.17 how many bytes each time at most. Also since 6.17 `sqe.fileIndex`, set afterwards, is how
 * many bytes in all: the piece that reaches it, and may go beyond it, is the last one, without IORING_CQE_F_MORE.
 * @param flags MSG_…, but not MSG_WAITALL (-EINVAL).
 */
export function recvMultishot(sqe: Sqe, fd: number, buffer: Pointer = 0, length = 0, flags = 0): void {
  recv(sqe, fd, buffer, length, flags);
  sqe.ioprio = IORING_RECV_MULTISHOT;
}

/**
 * Receives a message: into several pieces of memory, with its control data and the sender's address, as recvmsg(2). A
 * provided buffer is chosen as with `recv`: the message then has no iovec, or one whose length is the most to receive.
 *
 * `res`: the bytes received, 0 when the peer has ended the connection; or -errno (-EINVAL for control data of Unix
 * sockets on older kernels). The struct's `msg_flags`, `msg_namelen` and `msg_controllen` are written.
 *
 * Since Linux 5.3. io_uring_prep_recvmsg.
 * @param fd the socket, or its slot with IOSQE_FIXED_FILE.
 * @param message a `Msghdr`, which has everything held that it points at; or struct msghdr, 56 bytes, where what it
 * points at is not held: keep that until the CQE. `reset` a Msghdr before it receives again.
 * @param flags MSG_….
 */
export function recvmsg(sqe: Sqe, fd: number, message: Pointer, flags = 0): void {
  const bits = bits32('flags', flags);
  sqe.rw(IORING_OP_RECVMSG, fd, sqe.point(message, msghdr.size), 1, 0);
  sqe.opFlags = bits;
}

/**
 * Receives messages one after the other, each into a provided buffer of the kernel's choice. Set
 * `sqe.flags |= IOSQE_BUFFER_SELECT` and `sqe.bufIndex` to the group afterwards (else -EINVAL).
 *
 * One CQE for every message. `res`: the bytes used of the buffer, which `recvmsgValidate` reads: a struct
 * io_uring_recvmsg_out of 16 bytes, then room for the address and the control data as long as the struct's `msg_namelen`
 * and `msg_controllen`, then the bytes; or -errno (-EFAULT for a buffer too small for struct and rooms). The struct's
 * `payloadlen` is how many bytes were stored, or with MSG_TRUNC among `flags` how many the message had. Flags as of
 * `recvMultishot`.
 *
 * A message without any bytes, an empty datagram or the peer's end, is the last one: not `res`, which counts struct and
 * rooms, but `payloadlen` is 0. UDP ends with -ENOBUFS as soon as the last buffer is used.
 *
 * Since Linux 6.0. io_uring_prep_recvmsg_multishot.
 * @param fd the socket, or its slot with IOSQE_FIXED_FILE.
 * @param message a `Msghdr`, or struct msghdr, 56 bytes, of which only `msg_namelen` and `msg_controllen` count: the
 * rooms, `new Msghdr({ name: 128, control: 64 })`. The kernel reads it once and leaves it as it is.
 * @param flags MSG_…, but not MSG_WAITALL (-EINVAL).
 */
export function recvmsgMultishot(sqe: Sqe, fd: number, message: Pointer, flags = 0): void {
  recvmsg(sqe, fd, message, flags);
  sqe.ioprio = IORING_RECV_MULTISHOT;
}

/**
 * Receives again and again into memory that the network card fills by itself, which was registered with
 * IORING_REGISTER_ZCRX_IFQ. Needs a ring with IORING_SETUP_DEFER_TASKRUN and IORING_SETUP_CQE32 or _CQE_MIXED.
 *
 * One CQE of 32 bytes for every piece. `res`: the bytes received; its second half is struct io_uring_zcrx_cqe, which
 * says where they are. The last one has no IORING_CQE_F_MORE: `res` 0 at the end, or -errno.
 *
 * Since Linux 6.15. liburing has no function for it.
 * @param fd the socket, or its slot with IOSQE_FIXED_FILE.
 * @param zcrxId the number of the registered receive queue: `zcrx_id` of struct io_uring_zcrx_ifq_reg.
 * @param length how many bytes in all at most; 0 for no limit.
 */
export function recvZc(sqe: Sqe, fd: number, zcrxId: number, length = 0): void {
  const queue = uint32('zcrxId', zcrxId);
  sqe.rw(IORING_OP_RECV_ZC, fd, 0, length, 0);
  sqe.ioprio = IORING_RECV_MULTISHOT;
  sqe.fileIndex = queue;
}
