/**
 * One row of the engine's in a process of its own: rounds in which the peer in C, ours and those of node:fs take turns.
 * Started by bench/engine-rows.ts with an EngineTask in JSON; prints a RowResult in JSON.
 */
import { pathToFileURL } from 'node:url';
import type { Contenders, EngineTask } from './engine-contenders.ts';
import { durable } from './engine-durable.ts';
import { files } from './engine-files.ts';
import { reads } from './engine-reads.ts';
import { peerInC } from './liburing.ts';
import { Rounds } from './measure.ts';
import { runScript } from './processes.ts';
import type { RowResult } from './row.ts';

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const task: EngineTask = JSON.parse(process.argv[2]);
  const contenders = await make(task);
  const result = task.uv === 'alone' ? await alone(contenders, task) : await row(contenders, task);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

function make(task: EngineTask): Promise<Contenders> {
  if (task.name === 'durable') return durable(task);
  return task.name === 'files' ? files(task) : reads(task);
}

async function row(contenders: Contenders, task: EngineTask): Promise<RowResult> {
  const { ours, beside = [], blocking, asynchronous } = contenders;
  const { rounds, asyncRounds, warmUp, time, liburing, peer, depth, data } = task;
  const seen = new Rounds();
  for (const { measure } of [ours, ...beside]) await measure(warmUp);
  for (let round = 0; round < rounds; round++) {
    if (liburing !== null && peer !== null)
      seen.note('liburing', peerInC(liburing, peer, depth, time, data).ns);
    for (const { name, measure } of [ours, ...beside, blocking]) seen.note(name, await measure(time));
    if (round >= asyncRounds) continue;
    for (const { name, measure } of asynchronous) seen.note(name, await measure(time));
    if (task.uv !== 'beside') continue;
    const uv: Record<string, number> = JSON.parse(await byUv(task));
    for (const [name, ns] of Object.entries(uv)) seen.note(`${name} UV_USE_IO_URING`, ns);
  }
  await closeAll(contenders);
  const { ours: mine, ...peers } = seen.medians();
  return { ours: mine, peers };
}

/** The asynchronous peers again, in a process where libuv uses io_uring for them. */
function byUv(task: EngineTask): Promise<string> {
  const args = [JSON.stringify({ ...task, uv: 'alone' } satisfies EngineTask)];
  return runScript('engine-row.ts', args, { env: { ...process.env, UV_USE_IO_URING: '1' } });
}

async function alone(contenders: Contenders, { time }: EngineTask): Promise<Record<string, number>> {
  const seen: Record<string, number> = {};
  for (const { name, measure } of contenders.asynchronous) seen[name] = await measure(time);
  await closeAll(contenders);
  return seen;
}

async function closeAll({ ours, beside = [], blocking, asynchronous }: Contenders): Promise<void> {
  for (const { close } of [...beside, ...asynchronous, blocking, ours]) await close();
}
