/**
 * Bytes of JavaScript heap for reads as promises: how much is still there afterwards, and how much was allocated, of which
 * the promises themselves take most. In a process of its own, whose nursery is so large that the collector does not run
 * while allocations are counted.
 */
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { PerformanceObserver } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { IoUring } from 'tsuring';
import { runCompiled } from './engine-build.ts';
import { byEngine, Lanes, plain } from './engine-reads.ts';
import { BLOCK, type Data, randomFile } from './files.ts';
import type { AsyncWorkload } from './measure.ts';
import type { Context, Measured } from './rows.ts';

const DEPTH = 32;
const NURSERY_MIB = 256;
const SAMPLE = 65_536;

/** What the child found, in bytes for a read. */
interface Growth {
  /** Alive after all of them. */
  readonly retained: number;
  readonly operations: number;
  /** Allocated, dead or alive. */
  readonly allocated: number;
  /** The same by loops that await a promise each, which is resolved by its resolver, and nothing else. */
  readonly promises: number;
  /** Meanwhile: there should be none. */
  readonly collections: number;
}

export async function promiseHeapRow({ folder, quick }: Context): Promise<Measured> {
  const data = await randomFile(join(folder, 'cached'), 256);
  const nodeFlags = [
    '--expose-gc',
    `--min-semi-space-size=${NURSERY_MIB}`,
    `--max-semi-space-size=${NURSERY_MIB}`,
  ];
  const operations = quick ? 1_000_000 : 10_000_000;
  const growth: Growth = JSON.parse(
    await runCompiled('engine-heap', [String(operations), JSON.stringify(data)], nodeFlags),
  );
  const { retained, allocated, promises, collections } = growth;
  return {
    ours: Math.max(0, Number(retained.toFixed(3))),
    peers: {},
    unit: 'bytes/op',
    note:
      `${growth.operations} operations; ${allocated.toFixed(1)} bytes of garbage for each, of which ${promises.toFixed(1)} ` +
      `are the promise, its resolvers and the awaiting of it${collections > 0 ? `; ${collections} collections` : ''}`,
  };
}

async function measure(operations: number, data: Data): Promise<Growth> {
  const ring = new IoUring();
  const fd = openSync(data.path, 'r');
  const reads = byEngine(ring, fd, SAMPLE, new Lanes(plain(DEPTH), data));
  const bare = barePromises();
  for (let i = 0; i < 5; i++) {
    await reads.run();
    await bare.run();
  }
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  const allocated = await allocatedBy(reads, observer);
  const promises = await allocatedBy(bare, observer);
  const counted = collections;
  const rounds = Math.ceil(operations / SAMPLE);
  const before = await settled();
  for (let i = 0; i < rounds; i++) await reads.run();
  const retained = ((await settled()) - before) / (rounds * SAMPLE);
  await ring.close();
  closeSync(fd);
  return { retained, operations: rounds * SAMPLE, allocated, promises, collections: counted };
}

/** Bytes for an operation, of one run, before which the nursery is emptied. */
async function allocatedBy(workload: AsyncWorkload, observer: PerformanceObserver): Promise<number> {
  const before = await settled();
  observer.observe({ entryTypes: ['gc'] });
  await workload.run();
  const after = process.memoryUsage().heapUsed;
  await new Promise((resolve) => setTimeout(resolve, 10));
  observer.disconnect();
  return (after - before) / workload.ops;
}

/** What is alive. */
async function settled(): Promise<number> {
  const gc = global.gc as () => void;
  gc();
  gc();
  await new Promise(setImmediate);
  return process.memoryUsage().heapUsed;
}

/** As the reads, but a promise is resolved by the next tick alone: all that are open, as the engine does. */
function barePromises(): AsyncWorkload {
  const open: ((count: number) => void)[] = new Array(DEPTH);
  let count = 0;
  let left = 0;
  const settleAll = (): void => {
    const settled = count;
    count = 0;
    for (let i = 0; i < settled; i++) open[i](BLOCK);
  };
  const soon = (): void => process.nextTick(settleAll);
  const take = (resolve: (count: number) => void): void => {
    open[count++] = resolve;
    if (count === 1) queueMicrotask(soon);
  };
  const loop = async (): Promise<void> => {
    while (left-- > 0) if ((await new Promise<number>(take)) !== BLOCK) throw new Error('Another value');
  };
  const run = async (): Promise<void> => {
    left = SAMPLE;
    await Promise.all(Array.from({ length: DEPTH }, loop));
  };
  return { ops: SAMPLE, run };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
  process.stdout.write(JSON.stringify(await measure(Number(process.argv[2]), JSON.parse(process.argv[3]))));
