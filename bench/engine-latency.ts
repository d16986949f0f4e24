/**
 * What the event loop and the engine do to each other: how long a read takes while the loop is busy, and how late a timer
 * fires while reads follow each other without end. In a process of its own.
 */
import { openSync, read } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { IoUring } from 'tsuring';
import { runCompiled } from './engine-build.ts';
import { Lanes, plain } from './engine-reads.ts';
import { BLOCK, type Data, randomFile } from './files.ts';
import type { Context, Measured } from './rows.ts';

export type LatencyName = 'busy' | 'timer';

interface LatencyTask {
  readonly name: LatencyName;
  readonly data: Data;
  readonly rounds: number;
  /** Reads, or milliseconds, of each round. */
  readonly amount: number;
}

/** Nanoseconds, in the order of size, of each that takes part. */
type Samples = Record<string, number[]>;

const WARM_UP_MS = 200;
const SLICE_MS = 1;
/** In each turn of the event loop. */
const SLICES = 3;
const TIMER_MS = 5;

/** The middle of the latencies; the note has the others. */
export async function busyRow(context: Context): Promise<Measured> {
  const samples = await samplesOf('busy', context, context.quick ? 60 : 400);
  return {
    ...figures(samples, 0.5),
    note: `p50; p99 in µs: ${told(samples, (values) => part(values, 0.99) / 1e3)}; the loop is busy with ${SLICES} callbacks of ${SLICE_MS} ms in each turn`,
  };
}

/** All but the latest hundredth; the note has the others. */
export async function timerRow(context: Context): Promise<Measured> {
  const samples = await samplesOf('timer', context, context.quick ? 500 : 2000);
  const inMs = (share: number) => told(samples, (values) => part(values, share) / 1e6);
  return {
    ...figures(samples, 0.99),
    note: `p99; in ms p50: ${inMs(0.5)}; the latest: ${inMs(1)}; setInterval of ${TIMER_MS} ms`,
  };
}

async function samplesOf(name: LatencyName, { folder, quick }: Context, amount: number): Promise<Samples> {
  const data = await randomFile(join(folder, 'cached'), 256);
  const task: LatencyTask = { name, data, rounds: quick ? 1 : 5, amount };
  const samples: Samples = JSON.parse(await runCompiled('engine-latency', [JSON.stringify(task)]));
  for (const values of Object.values(samples)) values.sort((a, b) => a - b);
  return samples;
}

function figures(samples: Samples, share: number): { ours: number; peers: Record<string, number> } {
  const { ours, ...peers } = samples;
  const entries = Object.entries(peers).map(([name, values]) => [name, part(values, share)]);
  return { ours: part(ours, share), peers: Object.fromEntries(entries) };
}

function told(samples: Samples, figure: (values: number[]) => number): string {
  return Object.entries(samples)
    .map(([name, values]) => `${name} ${figure(values).toFixed(1)}`)
    .join(', ');
}

/** The value below which this share of all lies. */
function part(values: readonly number[], share: number): number {
  return values[Math.min(values.length - 1, Math.floor(values.length * share))];
}

/** Reads one block. Gives the number of bytes. */
type Read = (buffer: Uint8Array, offset: number) => Promise<number>;

async function measure({ name, data, rounds, amount }: LatencyTask): Promise<Samples> {
  const ring = new IoUring();
  const fd = openSync(data.path, 'r');
  const handle = await open(data.path);
  const readers = readersOf(ring, fd, handle);
  const samples: Samples = {};
  const sample = name === 'busy' ? latencies : latenesses;
  for (const [reader, read] of Object.entries(readers)) {
    samples[reader] = [];
    // What is measured is no code that runs for the first time.
    await latenesses(read, data, WARM_UP_MS);
  }
  for (let round = 0; round < rounds; round++)
    for (const [reader, read] of Object.entries(readers))
      samples[reader].push(...(await sample(read, data, amount)));
  await ring.close();
  await handle.close();
  return samples;
}

function readersOf(ring: IoUring, fd: number, handle: FileHandle): Record<string, Read> {
  const byCallback = promisify(read) as unknown as (
    fd: number,
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ) => Promise<{ bytesRead: number }>;
  return {
    ours: (buffer, offset) => ring.read(fd, buffer, { offset }),
    'FileHandle.read': async (buffer, offset) => (await handle.read(buffer, 0, BLOCK, offset)).bytesRead,
    'fs.read': async (buffer, offset) => (await byCallback(fd, buffer, 0, BLOCK, offset)).bytesRead,
  };
}

/**
 * So many reads, one at a time, each started by what keeps the event loop busy: as if events came that take a millisecond
 * each, several with every turn. A read is started at the end of the first, of the second, and so on.
 */
async function latencies(read: Read, data: Data, count: number): Promise<number[]> {
  const lanes = new Lanes(plain(1), data);
  const found: number[] = [];
  let busy = true;
  let next: (() => void) | null = null;
  let slices = 0;
  const slice = (): void => {
    for (const end = performance.now() + SLICE_MS; performance.now() < end; );
    if (busy) setImmediate(slice);
    if (slices++ % SLICES !== found.length % SLICES) return;
    next?.();
    next = null;
  };
  for (let i = 0; i < SLICES; i++) setImmediate(slice);
  try {
    while (found.length < count) {
      await new Promise<void>((resolve) => {
        next = resolve;
      });
      const offset = lanes.next(0);
      const start = performance.now();
      const bytes = await read(lanes.buffers[0], offset);
      found.push((performance.now() - start) * 1e6);
      if (bytes !== BLOCK) throw new Error(`${bytes} bytes were read`);
      lanes.verify();
    }
  } finally {
    busy = false;
  }
  return found;
}

/** How late a timer fires each time, for so many milliseconds, while one read follows the other. */
async function latenesses(read: Read, data: Data, milliseconds: number): Promise<number[]> {
  const lanes = new Lanes(plain(1), data);
  const [buffer] = lanes.buffers;
  const found: number[] = [];
  let over = false;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    found.push(Math.max(0, now - last - TIMER_MS) * 1e6);
    last = now;
  }, TIMER_MS);
  // Not from a timer: that this one fires at all is what is measured.
  const end = last + milliseconds;
  while (!over) {
    for (let i = 0; i < 64; i++)
      if ((await read(buffer, lanes.next(0))) !== BLOCK) throw new Error('The read was short');
    over = performance.now() >= end;
  }
  clearInterval(timer);
  // One that never fired was as late as all of it.
  found.push(Math.max(0, performance.now() - last - TIMER_MS) * 1e6);
  lanes.verify();
  return found;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
  process.stdout.write(JSON.stringify(await measure(JSON.parse(process.argv[2]))));
