/**
 * The readers of small files of an engine: so many at most; who wants one more waits.
 */
import { allocatePages, type SharedPages } from '../../syscalls/memory.ts';
import type { Engine } from '../engine/engine.ts';
import { FileTable } from '../engine/file-table.ts';
import { Waiting } from '../engine/waiting.ts';
import { CHAIN_ENTRIES, READER_BYTES, SmallReader } from './small-reader.ts';

export class SmallReaders {
  readonly #engine: Engine;
  readonly #free: SmallReader[] = [];
  readonly #waiting = new Waiting();
  #made = 0;
  #pages: SharedPages | null = null;

  constructor(engine: Engine) {
    this.#engine = engine;
    engine.files ??= new FileTable(engine, this);
  }

  /**
   * Calls `use` when there is a reader and the queue has room for its chain; the reader is given back by `give`. Null when
   * there will be none: the engine has ended. @throws UringError when none can be made.
   */
  take(use: (reader: SmallReader | null) => void): void {
    const reader = this.#waiting.size === 0 ? (this.#free.pop() ?? this.#more()) : null;
    if (reader === null) this.#waiting.add(() => this.#start(this.#free.pop()!, use));
    else this.#start(reader, use);
  }

  give(reader: SmallReader): void {
    this.#free.push(reader);
    if (this.#waiting.size > 0) this.#waiting.next()();
  }

  #start(reader: SmallReader, use: (reader: SmallReader | null) => void): void {
    const engine = this.#engine;
    const attempt = (): void => {
      if (engine.ended !== null) use(null);
      else if (engine.hasRoom(CHAIN_ENTRIES)) use(reader);
      else engine.waitFirst(attempt);
    };
    if (engine.ended === null && engine.waiting === 0 && engine.hasRoom(CHAIN_ENTRIES)) use(reader);
    else engine.wait(attempt);
  }

  #more(): SmallReader | null {
    if (this.#made === MOST_READERS) return null;
    const engine = this.#engine;
    const file = engine.files!.reserve();
    this.#pages ??= allocatePages(MOST_READERS * READER_BYTES);
    return new SmallReader(engine, file, this.#pages, this.#made++ * READER_BYTES);
  }
}

/** Together somewhat fewer entries than the queue has. */
const MOST_READERS = 48;
