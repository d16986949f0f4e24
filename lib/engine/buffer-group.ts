/**
 * A group of provided buffers of the engine, made when it is first wanted.
 */
import { EINVAL, ENOSYS } from '../../syscalls/errno.ts';
import { UringError } from '../../syscalls/error.ts';
import { BufferRing } from '../buffer-ring.ts';
import type { Cqe } from '../cqe.ts';
import { isSince518 } from './direct.ts';
import type { Engine } from './engine.ts';

/** Makes `count` buffers; what it gives hands them over. */
export type Prepare = (count: number) => (buffers: BufferRing) => void;

export class BufferGroup {
  /** Its number. */
  readonly id: number;
  /** The bytes of one buffer. */
  readonly bufferSize: number;
  readonly #engine: Engine;
  readonly #prepare: Prepare | null;
  #buffers: BufferRing | null | undefined;

  /** `prepare`: makes what it is to have for buffers; by default they are made with it. */
  constructor(engine: Engine, id: number, prepare: Prepare | null = null) {
    this.#engine = engine;
    this.#prepare = prepare;
    this.id = id;
    this.bufferSize = engine.options.bufferSize;
  }

  /** The buffers; null where the kernel has no such thing (before Linux 5.19). @throws UringError ENOMEM and others. */
  get buffers(): BufferRing | null {
    if (this.#buffers === undefined) this.#buffers = this.#make();
    return this.#buffers;
  }

  /**
   * How much of a buffer a completion has filled: with MSG_TRUNC it tells of more than it brought. Undefined for a failure.
   */
  broughtBy({ res }: Cqe): number | undefined {
    return res < 0 ? undefined : Math.min(res, this.bufferSize);
  }

  #make(): BufferRing | null {
    const { ring, options } = this.#engine;
    if (!isSince518(ring)) return null;
    // First what may fail, so that the group has all of its buffers or is not there.
    const provide = this.#prepare?.(options.bufferCount);
    try {
      const buffers = new BufferRing(ring, {
        group: this.id,
        entries: options.bufferCount,
        ...(provide === undefined && { bufferSize: this.bufferSize }),
      });
      // What the kernel may write to lives as long as the engine has a ring, whoever drops the group.
      this.#engine.groups.push(this);
      provide?.(buffers);
      return buffers;
    } catch (error) {
      if (!(error instanceof UringError && [-EINVAL, -ENOSYS].includes(error.errno))) throw error;
      return null;
    }
  }
}
