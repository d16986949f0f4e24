/**
 * A row that drives a ring: runs bench/row.ts in a process of its own.
 */
import { join } from 'node:path';
import { randomFile } from './files.ts';
import type { WorkloadName } from './ours.ts';
import { runScript } from './processes.ts';
import type { Beside, RowResult, RowTask } from './row.ts';
import type { Context, Measured } from './rows.ts';

/** What there is to say of a row beside its workload and depth. */
export interface RowDetails {
  /** The peer in C, when its name is not that of the workload. */
  readonly peer?: string;
  readonly beside?: Beside;
  readonly note?: string;
}

export async function ringRow(
  workload: WorkloadName,
  depth: number,
  context: Context,
  details: RowDetails = {},
): Promise<Measured> {
  const { quick, folder, liburing, uv } = context;
  // The rows that came later get less time in a quick run, which would be a long one otherwise.
  const short = !FIRST.includes(workload);
  const task: RowTask = {
    workload,
    depth,
    data: workload === 'direct' ? await direct(folder) : await cached(folder),
    liburing,
    peer: details.peer ?? workload,
    beside: details.beside ?? null,
    uv,
    rounds: quick ? (short ? 3 : 5) : 15,
    asyncRounds: quick ? 1 : 5,
    warmUp: quick ? (short ? 80 : 150) : 500,
    time: quick ? (short ? 15 : 25) : 100,
  };
  // READ_FIXED has the asynchronous peers that READ had: a quick run does not measure them twice.
  const same = workload === 'read_fixed' && quick ? asynchronous.get(depth) : undefined;
  if (same !== undefined) task.asyncRounds = 0;
  const { ours, peers, note }: RowResult = JSON.parse(await runScript('row.ts', [JSON.stringify(task)]));
  if (workload === 'read') asynchronous.set(depth, slow(peers));
  const notes = [details.note, note].filter((text) => text !== undefined);
  return { ours, peers: { ...peers, ...same }, ...(notes.length === 0 ? {} : { note: notes.join('; ') }) };
}

const FIRST: readonly WorkloadName[] = ['nop', 'read', 'read_fixed', 'direct', 'sqpoll'];

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
