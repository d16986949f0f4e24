/**
 * Engines in Workers, which end in every way while operations are in flight: nothing crashes, hangs or is left open.
 */
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { times } from './support/effort.ts';
import { scratch } from './support/live-scratch.ts';
import { MemoryWatch } from './support/memory-watch.ts';
import { lacksRing } from './support/needs.ts';
import type { EngineScene } from './support/worker-engine.ts';
import { closePair, pipe } from './support/worker-pipes.ts';
import { startWorker } from './support/worker-start.ts';

/** How often each is ended: TSURING_WORKER_ROUNDS=50 makes a thousand of it. */
const ROUNDS = Number(process.env.TSURING_WORKER_ROUNDS ?? times(8));
const without = { skip: lacksRing('io_uring', {}), timeout: 900_000 };

/** What this process has open of rings, and of what wakes their event loops. */
function left(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const what = readlinkSync(`/proc/self/fd/${fd}`);
      return what.includes('[io_uring]') ? [what] : [];
    } catch {
      return [];
    }
  });
}

for (const scene of ['waiting', 'busy', 'multishot', 'lent', 'chain', 'fixed'] as const)
  for (const end of ['wait', 'exit', 'throw', 'natural'] as const) {
    // It never comes to its end by itself.
    if (scene === 'busy' && end === 'natural') continue;
    const way = end === 'wait' ? 'is terminated' : end === 'natural' ? 'ends naturally' : `ends by ${end}`;
    test(`a Worker whose engine is ${scene} ${way}`, without, async () => {
      using here = scratch();
      const file = here.fileFd('file', Buffer.alloc(4096));
      const before = left().length;
      const fds = readdirSync('/proc/self/fd').length;
      for (let n = 0; n < ROUNDS; n++) {
        const pair = pipe();
        const data: EngineScene = { fd: pair[0], file, scene, end };
        const { worker, message, exited, errors } = await startWorker('worker-engine', data);
        assert.equal(message, 'ready');
        if (end === 'wait') {
          if (n % 2 === 0) await pause(n % 5);
          await worker.terminate();
        }
        const code = await exited;
        assert.equal(code, { wait: 1, exit: 7, throw: 1, natural: 0 }[end]);
        assert.deepEqual(
          errors.map((error) => error.message),
          end === 'throw' ? ['thrown'] : [],
        );
        // What was the Worker's may be somebody else's now, and what comes late may not end up there.
        const watch = new MemoryWatch();
        watch.addAll(2);
        writeSync(pair[1], Buffer.alloc(50_000, 1));
        assert.deepEqual(await watch.checkFor(5), []);
        closePair(pair);
      }
      for (let n = 0; n < 200 && left().length > before; n++) await pause(5);
      assert.equal(left().length, before);
      assert.ok(
        readdirSync('/proc/self/fd').length <= fds + 2,
        `${readdirSync('/proc/self/fd').length}, were ${fds}`,
      );
    });
  }
