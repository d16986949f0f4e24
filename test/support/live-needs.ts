/**
 * What the live tests of files need of the system, beside support/needs.ts.
 */
import { closeSync, openSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { close, fadvise64, fgetxattr, openDirect, pipeDirect, type Sqe } from 'tsuring';
import {
  addressOf,
  EAGAIN,
  EBADF,
  EINVAL,
  IORING_FILE_INDEX_ALLOC,
  IOSQE_FIXED_FILE,
  libc,
  POSIX_FADV_NORMAL,
  RWF_NOWAIT,
} from 'tsuring/syscalls';
import { lacksOpcode } from './needs.ts';
import { openRing } from './open-ring.ts';
import { timeLimit } from './time-limit.ts';
import { closePair, pipe } from './worker-pipes.ts';

/**
 * For operations that put files into the table of registered files. Before them the kernel overlooks the slot: an open
 * gives a descriptor, and a close closes descriptor 0.
 */
export function lacksDirect(): string | false {
  return lacksSlot('direct descriptors (Linux 5.15)', 0);
}

/** For slots that the kernel chooses. */
export function lacksSlotAlloc(): string | false {
  return lacksSlot('IORING_FILE_INDEX_ALLOC (Linux 5.19)', IORING_FILE_INDEX_ALLOC);
}

/**
 * For pipes in slots that are given. The first kernels with IORING_OP_PIPE tell of slots 0 and 0 instead, and leave one
 * end behind when the other has no place.
 */
export function lacksPipeSlots(): string | false {
  const none = lacksOpcode('IORING_OP_PIPE');
  if (none) return none;
  const slots = new Int32Array(2);
  attempt((sqe) => pipeDirect(sqe, slots, 0, 1), -1, 3);
  return slots[0] === 1 && slots[1] === 2 ? false : 'needs pipes that tell their slots (not in Linux 6.16)';
}

/** For lengths of 64 bits in FADVISE and MADVISE. */
export function lacksAdvice64(): string | false {
  const none = lacksOpcode('IORING_OP_FADVISE');
  if (none) return none;
  const fd = openSync(process.execPath, 'r');
  const res = attempt((sqe) => fadvise64(sqe, fd, 0, 4096, POSIX_FADV_NORMAL));
  closeSync(fd);
  return res === -EINVAL ? 'needs lengths of 64 bits in FADVISE and MADVISE (Linux 6.11)' : false;
}

/** For extended attributes of registered files. */
export function lacksFixedXattr(): string | false {
  const none = lacksOpcode('IORING_OP_FGETXATTR');
  if (none) return none;
  const fd = openSync(process.execPath, 'r');
  const res = attempt((sqe) => {
    fgetxattr(sqe, 0, 'user.tsuring', 0, 0);
    sqe.flags = IOSQE_FIXED_FILE;
  }, fd);
  closeSync(fd);
  return res === -EBADF ? 'needs IOSQE_FIXED_FILE of FGETXATTR and FSETXATTR (Linux 6.13)' : false;
}

/** For RWF_NOWAIT on pipes: preadv2(2) tells. */
export function lacksNowaitPipes(): string | false {
  const pair = pipe();
  const [byte, iovec] = [new Uint8Array(1), new BigUint64Array(2)];
  iovec.set([BigInt(addressOf(byte)), 1n]);
  const result = libc().syscall(NR.preadv2, pair[0], addressOf(iovec), 1, -1, -1, RWF_NOWAIT);
  closePair(pair);
  return result === -EAGAIN ? false : 'needs RWF_NOWAIT on pipes (Linux 6.4)';
}

/** For a capability of this process, by its name and number in linux/capability.h. */
export function lacksCapability(name: string, number: number): string | false {
  const effective = readFileSync('/proc/self/status', 'utf8').match(/^CapEff:\s*([0-9a-f]+)$/m)?.[1] ?? '0';
  return (BigInt(`0x${effective}`) & (1n << BigInt(number))) !== 0n ? false : `needs ${name}`;
}

/** A folder on another file system than the temporary one, or the reason that there is none. */
export function otherFileSystem(): { readonly folder: string } | { readonly lacks: string } {
  const here = statSync(tmpdir()).dev;
  const folder = ['/dev/shm', '/tmp', process.cwd()].find((path) => {
    try {
      return statSync(path).dev !== here;
    } catch {
      return false;
    }
  });
  return folder === undefined ? { lacks: 'needs a second file system' } : { folder };
}

/** Whether files as this one, which is empty, end far below 2^62 bytes, as on ext4. Elsewhere there is room for 2^63. */
export function limitsFiles(path: string): boolean {
  try {
    truncateSync(path, Number.MAX_SAFE_INTEGER);
    truncateSync(path, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EFBIG';
  }
}

function lacksSlot(what: string, slot: number): string | false {
  const none = lacksOpcode('IORING_OP_OPENAT');
  if (none) return none;
  // 0 is what a slot gives, and no new descriptor: standard input has it.
  const res = attempt((sqe) => openDirect(sqe, '/', 0, 0, slot));
  if (res > 0) attempt((sqe) => close(sqe, res));
  return res === 0 ? false : `needs ${what}`;
}

/** The result of one operation on a ring with slots, the first of which may hold a file. */
function attempt(encode: (sqe: Sqe) => void, file = -1, slots = 1): number {
  using open = openRing(1);
  open.ring.registerFiles([file, ...new Array(slots - 1).fill(-1)]);
  const sqe = open.ring.getSqe();
  if (sqe === null) return 0;
  encode(sqe);
  open.ring.commitSqe();
  open.ring.submitAndWait(1, { timeout: timeLimit });
  return open.ring.peekCqe()?.res ?? 0;
}

const NR = process.arch === 'arm64' ? { preadv2: 286 } : { preadv2: 327 };
