/**
 * The readers of an engine for files of some size: so many at most; who wants one more waits.
 */
import { UringError } from '../../syscalls/error.ts';
import { allocatePages, type SharedPages } from '../../syscalls/memory.ts';
import type { Engine } from '../engine/engine.ts';
import { FileTable } from '../engine/file-table.ts';
import type { FixedFile } from '../engine/fixed-file.ts';
import { Waiting } from '../engine/waiting.ts';
import { CHAIN_ENTRIES, readerBytes, WholeReader } from './whole-reader.ts';

/** Who reads a file. An object, not a function: many wait, and each would be made anew. */
export interface ReaderUser {
  /** Null when there will be no reader: the engine has ended. */
  begin(reader: WholeReader | null): void;
}

export class WholeReaders {
  readonly #engine: Engine;
  readonly #size: number;
  #most: number;
  readonly #free: WholeReader[] = [];
  readonly #waiting = new Waiting<ReaderUser>();
  #made = 0;
  #pages: SharedPages | null = null;

  /** `most` readers of files below `size` bytes. */
  constructor(engine: Engine, size: number, most: number) {
    this.#engine = engine;
    this.#size = size;
    this.#most = most;
    engine.files ??= new FileTable(engine, this);
  }

  /**
   * Has `user` begin when there is a reader and the queue has room for its chain; the reader is given back by `give`.
   * @throws UringError ENFILE, ENOMEM when not even one can be made.
   */
  take(user: ReaderUser): void {
    const reader = this.#waiting.size === 0 ? (this.#free.pop() ?? this.#more()) : null;
    if (reader === null) this.#waiting.add(user);
    else this.#start(reader, user);
  }

  give(reader: WholeReader): void {
    if (this.#waiting.size > 0) this.#start(reader, this.#waiting.next());
    else this.#free.push(reader);
  }

  /** Has one, so that there is one when the slots for files are gone. @throws as `take`. */
  prepare(): void {
    const reader = this.#more();
    if (reader !== null) this.#free.push(reader);
  }

  #start(reader: WholeReader, user: ReaderUser): void {
    const engine = this.#engine;
    if (engine.ended === null && engine.waiting === 0 && engine.hasRoom(CHAIN_ENTRIES)) user.begin(reader);
    else this.#wait(reader, user);
  }

  #wait(reader: WholeReader, user: ReaderUser): void {
    const engine = this.#engine;
    const attempt = (): void => {
      if (engine.ended !== null) {
        user.begin(null);
        this.give(reader);
      } else if (engine.hasRoom(CHAIN_ENTRIES)) user.begin(reader);
      else engine.waitFirst(attempt);
    };
    engine.wait(attempt);
  }

  #more(): WholeReader | null {
    if (this.#made === this.#most) return null;
    const engine = this.#engine;
    let file: FixedFile;
    try {
      file = engine.files!.reserve();
    } catch (error) {
      if (this.#made === 0 || !(error instanceof UringError)) throw error;
      // There are fewer slots than were hoped for.
      this.#most = this.#made;
      return null;
    }
    const bytes = readerBytes(this.#size);
    this.#pages ??= allocatePages(this.#most * bytes);
    return new WholeReader(engine, file, this.#pages, this.#made++ * bytes, this.#size);
  }
}
