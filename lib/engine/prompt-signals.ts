/**
 * Whether the kernel signals a ring's eventfd at once when there is deferred work.
 */
import { readSync, writeSync } from 'node:fs';
import { O_CLOEXEC, O_NONBLOCK } from '../../syscalls/constants/fcntl.ts';
import { POLLIN } from '../../syscalls/constants/poll.ts';
import { IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_SINGLE_ISSUER } from '../../syscalls/constants/setup.ts';
import { makeEventfd, makePipe } from '../../syscalls/descriptors.ts';
import { libc } from '../../syscalls/libc.ts';
import { pollAdd } from '../ops/poll.ts';
import { IoUringState } from '../state.ts';

/**
 * Tried out once for a thread, on a ring of its own: some kernels put every such signal off until some milliseconds later, and
 * some of them give no other one (docs/design.md). True where it cannot be tried.
 */
export function signalsAtOnce(): boolean {
  known ??= tryOut();
  return known;
}

let known: boolean | undefined;

function tryOut(): boolean {
  const fds: number[] = [];
  try {
    using ring = new IoUringState(1, { flags: IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN });
    const eventfd = makeEventfd(O_CLOEXEC | O_NONBLOCK);
    fds.push(eventfd);
    const [out, into] = makePipe(O_CLOEXEC);
    fds.push(out, into);
    ring.registerEventfd(eventfd);
    pollAdd(ring.getSqe()!, out, POLLIN);
    ring.stageSqe();
    ring.submit();
    writeSync(into, 'x');
    return isSignalled(eventfd);
  } catch {
    return true;
  } finally {
    for (const fd of fds) libc().close(fd);
  }
}

function isSignalled(eventfd: number): boolean {
  try {
    return readSync(eventfd, Buffer.alloc(8)) === 8;
  } catch {
    return false;
  }
}
