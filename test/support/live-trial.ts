/**
 * What a live test needs of the kernel, found by trying: for what no feature flag and no probe tells of.
 */
import type { IoUringOptions } from 'tsuring';
import { EINVAL } from 'tsuring/syscalls';
import type { Encode } from './live-ring.ts';
import { lacksRing } from './needs.ts';
import { openRing } from './open-ring.ts';
import { timeLimit } from './time-limit.ts';

/**
 * For what a kernel refuses with -EINVAL as long as it does not know it. `encode` writes an entry that completes at
 * once where it is known, with whatever else.
 */
export function lacksTrial(what: string, encode: Encode, options: IoUringOptions = {}): string | false {
  const none = lacksRing(what, options);
  if (none) return none;
  using open = openRing(4, options);
  const { ring } = open;
  const sqe = ring.getSqe();
  if (sqe === null) throw new Error('A new ring has room');
  encode(sqe);
  ring.commitSqe();
  ring.submit();
  const cqe = ring.waitCqe({ timeout: timeLimit });
  if (cqe === null) throw new Error(`Trying ${what} does not complete`);
  return cqe.res === -EINVAL ? `needs ${what}` : false;
}
