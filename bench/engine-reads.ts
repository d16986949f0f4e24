/**
 * Reads as promises: so many loops, each of which starts its next read when the last one is there. All peers run such
 * loops, as bench/peers/lanes.c does: none waits for the slowest of a batch.
 */
import { closeSync, constants, openSync, read, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { FnReturnedObject } from 'tinybench';
import { allocatePages, IoUring } from 'tsuring';
import { asynchronous, type Contenders, type EngineTask, synchronous } from './engine-contenders.ts';
import { BLOCK, type Data } from './files.ts';
import type { AsyncWorkload, Workload } from './measure.ts';

/** Operations between two looks at the clock: as in bench/peers/lanes.c. */
const SAMPLE = { reads: 512, reads_arena: 512, reads_direct: 256 };

export async function reads(task: EngineTask): Promise<Contenders> {
  const { depth, data } = task;
  const name = task.name as keyof typeof SAMPLE;
  const ops = SAMPLE[name];
  const memory = name === 'reads' ? plain : aligned;
  const flags = constants.O_RDONLY | (name === 'reads_direct' ? constants.O_DIRECT : 0);
  const handle = await open(data.path, flags);
  const fd = openSync(data.path, flags);
  const ring = new IoUring();
  const mine = name === 'reads' ? plain(depth) : split(arena(ring, depth * BLOCK));
  const end = async (): Promise<void> => {
    await ring.close();
    closeSync(fd);
  };
  return {
    ours: asynchronous('ours', byEngine(ring, fd, ops, new Lanes(mine, data)), end),
    blocking: synchronous('fs.readSync', bySync(fd, ops, new Lanes(memory(1), data))),
    asynchronous: [
      asynchronous('fs.read', byCallbacks(fd, ops, new Lanes(memory(depth), data)), () => {}),
      asynchronous('FileHandle.read', byHandle(handle, ops, new Lanes(memory(depth), data)), () =>
        handle.close(),
      ),
    ],
  };
}

/** Memory of the engine's own, which is registered: it takes READ_FIXED for it by itself. */
function arena(ring: IoUring, bytes: number): Uint8Array {
  return ring.allocate(bytes);
}

export function byEngine(ring: IoUring, fd: number, ops: number, lanes: Lanes): AsyncWorkload {
  const loop = async (buffer: Uint8Array, lane: number): Promise<void> => {
    while (lanes.goesOn()) check(await ring.read(fd, buffer, { offset: lanes.next(lane) }));
  };
  return timed(ops, lanes, () => Promise.all(lanes.buffers.map(loop)));
}

function byHandle(handle: FileHandle, ops: number, lanes: Lanes): AsyncWorkload {
  const loop = async (buffer: Uint8Array, lane: number): Promise<void> => {
    while (lanes.goesOn()) check((await handle.read(buffer, 0, BLOCK, lanes.next(lane))).bytesRead);
  };
  return timed(ops, lanes, () => Promise.all(lanes.buffers.map(loop)));
}

function byCallbacks(fd: number, ops: number, lanes: Lanes): AsyncWorkload {
  const all = (): Promise<void> =>
    new Promise((resolve, reject) => {
      let inFlight = 0;
      const start = (buffer: Uint8Array, lane: number): void => {
        if (!lanes.goesOn()) {
          if (inFlight === 0) resolve();
          return;
        }
        inFlight++;
        read(fd, buffer, 0, BLOCK, lanes.next(lane), (error, count) => {
          inFlight--;
          if (error === null && count === BLOCK) start(buffer, lane);
          else reject(error ?? new Error(`${count} bytes were read`));
        });
      };
      lanes.buffers.forEach(start);
    });
  return timed(ops, lanes, all);
}

/** One after the other, whatever the depth. */
function bySync(fd: number, ops: number, lanes: Lanes): Workload {
  const [buffer] = lanes.buffers;
  const run = (): FnReturnedObject => {
    lanes.begin(ops);
    const start = performance.now();
    while (lanes.goesOn()) check(readSync(fd, buffer, 0, BLOCK, lanes.next(0)));
    const overriddenDuration = performance.now() - start;
    lanes.verify();
    return { overriddenDuration };
  };
  return { ops, run, close: () => {} };
}

function timed(ops: number, lanes: Lanes, all: () => Promise<unknown>): AsyncWorkload {
  const run = async (): Promise<FnReturnedObject> => {
    lanes.begin(ops);
    const start = performance.now();
    await all();
    const overriddenDuration = performance.now() - start;
    lanes.verify();
    return { overriddenDuration };
  };
  return { ops, run };
}

/** The buffers of the loops, where in the file each reads next, and how many reads are left of a sample. */
export class Lanes {
  readonly buffers: readonly Uint8Array[];
  readonly #data: Data;
  /** The block that each has read last. */
  readonly #blocks: Int32Array;
  #next = 0;
  #left = 0;

  constructor(buffers: readonly Uint8Array[], data: Data) {
    this.buffers = buffers;
    this.#data = data;
    this.#blocks = new Int32Array(buffers.length);
  }

  begin(ops: number): void {
    this.#left = ops;
  }

  /** Whether there is one more read to be made, which the caller makes. */
  goesOn(): boolean {
    return this.#left-- > 0;
  }

  /** The offset. */
  next(lane: number): number {
    const block = this.#next;
    this.#blocks[lane] = block;
    this.#next = block + 1 === this.#data.blocks ? 0 : block + 1;
    return block * BLOCK;
  }

  /** What was read last is what stands in the file. Not timed. */
  verify(): void {
    const fd = openSync(this.#data.path, 'r');
    try {
      const block = Buffer.alloc(BLOCK);
      for (const [lane, buffer] of this.buffers.entries()) {
        check(readSync(fd, block, 0, BLOCK, this.#blocks[lane] * BLOCK));
        if (!block.equals(buffer)) throw new Error('The bytes are not those of the file');
      }
    } finally {
      closeSync(fd);
    }
  }
}

export function plain(count: number): Buffer[] {
  return Array.from({ length: count }, () => Buffer.alloc(BLOCK, 1));
}

/** From page boundaries on. */
function aligned(count: number): Uint8Array[] {
  return split(allocatePages(count * BLOCK).bytes());
}

function split(memory: Uint8Array): Uint8Array[] {
  memory.fill(1);
  const count = memory.length / BLOCK;
  return Array.from({ length: count }, (_, i) => memory.subarray(i * BLOCK, (i + 1) * BLOCK));
}

function check(count: number): void {
  if (count !== BLOCK) throw new Error(`${count} bytes were read`);
}
