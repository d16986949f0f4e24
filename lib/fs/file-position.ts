/**
 * Where an open file stands, whose own position a read or a write uses.
 *
 * The kernel makes a transfer in two attempts, and moves the position after the last. When the second one fails (a full disk, a
 * limit, a block that cannot be read), it tells how much the first one did, and leaves the position where it was: the next
 * transfer would go over the same bytes again.
 */
import { libc } from '../../syscalls/libc.ts';

/** -1 for what has no position: a pipe. */
export function positionOf(fd: number): number {
  const position = libc().lseek(fd, 0, SEEK_CUR);
  return position < 0 ? -1 : position;
}

/** After a transfer of `count` bytes of those wanted that began at `start`: moves the file on, unless the kernel has. */
export function moveOn(fd: number, start: number, wanted: number, count: number): void {
  if (start < 0 || count <= 0 || count >= wanted) return;
  if (positionOf(fd) === start) libc().lseek(fd, start + count, SEEK_SET);
}

const SEEK_SET = 0;
const SEEK_CUR = 1;
