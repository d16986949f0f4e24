/**
 * Reading and writing of open files by the ring, in memory of the caller's.
 */
import { isMainThread } from 'node:worker_threads';
import { Iovecs } from '../args/iovecs.ts';
import type { Engine } from '../engine/engine.ts';
import { launch } from '../engine/launch.ts';
import { read, readv } from '../ops/read.ts';
import { write, writev } from '../ops/write.ts';
import { fsEngine } from './backend.ts';

/**
 * The engine for operations on memory of the caller's; null where Node is to do it. In a Worker the memory may be gone before
 * the kernel has finished, when it is terminated: only what the ring owns is safe there.
 */
export function bufferEngine(): Engine | null {
  return isMainThread ? fsEngine() : null;
}

/** Bytes that were read. `position`: -1 for the file's own. */
export function readBytes(
  engine: Engine,
  fd: number,
  buffer: ArrayBufferView,
  length: number,
  position: number,
): Promise<number> {
  return launch(engine, { name: 'read', encode: (sqe) => read(sqe, fd, buffer, length, position) });
}

export function writeBytes(
  engine: Engine,
  fd: number,
  buffer: ArrayBufferView,
  length: number,
  position: number,
): Promise<number> {
  return launch(engine, { name: 'write', encode: (sqe) => write(sqe, fd, buffer, length, position) });
}

export function readBuffers(
  engine: Engine,
  fd: number,
  buffers: readonly ArrayBufferView[],
  position: number,
): Promise<number> {
  const iovecs = new Iovecs(buffers);
  return launch(engine, {
    name: 'read',
    encode: (sqe) => readv(sqe, fd, iovecs, iovecs.count, position),
  });
}

export function writeBuffers(
  engine: Engine,
  fd: number,
  buffers: readonly ArrayBufferView[],
  position: number,
): Promise<number> {
  const iovecs = new Iovecs(buffers);
  return launch(engine, {
    name: 'write',
    encode: (sqe) => writev(sqe, fd, iovecs, iovecs.count, position),
  });
}
