/**
 * IORING_OP_ACCEPT. IORING_CQE_F_SOCK_NONEMPTY in a CQE (of TCP, since 6.10) says that another connection waits.
 *
 * The peer's address is written only when asked for: `address` names room for it, and `addressLength` 32 bits that say
 * how much room there is and, afterwards, how long the address is, which may be more than the room. A `SockaddrRoom` is
 * both: `accept(sqe, fd, room, room.addressLength)`.
 */
import { IORING_OP_ACCEPT } from '../../syscalls/constants/opcodes.ts';
import { IORING_ACCEPT_MULTISHOT, IORING_FILE_INDEX_ALLOC } from '../../syscalls/constants/sqe.ts';
import type { Pointer, Sqe } from '../sqe.ts';
import { addressIn, bits32, slotOf } from './check.ts';
import { LARGEST_ADDRESS, LENGTH_BYTES, roomSaidBy } from './sockaddr.ts';

/**
 * Takes one connection from a listening socket, as accept4(2). `sqe.ioprio` takes IORING_ACCEPT_DONTWAIT (-EAGAIN
 * rather than waiting) and IORING_ACCEPT_POLL_FIRST (both since 6.10) afterwards.
 *
 * `res`: the new socket's descriptor, which is yours to close; or -errno (-ECONNABORTED, -EMFILE, after which the
 * connection still waits, -EINVAL when the socket does not listen).
 *
 * Since Linux 5.5. io_uring_prep_accept.
 * @param fd the listening socket, or its slot with IOSQE_FIXED_FILE.
 * @param address room for the peer's address; 0 for none. A buffer must be as long as `addressLength` says.
 * @param addressLength 32 bits: the room's length in bytes; 0 when `address` is.
 * @param flags SOCK_CLOEXEC, SOCK_NONBLOCK.
 */
export function accept(
  sqe: Sqe,
  fd: number,
  address: Pointer = 0,
  addressLength: Pointer = 0,
  flags = 0,
): void {
  const room = typeof address === 'object' ? roomSaidBy(addressLength) : 0;
  encode(sqe, fd, address, room, addressLength, flags);
}

/**
 * Takes one connection into a slot of the registered files, without a descriptor of the process.
 *
 * `res`: 0, or the slot when the kernel chose it; or -errno (-ENXIO without a table, -EINVAL for a slot beyond it; with
 * IORING_FILE_INDEX_ALLOC -ENFILE when none is free or there is no table; the connection is closed then).
 *
 * Since Linux 5.15 (before, kernels may make an ordinary descriptor), IORING_FILE_INDEX_ALLOC since 5.19.
 * io_uring_prep_accept_direct.
 * @param fd the listening socket, or its slot with IOSQE_FIXED_FILE.
 * @param address room for the peer's address; 0 for none. A buffer must be as long as `addressLength` says.
 * @param addressLength 32 bits: the room's length in bytes; 0 when `address` is.
 * @param flags SOCK_NONBLOCK, but not SOCK_CLOEXEC (-EINVAL).
 * @param fileIndex the slot (what is in it is closed), or IORING_FILE_INDEX_ALLOC for any free one.
 */
export function acceptDirect(
  sqe: Sqe,
  fd: number,
  address: Pointer,
  addressLength: Pointer,
  flags: number,
  fileIndex: number,
): void {
  const slot = slotOf(fileIndex);
  accept(sqe, fd, address, addressLength, flags);
  sqe.fileIndex = slot;
}

/**
 * Takes connections one after the other, until it is cancelled or fails.
 *
 * One CQE for every connection. `res`: the new socket's descriptor, which is yours to close; or -errno as of `accept`.
 * Flags: IORING_CQE_F_MORE while it goes on: without it, this was the last one, and a new request is needed for more.
 *
 * Since Linux 5.19. io_uring_prep_multishot_accept.
 * @param fd the listening socket, or its slot with IOSQE_FIXED_FILE.
 * @param address better 0: every connection writes over the address of the one before. A buffer must have 128 bytes,
 * the most that an address takes, since each time the length of the last one counts as the room for the next.
 * @param addressLength 32 bits: the room's length in bytes; 0 when `address` is.
 * @param flags SOCK_CLOEXEC, SOCK_NONBLOCK.
 */
export function multishotAccept(
  sqe: Sqe,
  fd: number,
  address: Pointer = 0,
  addressLength: Pointer = 0,
  flags = 0,
): void {
  encode(sqe, fd, address, LARGEST_ADDRESS, addressLength, flags);
  sqe.ioprio = IORING_ACCEPT_MULTISHOT;
}

/**
 * Takes connections one after the other into free slots of the registered files, until it is cancelled or fails.
 *
 * One CQE for every connection. `res`: the slot; or -errno (-ENFILE when no slot is free or there is no table; the
 * connection is closed then). Flags: IORING_CQE_F_MORE while it goes on.
 *
 * Since Linux 5.19. io_uring_prep_multishot_accept_direct.
 * @param fd the listening socket, or its slot with IOSQE_FIXED_FILE.
 * @param address better 0, as with `multishotAccept`; a buffer must have 128 bytes.
 * @param addressLength 32 bits: the room's length in bytes; 0 when `address` is.
 * @param flags SOCK_NONBLOCK, but not SOCK_CLOEXEC (-EINVAL).
 */
export function multishotAcceptDirect(
  sqe: Sqe,
  fd: number,
  address: Pointer = 0,
  addressLength: Pointer = 0,
  flags = 0,
): void {
  multishotAccept(sqe, fd, address, addressLength, flags);
  sqe.fileIndex = IORING_FILE_INDEX_ALLOC;
}

function encode(
  sqe: Sqe,
  fd: number,
  address: Pointer,
  room: number,
  addressLength: Pointer,
  flags: number,
): void {
  const bits = bits32('flags', flags);
  const lengthAt = addressIn(sqe, 'addressLength', addressLength, LENGTH_BYTES);
  sqe.rw(IORING_OP_ACCEPT, fd, sqe.point(address, room), 0, lengthAt);
  sqe.opFlags = bits;
}
