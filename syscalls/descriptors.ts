/**
 * Descriptors of this process that are no file's.
 */
import { UringError } from './error.ts';
import { libc } from './libc.ts';

/** An eventfd(2) that stands at 0. `flags`: O_CLOEXEC, O_NONBLOCK. @throws UringError EMFILE and the like. */
export function makeEventfd(flags: number): number {
  const fd = libc().eventfd(0, flags);
  if (fd < 0) throw new UringError(fd, 'eventfd');
  return fd;
}

/** The two ends of a new pipe(2): where it is read, and where it is written. `flags` as those of `makeEventfd`. @throws as that. */
export function makePipe(flags: number): [out: number, into: number] {
  const pair = libc().pipe2(flags);
  if (pair < 0) throw new UringError(pair, 'pipe2');
  return [pair % 0x1_0000_0000, Math.floor(pair / 0x1_0000_0000)];
}
