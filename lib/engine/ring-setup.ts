/**
 * The best ring that this kernel allows for one thread with an event loop.
 */
import {
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_SUBMIT_ALL,
  IORING_SETUP_TASKRUN_FLAG,
} from '../../syscalls/constants/setup.ts';
import { EINVAL } from '../../syscalls/errno.ts';
import { UringError } from '../../syscalls/error.ts';
import { IoUringState } from '../state.ts';
import type { CheckedEngineOptions } from './options.ts';
import { signalsAtOnce } from './prompt-signals.ts';

/**
 * Makes the ring. Where the kernel does not know what would be best, or does it badly, what comes next: completions that are
 * brought in only when we ask (Linux 6.1), that interrupt nobody (5.19), those of old. With `sqpoll` the kernel's thread.
 * @throws UringError as IoUringState.
 */
export function makeRing({
  entries,
  cqEntries,
  sqpoll,
  sqThreadIdle,
  kernel,
}: CheckedEngineOptions): IoUringState {
  const rest = { cqEntries, ...(kernel !== undefined && { kernel }) };
  if (sqpoll)
    return firstOf(SQPOLL.map((flags) => () => new IoUringState(entries, { flags, sqThreadIdle, ...rest })));
  return firstOf(PLAIN.map((flags) => () => new IoUringState(entries, { flags, ...rest })));
}

function firstOf(attempts: readonly (() => IoUringState)[]): IoUringState {
  const last = attempts.length - 1;
  for (let at = 0; ; at++)
    try {
      const ring = attempts[at]();
      if (at === last || !losesSignals(ring)) return ring;
      ring.close();
    } catch (error) {
      if (at === last || !(error instanceof UringError && error.errno === -EINVAL)) throw error;
    }
}

/** Whether the event loop would hear late, or not at all, of what completes on the ring. */
function losesSignals({ setupFlags }: IoUringState): boolean {
  return (setupFlags & IORING_SETUP_DEFER_TASKRUN) !== 0 && !signalsAtOnce();
}

const PLAIN: readonly number[] = [
  IORING_SETUP_SUBMIT_ALL |
    IORING_SETUP_SINGLE_ISSUER |
    IORING_SETUP_DEFER_TASKRUN |
    IORING_SETUP_TASKRUN_FLAG,
  // Without the flag that tells of task work: the thread runs that whenever it leaves the kernel, also when it sleeps in epoll.
  IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN,
  0,
];
const SQPOLL: readonly number[] = [IORING_SETUP_SQPOLL | IORING_SETUP_SUBMIT_ALL, IORING_SETUP_SQPOLL];
