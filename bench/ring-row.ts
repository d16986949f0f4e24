/**
 * A row that drives a ring: runs bench/row.ts in a process of its own.
 */
import { join } from 'node:path';
import { randomFile } from './files.ts';
import type { WorkloadName } from './ours.ts';
import { runScript } from './processes.ts';
import type { RowResult, RowTask } from './row.ts';
import type { Context, Measured } from './rows.ts';

export async function ringRow(workload: WorkloadName, depth: number, context: Context): Promise<Measured> {
  const { quick, folder, liburing, uv } = context;
  const task: RowTask = {
    workload,
    depth,
    data: workload === 'direct' ? await direct(folder) : await cached(folder),
    liburing,
    uv,
    rounds: quick ? 5 : 15,
    asyncRounds: quick ? 1 : 5,
    warmUp: quick ? 150 : 500,
    time: quick ? 25 : 100,
  };
  // READ_FIXED has the asynchronous peers that READ had: a quick run does not measure them twice.
  const same = workload === 'read_fixed' && quick ? asynchronous.get(depth) : undefined;
  if (same !== undefined) task.asyncRounds = 0;
  const { ours, peers }: RowResult = JSON.parse(await runScript('row.ts', [JSON.stringify(task)]));
  if (workload === 'read') asynchronous.set(depth, slow(peers));
  const note = NOTES[workload];
  return { ours, peers: { ...peers, ...same }, ...(note === undefined ? {} : { note }) };
}

/** What `read` found of the asynchronous peers, by depth. */
const asynchronous = new Map<number, Record<string, number>>();

function slow(peers: Record<string, number>): Record<string, number> {
  const names = Object.keys(peers).filter((name) => /^(fs\.read|FileHandle\.read)( |$)/.test(name));
  return Object.fromEntries(names.map((name) => [name, peers[name]]));
}

/** Of a size that stays in the page cache, and mostly in the processor's own. */
const cached = (folder: string) => randomFile(join(folder, 'cached'), 256);
/** Read past the cache, so large enough that no disk serves it from its first track. */
const direct = (folder: string) => randomFile(join(folder, 'direct'), 16_384);

const NOTES: Partial<Record<WorkloadName, string>> = {
  sqpoll: 'polled by both: no system call',
  encode:
    'getSqe, read, userData, stageSqe; io_uring_get_sqe, _prep_read, _sqe_set_data64: nothing is submitted',
};
