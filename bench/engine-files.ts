/**
 * Many small files: each is opened, asked for its size, read and closed; so many of them at a time.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { mkdir, open, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IoUring } from 'tsuring';
import type { Contender, Contenders, EngineTask } from './engine-contenders.ts';
import type { Data } from './files.ts';

export const FILES = 10_000;
const BYTES = 1024;

/** Has one file visited: its bytes go into `buffer`. Gives their number, and the size that the file says it has. */
type Visit = (path: string, buffer: Buffer) => Promise<{ count: number; size: number }>;

/** The files in a folder, made when they are not there. */
export async function smallFiles(folder: string): Promise<Data> {
  const path = join(folder, 'small');
  const paths = pathsIn(path);
  if ((await stat(paths[FILES - 1]).catch(() => null)) === null) {
    await mkdir(path, { recursive: true });
    for (let at = 0; at < FILES; at += 100)
      await Promise.all(paths.slice(at, at + 100).map((one, i) => writeFile(one, contents(at + i))));
  }
  return { path, blocks: FILES };
}

export async function files({ data, depth }: EngineTask): Promise<Contenders> {
  const paths = pathsIn(data.path);
  const ring = new IoUring();
  return {
    ours: contender(
      'ours',
      () => all(byEngine(ring), paths, depth),
      () => ring.close(),
    ),
    beside: [
      contender(
        'IoUring, without chains',
        () => all(withoutChains(ring), paths, depth),
        () => {},
      ),
    ],
    blocking: contender(
      'fs, synchronous',
      () => allSync(paths),
      () => {},
    ),
    asynchronous: [
      contender(
        'fs/promises',
        () => all(byPromises, paths, depth),
        () => {},
      ),
    ],
  };
}

/** A chain in a slot of the ring's: nobody waits between its steps. The size by the path, which can be asked at its end. */
function byEngine(ring: IoUring): Visit {
  return async (path, buffer) => {
    const file = ring.fixedFile();
    const [, count, , { size }] = await ring.chain((link) => [
      link.openatDirect(path, 'r', 0, { into: file }),
      link.read(file, buffer, { offset: 0 }),
      link.closeFixed(file),
      link.statx(path),
    ]);
    return { count, size: Number(size) };
  };
}

/** One step after the other has told. */
function withoutChains(ring: IoUring): Visit {
  return async (path, buffer) => {
    const fd = await ring.openat(path);
    try {
      const { size } = await ring.fstatx(fd);
      const count = await ring.read(fd, buffer, { offset: 0 });
      return { count, size: Number(size) };
    } finally {
      await ring.closeFd(fd);
    }
  };
}

const byPromises: Visit = async (path, buffer) => {
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    const { bytesRead } = await handle.read(buffer, 0, BYTES, 0);
    return { count: bytesRead, size };
  } finally {
    await handle.close();
  }
};

/** `depth` loops, each with a buffer of its own. */
async function all(visit: Visit, paths: readonly string[], depth: number): Promise<void> {
  let next = 0;
  const loop = async (): Promise<void> => {
    const buffer = Buffer.alloc(BYTES);
    while (next < paths.length) {
      const i = next++;
      const { count, size } = await visit(paths[i], buffer);
      check(i, buffer, count, size);
    }
  };
  await Promise.all(Array.from({ length: depth }, loop));
}

/** One file after the other. */
function allSync(paths: readonly string[]): void {
  const buffer = Buffer.alloc(BYTES);
  for (const [i, path] of paths.entries()) {
    const fd = openSync(path, 'r');
    const { size } = fstatSync(fd);
    const count = readSync(fd, buffer, 0, BYTES, 0);
    closeSync(fd);
    check(i, buffer, count, size);
  }
}

/** All files once, however long that takes. */
function contender(name: string, pass: () => void | Promise<void>, close: Contender['close']): Contender {
  const measure = async (): Promise<number> => {
    const start = performance.now();
    await pass();
    return ((performance.now() - start) * 1e6) / FILES;
  };
  return { name, measure, close };
}

function pathsIn(folder: string): string[] {
  return Array.from({ length: FILES }, (_, i) => join(folder, String(i)));
}

/** Its number at the beginning and at the end. */
function contents(i: number): Buffer {
  const bytes = Buffer.alloc(BYTES, 1);
  bytes.writeUInt32LE(i);
  bytes.writeUInt32LE(i, BYTES - 4);
  return bytes;
}

function check(i: number, buffer: Buffer, count: number, size: number): void {
  if (count !== BYTES || size !== BYTES) throw new Error(`File ${i}: ${count} bytes of ${size}`);
  if (buffer.readUInt32LE() !== i || buffer.readUInt32LE(BYTES - 4) !== i)
    throw new Error(`File ${i}: the bytes are not its own`);
}
