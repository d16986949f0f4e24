/**
 * Registered files: which slot of the ring's table is whose.
 */
import { IORING_REGISTER_FILES_UPDATE } from '../../syscalls/constants/register.ts';
import { UringError } from '../../syscalls/error.ts';
import { io_uring_files_update } from '../../syscalls/layouts/register.ts';
import { addressOf } from '../../syscalls/memory.ts';
import { makeStruct } from '../../syscalls/struct.ts';
import type { IoUringState } from '../state.ts';

export class FileSlots {
  readonly #ring: IoUringState;
  readonly #free: number[];
  /** What the kernel reads during the call: the update, and the one fd it points at. */
  readonly #fd = new Int32Array(1);
  readonly #update: Uint8Array;
  readonly #words: Uint32Array;

  /** `count` slots, registered and empty; none at all is fine. */
  constructor(ring: IoUringState, count: number) {
    this.#ring = ring;
    this.#free = Array.from({ length: count }, (_, i) => count - 1 - i);
    const update = makeStruct(io_uring_files_update, { fds: BigInt(addressOf(this.#fd)) });
    this.#update = update;
    this.#words = new Uint32Array(update.buffer, update.byteOffset, update.byteLength >>> 2);
  }

  /** Registers `fd` in a free slot and returns its index, or -1 where there is none or the kernel refuses. */
  put(fd: number): number {
    const slot = this.#free.pop();
    if (slot === undefined) return NONE;
    this.#words[OFFSET] = slot;
    this.#fd[0] = fd;
    try {
      this.#ring.register(IORING_REGISTER_FILES_UPDATE, this.#update, 1);
      return slot;
    } catch (error) {
      if (!(error instanceof UringError)) throw error;
      this.#free.push(slot);
      return NONE;
    }
  }

  /**
   * The slot can be used again, and must not be in use any more. Its file stays the ring's until then: to take it out
   * would cost a system call for each.
   */
  free(slot: number): void {
    if (slot !== NONE) this.#free.push(slot);
  }
}

const NONE = -1;
const OFFSET = io_uring_files_update.fields.offset[0] / 4;
