/**
 * Our side of the rows that drive a ring: what the workload of the same name in bench/peers/ does, step by step the
 * same, by an IoUringState.
 */
import { type EncodeName, encodeWorkloads } from './encode.ts';
import type { Data } from './files.ts';
import type { Maker, Workload } from './measure.ts';
import { type OperationName, operationWorkloads } from './operations.ts';
import { type ReceiveName, receiveWorkloads } from './receive.ts';
import { type RecycleName, recycleWorkloads } from './recycle.ts';
import { type WaitName, waitWorkloads } from './waits.ts';

export type WorkloadName = OperationName | EncodeName | RecycleName | ReceiveName | WaitName;

/** A workload on a ring of its own. */
export function ours(name: WorkloadName, depth: number, data: Data): Workload {
  return makers[name](depth, data);
}

const makers: Readonly<Record<WorkloadName, Maker>> = {
  ...operationWorkloads,
  ...encodeWorkloads,
  ...recycleWorkloads,
  ...receiveWorkloads,
  ...waitWorkloads,
};
