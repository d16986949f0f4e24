/**
 * How large a ring's memory is, and where what lies in it.
 */
import {
  IORING_FEAT_SINGLE_MMAP,
  IORING_SETUP_CLAMP,
  IORING_SETUP_CQE_MIXED,
  IORING_SETUP_CQE32,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_SQ_REWIND,
  IORING_SETUP_SQE_MIXED,
  IORING_SETUP_SQE128,
} from '../syscalls/constants/setup.ts';
import { io_uring_params } from '../syscalls/layouts/ring.ts';
import { readStruct, type StructValues } from '../syscalls/struct.ts';
import type { CqLayout } from './cq.ts';
import type { RegionSizes, RingMemory } from './ring-memory.ts';
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

/** What a ring is asked for. */
export interface Sizes {
  readonly entries: number;
  /** Counts with IORING_SETUP_CQSIZE only. */
  readonly cqEntries: number;
  readonly flags: number;
}

/** Enough for every kernel: the rings' header has grown and shrunk, 64 to 320 bytes. */
export function sizesWanted({ entries, cqEntries, flags }: Sizes): RegionSizes {
  const clamp = (flags & IORING_SETUP_CLAMP) !== 0;
  const sq = powerOfTwo(clamp ? Math.min(entries, MAX_ENTRIES) : entries);
  const wanted = (flags & IORING_SETUP_CQSIZE) !== 0 ? cqEntries : 2 * sq;
  const cq = powerOfTwo(clamp ? Math.min(wanted, 2 * MAX_ENTRIES) : wanted);
  // Beyond its limits the kernel refuses the numbers before it looks at the memory.
  if (sq > MAX_ENTRIES || cq > 2 * MAX_ENTRIES) return { sqRing: 1, cqRing: 0, sqes: 1 };
  return { sqRing: HEADER_BYTES + cq * cqeSize(flags) + sq * 4, cqRing: 0, sqes: sq * sqeSize(flags) };
}

/** What the kernel made, by the params that it filled in. */
export function sizesMade(params: Uint8Array): RegionSizes {
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

/** The ring that the kernel described in `params`. */
export function describeRing(fd: number, params: Uint8Array, memory: RingMemory): MadeRing {
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
    mixed: (p.flags & IORING_SETUP_SQE_MIXED) !== 0,
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

/** Bytes as the 32-bit words that they are. */
export function words(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
}

/** The next power of two, as the kernel rounds up. */
export const powerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(n, 1)));
const sqeSize = (flags: number): number => ((flags & IORING_SETUP_SQE128) !== 0 ? 128 : 64);
const cqeSize = (flags: number): number => ((flags & IORING_SETUP_CQE32) !== 0 ? 32 : 16);

/** IORING_MAX_ENTRIES of the kernel. */
export const MAX_ENTRIES = 32768;
const HEADER_BYTES = 512;
