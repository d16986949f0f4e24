/**
 * Reading and writing of open files by the ring, in memory of the caller's.
 */
import { isMainThread } from 'node:worker_threads';
import { Iovecs } from '../args/iovecs.ts';
import type { Engine } from '../engine/engine.ts';
import { rejectFrom } from '../engine/errors.ts';
import { failure } from '../engine/failure.ts';
import { launch } from '../engine/launch.ts';
import type { Receiver, Slot } from '../engine/slot.ts';
import { read, readv } from '../ops/read.ts';
import { write, writev } from '../ops/write.ts';
import type { Sqe } from '../sqe.ts';
import { fsEngine } from './backend.ts';

/**
 * The engine for operations on memory of the caller's; null where Node is to do it. In a Worker the memory may be gone before
 * the kernel has finished, when it is terminated: only what the ring owns is safe there.
 */
export function bufferEngine(): Engine | null {
  return isMainThread ? fsEngine() : null;
}

/** What is done to an open file. */
export interface Transfer {
  readonly name: 'read' | 'write';
  readonly encode: (sqe: Sqe) => void;
}

export function reading(fd: number, buffer: ArrayBufferView, length: number, position: number): Transfer {
  return { name: 'read', encode: (sqe) => read(sqe, fd, buffer, length, position) };
}

export function writing(fd: number, buffer: ArrayBufferView, length: number, position: number): Transfer {
  return { name: 'write', encode: (sqe) => write(sqe, fd, buffer, length, position) };
}

export function readingAll(fd: number, buffers: readonly ArrayBufferView[], position: number): Transfer {
  const iovecs = new Iovecs(buffers);
  return { name: 'read', encode: (sqe) => readv(sqe, fd, iovecs, iovecs.count, position) };
}

export function writingAll(fd: number, buffers: readonly ArrayBufferView[], position: number): Transfer {
  const iovecs = new Iovecs(buffers);
  return { name: 'write', encode: (sqe) => writev(sqe, fd, iovecs, iovecs.count, position) };
}

/** Gives the number of bytes. */
export function transfer(engine: Engine, operation: Transfer): Promise<number> {
  return launch(engine, operation);
}

/** Whoever has to know how many operations are in flight. */
export interface Counter {
  ref(): void;
  unref(): void;
}

/** As `transfer`, counted; gives what `result` makes of the number. With one promise, for it is done most of all. */
export function countedTransfer(
  engine: Engine,
  { name, encode }: Transfer,
  counter: Counter,
  result: (count: number) => unknown,
): Promise<unknown> {
  counter.ref();
  return new Promise((resolve) => {
    const attempt = (): void => {
      let sqe: Sqe | null = null;
      try {
        sqe = engine.begin();
        if (sqe !== null) encode(sqe);
      } catch (error) {
        if (sqe !== null) engine.abandon(sqe);
        counter.unref();
        resolve(Promise.reject(error));
        return;
      }
      if (sqe === null) {
        engine.wait(attempt);
        return;
      }
      const slot = engine.start(sqe, name);
      slot.receiver = new Ending(slot, counter, result, resolve);
      engine.send(slot);
    };
    attempt();
  });
}

class Ending implements Receiver {
  readonly #slot: Slot;
  readonly #counter: Counter;
  readonly #result: (count: number) => unknown;
  readonly #resolve: (value: unknown) => void;

  constructor(
    slot: Slot,
    counter: Counter,
    result: (count: number) => unknown,
    resolve: (value: unknown) => void,
  ) {
    this.#slot = slot;
    this.#counter = counter;
    this.#result = result;
    this.#resolve = resolve;
  }

  complete(res: number): void {
    const problem = failure(this.#slot, res);
    this.#counter.unref();
    if (problem === null) this.#resolve(this.#result(res));
    else rejectFrom(this.#resolve, problem);
  }
}
