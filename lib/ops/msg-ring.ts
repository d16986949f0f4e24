/**
 * IORING_OP_MSG_RING: posts completions to another ring, or passes files to it.
 *
 * The other ring's CQE has the user data that is given here, and comes from no request of that ring: make sure that it
 * cannot be taken for one. `sqe.personality` must stay 0 (-EINVAL).
 */
import { IORING_OP_MSG_RING } from '../../syscalls/constants/opcodes.ts';
import {
  IORING_FILE_INDEX_ALLOC,
  IORING_MSG_RING_FLAGS_PASS,
  IORING_MSG_SEND_FD,
} from '../../syscalls/constants/sqe.ts';
import type { Sqe, U64 } from '../sqe.ts';
import { bits32, int32, slotOf, uint64 } from './check.ts';

/**
 * Posts a CQE to another ring.
 *
 * `res`: 0 when it was posted; or -errno (-EBADFD when `fd` is no ring or a disabled one, -EOVERFLOW when its queue is
 * full and it has no memory for more).
 *
 * Since Linux 5.18. io_uring_prep_msg_ring.
 * @param fd the other ring, or its slot with IOSQE_FIXED_FILE; it may be this one.
 * @param result `res` of the other ring's CQE, 32 bits.
 * @param data its user data.
 * @param flags 0, or see `msgRingCqeFlags`.
 */
export function msgRing(sqe: Sqe, fd: number, result: number, data: U64, flags = 0): void {
  const bits = bits32('flags', flags);
  const value = bits32('result', result);
  sqe.rw(IORING_OP_MSG_RING, fd, 0, value >>> 0, uint64('data', data));
  sqe.opFlags = bits;
}

/**
 * Posts a CQE with flags to another ring.
 *
 * `res`: as of `msgRing`.
 *
 * Since Linux 6.3. io_uring_prep_msg_ring_cqe_flags.
 * @param fd the other ring, or its slot with IOSQE_FIXED_FILE.
 * @param result `res` of the other ring's CQE, 32 bits.
 * @param data its user data.
 * @param flags 0: IORING_MSG_RING_FLAGS_PASS is added.
 * @param cqeFlags the flags of the other ring's CQE, 32 bits.
 */
export function msgRingCqeFlags(
  sqe: Sqe,
  fd: number,
  result: number,
  data: U64,
  flags: number,
  cqeFlags: number,
): void {
  const passed = bits32('cqeFlags', cqeFlags);
  msgRing(sqe, fd, result, data, flags);
  sqe.opFlags |= IORING_MSG_RING_FLAGS_PASS;
  sqe.fileIndex = passed;
}

/**
 * Puts a registered file of this ring into a slot of another ring's registered files, too.
 *
 * `res`: 0, or the slot when the kernel chose it; or -errno (-EBADF for an empty slot here; -ENXIO without a table
 * there, -EINVAL for a slot beyond it; with IORING_FILE_INDEX_ALLOC -ENFILE when none is free or there is no table;
 * -EBADFD when `fd` is no ring or a disabled one, -EINVAL when it is this one; -EOVERFLOW when the file is there but
 * its CQE is not). The other ring gets a CQE with the same `res` and the user data `data`, unless
 * IORING_MSG_RING_CQE_SKIP is set.
 *
 * Since Linux 6.0. io_uring_prep_msg_ring_fd.
 * @param fd the other ring, or its slot with IOSQE_FIXED_FILE.
 * @param sourceIndex the file's slot in this ring.
 * @param targetIndex its slot in the other ring (what is in it is closed), or IORING_FILE_INDEX_ALLOC for any free one.
 * @param data the user data of the other ring's CQE.
 * @param flags IORING_MSG_RING_CQE_SKIP to post no CQE there.
 */
export function msgRingFd(
  sqe: Sqe,
  fd: number,
  sourceIndex: number,
  targetIndex: number,
  data: U64,
  flags = 0,
): void {
  const bits = bits32('flags', flags);
  const source = int32('sourceIndex', sourceIndex);
  const slot = slotOf(targetIndex, 'targetIndex');
  sqe.rw(IORING_OP_MSG_RING, fd, IORING_MSG_SEND_FD, 0, uint64('data', data));
  sqe.addr3 = source;
  sqe.fileIndex = slot;
  sqe.opFlags = bits;
}

/**
 * Puts a registered file of this ring into any free slot of another ring's registered files, too.
 *
 * `res`: the slot there; or -errno as of `msgRingFd`. The other ring gets a CQE with the same `res`.
 *
 * Since Linux 6.0. io_uring_prep_msg_ring_fd_alloc.
 * @param fd the other ring, or its slot with IOSQE_FIXED_FILE.
 * @param sourceIndex the file's slot in this ring.
 * @param data the user data of the other ring's CQE.
 * @param flags IORING_MSG_RING_CQE_SKIP to post no CQE there.
 */
export function msgRingFdAlloc(sqe: Sqe, fd: number, sourceIndex: number, data: U64, flags = 0): void {
  msgRingFd(sqe, fd, sourceIndex, IORING_FILE_INDEX_ALLOC, data, flags);
}
