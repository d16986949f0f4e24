/**
 * What `sum` counts and measures while it works.
 */
import type { RingCounts } from '../ring-info.ts';

export interface Figures {
  /** Bytes that were hashed. */
  bytes: number;
  /** Those of them that node:fs read, for want of a ring or because the ring could not read that file. */
  plainBytes: number;
  /** Milliseconds in all, from the first file to the last. */
  total: number;
  /** Milliseconds in the hash. */
  hashing: number;
  /** Milliseconds in which there was nothing to hash: the kernel was still reading. */
  waiting: number;
  /** How it was read. */
  equipment: EquipmentInfo;
  /** What the ring did; undefined without a ring. */
  counts: RingCounts | undefined;
}

/** What was to be had of what `sum` would like, each `true`, or a sentence that says why not. */
export interface EquipmentInfo {
  ring: true | string;
  sqpoll: true | string;
  fixedBuffers: true | string;
  fixedFiles: true | string;
  /** How the ring's memory was had: `no_mmap`, `overlay` or `view`; undefined without a ring. */
  memory: string | undefined;
  buffers: number;
  bufferBytes: number;
}

/** Figures at the start. */
export function newFigures(equipment: EquipmentInfo): Figures {
  return { bytes: 0, plainBytes: 0, total: 0, hashing: 0, waiting: 0, equipment, counts: undefined };
}
