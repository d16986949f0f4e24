/**
 * What an engine can be asked for, checked.
 */
import { checkInteger, checkUint32, invalidType, invalidValue } from '../../syscalls/invalid.ts';
import type { Kernel } from '../../syscalls/kernel.ts';

/** Options of `new IoUring`. */
export interface EngineOptions {
  /** Entries of the submission queue: how many operations go to the kernel with one system call. Default 256. */
  entries?: number;
  /** Entries of the completion queue. Default 4,096, or twice `entries` when that is more. */
  cqEntries?: number;
  /** Whether the kernel's own thread takes the submissions. It acts with the identity that the process has now. */
  sqpoll?: boolean;
  /** With `sqpoll`: milliseconds without work until that thread sleeps. Default 2,000. */
  sqThreadIdle?: number;
  /** How many buffers there are for what is received without memory of yours, a power of two. Default 128. */
  bufferCount?: number;
  /** The bytes of each of them. Default 16,384. */
  bufferSize?: number;
  /**
   * Slots for files without descriptors. Default 1,024; fewer where a process may not have so many files. One half is given
   * out by `fixedFile` and its kin, the other one (since Linux 6.3) by the kernel to `multishotAcceptDirect`.
   */
  fixedFiles?: number;
  /** What stands in for the Linux kernel. */
  kernel?: Kernel;
}

export interface CheckedEngineOptions {
  readonly entries: number;
  readonly cqEntries: number;
  readonly sqpoll: boolean;
  readonly sqThreadIdle: number;
  readonly bufferCount: number;
  readonly bufferSize: number;
  readonly fixedFiles: number;
  readonly kernel: Kernel | undefined;
}

/** @throws TypeError, RangeError. */
export function checkEngineOptions(options: EngineOptions): CheckedEngineOptions {
  if (typeof options !== 'object' || options === null)
    throw invalidType('options', 'of type object', options);
  const { sqpoll = false, kernel } = options;
  if (typeof sqpoll !== 'boolean') throw invalidType('options.sqpoll', 'of type boolean', sqpoll);
  const entries = checkInteger('options.entries', options.entries ?? 256, 1, 32_768);
  return {
    entries,
    cqEntries: checkInteger('options.cqEntries', options.cqEntries ?? Math.max(4096, 2 * entries), 1, 65_536),
    sqpoll,
    sqThreadIdle: checkUint32('options.sqThreadIdle', options.sqThreadIdle ?? 2000),
    bufferCount: powerOfTwo('options.bufferCount', options.bufferCount ?? 128),
    bufferSize: checkInteger('options.bufferSize', options.bufferSize ?? 16_384, 1, 2 ** 30),
    fixedFiles: checkInteger('options.fixedFiles', options.fixedFiles ?? 1024, 1, 1_048_576),
    kernel,
  };
}

function powerOfTwo(name: string, value: number): number {
  checkInteger(name, value, 1, 32_768);
  if ((value & (value - 1)) !== 0) throw invalidValue(name, value, 'must be a power of two');
  return value;
}
