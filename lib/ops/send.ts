/**
 * IORING_OP_SEND, IORING_OP_SENDMSG, IORING_OP_SEND_ZC, IORING_OP_SENDMSG_ZC.
 *
 * No SIGPIPE is ever raised. Without MSG_WAITALL fewer bytes than given may be sent, and that does not break a chain of
 * IOSQE_IO_LINK. Add IORING_RECVSEND_POLL_FIRST (since 5.19), when the socket is known to be full, with
 * `sqe.ioprio |= …`.
 *
 * The `…Zc` forms send without copying. Each makes two CQEs of the same user data: first the result, with
 * IORING_CQE_F_MORE; then, with IORING_CQE_F_NOTIF, the word that the kernel has let go of the memory, which must not
 * change before that. Nearly every failure (-EINVAL, -EFAULT, -EOPNOTSUPP …) makes both, too. Without
 * IORING_CQE_F_MORE in the first one (some failures) there is no second one. The ring holds the buffer until the last
 * of them is acknowledged. IOSQE_CQE_SKIP_SUCCESS must not be set (-EINVAL, in a single CQE).
 */
import {
  IORING_OP_SEND,
  IORING_OP_SEND_ZC,
  IORING_OP_SENDMSG,
  IORING_OP_SENDMSG_ZC,
} from '../../syscalls/constants/opcodes.ts';
import { IORING_RECVSEND_BUNDLE, IORING_RECVSEND_FIXED_BUF } from '../../syscalls/constants/sqe.ts';
import { msghdr } from '../../syscalls/layouts/sockets.ts';
import type { Pointer, Sqe } from '../sqe.ts';
import { addressIn, bits32, uint16 } from './check.ts';

/**
 * Sends bytes on a socket, as send(2). To send the next provided buffer of a group (since 6.10), give 0 for `buffer`
 * and `length`, then set `sqe.flags |= IOSQE_BUFFER_SELECT` and `sqe.bufIndex` to the group: the CQE's flags then
 * have IORING_CQE_F_BUFFER and its ID in the upper 16 bits. Another `length` is the most to send of a buffer of a
 * `BufferRing`; with `provideBuffers` it is ignored, the whole buffer is sent.
 *
 * With `sqe.ioprio |= IORING_SEND_VECTORIZED` (since 6.17) `buffer` is an `Iovecs` and `length` its `count`, the number
 * of pieces.
 *
 * `res`: the bytes sent; or -errno (-EPIPE, -ECONNRESET …).
 *
 * Since Linux 5.6. io_uring_prep_send.
 * @param fd the socket, or its slot with IOSQE_FIXED_FILE.
 * @param buffer the bytes.
 * @param length how many.
 * @param flags MSG_…: MSG_WAITALL to send all of them unless the connection fails.
 */
export function send(sqe: Sqe, fd: number, buffer: Pointer, length: number, flags = 0): void {
  const bits = bits32('flags', flags);
  sqe.rw(IORING_OP_SEND, fd, sqe.point(buffer, length), length, 0);
  sqe.opFlags = bits;
}

/**
 * Sends, one behind the other, as many provided buffers as there are in a group. Set `sqe.flags |= IOSQE_BUFFER_SELECT`
 * and `sqe.bufIndex` to the group afterwards. Without the flag nothing is sent: -EINVAL; newer kernels (6.18) give 0
 * when `length` is 0, else -EFAULT.
 *
 * One or more CQEs, one for each buffer with `provideBuffers`. `res`: the bytes sent; or -errno (-ENOENT when there is
 * no such group, -ENOBUFS when it is empty). Flags: IORING_CQE_F_BUFFER with the first buffer's ID in the upper 16
 * bits, the others follow it in the order of the group; IORING_CQE_F_MORE while it goes on.
 *
 * Since Linux 6.10. io_uring_prep_send_bundle.
 * @param fd the socket, or its slot with IOSQE_FIXED_FILE.
 * @param length 0: all that the group has. Another one bounds the first piece only, and none with `provideBuffers`.
 * @param flags MSG_….
 */
export function sendBundle(sqe: Sqe, fd: number, length: number, flags = 0): void {
  send(sqe, fd, 0, length, flags);
  sqe.ioprio = IORING_RECVSEND_BUNDLE;
}

/**
 * Adds where to send to an entry that `send`, `sendZc` or `sendZcFixed` made before, as sendto(2) has it.
 *
 * Since Linux 6.0 for the latter two, 6.1 for `send` (before -EINVAL). io_uring_prep_send_set_addr.
 * @param address struct sockaddr_in, sockaddr_in6, sockaddr_un …: see `sockaddr`.
 * @param addressLength its length in bytes, 65535 at most.
 */
export function sendSetAddr(sqe: Sqe, address: Pointer, addressLength: number): void {
  const length = uint16('addressLength', addressLength);
  sqe.off = addressIn(sqe, 'address', address, length);
  sqe.fileIndex = (sqe.fileIndex & ~0xffff) | length;
}

/**
 * Sends bytes to an address, as sendto(2).
 *
 * `res`: the bytes sent; or -errno (-EMSGSIZE, -ENETUNREACH …).
 *
 * Since Linux 6.1 (before -EINVAL). io_uring_prep_sendto.
 * @param fd the socket, or its slot with IOSQE_FIXED_FILE.
 * @param buffer the bytes.
 * @param length how many.
 * @param flags MSG_…; 0 for none.
 * @param address struct sockaddr_in, sockaddr_in6, sockaddr_un …: see `sockaddr`.
 * @param addressLength its length in bytes, 65535 at most.
 */
export function sendto(
  sqe: Sqe,
  fd: number,
  buffer: Pointer,
  length: number,
  flags: number,
  address: Pointer,
  addressLength: number,
): void {
  const bytes = uint16('addressLength', addressLength);
  const to = addressIn(sqe, 'address', address, bytes);
  send(sqe, fd, buffer, length, flags);
  sqe.off = to;
  sqe.fileIndex = bytes;
}

/**
 * Sends bytes without copying them. Worth it from about 10 kB on.
 *
 * First CQE, `res`: the bytes sent; or -errno (-EOPNOTSUPP where the protocol cannot, -ENOMEM when RLIMIT_MEMLOCK is
 * too low). Second CQE (IORING_CQE_F_NOTIF): 0; with IORING_SEND_ZC_REPORT_USAGE the bit IORING_NOTIF_USAGE_ZC_COPIED,
 * which makes `res` negative, when it was copied after all.
 *
 * Since Linux 6.0. io_uring_prep_send_zc.
 * @param fd the socket, or its slot with IOSQE_FIXED_FILE.
 * @param buffer the bytes; unchanged until the second CQE.
 * @param length how many.
 * @param flags MSG_….
 * @param zcFlags IORING_RECVSEND_POLL_FIRST, IORING_SEND_ZC_REPORT_USAGE (since 6.2), IORING_SEND_VECTORIZED (since
 * 6.17; as with `send`) …, 16 bits.
 */
export function sendZc(sqe: Sqe, fd: number, buffer: Pointer, length: number, flags = 0, zcFlags = 0): void {
  const bits = bits32('flags', flags);
  const how = uint16('zcFlags', zcFlags);
  sqe.rw(IORING_OP_SEND_ZC, fd, sqe.point(buffer, length), length, 0);
  sqe.opFlags = bits;
  sqe.ioprio = how;
}

/**
 * Sends a part of a registered buffer without copying it. CQEs as of `sendZc`; -EFAULT when the part does not lie
 * within the registered buffer.
 *
 * Since Linux 6.0. io_uring_prep_send_zc_fixed.
 * @param fd the socket, or its slot with IOSQE_FIXED_FILE.
 * @param buffer the bytes, within the registered buffer; unchanged until the second CQE.
 * @param length how many.
 * @param flags MSG_…; 0 for none.
 * @param zcFlags IORING_RECVSEND_POLL_FIRST, IORING_SEND_ZC_REPORT_USAGE …. Linux 7.3 takes IORING_SEND_VECTORIZED, too; 6.18
 * does not (-EINVAL or -EFAULT: see `sendmsgZcFixed`). 0 for none.
 * @param bufIndex the registered buffer's index, 0 to 65535.
 */
export function sendZcFixed(
  sqe: Sqe,
  fd: number,
  buffer: Pointer,
  length: number,
  flags: number,
  zcFlags: number,
  bufIndex: number,
): void {
  const index = uint16('bufIndex', bufIndex);
  sendZc(sqe, fd, buffer, length, flags, zcFlags);
  sqe.ioprio |= IORING_RECVSEND_FIXED_BUF;
  sqe.bufIndex = index;
}

/**
 * Sends a message: several pieces of memory, control data such as descriptors, and an address, as sendmsg(2).
 *
 * `res`: the bytes sent; or -errno (-EINVAL for control data of Unix sockets on older kernels).
 *
 * Since Linux 5.3. io_uring_prep_sendmsg.
 * @param fd the socket, or its slot with IOSQE_FIXED_FILE.
 * @param message a `Msghdr`, which has everything held that it points at; or struct msghdr, 56 bytes, where what it
 * points at is not held: keep that until the CQE.
 * @param flags MSG_….
 */
export function sendmsg(sqe: Sqe, fd: number, message: Pointer, flags = 0): void {
  encodeMessage(sqe, IORING_OP_SENDMSG, fd, message, flags);
}

/**
 * Sends a message without copying its bytes. CQEs as of `sendZc`; its flags go into `sqe.ioprio` afterwards.
 *
 * Since Linux 6.1. io_uring_prep_sendmsg_zc.
 * @param fd the socket, or its slot with IOSQE_FIXED_FILE.
 * @param message a `Msghdr`, which has everything held that it points at; or struct msghdr, 56 bytes, where what it
 * points at is not held: keep that until the second CQE. The bytes must not change before it.
 * @param flags MSG_….
 */
export function sendmsgZc(sqe: Sqe, fd: number, message: Pointer, flags = 0): void {
  encodeMessage(sqe, IORING_OP_SENDMSG_ZC, fd, message, flags);
}

/**
 * Sends a message of several parts of one registered buffer without copying them. CQEs as of `sendZc`; its flags can be
 * added with `sqe.ioprio |= …`.
 *
 * Since Linux 6.15. io_uring_prep_sendmsg_zc_fixed.
 * @param fd the socket, or its slot with IOSQE_FIXED_FILE.
 * @param message a `Msghdr`, or struct msghdr, 56 bytes, whose iovecs lie within the registered buffer.
 * @param flags MSG_…; 0 for none.
 * @param bufIndex the registered buffer's index, 0 to 65535.
 */
export function sendmsgZcFixed(
  sqe: Sqe,
  fd: number,
  message: Pointer,
  flags: number,
  bufIndex: number,
): void {
  const index = uint16('bufIndex', bufIndex);
  encodeMessage(sqe, IORING_OP_SENDMSG_ZC, fd, message, flags);
  sqe.ioprio = IORING_RECVSEND_FIXED_BUF;
  sqe.bufIndex = index;
}

/** The length of a message is one message. */
function encodeMessage(sqe: Sqe, opcode: number, fd: number, message: Pointer, flags: number): void {
  const bits = bits32('flags', flags);
  sqe.rw(opcode, fd, sqe.point(message, msghdr.size), 1, 0);
  sqe.opFlags = bits;
}
