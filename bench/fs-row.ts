/**
 * One row of tsuring/fs in a process of its own: rounds in which it and its peers take turns. Started by bench/fs-rows.ts with
 * an FsTask in JSON; prints a RowResult in JSON, in nanoseconds for an item.
 */
import { execFileSync } from 'node:child_process';
import node from 'node:fs/promises';
import ours from 'tsuring/fs';
import { type FsTask, workloads } from './fs-workloads.ts';
import { Rounds } from './measure.ts';
import { runScript } from './processes.ts';

interface Contender {
  readonly name: string;
  readonly rounds: number;
  /** Nanoseconds for an item. */
  readonly measure: () => Promise<number>;
}

const task: FsTask = JSON.parse(process.argv[2]);
const workload = workloads[task.name];
const result = task.uv === 'alone' ? { uv: await alone() } : await row();
process.stdout.write(`${JSON.stringify(result)}\n`);

async function row(): Promise<{ ours: number; peers: Record<string, number> }> {
  if (ours.backend !== 'io_uring') throw new Error(ours.reason ?? '');
  workload.prepare(task);
  const byOurs = contender('ours', task.rounds, () => workload.pass(ours, task));
  // Of one and the same function only chance could make two.
  const isSame = ours[workload.uses] === node[workload.uses];
  const inside = [
    ...(isSame ? [] : [byOurs]),
    contender('fs, synchronous', task.rounds, () => workload.sync(task)),
    contender('fs/promises', task.slowRounds, () => workload.pass(node, task)),
  ];
  for (let i = 0; i < task.warmUp; i++) for (const { measure } of inside) await measure();
  const seen = new Rounds();
  const all = [...inside, ...outside()];
  for (let round = 0; round < task.rounds; round++) {
    // Who comes behind another process finds the caches cold: that is somebody else each time.
    const first = round % all.length;
    for (const { name, rounds, measure } of [...all.slice(first), ...all.slice(0, first)])
      if (round < rounds) seen.note(name, await measure());
  }
  const { ours: mine, ...peers } = seen.medians();
  return { ours: isSame ? peers['fs/promises'] : mine, peers };
}

/** Those that are processes of their own. */
function outside(): Contender[] {
  const made: Contender[] = [];
  const command = workload.command?.(task);
  if (command !== undefined) {
    const pass = (): unknown => execFileSync('/bin/sh', ['-c', command]);
    made.push(contender(command.split(' ')[0], task.slowRounds, pass));
  }
  if (task.uv === 'beside')
    made.push({ name: 'fs/promises UV_USE_IO_URING', rounds: task.slowRounds, measure: byUv });
  return made;
}

function contender(name: string, rounds: number, pass: () => unknown): Contender {
  return { name, rounds, measure: () => timed(pass) };
}

/** fs/promises alone: in a process where libuv uses io_uring. */
async function alone(): Promise<number> {
  const { measure } = contender('', 1, () => workload.pass(node, task));
  for (let i = 0; i < task.warmUp; i++) await measure();
  return measure();
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
