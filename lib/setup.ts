/**
 * Makes a ring: asks the kernel for it in the ways it may know, from the best to the plainest, and finds the queues
 * in its memory. What succeeds is tried, never inferred from a version.
 */
import { isMainThread } from 'node:worker_threads';
import {
  IORING_SETUP_CQSIZE,
  IORING_SETUP_NO_MMAP,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_REGISTERED_FD_ONLY,
  IORING_SETUP_SQPOLL,
} from '../syscalls/constants/setup.ts';
import { EINVAL, ENOMEM } from '../syscalls/errno.ts';
import { UringError } from '../syscalls/error.ts';
import { type Kernel, linux, setupOwned } from '../syscalls/kernel.ts';
import { io_uring_params } from '../syscalls/layouts/ring.ts';
import { makeStruct } from '../syscalls/struct.ts';
import { diagnoseSetup } from './diagnose.ts';
import type { CheckedOptions } from './options.ts';
import { retryLocked } from './retry-locked.ts';
import { describeRing, type MadeRing, sizesMade, sizesWanted } from './ring-layout.ts';
import { overlayMemory, pinnedMemory, type RingMemory, viewMemory } from './ring-memory.ts';

/**
 * Makes the ring, or throws UringError with the kernel's errno and what to do. When it throws nothing stays behind:
 * no fd, no mapping.
 */
export function setupRing(options: CheckedOptions): MadeRing {
  let result: MadeRing | Refusal = refused('io_uring_setup', -EINVAL);
  for (const attempt of attempts(options)) {
    result = retryLocked(
      () => attempt(options),
      (made) => !('fd' in made) && made.errno === -ENOMEM,
    );
    if ('fd' in result) return result;
    if (result.errno !== -EINVAL) break;
  }
  // See `polledView`: what nobody asked for is left out.
  if (result.syscall === POLLED_VIEW && !options.flagsGiven)
    return setupRing({ ...options, flags: options.flags & ~IORING_SETUP_SQPOLL, flagsGiven: true });
  throw setupError(result, options);
}

/** What the kernel said, and to which call. */
interface Refusal {
  readonly syscall: string;
  /** Negative. */
  readonly errno: number;
}

type Attempt = (options: CheckedOptions) => MadeRing | Refusal;

const refused = (syscall: string, errno: number): Refusal => ({ syscall, errno });

function attempts(options: CheckedOptions): Attempt[] {
  const list: Attempt[] = [];
  const { memory, sqArray } = options;
  const only =
    (options.flags & (IORING_SETUP_NO_MMAP | IORING_SETUP_REGISTERED_FD_ONLY)) !== 0 ? 'no_mmap' : memory;
  const arrays =
    sqArray === undefined ? [IORING_SETUP_NO_SQARRAY, 0] : [sqArray ? 0 : IORING_SETUP_NO_SQARRAY];
  if (only === undefined || only === 'no_mmap')
    for (const flag of arrays) list.push((o) => setupPinned(o, flag));
  if (only !== 'no_mmap') for (const flag of arrays) list.push((o) => setupMapped(o, flag, only));
  return list;
}

function setupPinned(options: CheckedOptions, arrayFlag: number): MadeRing | Refusal {
  const { kernel, entries } = options;
  const flags = options.flags | IORING_SETUP_NO_MMAP | arrayFlag;
  const memory = pinnedMemory(kernel, sizesWanted(options));
  const params = paramsFor(options, flags);
  const view = new DataView(params.buffer);
  view.setBigUint64(USER_ADDR_CQ, BigInt(memory.pages.address), true);
  view.setBigUint64(
    USER_ADDR_SQ,
    BigInt(memory.pages.address + memory.sqes.byteOffset - memory.pages.byteOffset),
    true,
  );
  const fd = openRing(kernel, entries, params, flags);
  if (typeof fd === 'number') return describeRing(fd, params, memory);
  // A ring may have been alive for a moment, so its pages may not go back as they are.
  memory.release(kernel, false);
  return fd;
}

function setupMapped(
  options: CheckedOptions,
  arrayFlag: number,
  only: string | undefined,
): MadeRing | Refusal {
  const { kernel, entries } = options;
  const params = paramsFor(options, options.flags | arrayFlag);
  const fd = openRing(kernel, entries, params, options.flags);
  if (typeof fd !== 'number') return fd;
  const sizes = sizesMade(params);
  let memory: RingMemory | number = -EINVAL;
  try {
    if (only !== 'view') memory = overlayMemory(kernel, fd, sizes);
    if (typeof memory === 'number' && only !== 'overlay' && !polledView(options))
      memory = viewMemory(kernel, fd, sizes);
  } finally {
    // Also when there was no memory for a SharedArrayBuffer, which throws.
    if (typeof memory === 'number') kernel.close(fd);
  }
  if (typeof memory !== 'number') return describeRing(fd, params, memory);
  return refused(polledView(options) && only !== 'overlay' ? POLLED_VIEW : 'mmap', memory);
}

/**
 * Whether a view would be dangerous: in a Worker with SQPOLL. The mapping of a Worker that is terminated stays, and with
 * it the ring, whose thread goes on with reads into memory that the Worker has given back.
 */
function polledView({ flags, kernel }: CheckedOptions): boolean {
  return !isMainThread && (flags & IORING_SETUP_SQPOLL) !== 0 && kernel.setup === linux.setup;
}

/** The new ring as an fd that Node closes with the thread, or as an index with REGISTERED_FD_ONLY. */
function openRing(kernel: Kernel, entries: number, params: Uint8Array, flags: number): number | Refusal {
  const indexOnly = (flags & IORING_SETUP_REGISTERED_FD_ONLY) !== 0;
  const inOne = !indexOnly && kernel.setup === linux.setup && kernel.adopt === linux.adopt;
  const fd = inOne ? setupOwned(entries, params) : kernel.setup(entries, params);
  if (fd < 0) return refused('io_uring_setup', fd);
  if (indexOnly || inOne) return fd;
  const owned = kernel.adopt(fd);
  return owned < 0 ? refused('dup3', owned) : owned;
}

function paramsFor(options: CheckedOptions, flags: number): Uint8Array<ArrayBuffer> {
  const { cqEntries, sqThreadCpu, sqThreadIdle, wqFd } = options;
  return makeStruct(io_uring_params, {
    cq_entries: (flags & IORING_SETUP_CQSIZE) !== 0 ? cqEntries : 0,
    flags: flags >>> 0,
    sq_thread_cpu: sqThreadCpu,
    sq_thread_idle: sqThreadIdle,
    wq_fd: wqFd,
  });
}

function setupError({ errno, syscall }: Refusal, options: CheckedOptions): UringError {
  if (syscall === POLLED_VIEW) return new UringError(errno, 'mmap', POLLED_VIEW);
  return new UringError(errno, syscall, diagnoseSetup(-errno, options, bytesWanted(options)));
}

function bytesWanted(options: CheckedOptions): number {
  const { sqRing, sqes } = sizesWanted(options);
  return sqRing + sqes;
}

const USER_ADDR_SQ = io_uring_params.fields['sq_off.user_addr'][0];
const USER_ADDR_CQ = io_uring_params.fields['cq_off.user_addr'][0];
const POLLED_VIEW =
  'A Worker cannot have SQPOLL where the kernel has no memory that outlives it (before Linux 6.5): give `flags: 0`.';
