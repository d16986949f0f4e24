/**
 * Block devices that a test may write to: a loop device over a file, and a zoned one that somebody names.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { cmdDiscard, cmdZoneResetAll, type Sqe } from 'tsuring';
import { EBADF, EINVAL } from 'tsuring/syscalls';
import { scratch } from './live-scratch.ts';
import { lacksOpcode } from './needs.ts';
import { openRing } from './open-ring.ts';
import { timeLimit } from './time-limit.ts';

/** The variable of the environment that names a zoned block device whose contents may be lost. */
export const ZONED_DEVICE = 'TSURING_ZONED_DEVICE';

/** Makes a loop device over a file: its path, or what losetup said. `detach` it afterwards. */
export function attach(image: string): { readonly device: string } | { readonly reason: string } {
  const free = losetup('-f');
  if (free.reason !== undefined) return { reason: free.reason };
  const { reason } = losetup(free.said, image);
  return reason !== undefined ? { reason: reason.replaceAll(image, 'its file') } : { device: free.said };
}

export function detach(device: string): void {
  losetup('-d', device);
}

/** For a loop device on a kernel whose block devices take commands of a ring. */
export function lacksDiscard(): string | false {
  const none = lacksOpcode('IORING_OP_URING_CMD');
  if (none) return none;
  using here = scratch();
  const loop = attach(here.file('image', Buffer.alloc(65_536)));
  if ('reason' in loop) return `needs a loop device (losetup): ${loop.reason}`;
  const fd = openSync(loop.device, 'r+');
  const res = attempt((sqe) => cmdDiscard(sqe, fd, 0, 0));
  closeSync(fd);
  detach(loop.device);
  // No range is an invalid one to a kernel that knows the command.
  return res === -EINVAL ? false : 'needs BLOCK_URING_CMD_DISCARD (Linux 6.12)';
}

/** For a zoned block device that may be emptied, on a kernel that does so for a ring. */
export function lacksZoned(): string | false {
  const none = lacksOpcode('IORING_OP_URING_CMD');
  if (none) return none;
  const device = process.env[ZONED_DEVICE];
  if (device === undefined)
    return `needs a zoned block device that may be emptied, its path in ${ZONED_DEVICE}`;
  const fd = openSync(device, 'r');
  const res = attempt((sqe) => cmdZoneResetAll(sqe, fd));
  closeSync(fd);
  return res === -EBADF ? false : 'needs BLOCK_URING_CMD_ZONE_RESET_ALL (Linux 7.3)';
}

function losetup(...args: string[]): { readonly said: string; readonly reason?: string } {
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  const { status, stdout, stderr, error } = spawnSync('losetup', args, { encoding: 'utf8', env });
  if (error !== undefined) return { said: '', reason: error.message };
  return { said: stdout.trim(), ...(status !== 0 && { reason: stderr.trim() }) };
}

function attempt(encode: (sqe: Sqe) => void): number {
  using open = openRing(1);
  const sqe = open.ring.getSqe();
  if (sqe === null) return 0;
  encode(sqe);
  open.ring.commitSqe();
  open.ring.submitAndWait(1, { timeout: timeLimit });
  return open.ring.peekCqe()?.res ?? 0;
}
