/**
 * The provided buffers for everything that receives without bringing memory, and copies what it got.
 */
import type { Cqe } from '../cqe.ts';
import { BufferGroup } from './buffer-group.ts';
import type { Engine } from './engine.ts';

export class BufferPool {
  readonly #group: BufferGroup;

  constructor(engine: Engine) {
    this.#group = new BufferGroup(engine, COPYING_GROUP);
  }

  /** For `sqe.bufIndex`. */
  get group(): number {
    return this.#group.id;
  }

  /** The bytes of one buffer. */
  get bufferSize(): number {
    return this.#group.bufferSize;
  }

  /** Makes the buffers, when there are none yet. False where the kernel has no such thing (before Linux 5.19). */
  prepare(): boolean {
    return this.#group.buffers !== null;
  }

  /**
   * Calls `read` with the bytes of a completion, a view that is good until it returns; the buffer then is the kernel's
   * again. Without a buffer the bytes are empty.
   */
  use<T>(cqe: Cqe, read: (bytes: Uint8Array) => T): T {
    const { buffers } = this.#group;
    const bytes = buffers === null ? null : buffers.view(cqe, this.#group.broughtBy(cqe));
    if (buffers === null || bytes === null) return read(NOTHING);
    try {
      return read(bytes);
    } finally {
      buffers.recycleTaken();
      buffers.publish();
    }
  }

  /** The bytes of a completion, copied into a Buffer of the caller's own. */
  copy(cqe: Cqe): Buffer {
    return this.use(cqe, (bytes) => Buffer.from(bytes));
  }

  /** A completion that brought nothing: its buffer, if it took one, is given back. */
  giveBack(cqe: Cqe): void {
    this.use(cqe, () => undefined);
  }
}

const COPYING_GROUP = 0;
const NOTHING = new Uint8Array(0);
