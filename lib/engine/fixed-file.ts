/**
 * A file in a slot of the ring's registered files, without a descriptor of the process.
 */
import { EBADF } from '../../syscalls/errno.ts';
import { UringError } from '../../syscalls/error.ts';
import { invalidState } from '../../syscalls/invalid.ts';

/** Whoever owns the table. */
export interface FixedFiles {
  /** Closes the file in a slot that nothing uses any more. */
  closeSlot(slot: number): Promise<void>;
  /** The slot is empty, and free for another file. */
  freeSlot(slot: number): void;
}

/**
 * A registered file: every operation of its ring takes it in the place of a descriptor. It lives until `close`, or until
 * the ring is closed.
 */
export class FixedFile {
  readonly #files: FixedFiles;
  readonly #slot: number;
  /** Of the file's end also when nobody has the handle any more. */
  readonly #state: State = { filled: false };
  /** Operations that name it and are not over: until then the slot serves no other file. */
  #uses = 0;
  #awaited = false;
  #closing: Promise<void> | null = null;
  #unused: (() => void) | null = null;

  /** For the engine. `owner`: the ring, which lives as long as somebody has a file of it. */
  constructor(files: FixedFiles, slot: number, owner: object | undefined) {
    this.#files = files;
    if (owner !== undefined) owners.set(this, owner);
    this.#slot = slot;
    dropped.register(this, { files, slot, state: this.#state }, this);
  }

  /** The slot. @throws UringError EBADF when it was closed, and nothing uses it: another file may be there by now. */
  get slot(): number {
    if (this.#closing !== null && this.#uses === 0)
      throw new UringError(EBADF, 'io_uring_enter', 'The fixed file was closed.');
    return this.#slot;
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closing !== null;
  }

  /** Whether there is a file in the slot. */
  get filled(): boolean {
    return this.#state.filled;
  }

  /**
   * Closes the file, when all operations that were started on it are over: end what waits for something first. Gives the
   * slot back. Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** For the engine: whether it stands in that table. */
  isOf(files: FixedFiles): boolean {
    return this.#files === files;
  }

  /** For the engine: an operation names it. */
  hold(): void {
    this.#uses++;
  }

  /** For the engine: an operation that named it is over. */
  letGo(): void {
    if (--this.#uses === 0) this.#unused?.();
  }

  /** For the engine: a file is to come into the slot. @throws ERR_INVALID_STATE when it is not free for one. */
  await(): void {
    if (this.#state.filled) throw invalidState('There is a file in the slot already');
    if (this.#awaited) throw invalidState('Another file is about to come into the slot');
    this.#awaited = true;
  }

  /** For the engine: it has come, or will not. */
  stopAwaiting(): void {
    this.#awaited = false;
  }

  /** For the engine: a file came into the slot. */
  fill(): this {
    this.#state.filled = true;
    return this;
  }

  /** For the engine: the file was closed by an operation. */
  empty(): void {
    this.#state.filled = false;
  }

  async #close(): Promise<void> {
    if (this.#uses > 0)
      await new Promise<void>((resolve) => {
        this.#unused = resolve;
      });
    dropped.unregister(this);
    await giveBack(this.#files, this.#slot, this.#state);
  }
}

interface State {
  filled: boolean;
}

interface Dropped {
  readonly files: FixedFiles;
  readonly slot: number;
  readonly state: State;
}

async function giveBack(files: FixedFiles, slot: number, state: State): Promise<void> {
  if (state.filled) await files.closeSlot(slot);
  state.filled = false;
  files.freeSlot(slot);
}

const owners = new WeakMap<FixedFile, object>();

/** No operation is in flight on a file that was dropped: operations hold theirs. */
const dropped = new FinalizationRegistry<Dropped>(({ files, slot, state }) => {
  if (state.filled && !warned) {
    warned = true;
    process.emitWarning(
      'A FixedFile was dropped without close(); its file was closed by the garbage collector',
      {
        code: 'TSURING_DROPPED_FILE',
      },
    );
  }
  giveBack(files, slot, state).catch(() => undefined);
});
let warned = false;
