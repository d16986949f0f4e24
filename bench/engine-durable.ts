/**
 * A write of 4 KiB and an fsync behind it, in so many files at once: as a chain of the engine, and by node:fs.
 */
import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { FnReturnedObject } from 'tinybench';
import { IoUring } from 'tsuring';
import { asynchronous, type Contenders, type EngineTask, synchronous } from './engine-contenders.ts';
import { plain } from './engine-reads.ts';
import { BLOCK } from './files.ts';
import type { AsyncWorkload, Workload } from './measure.ts';

/** Of each file, between two looks at the clock: as in bench/peers/durable.c. */
const ROUNDS = 4;

/** `data` is files: its path and a number, from 0 on, each of so many blocks. */
export async function durable({ depth, data: { path, blocks } }: EngineTask): Promise<Contenders> {
  const paths = Array.from({ length: depth }, (_, i) => `${path}${i}`);
  const fds = paths.map((one) => openSync(one, 'r+'));
  const handles = await Promise.all(paths.map((one) => open(one, 'r+')));
  const ring = new IoUring();
  const end = async (): Promise<void> => {
    await ring.close();
    for (const fd of fds) closeSync(fd);
  };
  return {
    ours: asynchronous('ours', byChains(ring, fds, new Writes(fds, blocks)), end),
    blocking: synchronous('fs.writeSync, fsyncSync', bySync(fds, new Writes(fds, blocks))),
    asynchronous: [
      asynchronous('FileHandle.write, sync', byHandles(handles, new Writes(fds, blocks)), async () => {
        for (const handle of handles) await handle.close();
      }),
    ],
  };
}

function byChains(ring: IoUring, fds: readonly number[], writes: Writes): AsyncWorkload {
  return inEachFile(fds.length, writes, async (file) => {
    const buffer = writes.stamp(file);
    const offset = writes.next(file);
    const [count] = await ring.chain((link) => [
      link.write(fds[file], buffer, { offset }),
      link.fsync(fds[file]),
    ]);
    check(count);
  });
}

function byHandles(handles: readonly FileHandle[], writes: Writes): AsyncWorkload {
  return inEachFile(handles.length, writes, async (file) => {
    const buffer = writes.stamp(file);
    check((await handles[file].write(buffer, 0, BLOCK, writes.next(file))).bytesWritten);
    await handles[file].sync();
  });
}

/** A loop for each file: none waits for the slowest. */
function inEachFile(count: number, writes: Writes, once: (file: number) => Promise<void>): AsyncWorkload {
  const ops = ROUNDS * count;
  const files = Array.from({ length: count }, (_, i) => i);
  const run = async (): Promise<FnReturnedObject> => {
    let left = ops;
    const loop = async (file: number): Promise<void> => {
      while (left-- > 0) await once(file);
    };
    const start = performance.now();
    await Promise.all(files.map(loop));
    const overriddenDuration = performance.now() - start;
    writes.verify();
    return { overriddenDuration };
  };
  return { ops, run };
}

/** One file after the other. */
function bySync(fds: readonly number[], writes: Writes): Workload {
  const ops = ROUNDS * fds.length;
  const run = (): FnReturnedObject => {
    const start = performance.now();
    for (let i = 0; i < ops; i++) {
      const file = i % fds.length;
      const buffer = writes.stamp(file);
      check(writeSync(fds[file], buffer, 0, BLOCK, writes.next(file)));
      fsyncSync(fds[file]);
    }
    const overriddenDuration = performance.now() - start;
    writes.verify();
    return { overriddenDuration };
  };
  return { ops, run, close: () => {} };
}

/** What is written to each file, and where. */
class Writes {
  readonly #fds: readonly number[];
  readonly #blocks: number;
  readonly #buffers: readonly Buffer[];
  /** The block that was written last. */
  readonly #last: Int32Array;
  #stamp = 0;

  constructor(fds: readonly number[], blocks: number) {
    this.#fds = fds;
    this.#blocks = blocks;
    this.#buffers = plain(fds.length);
    this.#last = new Int32Array(fds.length).fill(-1);
  }

  /** The buffer of the file, with what it never held before. */
  stamp(file: number): Buffer {
    const buffer = this.#buffers[file];
    buffer.writeUInt32LE(this.#stamp++);
    return buffer;
  }

  /** The offset: one block after the other. */
  next(file: number): number {
    this.#last[file] = (this.#last[file] + 1) % this.#blocks;
    return this.#last[file] * BLOCK;
  }

  /** What was written last stands in the files. Not timed. */
  verify(): void {
    const block = Buffer.alloc(BLOCK);
    for (const [file, fd] of this.#fds.entries()) {
      check(readSync(fd, block, 0, BLOCK, this.#last[file] * BLOCK));
      if (!block.equals(this.#buffers[file])) throw new Error('The file has not what was written');
    }
  }
}

function check(count: number): void {
  if (count !== BLOCK) throw new Error(`${count} bytes`);
}
