/**
 * IORING_OP_READ, IORING_OP_READ_FIXED.
 */
import { IORING_OP_READ, IORING_OP_READ_FIXED } from '../../syscalls/constants/opcodes.ts';
import type { Pointer, Sqe, U64 } from '../sqe.ts';

export function read(sqe: Sqe, fd: number, buffer: Pointer, length: number, offset: U64): void {
  sqe.rw(IORING_OP_READ, fd, sqe.point(buffer, length), length, offset);
}

export function readFixed(
  sqe: Sqe,
  fd: number,
  buffer: Pointer,
  length: number,
  offset: U64,
  bufIndex: number,
): void {
  sqe.rw(IORING_OP_READ_FIXED, fd, sqe.point(buffer, length), length, offset);
  sqe.bufIndex = bufIndex;
}
