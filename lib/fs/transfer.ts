/**
 * Reading and writing of open files by the ring, in memory of the caller's; in a Worker by way of memory of the ring's.
 */
import { isMainThread } from 'node:worker_threads';
import { IOSQE_ASYNC } from '../../syscalls/constants/sqe.ts';
import { isView } from '../../syscalls/is-view.ts';
import { Iovecs } from '../args/iovecs.ts';
import type { Engine } from '../engine/engine.ts';
import { rejectFrom } from '../engine/errors.ts';
import { failure, goneBefore } from '../engine/failure.ts';
import type { Receiver, Slot } from '../engine/slot.ts';
import { read, readv } from '../ops/read.ts';
import { write, writev } from '../ops/write.ts';
import type { Sqe } from '../sqe.ts';
import { fsEngine } from './backend.ts';
import { moveOn, positionOf } from './file-position.ts';
import type { Traffic } from './traffic.ts';
import { type Buffers, gather, PIECE_BYTES, scatter, workerMemory } from './worker-memory.ts';

/**
 * The engine for operations on memory of the caller's; null where Node is to do it. In a Worker the memory may be gone before
 * the kernel has finished, when it is terminated: only what the ring owns is safe there.
 */
export function bufferEngine(): Engine | null {
  return isMainThread ? fsEngine() : null;
}

/** The engine for a transfer of so many bytes; null where Node is to do it: in a Worker, when they are many. */
export function transferEngine(length: number): Engine | null {
  if (isMainThread) return fsEngine();
  const engine = length <= PIECE_BYTES ? fsEngine() : null;
  return engine !== null && hasMemory(engine) ? engine : null;
}

/** Where addresses are scarce there is none. */
function hasMemory(engine: Engine): boolean {
  try {
    return workerMemory(engine) !== null;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** What is done to an open file. */
export interface Operation {
  readonly name: 'read' | 'write';
  readonly fd: number;
  /** Bytes. */
  readonly length: number;
  /** -1 for the file's own. */
  readonly position: number;
  /** As they were when the call was made: a list is not the caller's own. */
  readonly buffers: Buffers;
  readonly encode: (sqe: Sqe) => void;
}

export function reading(fd: number, buffer: ArrayBufferView, length: number, position: number): Operation {
  const encode = (sqe: Sqe): void => read(sqe, fd, buffer, length, position);
  return { name: 'read', fd, length, position, buffers: buffer, encode };
}

export function writing(fd: number, buffer: ArrayBufferView, length: number, position: number): Operation {
  const encode = (sqe: Sqe): void => write(sqe, fd, buffer, length, position);
  return { name: 'write', fd, length, position, buffers: buffer, encode };
}

export function readingAll(fd: number, buffers: readonly ArrayBufferView[], position: number): Operation {
  const iovecs = new Iovecs(buffers);
  const encode = (sqe: Sqe): void => readv(sqe, fd, iovecs, iovecs.count, position);
  return { name: 'read', fd, length: bytesOf(buffers), position, buffers: [...buffers], encode };
}

export function writingAll(fd: number, buffers: readonly ArrayBufferView[], position: number): Operation {
  const iovecs = new Iovecs(buffers);
  const encode = (sqe: Sqe): void => writev(sqe, fd, iovecs, iovecs.count, position);
  return { name: 'write', fd, length: bytesOf(buffers), position, buffers: [...buffers], encode };
}

/**
 * Does it, counted. Gives what `result` makes of the number of bytes. `traffic`: of the handle; null for a file that nobody
 * else has. With one promise, for it is done most of all.
 */
export function transfer<T>(
  engine: Engine,
  traffic: Traffic | null,
  operation: Operation,
  result: (count: number) => T,
): Promise<T> {
  return new Promise<T>((resolve) => {
    traffic?.ref();
    const running = new Running(engine, traffic, operation, result, resolve as Resolve);
    if (operation.position >= 0 || traffic === null) running.begin();
    else traffic.enter(running.begin);
  });
}

type Resolve = (value: unknown) => void;

class Running implements Receiver {
  readonly #engine: Engine;
  readonly #traffic: Traffic | null;
  readonly #operation: Operation;
  readonly #result: (count: number) => unknown;
  readonly #resolve: Resolve;
  #slot: Slot | null = null;
  /** In a Worker: through which it goes. */
  #piece: Buffer | null = null;
  /** Where the file stood, when it is its own position that is used. */
  #start = -1;

  constructor(
    engine: Engine,
    traffic: Traffic | null,
    operation: Operation,
    result: (count: number) => unknown,
    resolve: Resolve,
  ) {
    this.#engine = engine;
    this.#traffic = traffic;
    this.#operation = operation;
    this.#result = result;
    this.#resolve = resolve;
  }

  /** Now, or when the queue has room. */
  readonly begin = (): void => {
    const { name, fd, length, position, buffers } = this.#operation;
    const engine = this.#engine;
    let sqe: Sqe | null = null;
    try {
      if (areGone(buffers)) throw goneBefore(name);
      if (!this.#hasMemory()) return;
      sqe = engine.begin();
      if (sqe === null) {
        engine.wait(this.begin);
        return;
      }
      this.#encode(sqe);
    } catch (error) {
      if (sqe !== null) engine.abandon(sqe);
      this.#leave();
      this.#resolve(Promise.reject(error));
      return;
    }
    // What lies in the cache is copied by the thread that asks for it, unless it is told not to.
    if (length > INLINE_BYTES) sqe.flags |= IOSQE_ASYNC;
    if (position < 0) this.#start = positionOf(fd);
    const slot = engine.start(sqe, name);
    this.#slot = slot;
    slot.receiver = this;
    engine.send(slot);
  };

  complete(res: number): void {
    const { name, fd, length } = this.#operation;
    // To memory that is gone nothing was written: it matters only for what was read.
    const problem = name === 'write' && res >= 0 ? null : failure(this.#slot as Slot, res);
    moveOn(fd, this.#start, length, res);
    if (this.#piece !== null && name === 'read' && res > 0)
      scatter(this.#piece, res, this.#operation.buffers);
    this.#leave();
    if (problem === null) this.#resolve(this.#result(res));
    else rejectFrom(this.#resolve, problem);
  }

  /** False: `begin` is called again when there is some. */
  #hasMemory(): boolean {
    // When there are no more operations it is told by `begin` of the engine.
    if (this.#piece !== null || this.#engine.ended !== null) return true;
    const memory = workerMemory(this.#engine);
    if (memory === null) return true;
    this.#piece = memory.take(this.begin);
    return this.#piece !== null;
  }

  #encode(sqe: Sqe): void {
    const { name, fd, length, position, buffers, encode } = this.#operation;
    const piece = this.#piece;
    if (piece === null) {
      encode(sqe);
      return;
    }
    if (name === 'write') gather(buffers, length, piece);
    (name === 'write' ? write : read)(sqe, fd, piece, length, position);
  }

  #leave(): void {
    const piece = this.#piece;
    this.#piece = null;
    if (piece !== null) workerMemory(this.#engine)!.give(piece);
    if (this.#traffic === null) return;
    if (this.#operation.position < 0) this.#traffic.leave();
    this.#traffic.unref();
  }
}

/** Whether one has no memory any more: it was transferred away since the call. */
function areGone(buffers: Buffers): boolean {
  if (isView(buffers)) return buffers.buffer.byteLength === 0;
  return buffers.some((view) => view.buffer.byteLength === 0);
}

/** For `transfer`, when the number is all that is wanted. */
export function itself(count: number): number {
  return count;
}

export function bytesOf(buffers: readonly ArrayBufferView[]): number {
  return buffers.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** Some 100 µs of copying. */
const INLINE_BYTES = 2 ** 20;
