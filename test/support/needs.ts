/**
 * What a test needs of the system: each gives false when it is there, else the reason to skip, which names it.
 */
import { type IoUringOptions, IoUringState, nop } from 'tsuring';
import {
  IORING_NOP_INJECT_RESULT,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
} from 'tsuring/syscalls';

/** For a ring with these options. */
export function lacksRing(what: string, options: IoUringOptions, entries = 4): string | false {
  try {
    new IoUringState(entries, { flags: 0, ...options }).close();
    return false;
  } catch (error) {
    return `needs ${what}: ${(error as Error).message}`;
  }
}

/** For an IORING_FEAT_… of the kernel. */
export function lacksFeature(what: string, feature: number): string | false {
  const none = lacksRing('io_uring', {});
  if (none) return none;
  const ring = new IoUringState(1, { flags: 0 });
  ring.close();
  return (ring.features & feature) === 0 ? `needs ${what}` : false;
}

/** For NOPs whose result can be chosen (Linux 6.10). */
export function lacksInjectedResults(): string | false {
  const none = lacksRing('io_uring', {});
  if (none) return none;
  const ring = new IoUringState(1, { flags: 0 });
  const sqe = ring.getSqe()!;
  nop(sqe);
  sqe.len = 7;
  sqe.opFlags = IORING_NOP_INJECT_RESULT;
  ring.commitSqe();
  ring.submitAndWait(1);
  const res = ring.peekCqe()!.res;
  ring.close();
  return res === 7 ? false : 'needs IORING_NOP_INJECT_RESULT (Linux 6.10)';
}

/** For a kernel thread that takes the submissions. */
export function lacksSqpoll(): string | false {
  return lacksRing('IORING_SETUP_SQPOLL', { flags: IORING_SETUP_SQPOLL });
}

/** For rings of one thread whose task work is deferred. */
export function lacksDefer(): string | false {
  return lacksRing('IORING_SETUP_DEFER_TASKRUN (Linux 6.1)', {
    flags: IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
  });
}
