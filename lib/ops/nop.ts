/**
 * IORING_OP_NOP.
 */
import { IORING_OP_NOP } from '../../syscalls/constants/opcodes.ts';
import type { Sqe } from '../sqe.ts';

/** Does nothing, and completes: `res` is 0. Since Linux 5.1. io_uring_prep_nop. */
export function nop(sqe: Sqe): void {
  sqe.rw(IORING_OP_NOP, -1, 0, 0, 0);
}
