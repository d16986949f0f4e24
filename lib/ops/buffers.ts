/**
 * IORING_OP_PROVIDE_BUFFERS, IORING_OP_REMOVE_BUFFERS: provided buffers the older way. A `BufferRing`
 * (IORING_REGISTER_PBUF_RING, since 5.19) does the same faster.
 */
import { IORING_OP_PROVIDE_BUFFERS, IORING_OP_REMOVE_BUFFERS } from '../../syscalls/constants/opcodes.ts';
import type { Pointer, Sqe } from '../sqe.ts';
import { int32, uint16, uint32 } from './check.ts';

/**
 * Gives the kernel buffers to choose from, for reads and receives with IOSQE_BUFFER_SELECT. Each is used once; give it
 * again when you are done with it.
 *
 * The memory is held until this operation's CQE only, but the kernel writes to it later: keep it yourself until all of
 * the buffers were used, or removed, or the ring is closed.
 *
 * `res`: 0, also when only the first of them fit into the group; or -errno (-E2BIG for a count below 1 or a first ID
 * outside 0 to 65535; -EINVAL when the IDs run past 65535, before 6.7 past 65534, when `length` is 0 or the group is a
 * buffer ring; -EOVERFLOW when the group has 65535 already; -ENOMEM).
 *
 * Since Linux 5.7. io_uring_prep_provide_buffers.
 * @param memory the buffers, one behind the other.
 * @param length the length of each in bytes.
 * @param count how many, 1 to 65535.
 * @param group the group that they join, 0 to 65535.
 * @param firstId the ID of the first, 0 to 65535; the others count on from it.
 */
export function provideBuffers(
  sqe: Sqe,
  memory: Pointer,
  length: number,
  count: number,
  group: number,
  firstId: number,
): void {
  const bytes = uint32('length', length);
  const buffers = int32('count', count);
  const index = uint16('group', group);
  const id = int32('firstId', firstId);
  sqe.rw(IORING_OP_PROVIDE_BUFFERS, buffers, sqe.point(memory, bytes * buffers), bytes, id);
  sqe.bufIndex = index;
}

/**
 * Takes buffers back that were given with `provideBuffers` and not used yet.
 *
 * `res`: how many were taken back, 0 when none were left; or -errno (-ENOENT when there is no such group, -EINVAL for
 * count 0 or when it is a buffer ring).
 *
 * Since Linux 5.7. io_uring_prep_remove_buffers.
 * @param count how many at most, 1 to 65535.
 * @param group the group, 0 to 65535.
 */
export function removeBuffers(sqe: Sqe, count: number, group: number): void {
  const buffers = int32('count', count);
  const index = uint16('group', group);
  sqe.rw(IORING_OP_REMOVE_BUFFERS, buffers, 0, 0, 0);
  sqe.bufIndex = index;
}
