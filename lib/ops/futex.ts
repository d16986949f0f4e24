/**
 * IORING_OP_FUTEX_WAIT, IORING_OP_FUTEX_WAKE, IORING_OP_FUTEX_WAITV.
 *
 * A futex is a number of 32 bits at an address that 4 divides, in memory that others see too: a SharedArrayBuffer, a
 * mapping. JavaScript's Atomics.wait and Atomics.notify do not meet with them.
 */
import {
  IORING_OP_FUTEX_WAIT,
  IORING_OP_FUTEX_WAITV,
  IORING_OP_FUTEX_WAKE,
} from '../../syscalls/constants/opcodes.ts';
import { futex_waitv } from '../../syscalls/layouts/files.ts';
import type { Pointer, Sqe, U64 } from '../sqe.ts';
import { bits32, uint32, uint64 } from './check.ts';

const FUTEX_BYTES = 4;

/**
 * Wakes those who wait on a futex, as futex_wake(2).
 *
 * `res`: how many were woken; or -errno (-EINVAL for an unaligned address, a mask of 0, or unknown flags).
 *
 * Since Linux 6.7. io_uring_prep_futex_wake.
 * @param futex the futex: 32 bits, at an address that 4 divides.
 * @param count how many to wake at most, 32 bits.
 * @param mask 32 bits: only those whose mask has a bit in common; FUTEX_BITSET_MATCH_ANY for all.
 * @param futexFlags FUTEX2_SIZE_U32, with FUTEX2_PRIVATE when all are of this process.
 * @param flags none are known (-EINVAL).
 */
export function futexWake(
  sqe: Sqe,
  futex: Pointer,
  count: U64,
  mask: U64,
  futexFlags: number,
  flags = 0,
): void {
  encode(sqe, IORING_OP_FUTEX_WAKE, futex, uint64('count', count), mask, futexFlags, flags);
}

/**
 * Waits on a futex while it has a value, as futex_wait(2), without a time limit (link a `linkTimeout` behind it for
 * one).
 *
 * `res`: 0 when woken; -EAGAIN when it had another value; or -errno (-ECANCELED, -EINVAL for an unaligned address, a
 * mask of 0, or unknown flags).
 *
 * Since Linux 6.7. io_uring_prep_futex_wait.
 * @param futex the futex: 32 bits, at an address that 4 divides.
 * @param value the value that it is expected to have, 32 bits not negative.
 * @param mask 32 bits: be woken only by those whose mask has a bit in common; FUTEX_BITSET_MATCH_ANY for all.
 * @param futexFlags FUTEX2_SIZE_U32, with FUTEX2_PRIVATE when all are of this process.
 * @param flags none are known (-EINVAL).
 */
export function futexWait(
  sqe: Sqe,
  futex: Pointer,
  value: U64,
  mask: U64,
  futexFlags: number,
  flags = 0,
): void {
  encode(sqe, IORING_OP_FUTEX_WAIT, futex, uint64('value', value), mask, futexFlags, flags);
}

/**
 * Waits on several futexes while each has its value, as futex_waitv(2), until one of them is woken.
 *
 * `res`: the index of one that was woken; -EAGAIN when one had another value; or -errno (-ECANCELED, -EINVAL).
 *
 * Since Linux 6.7. io_uring_prep_futex_waitv.
 * @param waiters a `FutexWaiters`, which has the futexes held that it names; or `count` times struct futex_waitv, 24
 * bytes (value, address, FUTEX2_… flags), where they are not held: keep them until the CQE.
 * @param count how many, 1 to 128: `waiters.count`, or fewer for the first of them.
 * @param flags none are known (-EINVAL).
 */
export function futexWaitv(sqe: Sqe, waiters: Pointer, count: number, flags = 0): void {
  const bits = bits32('flags', flags);
  const futexes = uint32('count', count);
  sqe.rw(IORING_OP_FUTEX_WAITV, 0, sqe.point(waiters, futexes * futex_waitv.size), futexes, 0);
  sqe.opFlags = bits;
}

function encode(
  sqe: Sqe,
  opcode: number,
  futex: Pointer,
  value: U64,
  mask: U64,
  futexFlags: number,
  flags: number,
): void {
  const bits = bits32('flags', flags);
  const kind = bits32('futexFlags', futexFlags);
  const set = uint64('mask', mask);
  sqe.rw(opcode, kind, sqe.point(futex, FUTEX_BYTES), 0, value);
  sqe.addr3 = set;
  sqe.opFlags = bits;
}
