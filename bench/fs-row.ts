/**
 * One row of tsuring/fs in a process of its own: rounds in which it and its peers take turns. Started by bench/fs-rows.ts with
 * an FsTask in JSON; prints a RowResult in JSON, in nanoseconds for an item.
 */
import { execFileSync } from 'node:child_process';
import node from 'node:fs/promises';
import ours from 'tsuring/fs';
import { type Fs, type FsTask, workloads } from './fs-workloads.ts';
import { Rounds } from './measure.ts';
import { runScript } from './processes.ts';

const task: FsTask = JSON.parse(process.argv[2]);
const workload = workloads[task.name];
const result = task.uv === 'alone' ? { uv: await asynchronous(node) } : await row();
process.stdout.write(`${JSON.stringify(result)}\n`);

async function row(): Promise<{ ours: number; peers: Record<string, number> }> {
  if (ours.backend !== 'io_uring') throw new Error(ours.reason ?? '');
  workload.prepare(task);
  await asynchronous(ours);
  const seen = new Rounds();
  for (let round = 0; round < task.rounds; round++) {
    seen.note('ours', await asynchronous(ours));
    seen.note('fs, synchronous', await timed(() => workload.sync(task)));
    if (round >= task.slowRounds) continue;
    seen.note('fs/promises', await asynchronous(node));
    const command = workload.command?.(task);
    if (command !== undefined)
      seen.note(command.split(' ')[0], await timed(() => execFileSync('/bin/sh', ['-c', command])));
    if (task.uv === 'beside') seen.note('fs/promises UV_USE_IO_URING', await byUv());
  }
  const { ours: mine, ...peers } = seen.medians();
  return { ours: mine, peers };
}

function asynchronous(fs: Fs): Promise<number> {
  return timed(() => workload.pass(fs, task));
}

async function timed(pass: () => unknown): Promise<number> {
  const start = performance.now();
  await pass();
  const taken = performance.now() - start;
  workload.clean?.(task);
  return (taken * 1e6) / task.items;
}

/** fs/promises in a process where libuv uses io_uring for it. */
async function byUv(): Promise<number> {
  const args = [JSON.stringify({ ...task, uv: 'alone' } satisfies FsTask)];
  const printed = await runScript('fs-row.ts', args, { env: { ...process.env, UV_USE_IO_URING: '1' } });
  return JSON.parse(printed).uv;
}
