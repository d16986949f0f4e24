/**
 * A file in a slot of the ring's registered files, without a descriptor of the process.
 */
import { EBADF } from '../../syscalls/errno.ts';
import { UringError } from '../../syscalls/error.ts';

/** Whoever owns the table. */
export interface FixedFiles {
  /** Closes the file in the slot, when all that was started on it is over, and has the slot free for another. */
  closeSlot(slot: number): Promise<void>;
}

/**
 * A registered file: every operation takes it in the place of a descriptor. It lives until `close`, or until the ring is
 * closed.
 */
export class FixedFile {
  readonly #files: FixedFiles;
  readonly #slot: number;
  #closing: Promise<void> | null = null;

  constructor(files: FixedFiles, slot: number) {
    this.#files = files;
    this.#slot = slot;
  }

  /** The slot. @throws UringError EBADF when it was closed: another file may be there by now. */
  get slot(): number {
    if (this.#closing !== null) throw new UringError(EBADF, 'io_uring_enter', 'The fixed file was closed.');
    return this.#slot;
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closing !== null;
  }

  /** Closes the file. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#files.closeSlot(this.#slot);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
