/**
 * Bytes by which the JavaScript heap grows with each operation, over 10 million in batches of 32: what is still there
 * after a collection. And what was allocated, alive or garbage: with so large a nursery that the collector hardly
 * runs meanwhile, the heap shows it.
 */
import { join } from 'node:path';
import { PerformanceObserver } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { type Data, randomFile } from './files.ts';
import { ours } from './ours.ts';
import { runScript } from './processes.ts';
import type { Context, Measured } from './rows.ts';

const OPERATIONS = 10_000_000;
const DEPTH = 32;
const NURSERY_MIB = 256;

/** What the child found. */
interface Growth {
  /** Bytes that were allocated, dead or alive. */
  readonly allocated: number;
  /** Bytes alive afterwards. */
  readonly retained: number;
  readonly operations: number;
  readonly collections: number;
}

export async function heapRow(workload: 'nop' | 'read', { folder }: Context): Promise<Measured> {
  const data = await randomFile(join(folder, 'cached'), 256);
  const nodeFlags = [
    '--expose-gc',
    `--min-semi-space-size=${NURSERY_MIB}`,
    `--max-semi-space-size=${NURSERY_MIB}`,
  ];
  const growth: Growth = JSON.parse(
    await runScript('heap.ts', [workload, JSON.stringify(data)], { nodeFlags }),
  );
  const { allocated, retained, operations, collections } = growth;
  return {
    ours: Math.max(0, Number((retained / operations).toFixed(3))),
    peers: {},
    unit: 'bytes/op',
    note:
      `${operations} operations: the heap grew by ${retained} bytes; ${(allocated / operations).toFixed(1)} bytes ` +
      `of garbage for each${collections > 0 ? ` at least, ${collections} collections` : ''}`,
  };
}

async function measure(workload: 'nop' | 'read', data: Data): Promise<Growth> {
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  const gc = global.gc as () => void;
  const work = ours(workload, DEPTH, data);
  const rounds = Math.ceil(OPERATIONS / work.ops);
  for (let i = 0; i < rounds / 10; i++) work.run();
  gc();
  gc();
  await new Promise(setImmediate);
  observer.observe({ entryTypes: ['gc'] });
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < rounds; i++) work.run();
  const after = process.memoryUsage().heapUsed;
  await new Promise((resolve) => setTimeout(resolve, 10));
  observer.disconnect();
  gc();
  gc();
  const retained = process.memoryUsage().heapUsed - before;
  work.close();
  return { allocated: after - before, retained, operations: rounds * work.ops, collections };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [, , workload, data] = process.argv;
  const growth = await measure(workload === 'read' ? 'read' : 'nop', JSON.parse(data));
  process.stdout.write(JSON.stringify(growth));
}
