/**
 * The rows, in the order of the table. Every name is that of one row for good: results are compared by it.
 */
import type { FamilyName } from './encode.ts';
import { engineRows } from './engine-rows.ts';
import { fsRows } from './fs-rows.ts';
import { heapRow } from './heap.ts';
import type { EchoPrograms } from './liburing.ts';
import {
  type Need,
  needsBufferRings,
  needsMessages,
  needsRecvMultishot,
  needsRestrictions,
  needsRingFds,
  needsWaitRegions,
} from './needs.ts';
import type { WorkloadName } from './ours.ts';
import { type RowDetails, ringRow } from './ring-row.ts';
import { sumRow } from './sum.ts';
import { threadsRow } from './threads.ts';

/** What every row can use. */
export interface Context {
  readonly quick: boolean;
  /** A folder on a disk, removed at the end. */
  readonly folder: string;
  /** The compiled peers in C; null where they could not be made. */
  readonly liburing: string | null;
  /** The programs of the echo; null where they could not be made. */
  readonly echo: EchoPrograms | null;
  /** Whether this Node has UV_USE_IO_URING. */
  readonly uv: boolean;
}

/** What a row measured. */
export interface Measured {
  /** The median of ours, in nanoseconds for one operation (or in `unit`). */
  readonly ours: number;
  /** The same of each peer. */
  readonly peers: Readonly<Record<string, number>>;
  /** When not ns/op. */
  readonly unit?: string;
  /** What else there is to say. */
  readonly note?: string;
}

export interface Row {
  readonly name: string;
  /** The ratio to a peer that is to be reached. */
  readonly goals?: Readonly<Record<string, number>>;
  /** What ours is not to exceed, in the unit of the row. */
  readonly limit?: number;
  /** What the kernel, or the system, must have for it. */
  needs?(context: Context): string | null;
  measure(context: Context): Promise<Measured>;
}

const ENCODED =
  'getSqe, read, userData, stageSqe; io_uring_get_sqe, _prep_read, _sqe_set_data64: nothing is submitted';
const HELD = 'held by the ring until the completion, 128 at a time; the peer is given an address';
const RECYCLED = 'recycle, publish; io_uring_buf_ring_add, _advance: the kernel takes none of them';
const SOCKETS = 'messages of 64 bytes, sent by the same system call';

/** Those whose entries are encoded from numbers alone, in the order of the table. */
const FAMILIES = [
  'nop',
  'read_fixed',
  'readv',
  'send',
  'sendmsg',
  'accept',
  'openat',
  'statx',
  'timeout',
  'poll_add',
  'cancel',
  'splice',
  'msg_ring',
] as const;

export const rows: readonly Row[] = [
  ...ringRows('nop', 'nop', { 1: 0.65, 8: 0.75, 32: 0.85, 128: 0.85 }),
  ...ringRows('read', 'read', { 1: 0.75, 8: 0.9, 32: 0.9, 128: 0.9 }),
  ...ringRows('read_fixed', 'read_fixed', { 1: 0.75, 8: 0.9, 32: 0.9, 128: 0.9 }),
  ...ringRows('read O_DIRECT', 'direct', { 1: undefined, 8: undefined, 32: undefined }),
  ...ringRows('sqpoll nop', 'sqpoll', { 1: undefined, 32: undefined }),
  oneRow('nop depth 1, registered fd', 'nop_registered_fd', { needs: needsRingFds }),
  oneRow('nop depth 1, time limit', 'nop_timeout'),
  oneRow('nop depth 1, registered wait', 'nop_registered_wait', {
    needs: needsWaitRegions,
    beside: { name: 'submitAndWait', workload: 'nop_timeout' },
  }),
  oneRow('wait in vain', 'wait_timeout'),
  oneRow('registered wait in vain', 'wait_registered', {
    needs: needsWaitRegions,
    beside: { name: 'submitAndWait', workload: 'wait_timeout' },
  }),
  encodeRow('a read', 'read', ENCODED),
  ...FAMILIES.map((family) => encodeRow(family, family)),
  heldRow('a read, Buffer', 'read_held', 'read'),
  heldRow('readv, Iovecs', 'readv_held', 'readv'),
  heldRow('sendmsg, Msghdr', 'sendmsg_held', 'sendmsg'),
  heldRow('openat, string', 'openat_string', 'openat'),
  recycleRow('recycle a buffer', 1),
  recycleRow('recycle 32 buffers', 32),
  oneRow('recv depth 32', 'recv', { depth: 32, note: SOCKETS }),
  oneRow('recv multishot depth 32', 'recv_multishot', {
    depth: 32,
    needs: needsRecvMultishot,
    beside: { name: 'recv, one for each', workload: 'recv' },
    note: SOCKETS,
  }),
  {
    name: 'msg_ring between threads',
    needs: needsMessages,
    measure: (context) => threadsRow('msg_ring', context, 'there and back'),
  },
  {
    name: 'nop, shared ring',
    measure: (context) =>
      threadsRow('shared_ring', context, 'one thread submits, SQPOLL takes, another thread reaps'),
  },
  { name: 'sum of 1 GiB', measure: sumRow },
  { name: 'heap growth, nop', measure: (context) => heapRow('nop', context) },
  { name: 'heap growth, read', measure: (context) => heapRow('read', context) },
  ...engineRows,
  ...fsRows,
];

function ringRows(name: string, workload: WorkloadName, goals: Record<number, number | undefined>): Row[] {
  return Object.entries(goals).map(([depth, goal]) => ({
    name: `${name} depth ${depth}`,
    ...(goal === undefined ? {} : { goals: { liburing: goal } }),
    measure: (context) => ringRow(workload, Number(depth), context),
  }));
}

function oneRow(
  name: string,
  workload: WorkloadName,
  details: RowDetails & { readonly depth?: number; readonly needs?: Need } = {},
): Row {
  const { depth = 1, needs, ...others } = details;
  return {
    name,
    ...(needs === undefined ? {} : { needs }),
    measure: (context) => ringRow(workload, depth, context, others),
  };
}

function encodeRow(what: string, family: FamilyName, note?: string): Row {
  return oneRow(`encode ${what}`, `encode_${family}`, {
    depth: 4096,
    needs: needsRestrictions,
    ...(note === undefined ? {} : { note }),
  });
}

/** What the peer is given as an address. */
function heldRow(what: string, family: FamilyName, peer: FamilyName): Row {
  return oneRow(`encode ${what}`, `encode_${family}`, {
    depth: 128,
    needs: needsRestrictions,
    peer: `encode_${peer}`,
    note: HELD,
  });
}

function recycleRow(name: string, depth: number): Row {
  return oneRow(name, 'recycle', { depth, needs: needsBufferRings, note: RECYCLED });
}
