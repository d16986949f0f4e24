/**
 * What a ring can be asked for, checked.
 */
import {
  IORING_SETUP_ATTACH_WQ,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_NO_MMAP,
  IORING_SETUP_REGISTERED_FD_ONLY,
  IORING_SETUP_SQ_AFF,
  IORING_SETUP_SQPOLL,
} from '../syscalls/constants/setup.ts';
import { checkFd, checkInteger, checkUint32, invalidType, invalidValue } from '../syscalls/invalid.ts';
import { type Kernel, linux } from '../syscalls/kernel.ts';
import type { MemoryKind } from './ring-memory.ts';

/** Options of a ring: io_uring_setup(2)'s parameters, and how its memory shall be had. */
export interface IoUringOptions {
  /** IORING_SETUP_… flags. Default: IORING_SETUP_SQPOLL. 0 for a ring that submits by io_uring_enter. */
  flags?: number;
  /** With SQPOLL: milliseconds without work until the kernel's thread sleeps. Default 2,000. */
  sqThreadIdle?: number;
  /** With SQPOLL: the CPU that the kernel's thread is bound to. Sets IORING_SETUP_SQ_AFF. */
  sqThreadCpu?: number;
  /** Entries of the completion queue, rounded up to a power of two. Default: twice `entries`. Sets CQSIZE. */
  cqEntries?: number;
  /** The fd of a ring whose worker threads (and SQPOLL thread) are to be shared. Sets IORING_SETUP_ATTACH_WQ. */
  wqFd?: number;
  /** Accept only this kind of memory. Default: the first that the kernel permits of no_mmap, overlay, view. */
  memory?: MemoryKind;
  /** Whether there shall be an SQ array. Default: not where the kernel can do without (Linux 6.6). */
  sqArray?: boolean;
  /** What stands in for the Linux kernel. */
  kernel?: Kernel;
}

/** Options with their defaults filled in. */
export interface CheckedOptions {
  readonly entries: number;
  readonly flags: number;
  /** Whether flags were given: what was only assumed may be left out. */
  readonly flagsGiven: boolean;
  readonly sqThreadIdle: number;
  readonly sqThreadCpu: number;
  readonly cqEntries: number;
  readonly wqFd: number;
  readonly memory: MemoryKind | undefined;
  readonly sqArray: boolean | undefined;
  readonly kernel: Kernel;
}

/** Checks types and ranges. What the kernel may think of the values is left to it. */
export function checkOptions(entries: number, options: IoUringOptions): CheckedOptions {
  checkUint32('entries', entries);
  if (typeof options !== 'object' || options === null)
    throw invalidType('options', 'of type object', options);
  const { sqThreadIdle = 2000, sqThreadCpu, cqEntries, wqFd, memory, sqArray, kernel = linux } = options;
  let flags = checkUint32('options.flags', options.flags ?? IORING_SETUP_SQPOLL);
  if (sqThreadCpu !== undefined) flags |= IORING_SETUP_SQ_AFF;
  if (cqEntries !== undefined) flags |= IORING_SETUP_CQSIZE;
  if (wqFd !== undefined) flags |= IORING_SETUP_ATTACH_WQ;
  if (memory !== undefined && !KINDS.includes(memory))
    throw invalidValue('options.memory', memory, `must be one of '${KINDS.join("', '")}'`);
  if (memory !== undefined && memory !== 'no_mmap' && (flags & OWN_MEMORY) !== 0)
    throw invalidValue(
      'options.memory',
      memory,
      'cannot be had with IORING_SETUP_NO_MMAP or REGISTERED_FD_ONLY',
    );
  if (sqArray !== undefined && typeof sqArray !== 'boolean')
    throw invalidType('options.sqArray', 'of type boolean', sqArray);
  return {
    entries,
    flags: flags >>> 0,
    flagsGiven: options.flags !== undefined,
    sqThreadIdle: checkUint32('options.sqThreadIdle', sqThreadIdle),
    sqThreadCpu: checkUint32('options.sqThreadCpu', sqThreadCpu ?? 0),
    cqEntries: checkInteger('options.cqEntries', cqEntries ?? 0, 0, 0xffff_ffff),
    wqFd: checkFd('options.wqFd', wqFd ?? 0),
    memory,
    sqArray,
    kernel,
  };
}

/** Flags with which the kernel takes memory of ours and no other. */
const OWN_MEMORY: number = IORING_SETUP_NO_MMAP | IORING_SETUP_REGISTERED_FD_ONLY;
const KINDS: readonly MemoryKind[] = ['no_mmap', 'overlay', 'view'];
