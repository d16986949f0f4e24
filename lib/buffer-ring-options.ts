/**
 * What a BufferRing can be asked for, checked.
 */
import { checkInteger, checkUint32, invalidType, invalidValue, outOfRange } from '../syscalls/invalid.ts';
import { SharedPages } from '../syscalls/memory.ts';
import { checkEntries } from './register/buffer-rings.ts';

/** Options of a BufferRing. */
export interface BufferRingOptions {
  /** The number by which requests name it, 0 to 65,535: `sqe.bufIndex`, with IOSQE_BUFFER_SELECT. */
  group: number;
  /** How many buffers can be with the kernel at a time: a power of two, at most 32,768. */
  entries: number;
  /**
   * The bytes of each buffer: then `entries` buffers with the IDs from 0 on are there from the beginning, one behind the
   * other. Left out, you give your own with `add`. A multiple of 64 spares some CPUs from copying slowly.
   */
  bufferSize?: number;
  /** Memory for these buffers, to use it again. Default: new pages. */
  pages?: SharedPages;
  /** Whether the kernel has these buffers from the beginning, to receive into them. Default true; false for sending. */
  provide?: boolean;
  /**
   * Whether a buffer is filled by one completion after the other until it is used up (IOU_PBUF_RING_INC, since Linux
   * 6.12), not given back after the first. Default false.
   */
  incremental?: boolean;
  /** With `incremental`: a buffer with fewer bytes left than this is used up. Since Linux 7.1. */
  minLeft?: number;
  /**
   * Where the entries are: `user`, in pages of ours that the kernel pins (default); `mmap`, in pages of the kernel's that
   * are mapped (IOU_PBUF_RING_MMAP, since Linux 6.4), which no limit of locked memory counts.
   */
  memory?: BufferRingMemoryKind;
}

/** Where the entries of a BufferRing are. */
export type BufferRingMemoryKind = 'user' | 'mmap';

/** Options with their defaults filled in; `bufferSize` 0 for none. */
export interface CheckedBufferRingOptions {
  readonly group: number;
  readonly entries: number;
  readonly bufferSize: number;
  readonly pages: SharedPages | undefined;
  readonly provide: boolean;
  readonly incremental: boolean;
  readonly minLeft: number;
  readonly memory: BufferRingMemoryKind;
}

export function checkBufferRingOptions(options: BufferRingOptions): CheckedBufferRingOptions {
  if (typeof options !== 'object' || options === null)
    throw invalidType('options', 'of type object', options);
  const { group, entries, bufferSize, pages, memory = 'user', minLeft = 0 } = options;
  const incremental = checkBoolean('options.incremental', options.incremental ?? false);
  if (memory !== 'user' && memory !== 'mmap')
    throw invalidValue('options.memory', memory, "must be one of 'user', 'mmap'");
  if (checkUint32('options.minLeft', minLeft) > 0 && !incremental)
    throw invalidValue('options.minLeft', minLeft, 'needs options.incremental');
  const checked = {
    group: checkInteger('options.group', group, 0, 0xffff),
    entries: checkEntries('options.entries', entries),
    bufferSize:
      bufferSize === undefined
        ? 0
        : checkInteger('options.bufferSize', bufferSize, Math.max(minLeft, 1), MAX_BYTES),
    pages,
    provide: checkBoolean('options.provide', options.provide ?? bufferSize !== undefined),
    incremental,
    minLeft,
    memory,
  };
  checkArena(checked);
  return checked;
}

function checkArena({ entries, bufferSize, pages, provide }: CheckedBufferRingOptions): void {
  if (bufferSize === 0 && provide) throw invalidValue('options.provide', provide, 'needs options.bufferSize');
  if (pages === undefined) return;
  if (!(pages instanceof SharedPages))
    throw invalidType('options.pages', 'an instance of SharedPages', pages);
  if (bufferSize === 0) throw invalidValue('options.pages', pages, 'needs options.bufferSize');
  const least = entries * bufferSize;
  if (pages.byteLength < least)
    throw outOfRange('options.pages.byteLength', `>= ${least}, entries * bufferSize`, pages.byteLength);
}

function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalidType(name, 'of type boolean', value);
  return value;
}

/** What the kernel can count in the length of one buffer: older ones take it for signed. */
export const MAX_BYTES = 0x7fff_ffff;
