import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  fstatSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
} from 'tsuring/syscalls';
import { times } from './support/effort.ts';
import { MemoryWatch } from './support/memory-watch.ts';
import { lacksRing, lacksRingInWorker, lacksUnlocking, memoryKind } from './support/needs.ts';
import { closePair, drain, type Pair, pipe, socketPair } from './support/worker-pipes.ts';
import type { Scene } from './support/worker-scenes.ts';
import { compiled, type Started, startWorker, timeLimit } from './support/worker-start.ts';
import { BLOCKS, type Steady } from './support/worker-steady.ts';
import { leftOver, traces, tracesBackTo } from './support/worker-traces.ts';

/** How often each scene is ended in the middle: TSURING_WORKER_ROUNDS=100 makes some thousand of it. */
const ROUNDS = Number(process.env.TSURING_WORKER_ROUNDS ?? times(4));

type RingOptions = Pick<Scene, 'flags' | 'memory'>;

const KINDS: Readonly<Record<string, RingOptions>> = {
  'a plain ring': { flags: 0 },
  'an SQPOLL ring': { flags: IORING_SETUP_SQPOLL },
  'a DEFER_TASKRUN ring': { flags: IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER },
  'a plain ring in a mapped view': { flags: 0, memory: 'view' },
};

const folder = mkdtempSync(join(tmpdir(), 'tsuring-'));
const known = join(folder, 'known');
const watch = new MemoryWatch();
let file = -1;

/** The other Worker, which must not notice anything. */
let steady: Started;
const counters = new Int32Array(new SharedArrayBuffer(12));

before(async () => {
  writeFileSync(known, Buffer.concat(Array.from({ length: BLOCKS }, (_, i) => Buffer.alloc(4096, i))));
  file = openSync(known, 'r');
  watch.addAll(8);
  const data: Steady = { fd: file, flags: 0, counters };
  steady = await startWorker('worker-steady', data);
  // Whatever Node itself opens at its first Worker is open now.
  await end(await startWorker('worker-scenes', { scene: 'wait', flags: 0 } satisfies Scene), false);
});

after(async () => {
  Atomics.store(counters, 2, 1);
  await steady?.exited;
  closeSync(file);
  rmSync(folder, { recursive: true });
});

for (const [kind, options] of Object.entries(KINDS)) {
  const skip = lacksRingInWorker(kind, options);
  describe(`A Worker with ${kind} is terminated`, { skip, timeout: timeLimit * 15 }, () => {
    const inFlight = ['reading', 'fixed'] as const;
    const mapped = !skip && memoryKind(options) === 'view';

    test('in a wait without end', () => rounds({ scene: 'wait', ...options }));

    test('in submitAndWait', () => rounds({ scene: 'submitAndWait', ...options }));

    test('with entries published that the kernel was not told of: they never run', async () => {
      const path = join(folder, 'target');
      const target = openSync(path, 'w');
      await rounds({ scene: 'published', ...options, target }, async () => {
        assert.equal(fstatSync(target).size, 0);
      });
      await sleep(100);
      assert.equal(fstatSync(target).size, 0);
      closeSync(target);
    });

    test('while it submits without pause', () => rounds({ scene: 'awake', ...options }));

    test('with timeouts about to end', () => rounds({ scene: 'timeouts', ...options }));

    for (const scene of inFlight)
      for (const next of [undefined, 'wait', 'busy'] as const) {
        const name = `with reads of pipes and sockets in flight (${scene}), ${next ?? 'in its event loop'}`;
        test(name, { skip: scene === 'fixed' && lacksUnlocking(options) }, async () => {
          await withPairs((fds, check) =>
            rounds({ scene, ...options, fds, ...(next ? { next } : {}) }, check),
          );
        });
      }

    test('with reads of a file in flight', () => rounds({ scene: 'files', ...options, fds: [file] }));

    test('with O_DIRECT reads in flight', async (t) => {
      const direct = openDirect(known);
      if (typeof direct === 'string') return t.skip(direct);
      await rounds({ scene: 'files', ...options, fds: [direct] });
      closeSync(direct);
    });

    // A mapped view is made by koffi.view, which aborts the process when termination strikes inside of it.
    test('while it makes rings', { skip: mapped && 'needs a ring that is no mapped view' }, () =>
      rounds({ scene: 'making', ...options }),
    );
  });

  describe(`A Worker with ${kind} and reads in flight`, {
    skip,
    timeout: timeLimit * 15,
  }, () => {
    const ways = {
      'comes to its natural end': 'end',
      'calls process.exit': 'exit',
      throws: 'throw',
    } as const;
    for (const [name, next] of Object.entries(ways))
      test(name, () =>
        withPairs((fds, check) => rounds({ scene: 'reading', ...options, fds, next }, check, false)),
      );
  });
}

test(
  'A Worker is terminated while it allocates pages',
  { timeout: timeLimit * 15, skip: lacksRing('io_uring', {}) },
  () => rounds({ scene: 'allocating', flags: 0 }),
);

test('process.exit() in the main thread ends the process while a Worker waits', {
  timeout: timeLimit,
}, () => {
  for (const flags of [0, IORING_SETUP_SQPOLL].filter(
    (each) => !lacksRingInWorker('these flags', { flags: each }),
  ))
    for (const scene of ['wait', 'submitAndWait', 'awake', 'files', 'making']) {
      const code = exitCodeOf(compiled('worker-exit').pathname, [scene, String(flags), known]);
      assert.equal(code, 7, `${scene}, flags ${flags}`);
    }
});

/** Plays the scene some times, ends the Worker in the middle, and looks at what is left. */
async function rounds(scene: Scene, check?: () => Promise<void>, terminate = true): Promise<void> {
  const before = traces();
  // A mapped view is not unmapped when its Worker is terminated: nobody is left who could.
  const { flags, memory } = scene;
  if (memoryKind({ flags, ...(memory && { memory }) }) === 'view') before.ringMappings = Infinity;
  for (let i = 0; i < ROUNDS; i++) {
    const done = Atomics.load(counters, 0);
    const worker = await startWorker('worker-scenes', scene);
    if (terminate) await sleep(Math.random() * 12);
    await end(worker, !terminate);
    // Memory that is free now gets another owner, who will notice.
    const fresh = new MemoryWatch();
    fresh.addAll(2);
    await check?.();
    assert.deepEqual(fresh.check(), []);
    await steadyGoesOn(done);
  }
  assert.deepEqual(leftOver(before, await tracesBackTo(before)), []);
  assert.deepEqual(watch.check(), []);
}

async function end({ worker, exited, errors }: Started, byItself: boolean): Promise<void> {
  if (byItself) await exited;
  else await worker.terminate();
  assert.deepEqual(
    errors.filter(({ message }) => message !== 'thrown on purpose'),
    [],
  );
}

/** Two pipes and two socket pairs; `check` sees that what is written now is not consumed by anybody. */
async function withPairs(play: (fds: number[], check: () => Promise<void>) => Promise<void>): Promise<void> {
  const pairs: Pair[] = [pipe(), pipe(), socketPair(), socketPair()];
  const check = async () => {
    for (const [, writeEnd] of pairs) writeSync(writeEnd, 'written later');
    await sleep(10);
    for (const [readEnd] of pairs) assert.equal(drain(readEnd).toString(), 'written later');
  };
  try {
    await play(
      pairs.map(([readEnd]) => readEnd),
      check,
    );
  } finally {
    pairs.forEach(closePair);
  }
}

async function steadyGoesOn(since: number): Promise<void> {
  const end = performance.now() + timeLimit;
  while (Atomics.load(counters, 0) <= since) {
    assert.ok(performance.now() < end, 'the other Worker stands still');
    await sleep(1);
  }
  assert.equal(Atomics.load(counters, 1), 0, 'the other Worker read what is not in its file');
}

function exitCodeOf(script: string, args: string[]): number {
  try {
    execFileSync(process.execPath, [script, ...args], { stdio: 'ignore', timeout: timeLimit });
    return 0;
  } catch (error) {
    return (error as { status: number }).status;
  }
}

/** Where the file system has no O_DIRECT: why. */
function openDirect(path: string): number | string {
  try {
    return openSync(path, constants.O_DIRECT);
  } catch (error) {
    return (error as Error).message;
  }
}
