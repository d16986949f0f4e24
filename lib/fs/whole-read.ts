/**
 * One call of readFile, of a file that is not large: read by one chain of operations.
 */
import { ENXIO } from '../../syscalls/errno.ts';
import { UringError } from '../../syscalls/error.ts';
import type { Engine } from '../engine/engine.ts';
import { operationError, rejectFrom } from '../engine/errors.ts';
import { heed } from './abort.ts';
import type { WholeFileOptions } from './arguments.ts';
import { placeOf, readOpened } from './read-opened.ts';
import { readSlot } from './read-slot.ts';
import type { Told, WholeReader } from './whole-reader.ts';
import { type ReaderUser, WholeReaders } from './whole-readers.ts';

type Contents = Buffer | string;

export class WholeRead implements ReaderUser, Told {
  readonly #engine: Engine;
  readonly #path: string;
  readonly #place: string;
  readonly #options: WholeFileOptions;
  readonly #resolve: (contents: unknown) => void;
  /** Reads it when it is below SIZES[level], or the next size; else, or when it cannot be read so, see readOpened. */
  #level = 0;

  constructor(engine: Engine, path: string, options: WholeFileOptions, resolve: (contents: unknown) => void) {
    this.#engine = engine;
    this.#path = path;
    this.#place = placeOf(path);
    this.#options = options;
    this.#resolve = resolve;
  }

  start(): void {
    try {
      readersOf(this.#engine)[this.#level].take(this);
    } catch (error) {
      // No slots for files, or no memory: a descriptor may well be had.
      if (!(error instanceof UringError || error instanceof RangeError)) throw error;
      this.#rest(null);
    }
  }

  begin(reader: WholeReader | null): void {
    if (reader === null) this.#rest(null);
    else reader.begin(this.#level === 0 ? this.#path : this.#place, this);
  }

  done(reader: WholeReader): void {
    const { results, data } = reader;
    const readers = readersOf(this.#engine)[this.#level];
    const [opened, advised, first, second, closed] = results;
    if (opened >= 0 && advised < 0 && this.#engine.ended === null) {
      this.#readPipe(reader);
      return;
    }
    const { encoding } = this.#options;
    if (opened < 0 && opened !== -ENXIO && this.#engine.ended === null)
      rejectFrom(this.#resolve, () => operationError(opened, 'open', this.#path));
    else if (opened < 0 || first < 0 || second < 0 || closed < 0) this.#rest(null);
    else if (first === data.length && this.#level + 1 < SIZES.length) {
      this.#level++;
      this.start();
    } else if (second > 0) this.#rest(readSoFar(reader));
    else if (encoding !== null) this.#give(data.toString(encoding, 0, first));
    else {
      // Memory of its own: `buffer` of the result is nobody else's.
      const bytes = Buffer.allocUnsafeSlow(first);
      data.copy(bytes, 0, 0, first);
      this.#give(bytes);
    }
    readers.give(reader);
  }

  #give(contents: Contents): void {
    const { signal } = this.#options;
    this.#resolve(signal === undefined ? contents : heed(signal).then(() => contents));
  }

  #rest(before: Buffer | null): void {
    this.#resolve(readOpened(this.#engine, this.#path, this.#place, this.#options, before));
  }

  #readPipe(reader: WholeReader): void {
    const { encoding, signal } = this.#options;
    const readers = readersOf(this.#engine)[this.#level];
    const reading = readSlot(this.#engine, reader, signal).finally(() => readers.give(reader));
    this.#resolve(reading.then((bytes) => (encoding === null ? bytes : bytes.toString(encoding))));
  }
}

function readSoFar({ results: [, , first, second], data, tail }: WholeReader): Buffer {
  return Buffer.concat([data.subarray(0, first), tail.subarray(0, second)]);
}

/** After the end of one engine there is no other: Node takes over. */
function readersOf(engine: Engine): readonly WholeReaders[] {
  if (readers.length > 0) return readers;
  const made = SIZES.map((size, i) => new WholeReaders(engine, size, MOST[i]));
  // The larger ones first: the others may use up the slots.
  for (const each of [...made].reverse()) each.prepare();
  readers.push(...made);
  return readers;
}

const readers: WholeReaders[] = [];
/** Most files are small; a larger one is asked for again, which takes little beside copying it. */
const SIZES: readonly number[] = [16 * 1024, 512 * 1024];
/** The entries of all of them have room in the queue together. */
const MOST: readonly number[] = [48, 3];
