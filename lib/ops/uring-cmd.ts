/**
 * IORING_OP_URING_CMD, IORING_OP_URING_CMD128: commands that belong to a kind of file, such as a socket, a block
 * device, an NVMe device, and are unknown to the ring. -EOPNOTSUPP when the file takes none.
 */
import { IORING_OP_URING_CMD, IORING_OP_URING_CMD128 } from '../../syscalls/constants/opcodes.ts';
import { SOCKET_URING_OP_GETSOCKNAME } from '../../syscalls/constants/sqe.ts';
import type { Pointer, Sqe, U64 } from '../sqe.ts';
import { addressIn, bits32, int32, uint64 } from './check.ts';
import { LENGTH_BYTES, roomSaidBy } from './sockaddr.ts';

// linux/blkdev.h: _IO(0x12, 0) and _IO(0x12, 1).
const BLOCK_URING_CMD_DISCARD = 0x1200;
const BLOCK_URING_CMD_ZONE_RESET_ALL = 0x1201;

/**
 * Gives a command to a file. Its data goes into the entry afterwards: `sqe.cmd`, 16 bytes, or 80 on a ring with
 * IORING_SETUP_SQE128, and what else it takes of the entry's fields (`sqe.addr`, `sqe.len`). Some commands use a
 * registered buffer: `sqe.opFlags = IORING_URING_CMD_FIXED` (since 6.1) and its index in `sqe.bufIndex`.
 *
 * `res`: what the command gives; or -errno (-EOPNOTSUPP for a file without commands). /dev/null takes any command and
 * gives 0. On a ring with IORING_SETUP_CQE32 some give more in the CQE's second half.
 *
 * Since Linux 5.19. io_uring_prep_uring_cmd.
 * @param command the command's number, 32 bits.
 * @param fd the file, or its slot with IOSQE_FIXED_FILE.
 */
export function uringCmd(sqe: Sqe, command: number, fd: number): void {
  sqe.rw(IORING_OP_URING_CMD, fd, 0, 0, bits32('command', command) >>> 0);
}

/**
 * Gives a command with 80 bytes of data (`sqe.cmd`) to a file, in an entry of 128 bytes, from `getSqe128`: on a ring
 * with IORING_SETUP_SQE_MIXED it takes up two of the ordinary ones.
 *
 * `res`: what the command gives; or -errno as of `uringCmd`.
 *
 * Since Linux 6.19. io_uring_prep_uring_cmd128.
 * @param command the command's number, 32 bits.
 * @param fd the file, or its slot with IOSQE_FIXED_FILE.
 */
export function uringCmd128(sqe: Sqe, command: number, fd: number): void {
  sqe.rw(IORING_OP_URING_CMD128, fd, 0, 0, bits32('command', command) >>> 0);
}

/**
 * Gives a command to a socket: reads or sets an option, or asks how many bytes are queued.
 *
 * `res`: for SOCKET_URING_OP_GETSOCKOPT the length of the value in bytes, for SIOCINQ and SIOCOUTQ the number of bytes,
 * otherwise 0; or -errno (-EOPNOTSUPP, as for SIOCINQ and SIOCOUTQ of a Unix socket and on older kernels for all commands
 * to one, -ENOPROTOOPT, -EINVAL for the queues of a listening socket).
 *
 * SOCKET_URING_OP_TX_TIMESTAMP gives one CQE with IORING_CQE_F_MORE for each timestamp of the socket's error queue,
 * until it is cancelled, on a ring with IORING_SETUP_CQE32 or _CQE_MIXED (else -EINVAL): `res` the number of the byte
 * or packet, in the flags the kind (shifted by IORING_TIMESTAMP_TYPE_SHIFT) and IORING_CQE_F_TSTAMP_HW, in the second
 * half seconds and nanoseconds.
 *
 * Since Linux 6.7. io_uring_prep_cmd_sock.
 * @param command SOCKET_URING_OP_GETSOCKOPT (level SOL_SOCKET only), SOCKET_URING_OP_SETSOCKOPT,
 * SOCKET_URING_OP_SIOCINQ, SOCKET_URING_OP_SIOCOUTQ, SOCKET_URING_OP_TX_TIMESTAMP (since 6.17).
 * @param fd the socket, or its slot with IOSQE_FIXED_FILE.
 * @param level SOL_…; 0 where there is no option.
 * @param option SO_…; 0 where there is none.
 * @param value the value, or room for it; 0 where there is no option.
 * @param length the value's length in bytes.
 */
export function cmdSock(
  sqe: Sqe,
  command: number,
  fd: number,
  level: number,
  option: number,
  value: Pointer,
  length: number,
): void {
  const family = int32('level', level);
  const name = int32('option', option);
  const bytes = bits32('length', length);
  const at = addressIn(sqe, 'value', value, bytes >>> 0);
  uringCmd(sqe, command, fd);
  // The level and the option share the eight bytes of the address.
  sqe.words[sqe.at + 4] = family;
  sqe.words[sqe.at + 5] = name;
  sqe.fileIndex = bytes;
  sqe.addr3 = at;
}

/**
 * Asks for a socket's own address, as getsockname(2), or its peer's, as getpeername(2).
 *
 * `res`: 0, with the address and its length written; or -errno (-ENOTCONN; -EOPNOTSUPP on older kernels or when it is
 * no socket; -EINVAL for another `peer`).
 *
 * Since Linux 6.19. io_uring_prep_cmd_getsockname.
 * @param fd the socket, or its slot with IOSQE_FIXED_FILE.
 * @param address room for the address, such as a `SockaddrRoom`. A buffer must be as long as `addressLength` says.
 * @param addressLength 32 bits: the room's length in bytes, afterwards the address's.
 * @param peer 0 for its own address, 1 for the peer's.
 */
export function cmdGetsockname(
  sqe: Sqe,
  fd: number,
  address: Pointer,
  addressLength: Pointer,
  peer = 0,
): void {
  const side = bits32('peer', peer);
  const lengthAt = addressIn(sqe, 'addressLength', addressLength, LENGTH_BYTES);
  const at = addressIn(sqe, 'address', address, roomSaidBy(addressLength));
  uringCmd(sqe, SOCKET_URING_OP_GETSOCKNAME, fd);
  sqe.addr = at;
  sqe.addr3 = lengthAt;
  sqe.fileIndex = side;
}

/**
 * Throws away what is in a range of a block device, as the ioctl BLKDISCARD. Reads and writes in flight in the same
 * range race with it.
 *
 * `res`: 0, or -errno (-EOPNOTSUPP when the device cannot, -EBADF when it is not open for writing, -EINVAL for a range
 * that is empty, not of whole blocks or beyond the end).
 *
 * Since Linux 6.12. io_uring_prep_cmd_discard.
 * @param fd the block device, open for writing, or its slot with IOSQE_FIXED_FILE.
 * @param offset the range's start in bytes.
 * @param length the range's length in bytes.
 */
export function cmdDiscard(sqe: Sqe, fd: number, offset: U64, length: U64): void {
  const start = uint64('offset', offset);
  const bytes = uint64('length', length);
  uringCmd(sqe, BLOCK_URING_CMD_DISCARD, fd);
  sqe.addr = start;
  sqe.addr3 = bytes;
}

/**
 * Empties every sequential zone of a zoned block device. Reads and writes in flight race with it.
 *
 * `res`: 0, or -errno (-EOPNOTSUPP for a device without zones, -EBADF when it is not open for writing, -EINVAL on
 * kernels that do not know it).
 *
 * Since Linux 7.3. io_uring_prep_cmd_zone_reset_all.
 * @param fd the block device, open for writing, or its slot with IOSQE_FIXED_FILE.
 */
export function cmdZoneResetAll(sqe: Sqe, fd: number): void {
  uringCmd(sqe, BLOCK_URING_CMD_ZONE_RESET_ALL, fd);
}
