/**
 * The rows of tsuring/fs, in the order of the table.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runCompiled } from './engine-build.ts';
import type { FsTask } from './fs-workloads.ts';
import { needsDirectFiles } from './needs.ts';
import type { RowResult } from './row.ts';
import type { Context, Measured, Row } from './rows.ts';

const FILES = 10_000;

export const fsRows: readonly Row[] = [
  ...[1, 16, 256].map((depth) =>
    fsRow(`readFile of 10,000 files of 1 KiB, ${depth} at a time`, 'readFiles', depth, FILES, {
      unit: 'ns/file',
      warmUp: 8,
      goals: depth === 1 ? { 'fs/promises': 20 } : { 'fs/promises': 10, 'fs, synchronous': 1 },
    }),
  ),
  ...[1, 16, 256].map((depth) =>
    fsRow(`writeFile of 10,000 files of 1 KiB, ${depth} at a time`, 'writeFiles', depth, FILES, {
      unit: 'ns/file',
    }),
  ),
  ...[1, 16].map((depth) =>
    fsRow(
      `writeFile of 1,000 files of 1 KiB with flush, ${depth} at a time`,
      'flushFiles',
      depth,
      FILES / 10,
      {
        unit: 'ns/file',
      },
    ),
  ),
  fsRow('stat of 10,000 files, 16 at a time', 'statFiles', 16, FILES, { unit: 'ns/file', warmUp: 4 }),
  fsRow('cp of a tree of 10,000 files', 'copyTree', 1, FILES, { unit: 'ns/file' }),
  fsRow('rm of a tree of 10,000 files', 'removeTree', 1, FILES, { unit: 'ns/file' }),
  fsRow('cp of a tree of 4 GiB', 'copyLarge', 1, 4096, { unit: 'ns/MiB', warmUp: 0, rounds: 3 }),
  fsRow('stream of 1 GiB', 'stream', 1, 1024, { unit: 'ns/MiB' }),
  ...[1, 16, 128].map((depth) =>
    fsRow(`FileHandle.read of 4 KiB anywhere in 4 GiB, ${depth} at a time`, 'randomReads', depth, 50_000, {}),
  ),
];

interface Details {
  readonly unit?: string;
  readonly goals?: Row['goals'];
  readonly warmUp?: number;
  readonly rounds?: number;
}

function fsRow(
  name: string,
  workload: FsTask['name'],
  depth: number,
  items: number,
  { unit, goals = {}, warmUp = 1, rounds = 5 }: Details,
): Row {
  return {
    name,
    // In no row more than a tenth slower.
    goals: { 'fs/promises': 0.9, ...goals },
    needs: needsDirectFiles,
    measure: async (context) => {
      const { ours, peers } = await measure(workload, depth, items, { warmUp, rounds }, context);
      return { ours, peers, ...(unit === undefined ? {} : { unit }) };
    },
  };
}

/** Runs bench/fs-row.ts in a process of its own, with a folder of its own. */
async function measure(
  name: FsTask['name'],
  depth: number,
  items: number,
  { warmUp, rounds }: { warmUp: number; rounds: number },
  { quick, folder: parent, uv }: Context,
): Promise<Measured> {
  const folder = join(parent, 'fs');
  mkdirSync(folder);
  const task: FsTask = {
    name,
    depth,
    items: quick ? Math.ceil(items / 10) : items,
    folder,
    warmUp: quick ? 1 : warmUp,
    rounds: quick ? 1 : rounds,
    slowRounds: quick ? 1 : Math.min(rounds, 3),
    uv: uv && !quick ? 'beside' : 'none',
  };
  try {
    const { ours, peers }: RowResult = JSON.parse(await runCompiled('fs-row', [JSON.stringify(task)]));
    return { ours, peers };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
