/**
 * Memory of the ring's own for reads and writes in a Worker. What is the caller's may be gone before the kernel has finished
 * with it, when the Worker is terminated, and then be somebody else's; this serves nobody else until then.
 */
import { isMainThread } from 'node:worker_threads';
import { allocatePages } from '../../syscalls/memory.ts';
import type { Engine } from '../engine/engine.ts';
import { goneBefore } from '../engine/failure.ts';
import { Waiting } from '../engine/waiting.ts';

/** What is larger goes to Node in a Worker. */
export const PIECE_BYTES: number = 64 * 1024;

/** That of this thread; null in the main thread, whose end is the process's. @throws RangeError where there is no memory. */
export function workerMemory(engine: Engine): WorkerMemory | null {
  if (isMainThread) return null;
  memory ??= new WorkerMemory(engine);
  return memory;
}

let memory: WorkerMemory | undefined;

export class WorkerMemory {
  readonly #free: Buffer[];
  readonly #waiting = new Waiting<() => void>();
  /** Somebody who waits is being called. */
  #calling = false;

  constructor(engine: Engine) {
    const { buffer, byteOffset } = allocatePages(MOST * PIECE_BYTES);
    this.#free = Array.from({ length: MOST }, (_, n) =>
      Buffer.from(buffer, byteOffset + n * PIECE_BYTES, PIECE_BYTES),
    );
    // Who waits then is told by the engine that there are no more operations.
    engine.atEnd.add(() => {
      while (this.#waiting.size > 0) this.#waiting.next()();
    });
  }

  /** A piece; null when none is free: then `again` is called when one is, or when the engine has ended. */
  take(again: () => void): Buffer | null {
    const piece = this.#free.pop();
    if (piece !== undefined) return piece;
    this.#waiting.add(again);
    return null;
  }

  give(piece: Buffer): void {
    this.#free.push(piece);
    // Who gives it back at once is followed by the next one here, not deeper and deeper.
    if (this.#calling) return;
    this.#calling = true;
    while (this.#free.length > 0 && this.#waiting.size > 0) this.#waiting.next()();
    this.#calling = false;
  }
}

/** One, or several. */
export type Buffers = ArrayBufferView | readonly ArrayBufferView[];

/**
 * Copies the first bytes of `piece` into the buffers, one after the other. Where one was transferred away or became shorter meanwhile
 * they are lost, as with Node.
 */
export function scatter(piece: Buffer, length: number, buffers: Buffers): void {
  let from = 0;
  for (const view of listOf(buffers)) {
    if (from === length) return;
    const bytes = bytesOf(view);
    if (bytes === null) return;
    const count = Math.min(bytes.length, length - from);
    bytes.set(piece.subarray(from, from + count));
    from += count;
  }
}

/** Copies so many bytes of the buffers into `piece`. @throws where they have fewer by now. */
export function gather(buffers: Buffers, length: number, piece: Buffer): void {
  let to = 0;
  for (const view of listOf(buffers)) {
    const bytes = bytesOf(view)?.subarray(0, length - to);
    if (bytes === undefined) break;
    piece.set(bytes, to);
    to += bytes.length;
  }
  if (to < length) throw goneBefore('write');
}

function listOf(buffers: Buffers): readonly ArrayBufferView[] {
  return Array.isArray(buffers) ? buffers : [buffers as ArrayBufferView];
}

/** Null when its memory was transferred away, or no longer reaches so far. */
function bytesOf(view: ArrayBufferView): Uint8Array | null {
  try {
    return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  } catch {
    return null;
  }
}

const MOST = 64;
