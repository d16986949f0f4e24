/**
 * A Worker that reads and writes by FileHandles as the main thread would, by random calls on two files that are alike, one
 * by tsuring/fs, one by Node. Ends with an error where they differ; tells how much went through the ring.
 */
import assert from 'node:assert/strict';
import { subscribe } from 'node:diagnostics_channel';
import node from 'node:fs/promises';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import fs from '../../lib/fs/index.ts';
import { randomBelow } from './random.ts';

export interface TransferTask {
  readonly folder: string;
  readonly seed: number;
  readonly rounds: number;
}

const { folder, seed, rounds } = workerData as TransferTask;
const below = randomBelow(seed);
/** Up to what goes through the ring, at its border and beyond. */
const LENGTHS = [1, 7, 100, 4096, 16_384, 65_535, 65_536, 65_537, 200_000];
let byRing = 0;
subscribe('tsuring:op:start', () => byRing++);

type Handle = node.FileHandle;
type Call = (handle: Handle) => Promise<unknown>;

function some<T>(of: readonly T[]): T {
  return of[below(of.length)];
}

/** A call, and what it leaves in its buffers. */
function randomCall(): Call {
  const length = some(LENGTHS);
  const position = below(2) === 0 ? null : below(300_000);
  const lengths = Array.from({ length: 1 + below(5) }, () => some(LENGTHS));
  const offset = below(50);
  const fill = below(256);
  const Views = some([Uint8Array, Float64Array]);
  switch (below(4)) {
    case 0:
      return async (handle) => {
        const view = new Views(length + offset);
        const { bytesRead, buffer } = await handle.read(view, offset, length, position);
        return [bytesRead, buffer === view, view];
      };
    case 1: {
      const data = Buffer.alloc(length + offset, fill);
      return async (handle) => (await handle.write(data, offset, length, position)).bytesWritten;
    }
    case 2:
      return async (handle) => {
        const buffers = lengths.map((each) => Buffer.alloc(each));
        const { bytesRead } = await handle.readv(buffers, position ?? undefined);
        return [bytesRead, ...buffers];
      };
    default: {
      const buffers = lengths.map((each) => Buffer.alloc(each, fill));
      return async (handle) => (await handle.writev(buffers, position ?? undefined)).bytesWritten;
    }
  }
}

/** One after the other. */
async function randomCalls(ours: Handle, nodes: Handle): Promise<void> {
  for (let n = 0; n < rounds; n++) {
    const call = randomCall();
    assert.deepEqual(await call(ours), await call(nodes), `seed ${seed}, call ${n}`);
  }
  assert.ok((await ours.readFile()).equals(await nodes.readFile()));
}

/** Many more than there are pieces of memory. */
async function manyAtOnce(handle: Handle): Promise<void> {
  const page = (n: number) => Buffer.alloc(4096, n % 251);
  const each = Array.from({ length: 500 }, (_, n) => n);
  await Promise.all(each.map((n) => handle.write(page(n), 0, 4096, n * 4096)));
  const read = await Promise.all(each.map((n) => handle.read(Buffer.alloc(4096), 0, 4096, n * 4096)));
  for (const n of each) assert.ok(read[n].buffer.equals(page(n)), `page ${n}`);
  // At its own position, in order.
  const [first, ...rest] = await Promise.all(each.map(() => handle.read(Buffer.alloc(4096))));
  assert.equal(first.bytesRead, 4096);
  rest.forEach(({ buffer }, n) => {
    assert.ok(buffer.equals(page(n + 1)), `page ${n + 1}`);
  });
}

/** What is too large is Node's: with what goes by the ring, each byte once. And lists are taken as they are at the call. */
async function mixed(): Promise<void> {
  const lengths = Array.from({ length: 60 }, (_, n) => [1000, 100_000, 65_536][n % 3]);
  for (let round = 0; round < 5; round++) {
    const handle = await fs.open(join(folder, 'mixed'), 'w+');
    const list: Buffer[] = [];
    const writing = lengths.map((length, n) => {
      list.push(Buffer.alloc(length));
      const result = n % 2 === 0 ? handle.write(list[0]) : handle.writev(list);
      list.length = 0;
      return result;
    });
    const written = (await Promise.all(writing)).reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
    assert.equal((await handle.stat()).size, written);
    await handle.close();
  }
}

/** What was transferred away is read by nobody, and nothing else is written in its place. */
async function transferred(handle: Handle): Promise<void> {
  const memory = new ArrayBuffer(4096);
  const reading = handle.read(new Uint8Array(memory), 0, 4096, 0);
  structuredClone(memory, { transfer: [memory] });
  assert.equal((await reading).bytesRead, 4096);
  const { size } = await handle.stat();
  const more = new ArrayBuffer(4096);
  // Those before it have all the memory.
  const before = Array.from({ length: 100 }, () => handle.write(Buffer.alloc(10), 0, 10, 0));
  const writing = handle.write(new Uint8Array(more), 0, 4096, size).then(
    ({ bytesWritten }) => bytesWritten,
    (error: Error & { code: string }) => error.code,
  );
  structuredClone(more, { transfer: [more] });
  await Promise.all(before);
  assert.equal(await writing, 'ERR_INVALID_STATE');
  assert.equal((await handle.stat()).size, size);
}

const ours = await fs.open(join(folder, 'ours'), 'w+');
const nodes = await node.open(join(folder, 'nodes'), 'w+');
await randomCalls(ours, nodes);
const other = await fs.open(join(folder, 'other'), 'w+');
await manyAtOnce(other);
await transferred(other);
await mixed();
for (const handle of [ours, nodes, other]) await handle.close();
parentPort!.postMessage([fs.backend, byRing]);
