/**
 * Makes a ring: asks the kernel for it in the ways it may know, from the best to the plainest, and finds the queues
 * in its memory. What succeeds is tried, never inferred from a version.
 */
import { isMainThread } from 'node:worker_threads';
import {
  IORING_FEAT_SINGLE_MMAP,
  IORING_SETUP_CLAMP,
  IORING_SETUP_CQE_MIXED,
  IORING_SETUP_CQE32,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_NO_MMAP,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_REGISTERED_FD_ONLY,
  IORING_SETUP_SQ_REWIND,
  IORING_SETUP_SQE128,
  IORING_SETUP_SQPOLL,
} from '../syscalls/constants/setup.ts';
import { EINVAL, ENOMEM } from '../syscalls/errno.ts';
import { UringError } from '../syscalls/error.ts';
import { type Kernel, linux, setupOwned } from '../syscalls/kernel.ts';
import { io_uring_params } from '../syscalls/layouts/ring.ts';
import { makeStruct, readStruct, type StructValues } from '../syscalls/struct.ts';
import type { CqLayout } from './cq.ts';
import { diagnoseSetup } from './diagnose.ts';
import type { CheckedOptions } from './options.ts';
import { overlayMemory, pinnedMemory, type RegionSizes, type RingMemory, viewMemory } from './ring-memory.ts';
import type { SqLayout } from './sq.ts';

/** A ring that was made. */
export interface MadeRing {
  /** An fd that Node closes with the thread; the index of a registered ring with REGISTERED_FD_ONLY. */
  readonly fd: number;
  /** The setup flags that the ring has, those included that we added. */
  readonly flags: number;
  /** IORING_FEAT_… */
  readonly features: number;
  readonly memory: RingMemory;
  readonly sq: SqLayout;
  readonly cq: CqLayout;
}

/**
 * Makes the ring, or throws UringError with the kernel's errno and what to do. When it throws nothing stays behind:
 * no fd, no mapping.
 */
export function setupRing(options: CheckedOptions): MadeRing {
  let result: MadeRing | Refusal = refused('io_uring_setup', -EINVAL);
  for (const attempt of attempts(options)) {
    result = retryLocked(() => attempt(options));
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
  if (typeof fd === 'number') return describe(fd, params, memory);
  // A ring may have been alive for a moment, so its pages may not go back as they are.
  memory.release(kernel);
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
  if (typeof memory !== 'number') return describe(fd, params, memory);
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

/**
 * The kernel gives locked memory back some time after a ring is closed: rings made in a hurry can meet ENOMEM for
 * want of what is already theirs again. Try for as long as that was seen to take, and some more.
 */
function retryLocked(attempt: () => MadeRing | Refusal): MadeRing | Refusal {
  let result = attempt();
  for (
    let pause = 1;
    !('fd' in result) && result.errno === -ENOMEM && pause <= LONGEST_PAUSE_MS;
    pause *= 2
  ) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause);
    result = attempt();
  }
  return result;
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

/** Enough for every kernel: the rings' header has grown and shrunk, 64 to 320 bytes. */
function sizesWanted({ entries, cqEntries, flags }: CheckedOptions): RegionSizes {
  const clamp = (flags & IORING_SETUP_CLAMP) !== 0;
  const sq = powerOfTwo(clamp ? Math.min(entries, MAX_ENTRIES) : entries);
  const wanted = (flags & IORING_SETUP_CQSIZE) !== 0 ? cqEntries : 2 * sq;
  const cq = powerOfTwo(clamp ? Math.min(wanted, 2 * MAX_ENTRIES) : wanted);
  // Beyond its limits the kernel refuses the numbers before it looks at the memory.
  if (sq > MAX_ENTRIES || cq > 2 * MAX_ENTRIES) return { sqRing: 1, cqRing: 0, sqes: 1 };
  return { sqRing: HEADER_BYTES + cq * cqeSize(flags) + sq * 4, cqRing: 0, sqes: sq * sqeSize(flags) };
}

function sizesMade(params: Uint8Array): RegionSizes {
  const p = readStruct(params, io_uring_params);
  const cqEnd = p['cq_off.cqes'] + p.cq_entries * cqeSize(p.flags);
  // Without an SQ array its offset says nothing, and the flags come last.
  const fieldsEnd = 4 + Math.max(p['sq_off.flags'], p['sq_off.dropped']);
  const sqEnd = Math.max(p['sq_off.array'] + p.sq_entries * 4, fieldsEnd);
  const single = (p.features & IORING_FEAT_SINGLE_MMAP) !== 0;
  return {
    sqRing: single ? Math.max(sqEnd, cqEnd) : sqEnd,
    cqRing: single ? 0 : cqEnd,
    sqes: p.sq_entries * sqeSize(p.flags),
  };
}

function describe(fd: number, params: Uint8Array, memory: RingMemory): MadeRing {
  const p = readStruct(params, io_uring_params);
  return {
    fd,
    flags: p.flags,
    features: p.features,
    memory,
    sq: sqLayout(p, memory),
    cq: cqLayout(p, memory),
  };
}

function sqLayout(p: StructValues<typeof io_uring_params>, memory: RingMemory): SqLayout {
  return {
    ring: words(memory.sqRing),
    head: p['sq_off.head'] / 4,
    tail: p['sq_off.tail'] / 4,
    flags: p['sq_off.flags'] / 4,
    dropped: p['sq_off.dropped'] / 4,
    array: (p.flags & IORING_SETUP_NO_SQARRAY) !== 0 ? -1 : p['sq_off.array'] / 4,
    sqes: words(memory.sqes),
    entries: p.sq_entries,
    stride: sqeSize(p.flags) / 4,
    rewind: (p.flags & IORING_SETUP_SQ_REWIND) !== 0,
  };
}

function cqLayout(p: StructValues<typeof io_uring_params>, memory: RingMemory): CqLayout {
  return {
    ring: words(memory.cqRing),
    head: p['cq_off.head'] / 4,
    tail: p['cq_off.tail'] / 4,
    overflow: p['cq_off.overflow'] / 4,
    flags: p['cq_off.flags'] / 4,
    cqes: p['cq_off.cqes'] / 4,
    entries: p.cq_entries,
    stride: cqeSize(p.flags) / 4,
    mixed: (p.flags & IORING_SETUP_CQE_MIXED) !== 0,
  };
}

function words(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
}

function setupError({ errno, syscall }: Refusal, options: CheckedOptions): UringError {
  if (syscall === POLLED_VIEW) return new UringError(errno, 'mmap', POLLED_VIEW);
  return new UringError(errno, syscall, diagnoseSetup(-errno, options, bytesWanted(options)));
}

function bytesWanted(options: CheckedOptions): number {
  const { sqRing, sqes } = sizesWanted(options);
  return sqRing + sqes;
}

const sqeSize = (flags: number): number => ((flags & IORING_SETUP_SQE128) !== 0 ? 128 : 64);
const cqeSize = (flags: number): number => ((flags & IORING_SETUP_CQE32) !== 0 ? 32 : 16);
const powerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(n, 1)));

const USER_ADDR_SQ = io_uring_params.fields['sq_off.user_addr'][0];
const USER_ADDR_CQ = io_uring_params.fields['cq_off.user_addr'][0];
const POLLED_VIEW =
  'A Worker cannot have SQPOLL where the kernel has no memory that outlives it (before Linux 6.5): give `flags: 0`.';
const MAX_ENTRIES = 32768; // IORING_MAX_ENTRIES of the kernel
const HEADER_BYTES = 512;
const LONGEST_PAUSE_MS = 128;
