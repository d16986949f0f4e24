/**
 * The rows, in the order of the table. Every name is that of one row for good: results are compared by it.
 */
import { heapRow } from './heap.ts';
import type { WorkloadName } from './ours.ts';
import { ringRow } from './ring-row.ts';
import { sumRow } from './sum.ts';

/** What every row can use. */
export interface Context {
  readonly quick: boolean;
  /** A folder on a disk, removed at the end. */
  readonly folder: string;
  /** The compiled bench/peers/uring.c; null where it could not be made. */
  readonly liburing: string | null;
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
  /** The ratio to liburing in C that is to be reached. */
  readonly goal?: number;
  measure(context: Context): Promise<Measured>;
}

export const rows: readonly Row[] = [
  ...ringRows('nop', 'nop', { 1: 0.65, 8: 0.75, 32: 0.85, 128: 0.85 }),
  ...ringRows('read', 'read', { 1: 0.75, 8: 0.9, 32: 0.9, 128: 0.9 }),
  ...ringRows('read_fixed', 'read_fixed', { 1: 0.75, 8: 0.9, 32: 0.9, 128: 0.9 }),
  ...ringRows('read O_DIRECT', 'direct', { 1: undefined, 8: undefined, 32: undefined }),
  ...ringRows('sqpoll nop', 'sqpoll', { 1: undefined, 32: undefined }),
  { name: 'encode a read', measure: (context) => ringRow('encode', 1, context) },
  { name: 'sum of 1 GiB', measure: sumRow },
  { name: 'heap growth, nop', measure: (context) => heapRow('nop', context) },
  { name: 'heap growth, read', measure: (context) => heapRow('read', context) },
];

function ringRows(name: string, workload: WorkloadName, goals: Record<number, number | undefined>): Row[] {
  return Object.entries(goals).map(([depth, goal]) => ({
    name: `${name} depth ${depth}`,
    ...(goal === undefined ? {} : { goal }),
    measure: (context) => ringRow(workload, Number(depth), context),
  }));
}
