/**
 * One row in a process of its own, so that no row finds code that another one has optimized or spoilt: rounds of the
 * peer in C, ours and the peers of node:fs, one after the other, because a shared machine is never equally fast for
 * long. Started by bench/ring-row.ts with a RowTask in JSON; prints a RowResult in JSON.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Data } from './files.ts';
import { type PeerResult, peerInC } from './liburing.ts';
import { measured, Rounds } from './measure.ts';
import { asynchronous, sync } from './node-fs.ts';
import { ours, type WorkloadName } from './ours.ts';

export interface RowTask {
  readonly workload: WorkloadName;
  readonly depth: number;
  readonly data: Data;
  /** The compiled peers in C, if there are any, and which of them it is. */
  readonly liburing: string | null;
  readonly peer: string;
  /** Another workload of ours that takes part as a peer. */
  readonly beside: Beside | null;
  /** Whether Node has a UV_USE_IO_URING of which a column is wanted. */
  readonly uv: boolean;
  readonly rounds: number;
  /** In how many of them the asynchronous peers take part: slower by factors, so that few rounds tell enough. */
  asyncRounds: number;
  /** Milliseconds that ours runs unmeasured before the first round. */
  readonly warmUp: number;
  /** Milliseconds of each measurement. */
  readonly time: number;
}

export interface Beside {
  /** Of its column. */
  readonly name: string;
  readonly workload: WorkloadName;
}

export interface RowResult {
  readonly ours: number;
  readonly peers: Record<string, number>;
  readonly note?: string;
}

/** A second process, started with UV_USE_IO_URING=1, measures only the asynchronous peers. */
export interface UvTask {
  readonly uvOnly: true;
  readonly depth: number;
  readonly data: Data;
  readonly direct: boolean;
  readonly time: number;
}

const task: RowTask | UvTask = JSON.parse(process.argv[2]);
const result = 'uvOnly' in task ? await uvOnly(task) : await row(task);
process.stdout.write(`${JSON.stringify(result)}\n`);

async function row(task: RowTask): Promise<RowResult> {
  const { workload, depth, data, beside, time } = task;
  const direct = workload === 'direct';
  const isRead = direct || workload === 'read' || workload === 'read_fixed';
  const seen = new Rounds();
  let note: string | undefined;

  measured(ours(workload, depth, data), task.warmUp);
  if (beside !== null) measured(ours(beside.workload, depth, data), task.warmUp);
  for (let round = 0; round < task.rounds; round++) {
    if (task.liburing !== null) {
      const file = isRead ? data : null;
      const peer: PeerResult = peerInC(task.liburing, task.peer, depth, time, file);
      seen.note('liburing', peer.ns);
      note = peer.note;
    }
    seen.note('ours', measured(ours(workload, depth, data), time));
    if (beside !== null) seen.note(beside.name, measured(ours(beside.workload, depth, data), time));
    if (!isRead) continue;
    seen.note('fs.readSync', measured(sync(data, direct), time));
    if (round >= task.asyncRounds) continue;
    const { callback, promise } = await asynchronous(data, depth, direct, time);
    seen.note('fs.read', callback);
    seen.note('FileHandle.read', promise);
    if (!task.uv) continue;
    const uv = await inChild({ uvOnly: true, depth, data, direct, time });
    seen.note('fs.read UV_USE_IO_URING', uv.callback);
    seen.note('FileHandle.read UV_USE_IO_URING', uv.promise);
  }
  const { ours: mine, ...peers } = seen.medians();
  return { ours: mine, peers, ...(note === undefined ? {} : { note }) };
}

function uvOnly({ data, depth, direct, time }: UvTask): Promise<{ callback: number; promise: number }> {
  return asynchronous(data, depth, direct, time);
}

async function inChild(task: UvTask): Promise<{ callback: number; promise: number }> {
  const args = [...process.execArgv, fileURLToPath(import.meta.url), JSON.stringify(task)];
  const env = { ...process.env, UV_USE_IO_URING: '1' };
  return JSON.parse((await promisify(execFile)(process.execPath, args, { env })).stdout);
}
