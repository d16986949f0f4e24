/**
 * The provided buffers of an engine: one group for everything that receives without bringing memory.
 */
import { IORING_SETUP_SUBMIT_ALL } from '../../syscalls/constants/setup.ts';
import { EINVAL, ENOSYS } from '../../syscalls/errno.ts';
import { UringError } from '../../syscalls/error.ts';
import { BufferRing } from '../buffer-ring.ts';
import type { Cqe } from '../cqe.ts';
import type { Engine } from './engine.ts';

export class BufferPool {
  /** For `sqe.bufIndex`. */
  readonly group = 0;
  readonly #engine: Engine;
  readonly #count: number;
  readonly #size: number;
  #buffers: BufferRing | null = null;
  #missing = false;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#count = engine.options.bufferCount;
    this.#size = engine.options.bufferSize;
  }

  /** Makes the buffers, when there are none yet. False where the kernel has no such thing (before Linux 5.19). */
  prepare(): boolean {
    if (this.#buffers !== null) return true;
    if (this.#missing) return false;
    // A kernel that is so old must not be asked: for a registration that it does not know it waits until nothing is in flight.
    if ((this.#engine.ring.setupFlags & IORING_SETUP_SUBMIT_ALL) === 0) {
      this.#missing = true;
      return false;
    }
    try {
      this.#buffers = new BufferRing(this.#engine.ring, {
        group: this.group,
        entries: this.#count,
        bufferSize: this.#size,
      });
      return true;
    } catch (error) {
      if (!(error instanceof UringError && [-EINVAL, -ENOSYS].includes(error.errno))) throw error;
      this.#missing = true;
      return false;
    }
  }

  /** The bytes of one buffer. */
  get bufferSize(): number {
    return this.#size;
  }

  /**
   * Calls `read` with the bytes of a completion, a view that is good until it returns; the buffer then is the kernel's
   * again. Without a buffer the bytes are empty.
   */
  use<T>(cqe: Cqe, read: (bytes: Uint8Array) => T): T {
    const buffers = this.#buffers;
    const bytes = buffers === null ? null : buffers.view(cqe);
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

const NOTHING = new Uint8Array(0);
