/**
 * tsuring/fs in Workers, each with an engine of its own, and in processes that end in the midst of it: nothing crashes, hangs
 * or is left open, and others go on.
 */
import assert from 'node:assert/strict';
import { closeSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import fs from 'tsuring/fs';
import { times } from './support/effort.ts';
import { without } from './support/engine-test.ts';
import { makeFifo } from './support/live-fds.ts';
import { type Scratch, scratch } from './support/live-scratch.ts';
import { MemoryWatch } from './support/memory-watch.ts';
import { lacksOpcode } from './support/needs.ts';
import { seed } from './support/random.ts';
import { runNode } from './support/sandbox.ts';
import type { FsScene } from './support/worker-fs.ts';
import { compiled, startWorker } from './support/worker-start.ts';
import type { TransferTask } from './support/worker-transfers.ts';

/** How often each is ended: TSURING_WORKER_ROUNDS=50 makes hundreds of it. */
const ROUNDS = {
  wait: Number(process.env.TSURING_WORKER_ROUNDS ?? times(6)),
  exit: Number(process.env.TSURING_WORKER_ROUNDS ?? times(2)),
};
/**
 * The files that a Worker of each scene has open at most when it is ended: as with Node's own functions, nobody closes them
 * then. A small file is read without a descriptor, where the kernel has direct ones that are chained.
 */
const OPEN = { small: lacksOpcode('IORING_OP_MSG_RING') ? 60 : 0, large: 8, handles: 8, pipes: 3, idle: 0 };
const MEBI = 2 ** 20;
const program = compiled('worker-fs');

/** A folder as FsScene wants it. */
function place(): Scratch {
  const here = scratch();
  here.file('small', Buffer.alloc(5000, 's'));
  here.file('large', Buffer.alloc(900_000, 'l'));
  for (const name of ['a', 'b', 'c']) makeFifo(here.at(name));
  return here;
}

/** Starts a Worker, waits until it is under way, and ends it. Gives what it said. */
async function runWorker(scene: FsScene, round: number): Promise<unknown[]> {
  const worker = new Worker(program, { workerData: scene, execArgv: [] });
  const said: unknown[] = [];
  const errors: string[] = [];
  worker.on('message', (message) => said.push(message));
  worker.on('error', (error: Error) => errors.push(error.message));
  const exited = new Promise<number>((resolve) => worker.once('exit', resolve));
  const { end } = scene;
  if (end !== 'exit') await Promise.race([new Promise((resolve) => worker.once('message', resolve)), exited]);
  if (end === 'wait') {
    if (round % 2 === 0) await pause(round % 5);
    await worker.terminate();
  }
  if (end === 'natural' && scene.scene === 'pipes')
    for (const name of ['a', 'b', 'c']) await fs.writeFile(join(scene.folder, name), `to ${name}`);
  assert.equal(await exited, { wait: 1, exit: 7, throw: 1, natural: 0 }[end], errors.join());
  assert.deepEqual(errors, end === 'throw' ? ['thrown'] : []);
  return said;
}

/** This process's descriptors that lead to what `matches`. */
function open(matches: (target: string) => boolean): number[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return matches(readlinkSync(`/proc/self/fd/${fd}`)) ? [Number(fd)] : [];
    } catch {
      return [];
    }
  });
}

const rings = () => open((target) => target.includes('[io_uring]')).length;

for (const scene of ['small', 'large', 'handles', 'pipes', 'idle'] as const)
  for (const end of ['wait', 'exit', 'throw', 'natural'] as const) {
    // It comes to its end by itself, and does not wait for another.
    if (scene === 'idle' && end === 'wait') continue;
    const way = end === 'wait' ? 'is terminated' : end === 'natural' ? 'ends naturally' : `ends by ${end}`;
    test(`a Worker in the scene ${scene} ${way}`, without, async () => {
      using here = place();
      const { folder } = here;
      assert.equal((await fs.readFile(here.at('small'))).length, 5000);
      const before = rings();
      const count = end === 'wait' ? ROUNDS.wait : ROUNDS.exit;
      for (let round = 0; round < count; round++) {
        const said = await runWorker({ folder, scene, end, name: 'x' }, round);
        if (end !== 'exit') assert.equal(said[0], 'io_uring');
        if (end === 'natural' && scene === 'pipes') assert.equal(said[1], 'to a to b to c');
        // What was the Worker's may be somebody else's now, and what comes late may not end up there.
        const watch = new MemoryWatch();
        watch.addAll(2);
        assert.deepEqual(await watch.checkFor(2), []);
        assert.equal((await fs.readFile(here.at('large'))).length, 900_000);
      }
      // A ring goes some time after its Worker.
      for (let n = 0; n < 200 && rings() > before; n++) await pause(5);
      assert.equal(rings(), before);
      const left = open((target) => target.startsWith(folder));
      for (const fd of left) closeSync(fd);
      const most = end === 'natural' ? 0 : OPEN[scene] * count;
      assert.ok(left.length <= most, `${left.length} files are open, not ${most} at most`);
    });
  }

test(`FileHandles in a Worker read and write as Node's, seed ${seed}`, without, async () => {
  using here = scratch();
  const { message, exited } = await startWorker('worker-transfers', {
    folder: here.folder,
    seed,
    rounds: times(200),
  } satisfies TransferTask);
  const [backend, byRing] = message as [string, number];
  assert.equal(backend, 'io_uring');
  assert.ok(byRing > 1600, `${byRing}`);
  assert.equal(await exited, 0);
});

test('Workers come and go while the main thread reads and writes', without, async () => {
  using here = place();
  const { folder } = here;
  let stop = false;
  let rounds = 0;
  const mine = (async () => {
    for (; !stop; rounds++) {
      const text = `round ${rounds}`;
      await fs.writeFile(here.at('mine'), text);
      assert.equal(await fs.readFile(here.at('mine'), 'utf8'), text);
      const handle = await fs.open(here.at('large'));
      assert.ok((await handle.readFile()).equals(Buffer.alloc(900_000, 'l')));
      await handle.close();
    }
  })();
  const scenes = ['small', 'large', 'handles', 'pipes'] as const;
  const one = async (scene: FsScene['scene'], name: string) => {
    for (let round = 0; round < ROUNDS.exit; round++) {
      const end = (['wait', 'throw'] as const)[round % 2];
      await runWorker({ folder, scene, end, name }, round);
    }
  };
  await Promise.all(scenes.map((scene, n) => one(scene, 'wxyz'[n])));
  stop = true;
  await mine;
  assert.ok(rounds > 0);
});

test('the memory of Workers that were terminated is given back', without, async () => {
  using here = place();
  const { folder } = here;
  const sizes: number[] = [];
  const count = times(10);
  for (let round = 0; round < count; round++) {
    await runWorker({ folder, scene: 'large', end: 'wait', name: 'x' }, round);
    sizes.push(process.memoryUsage.rss());
  }
  // The first ones make the process as large as it gets.
  const growth = sizes.at(-1)! - sizes[Math.floor(count / 3)];
  assert.ok(growth < 40 * MEBI, `${sizes.map((size) => Math.round(size / MEBI))} MiB`);
});

/** Begins much in `folder`; `all` is when that is done. */
const BEGUN = `
  import fs from 'tsuring/fs';
  import { Worker } from 'node:worker_threads';
  const [, folder, program] = process.argv;
  process.chdir(folder);
  const openAndRead = async (path) => {
    const handle = await fs.open(path);
    return handle.readFile('latin1').finally(() => handle.close());
  };
  const pending = [fs.readFile('a', 'latin1'), openAndRead('b')];
  const [reading, writing] = [await fs.open('large'), await fs.open('written', 'w')];
  for (let n = 0; n < 100; n++)
    pending.push(fs.readFile('small'), fs.readFile('large'), fs.writeFile('to' + n % 4, Buffer.alloc(300000)),
      reading.read(Buffer.alloc(8192), 0, 8192, n), writing.write(Buffer.alloc(8192)));
  const all = Promise.all(pending);
  await fs.readFile('small');
  if (fs.backend !== 'io_uring') throw new Error(fs.reason);
  const worker = (scene, end) => new Promise((resolve) => {
    const workerData = { folder, scene, end, name: scene };
    new Worker(new URL(program), { workerData, execArgv: [] }).once('message', resolve);
  });`;

for (const [what, source, status, stderr] of [
  ['process.exit', 'process.exit(7)', 7, /^$/],
  [
    'process.exit, with Workers',
    "await worker('large', 'wait'); await worker('pipes', 'wait'); process.exit(7)",
    7,
    /^$/,
  ],
  ['an error that nobody catches', "setImmediate(() => { throw new Error('thrown') })", 1, /Error: thrown/],
] as const)
  test(`a process ends by ${what}`, without, async () => {
    using here = place();
    const args = ['--input-type=module', '-e', `${BEGUN}\n${source}`, here.folder, program.href];
    const ended = await runNode(args);
    assert.deepEqual([ended.status, ended.signal, ended.stdout], [status, null, ''], ended.stderr);
    assert.match(ended.stderr, stderr);
  });

test('a process ends when all is done', without, async () => {
  using here = place();
  const source = `${BEGUN}
    import { execFile } from 'node:child_process';
    execFile('/bin/sh', ['-c', 'echo to a > a; echo to b > b'], () => {});
    const told = await all;
    await Promise.all([reading.close(), writing.close()]);
    console.log(JSON.stringify([told.length, told[0], told[1], told[2].length, told[3].length]));`;
  const ended = await runNode(['--input-type=module', '-e', source, here.folder, program.href]);
  assert.deepEqual([ended.status, ended.signal, ended.stderr], [0, null, '']);
  assert.deepEqual(JSON.parse(ended.stdout), [502, 'to a\n', 'to b\n', 5000, 900_000]);
});
