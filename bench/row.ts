/**
 * One row in a process of its own, so that no row finds code that another one has optimized or spoilt: rounds of the
 * peer in C, ours and the peers of node:fs, one after the other, because a shared machine is never equally fast for
 * long. Started by bench/ring-row.ts with a RowTask in JSON; prints a RowResult in JSON.
 */
import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { medianOf, nsPerOp, type Workload } from './measure.ts';
import { asynchronous, sync } from './node-fs.ts';
import { type Data, ours, type WorkloadName } from './ours.ts';

export interface RowTask {
  readonly workload: WorkloadName;
  readonly depth: number;
  readonly data: Data;
  /** The compiled bench/peers/uring.c, if there is one. */
  readonly liburing: string | null;
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

export interface RowResult {
  readonly ours: number;
  readonly peers: Record<string, number>;
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
  const { workload, depth, data, time } = task;
  const direct = workload === 'direct';
  const isRead = direct || workload === 'read' || workload === 'read_fixed';
  const seen = new Map<string, number[]>();
  const note = (name: string, ns: number): void => void (seen.get(name)?.push(ns) ?? seen.set(name, [ns]));

  measured(ours(workload, depth, data), task.warmUp);
  for (let round = 0; round < task.rounds; round++) {
    if (task.liburing !== null) note('liburing', peerInC(task.liburing, task));
    note('ours', measured(ours(workload, depth, data), time));
    if (!isRead) continue;
    note('fs.readSync', measured(sync(data, direct), time));
    if (round >= task.asyncRounds) continue;
    const { callback, promise } = await asynchronous(data, depth, direct, time);
    note('fs.read', callback);
    note('FileHandle.read', promise);
    if (!task.uv) continue;
    const uv = await inChild({ uvOnly: true, depth, data, direct, time });
    note('fs.read UV_USE_IO_URING', uv.callback);
    note('FileHandle.read UV_USE_IO_URING', uv.promise);
  }
  const medians = Object.fromEntries([...seen].map(([name, values]) => [name, medianOf(values)]));
  const { ours: mine, ...peers } = medians;
  return { ours: mine, peers };
}

function measured(workload: Workload, milliseconds: number): number {
  try {
    return nsPerOp(workload, milliseconds);
  } finally {
    workload.close();
  }
}

function peerInC(program: string, { workload, depth, time, data }: RowTask): number {
  const file = workload === 'nop' || workload === 'sqpoll' || workload === 'encode';
  const args = [workload, String(depth), String(time), ...(file ? [] : [data.path, String(data.blocks)])];
  return JSON.parse(execFileSync(program, args, { encoding: 'utf8' })).ns;
}

function uvOnly({ data, depth, direct, time }: UvTask): Promise<{ callback: number; promise: number }> {
  return asynchronous(data, depth, direct, time);
}

async function inChild(task: UvTask): Promise<{ callback: number; promise: number }> {
  const args = [...process.execArgv, fileURLToPath(import.meta.url), JSON.stringify(task)];
  const env = { ...process.env, UV_USE_IO_URING: '1' };
  return JSON.parse((await promisify(execFile)(process.execPath, args, { env })).stdout);
}
