/**
 * Trial rings: made as small as can be and closed at once, to see what the running kernel accepts.
 */
import {
  IORING_REGISTER_USE_REGISTERED_RING,
  IORING_UNREGISTER_RING_FDS,
} from '../../syscalls/constants/register.ts';
import {
  IORING_SETUP_ATTACH_WQ,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_NO_MMAP,
  IORING_SETUP_REGISTERED_FD_ONLY,
  IORING_SETUP_SQ_AFF,
} from '../../syscalls/constants/setup.ts';
import { ENOMEM } from '../../syscalls/errno.ts';
import { io_uring_rsrc_update } from '../../syscalls/layouts/register.ts';
import { io_uring_params } from '../../syscalls/layouts/ring.ts';
import { libc, type Result } from '../../syscalls/libc.ts';
import { allocatePages, pageSize, type SharedPages } from '../../syscalls/memory.ts';
import { makeStruct } from '../../syscalls/struct.ts';
import { ioUringRegister, ioUringSetup } from '../../syscalls/uring.ts';
import { allowedCpus } from './facts.ts';
import type { SetupFlag } from './flags.ts';

/** What a trial ring is asked for; the flags in the kernel's form, nothing is added to them. */
export interface TrialRing {
  readonly flags: number;
  readonly entries?: number;
  readonly cqEntries?: number;
  readonly sqThreadCpu?: number;
  readonly wqFd?: number;
  /** Whether to wait a moment for locked memory when there is none. Default: true. */
  readonly patient?: boolean;
}

/** Makes the ring and closes it: 0, or -errno. Nothing stays behind. At most 64 entries with NO_MMAP. */
export function tryRing(ring: TrialRing): Result {
  return withTrialRing(ring, () => 0);
}

/** Tries a flag in the smallest combination that has a chance: 0, or -errno. */
export function tryFlag({ value, needs }: SetupFlag): Result {
  const flags = value | needs;
  if (value === IORING_SETUP_ATTACH_WQ)
    return withTrialRing({ flags: 0 }, (wqFd) => tryRing({ flags, wqFd }));
  if (value === IORING_SETUP_SQ_AFF) return tryRing({ flags, sqThreadCpu: allowedCpus()[0] ?? 0 });
  return tryRing({ flags });
}

/** Makes a ring for the time of `use`, which is given its fd: what `use` returns, or -errno of the setup. */
export function withTrialRing(ring: TrialRing, use: (fd: number) => Result): Result {
  const { flags, entries = 2, cqEntries = 4, sqThreadCpu = 0, wqFd = 0, patient = true } = ring;
  const pages = (flags & IORING_SETUP_NO_MMAP) !== 0 ? allocatePages(2 * pageSize()) : undefined;
  const params = makeStruct(io_uring_params, {
    flags: flags >>> 0,
    cq_entries: (flags & IORING_SETUP_CQSIZE) !== 0 ? cqEntries : 0,
    sq_thread_cpu: sqThreadCpu,
    wq_fd: wqFd,
    'cq_off.user_addr': pages?.address ?? 0,
    'sq_off.user_addr': pages === undefined ? 0 : pages.address + pageSize(),
  });
  const fd = patient ? setupPatiently(entries, params) : ioUringSetup(entries, params);
  if (fd < 0) return fd;
  try {
    return use(fd);
  } finally {
    give(fd, flags, pages);
  }
}

/** Locked memory of rings just closed comes back a little late, and trials follow fast upon each other. */
function setupPatiently(entries: number, params: Uint8Array): Result {
  let fd = ioUringSetup(entries, params);
  for (let pause = 1; fd === -ENOMEM && pause <= LONGEST_PAUSE_MS; pause *= 2) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause);
    fd = ioUringSetup(entries, params);
  }
  return fd;
}

function give(fd: number, flags: number, pages: SharedPages | undefined): void {
  if ((flags & IORING_SETUP_REGISTERED_FD_ONLY) === 0) libc().close(fd);
  else {
    const update = makeStruct(io_uring_rsrc_update, { offset: fd });
    const opcode = IORING_UNREGISTER_RING_FDS | IORING_REGISTER_USE_REGISTERED_RING;
    ioUringRegister(fd, opcode >>> 0, update, 1);
  }
  pages?.renew();
}

const LONGEST_PAUSE_MS = 64;
