/**
 * The readers of an engine for files of some size: so many at most; who wants one more waits.
 */
import { allocatePages, type SharedPages } from '../../syscalls/memory.ts';
import type { Engine } from '../engine/engine.ts';
import { FileTable } from '../engine/file-table.ts';
import { Waiting } from '../engine/waiting.ts';
import { CHAIN_ENTRIES, readerBytes, WholeReader } from './whole-reader.ts';

export class WholeReaders {
  readonly #engine: Engine;
  readonly #size: number;
  readonly #most: number;
  readonly #free: WholeReader[] = [];
  readonly #waiting = new Waiting();
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
   * Calls `use` when there is a reader and the queue has room for its chain; the reader is given back by `give`. Null when
   * there will be none: the engine has ended. @throws UringError when none can be made.
   */
  take(use: (reader: WholeReader | null) => void): void {
    const reader = this.#waiting.size === 0 ? (this.#free.pop() ?? this.#more()) : null;
    if (reader === null) this.#waiting.add(() => this.#start(this.#free.pop()!, use));
    else this.#start(reader, use);
  }

  give(reader: WholeReader): void {
    this.#free.push(reader);
    if (this.#waiting.size > 0) this.#waiting.next()();
  }

  #start(reader: WholeReader, use: (reader: WholeReader | null) => void): void {
    const engine = this.#engine;
    const attempt = (): void => {
      if (engine.ended !== null) use(null);
      else if (engine.hasRoom(CHAIN_ENTRIES)) use(reader);
      else engine.waitFirst(attempt);
    };
    if (engine.ended === null && engine.waiting === 0 && engine.hasRoom(CHAIN_ENTRIES)) use(reader);
    else engine.wait(attempt);
  }

  #more(): WholeReader | null {
    if (this.#made === this.#most) return null;
    const engine = this.#engine;
    const file = engine.files!.reserve();
    const bytes = readerBytes(this.#size);
    this.#pages ??= allocatePages(this.#most * bytes);
    return new WholeReader(engine, file, this.#pages, this.#made++ * bytes, this.#size);
  }
}
