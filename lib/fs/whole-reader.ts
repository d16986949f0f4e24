/**
 * A file that is not large, read whole by one chain of operations that goes to the kernel in one piece: open, read, read on, close.
 *
 * The file is opened into a slot of the ring's, which every reader has one of, and read into memory of the reader's own:
 * nothing of it is anybody else's while the kernel may write there, and nothing is made anew for each file.
 *
 *     openat into the slot     soft link: without a file nothing may read what else is in the slot
 *     fadvise, about nothing   soft link: fails for a pipe, which is then left open (see readSlot)
 *     read                     hard link: what is short is no failure
 *     read on                  hard link: gives 0, else it was not all
 *     close
 */
import { AT_FDCWD, O_RDONLY, POSIX_FADV_NORMAL } from '../../syscalls/constants/fcntl.ts';
import { IOSQE_FIXED_FILE, IOSQE_IO_HARDLINK, IOSQE_IO_LINK } from '../../syscalls/constants/sqe.ts';
import type { SharedPages } from '../../syscalls/memory.ts';
import type { Engine } from '../engine/engine.ts';
import type { FixedFile } from '../engine/fixed-file.ts';
import type { Receiver, Slot } from '../engine/slot.ts';
import { fadvise } from '../ops/advise.ts';
import { closeDirect, openatDirect } from '../ops/openclose.ts';
import { read } from '../ops/read.ts';
import type { Sqe } from '../sqe.ts';

/** What a reader needs of memory for files below `size` bytes, which is a multiple of a page's. */
export function readerBytes(size: number): number {
  return size + TAIL_BYTES + PATH_BYTES;
}

/** Entries of a chain. */
export const CHAIN_ENTRIES = 5;

/** Is told when all of it is over. */
export interface Told {
  done(reader: WholeReader): void;
}

export class WholeReader {
  /** What the kernel said to each step: open, fadvise, read, read on, close. */
  readonly results: number[] = [0, 0, 0, 0, 0];
  /** The bytes read. Files of its length and longer are too large. */
  readonly data: Buffer;
  readonly file: FixedFile;
  #user: Told | null = null;
  readonly #engine: Engine;
  readonly #path: Buffer;
  readonly #address: number;
  #pending = 0;
  readonly #steps: readonly Receiver[] = this.results.map((_, step) => ({
    complete: (res) => {
      this.results[step] = res;
      if (--this.#pending === 0) this.#user!.done(this);
    },
  }));

  /** `offset`: where its memory begins in `pages`, at a page's start. */
  constructor(engine: Engine, file: FixedFile, pages: SharedPages, offset: number, size: number) {
    this.#engine = engine;
    this.file = file;
    this.#address = pages.address + offset;
    const start = pages.byteOffset + offset;
    this.data = Buffer.from(pages.buffer, start, size);
    this.#path = Buffer.from(pages.buffer, start + size + TAIL_BYTES, PATH_BYTES);
  }

  /** What was read on, behind what fills `data`. */
  get tail(): Buffer {
    return Buffer.from(this.data.buffer, this.data.byteOffset + this.data.length, TAIL_BYTES);
  }

  /** Begins. The queue has room for it. `path` is shorter than PATH_MAX. */
  begin(path: string, user: Told): void {
    this.#user = user;
    const end = this.#path.write(path);
    this.#path[end] = 0;
    const { slot } = this.file;
    const address = this.#address;
    const size = this.data.length;
    this.#pending = CHAIN_ENTRIES;
    let sqe = this.#next();
    openatDirect(sqe, AT_FDCWD, address + size + TAIL_BYTES, O_RDONLY, 0, slot);
    sqe.flags = IOSQE_IO_LINK;
    const first = this.#start(sqe, 'open', 0);
    sqe = this.#next();
    fadvise(sqe, slot, 0, 0, POSIX_FADV_NORMAL);
    sqe.flags = IOSQE_IO_LINK | IOSQE_FIXED_FILE;
    const second = this.#start(sqe, 'open', 1);
    sqe = this.#next();
    read(sqe, slot, address, size, -1);
    sqe.flags = IOSQE_IO_HARDLINK | IOSQE_FIXED_FILE;
    const third = this.#start(sqe, 'read', 2);
    sqe = this.#next();
    read(sqe, slot, address + size, TAIL_BYTES, -1);
    sqe.flags = IOSQE_IO_HARDLINK | IOSQE_FIXED_FILE;
    const fourth = this.#start(sqe, 'read', 3);
    sqe = this.#next();
    closeDirect(sqe, slot);
    const last = this.#start(sqe, 'close', 4);
    this.#engine.hope(CHAIN_ENTRIES);
    // Only now: those who are told of operations may begin others, which must not come into the midst of the chain.
    this.#engine.send(first);
    this.#engine.send(second);
    this.#engine.send(third);
    this.#engine.send(fourth);
    this.#engine.send(last);
  }

  #next(): Sqe {
    return this.#engine.begin() as Sqe;
  }

  #start(sqe: Sqe, name: string, step: number): Slot {
    const slot = this.#engine.start(sqe, name);
    slot.receiver = this.#steps[step];
    return slot;
  }
}

/** Behind the data, and what was read on. */
const TAIL_BYTES = 4096;
/** PATH_MAX. */
export const PATH_BYTES = 4096;
