/**
 * What a ring tells of itself.
 */
import type { MemoryKind } from './ring-memory.ts';

/** Numbers of a ring since it was made. */
export interface RingCounts {
  /** Entries that were published. */
  sqes: number;
  /** Completions that were acknowledged. */
  cqes: number;
  /** Calls of io_uring_enter. */
  enters: number;
  /** Those of them that woke the SQPOLL thread. */
  wakeups: number;
}

/** The ring's memory as `ring.memory` tells it. */
export interface RingMemoryInfo {
  /** How it was had: see MemoryKind. */
  readonly kind: MemoryKind;
  /** What the rings lie in: a SharedArrayBuffer that can be posted to Workers, except for kind `view`. */
  readonly buffer: SharedArrayBuffer | ArrayBuffer;
  /** The SQ and the CQ ring: the same bytes where one mapping holds both. */
  readonly sqRing: Uint8Array;
  readonly cqRing: Uint8Array;
  /** The submission entries. */
  readonly sqes: Uint8Array;
}
