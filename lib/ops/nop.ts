/**
 * IORING_OP_NOP, IORING_OP_NOP128.
 */
import { IORING_OP_NOP, IORING_OP_NOP128 } from '../../syscalls/constants/opcodes.ts';
import type { Sqe } from '../sqe.ts';

/**
 * Does nothing and completes, with `res` 0. With IORING_NOP_INJECT_RESULT in `sqe.opFlags` (since 6.10) `res` is what
 * `sqe.len` says. With IORING_NOP_CQE32 (since 6.18), on a ring with IORING_SETUP_CQE32 or _CQE_MIXED (else -EINVAL),
 * the CQE has 32 bytes, the second half of which is `sqe.off` and `sqe.addr`.
 *
 * Since Linux 5.1. io_uring_prep_nop.
 */
export function nop(sqe: Sqe): void {
  sqe.rw(IORING_OP_NOP, -1, 0, 0, 0);
}

/**
 * Does nothing and completes, as `nop`, but is an entry of 128 bytes, from `getSqe128`: on a ring with
 * IORING_SETUP_SQE_MIXED it takes up two of the ordinary ones. `res` is 0.
 *
 * Since Linux 6.19. io_uring_prep_nop128.
 */
export function nop128(sqe: Sqe): void {
  sqe.rw(IORING_OP_NOP128, -1, 0, 0, 0);
}
