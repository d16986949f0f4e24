/**
 * The ring that `sum` reads through, with as much as this system gives: it is tried for, and what is refused is done
 * without.
 */
import { availableParallelism } from 'node:os';
import { IORING_FEAT_SQPOLL_NONFIXED, IORING_SETUP_SQPOLL } from '../../syscalls/constants/setup.ts';
import { ENOMEM } from '../../syscalls/errno.ts';
import { UringError } from '../../syscalls/error.ts';
import type { Kernel } from '../../syscalls/kernel.ts';
import { allocatePages, pageSize, SharedPages } from '../../syscalls/memory.ts';
import type { IoUringOptions } from '../options.ts';
import { IoUringState } from '../state.ts';
import type { EquipmentInfo } from './figures.ts';

/** What is wanted. */
export interface Wanted {
  /** Reads in flight at most, a buffer for each. */
  readonly buffers: number;
  /** Bytes of each, a whole number of pages. */
  readonly bufferBytes: number;
  /** False: do without SQPOLL. Default: with it, unless there is only one CPU. */
  readonly sqpoll?: boolean | undefined;
  /** What stands in for the Linux kernel. */
  readonly kernel?: Kernel | undefined;
}

/** What was had. */
export interface Equipment {
  readonly ring: IoUringState;
  /** One buffer of `stride` bytes for each read: `bufferBytes` and a spare page behind them. */
  readonly pages: SharedPages;
  readonly stride: number;
  readonly fixedBuffers: boolean;
  readonly fixedFiles: boolean;
  readonly info: EquipmentInfo;
}

/** Makes the ring; `info` alone, which says why, where there can be none. */
export function equip(wanted: Wanted): Equipment | EquipmentInfo {
  const info: EquipmentInfo = {
    ring: true,
    sqpoll: true,
    fixedBuffers: true,
    fixedFiles: true,
    memory: undefined,
    buffers: wanted.buffers,
    bufferBytes: wanted.bufferBytes,
  };
  let ring: IoUringState | undefined;
  try {
    const stride = wanted.bufferBytes + pageSize();
    const pages = allocatePages(wanted.buffers * stride);
    ring = makeRing(wanted, info);
    info.memory = ring.memory.kind;
    const fixedBuffers = registerBuffers(ring, pages, stride, info);
    const fixedFiles = registerFiles(ring, info.buffers, info);
    return { ring, pages, stride, fixedBuffers, fixedFiles, info };
  } catch (error) {
    ring?.close();
    info.ring = reason(error);
    return info;
  }
}

function makeRing(wanted: Wanted, info: EquipmentInfo): IoUringState {
  // A read and one behind it for each buffer.
  const entries = 2 * wanted.buffers;
  const base: IoUringOptions = wanted.kernel === undefined ? {} : { kernel: wanted.kernel };
  if (wanted.sqpoll === false) info.sqpoll = 'not asked for';
  // The kernel's thread would take turns with the hash on the one CPU there is.
  else if (wanted.sqpoll === undefined && availableParallelism() === 1) info.sqpoll = 'there is only one CPU';
  if (info.sqpoll !== true) return new IoUringState(entries, { ...base, flags: 0 });
  try {
    const ring = new IoUringState(entries, { ...base, flags: IORING_SETUP_SQPOLL, sqThreadIdle: IDLE_MS });
    if ((ring.features & IORING_FEAT_SQPOLL_NONFIXED) !== 0) return ring;
    ring.close();
    info.sqpoll = 'this kernel takes only registered files with it (Linux 5.11 takes any)';
  } catch (error) {
    info.sqpoll = reason(error);
  }
  return new IoUringState(entries, { ...base, flags: 0 });
}

/** Registers all buffers, or as many as the limit of locked memory permits: the others are then done without. */
function registerBuffers(
  ring: IoUringState,
  pages: SharedPages,
  stride: number,
  info: EquipmentInfo,
): boolean {
  for (let count = info.buffers; ; count = Math.floor(count / 2)) {
    try {
      const part = (i: number) => new SharedPages(pages.buffer, pages.byteOffset + i * stride, stride);
      ring.registerBuffers(Array.from({ length: count }, (_, i) => part(i)));
      info.buffers = count;
      return true;
    } catch (error) {
      const why = reason(error);
      if (error instanceof UringError && error.errno === -ENOMEM && count >= 2 * FEWEST) continue;
      info.fixedBuffers = why;
      return false;
    }
  }
}

/** An empty slot for every file that can be open at a time: each has a buffer at least. */
function registerFiles(ring: IoUringState, slots: number, info: EquipmentInfo): boolean {
  try {
    ring.registerFiles(new Int32Array(slots).fill(-1));
  } catch (error) {
    info.fixedFiles = reason(error);
  }
  return info.fixedFiles === true;
}

/** Why the kernel refused, or memory could not be had. Throws on anything else: that would be a fault of ours. */
function reason(error: unknown): string {
  if (error instanceof UringError) return `${error.code}: ${error.fix}`;
  if (error instanceof RangeError) return error.message;
  throw error;
}

/** Registered buffers are worth having from this many on. */
const FEWEST = 4;

/**
 * Milliseconds until the kernel's thread sleeps. While there is something to hash it is never without work for this
 * long; when a pipe or a disk makes us wait, it should not burn a CPU for as long as it does by default.
 */
const IDLE_MS = 100;
