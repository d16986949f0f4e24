/**
 * The peers of node:fs: the same reads into the same kind of memory, `depth` of them at a time.
 */
import { closeSync, constants, openSync, read, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { allocatePages } from 'tsuring';
import { BLOCK, type Data } from './files.ts';
import { type AsyncWorkload, nsPerOpAsync, type Workload } from './measure.ts';

/** `fs.readSync`, one after the other. */
export function sync({ path, blocks }: Data, direct: boolean): Workload {
  const fd = openSync(path, flagsOf(direct));
  const [buffer] = buffersOf(1);
  const next = counter(blocks);
  const ops = direct ? 32 : 512;
  const run = (): void => {
    for (let i = 0; i < ops; i++) check(readSync(fd, buffer, 0, BLOCK, next() * BLOCK));
  };
  return { ops, run, close: () => closeSync(fd) };
}

/** Nanoseconds per operation of `fs.read` with callbacks and of `FileHandle.read` with promises. */
export async function asynchronous(
  data: Data,
  depth: number,
  direct: boolean,
  milliseconds: number,
): Promise<{ callback: number; promise: number }> {
  const handle = await open(data.path, flagsOf(direct));
  try {
    const callback = await measured(callbacks(handle.fd, depth, data.blocks), milliseconds);
    const promise = await measured(promises(handle, depth, data.blocks), milliseconds);
    return { callback, promise };
  } finally {
    await handle.close();
  }
}

async function measured(workload: AsyncWorkload, milliseconds: number): Promise<number> {
  await workload.run();
  return nsPerOpAsync(workload, milliseconds);
}

function callbacks(fd: number, depth: number, blocks: number): AsyncWorkload {
  const buffers = buffersOf(depth);
  const next = counter(blocks);
  const batch = (): Promise<void> =>
    new Promise((resolve, reject) => {
      let left = depth;
      for (const buffer of buffers)
        read(fd, buffer, 0, BLOCK, next() * BLOCK, (error, count) => {
          if (error !== null || count !== BLOCK) reject(error ?? new Error(`${count} bytes were read`));
          else if (--left === 0) resolve();
        });
    });
  return batches(batch, depth);
}

function promises(handle: FileHandle, depth: number, blocks: number): AsyncWorkload {
  const buffers = buffersOf(depth);
  const next = counter(blocks);
  const one = async (buffer: Uint8Array): Promise<void> =>
    check((await handle.read(buffer, 0, BLOCK, next() * BLOCK)).bytesRead);
  return batches(async () => void (await Promise.all(buffers.map(one))), depth);
}

function batches(batch: () => Promise<void>, depth: number): AsyncWorkload {
  const rounds = Math.ceil(32 / depth);
  const run = async (): Promise<void> => {
    for (let i = 0; i < rounds; i++) await batch();
  };
  return { ops: rounds * depth, run };
}

/** Page-aligned, as ours. */
function buffersOf(depth: number): Uint8Array[] {
  const pages = allocatePages(depth * BLOCK);
  pages.bytes().fill(1);
  return Array.from({ length: depth }, (_, i) => pages.bytes(i * BLOCK, BLOCK));
}

function counter(blocks: number): () => number {
  let next = -1;
  return () => {
    next = next + 1 === blocks ? 0 : next + 1;
    return next;
  };
}

const flagsOf = (direct: boolean): number => constants.O_RDONLY | (direct ? constants.O_DIRECT : 0);

function check(count: number): void {
  if (count !== BLOCK) throw new Error(`${count} bytes were read`);
}
