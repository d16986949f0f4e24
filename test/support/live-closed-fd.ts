/**
 * A descriptor that is not open, though it was a moment ago: a number that nothing else has, as long as nothing is opened.
 */
import { libc } from 'tsuring/syscalls';

export function closedFd(): number {
  const fd = libc().eventfd(0, 0);
  libc().close(fd);
  return fd;
}
