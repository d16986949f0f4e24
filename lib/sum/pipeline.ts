/**
 * Reads files through a ring, as many reads in flight as there are buffers, and hashes what has come, in order.
 *
 * The buffers are a queue: each is given to the next piece to be read, is hashed when it is the oldest, and goes back
 * to the end. When the last piece of a file is under way the next files are opened and read ahead, so the kernel has
 * work while we hash, across the ends of files too.
 *
 * A regular file is cut into pieces by its size, but that is only a hint: it may grow or shrink meanwhile, or be wrong
 * from the start (/proc, /sys). The end of a file is where a read gives nothing, as for every reader. So the last piece
 * comes with a second read, into the spare page behind its buffer, at the offset where the end should be: nothing there
 * is the proof. Whenever a read gives something else than expected, what was read ahead of that file is thrown away,
 * and it is read to its end step by step from the byte that was hashed last.
 *
 * Streams (pipes, terminals, stdin, devices) are opened when they are the oldest, and nothing is read ahead of
 * anything behind them: `producer | tee copy | tsuring sum - copy` must find the copy complete.
 */
import { createHash, type Hash } from 'node:crypto';
import { EINTR } from '../../syscalls/errno.ts';
import type { Equipment } from './equip.ts';
import type { Figures } from './figures.ts';
import { FileSlots } from './file-slots.ts';
import { readToEnd } from './plain.ts';
import { type Piece, Reads } from './reads.ts';
import { closeSource, openSource, openStream, type Source } from './source.ts';
import type { Listener } from './sum.ts';

export class Pipeline {
  readonly #files: readonly Uint8Array[];
  readonly #listener: Listener;
  readonly #figures: Figures;
  readonly #stdin: number;
  readonly #tick: (() => void) | undefined;
  readonly #reads: Reads;
  readonly #slots: FileSlots;
  readonly #bufferBytes: number;
  readonly #spareBytes: number;
  /** What each buffer was taken for, by the index of its piece. */
  readonly #orders: readonly Order[];
  /** Of all buffers ever taken: the oldest in use, and the next to be taken. Modulo their number. */
  #oldest = 0;
  #next = 0;
  /** The next of `#files` to be opened. */
  #opened = 0;
  /** Opened and not finished, in order. */
  readonly #jobs: Job[] = [];

  constructor(
    files: readonly Uint8Array[],
    listener: Listener,
    equipment: Equipment,
    figures: Figures,
    stdin: number,
  ) {
    const { ring, stride, fixedFiles, info } = equipment;
    this.#files = files;
    this.#listener = listener;
    this.#figures = figures;
    this.#stdin = stdin;
    this.#tick = listener.onProgress && (() => listener.onProgress?.(figures.bytes));
    this.#reads = new Reads(equipment, figures, this.#tick);
    this.#slots = new FileSlots(ring, fixedFiles ? info.buffers : 0);
    this.#bufferBytes = info.bufferBytes;
    this.#spareBytes = stride - info.bufferBytes;
    this.#orders = Array.from({ length: info.buffers }, () => ({
      job: null,
      offset: 0,
      expected: 0,
      last: false,
    }));
  }

  /** Hashes all files. Throws what the listener throws, and UringError where the ring itself fails. */
  run(): void {
    for (;;) {
      this.#readAhead();
      const job = this.#jobs[0];
      if (job === undefined) return;
      const hash = createHash('sha256');
      const errno = this.#hash(job, hash);
      this.#end(job);
      if (errno === 0) this.#listener.onSum(job.source.name, hash.digest('hex'));
      else this.#listener.onFailure(job.source.name, errno);
    }
  }

  /** Closes what a `run` that threw left open. After the ring. */
  close(): void {
    for (const { source } of this.#jobs) closeSource(source);
    this.#jobs.length = 0;
  }

  // --- reading ahead

  /** Puts every free buffer to work: for the file opened last, then for the next ones. */
  #readAhead(): void {
    const buffers = this.#orders.length;
    const before = this.#next;
    while (this.#next - this.#oldest < buffers) {
      const job = this.#jobs[this.#jobs.length - 1];
      if (job !== undefined && !job.complete) this.#readPiece(job);
      else if (!this.#openNext(job)) break;
    }
    if (this.#next !== before) this.#reads.submit();
  }

  /** Opens the next file. False when there is none, or when it must wait for a stream or for many failures before. */
  #openNext(last: Job | undefined): boolean {
    if (this.#opened === this.#files.length) return false;
    if (last?.source.kind === 'stream' || this.#jobs.length > 2 * this.#orders.length) return false;
    const source = openSource(this.#files[this.#opened++]);
    const isFile = source.kind === 'file';
    const slot = isFile ? this.#slots.put(source.fd) : -1;
    this.#jobs.push({ source, slot, fd: source.fd, offset: 0, complete: !isFile });
    return true;
  }

  /** Reads the next piece of a regular file; the last one with a look at what follows. */
  #readPiece(job: Job): void {
    const { size } = job.source;
    const { offset } = job;
    const piece = this.#take(job);
    const order = this.#orders[piece.index];
    const expected = Math.min(this.#bufferBytes, size - offset);
    order.offset = offset;
    order.expected = expected;
    order.last = offset + expected >= size;
    job.offset = offset + expected;
    job.complete = order.last;
    this.#reads.read(job, piece, MAIN, 0, this.#bufferBytes, offset);
    if (order.last && size > 0)
      this.#reads.read(job, piece, SPARE, this.#bufferBytes, this.#spareBytes, size);
  }

  #take(job: Job): Piece {
    const piece = this.#reads.pieces[this.#next++ % this.#orders.length];
    this.#orders[piece.index].job = job;
    return piece;
  }

  // --- hashing

  /** Hashes one file to its end. Returns 0 or the errno, positive. */
  #hash(job: Job, hash: Hash): number {
    const { source } = job;
    if (source.kind === 'file') return this.#hashPieces(job, hash);
    if (source.kind === 'failed') return source.errno;
    const errno = openStream(source, this.#stdin);
    if (errno !== 0) return errno;
    job.fd = source.fd;
    return this.#toTheEnd(job, this.#take(job), FROM_HERE, hash);
  }

  #hashPieces(job: Job, hash: Hash): number {
    for (;;) {
      const index = this.#oldest % this.#orders.length;
      const piece = this.#reads.pieces[index];
      const { offset, expected, last } = this.#orders[index];
      this.#reads.wait(piece);
      const got = piece.results[MAIN];
      if (got > 0) this.#update(hash, piece, 0, got);
      const asExpected = got === expected;
      if (asExpected && last && piece.results[SPARE] === 0) return 0;
      if (!asExpected || last) return this.#toTheEnd(job, piece, offset + Math.max(got, 0), hash);
      this.#oldest++;
      this.#readAhead();
    }
  }

  /**
   * Reads on from `position` until there is nothing more, into one half of the buffer while the other is hashed.
   * Returns 0 or the errno, positive.
   */
  #toTheEnd(job: Job, piece: Piece, position: number, hash: Hash): number {
    let at = position;
    let half: 0 | 1 = 0;
    this.#readHalf(job, piece, half, at);
    for (;;) {
      this.#reads.wait(piece);
      const got = piece.results[half];
      if (got === 0) return 0;
      if (got > 0) {
        const filled: 0 | 1 = half;
        if (at !== FROM_HERE) at += got;
        half = half === 0 ? 1 : 0;
        this.#readHalf(job, piece, half, at);
        this.#update(hash, piece, (filled * this.#bufferBytes) / 2, got);
        continue;
      }
      // What the ring cannot read node:fs may, and if not it tells why. So also for a stream in non-blocking mode, where
      // the kernel does not wait for it by itself as newer ones do.
      if (got !== -EINTR) return readToEnd(job.fd, at, piece.bytes, hash, this.#figures, this.#tick);
      this.#readHalf(job, piece, half, at);
    }
  }

  #readHalf(job: Job, piece: Piece, half: 0 | 1, position: number): void {
    const length = this.#bufferBytes / 2;
    this.#reads.read(job, piece, half, half * length, length, position);
    this.#reads.submit();
  }

  #update(hash: Hash, piece: Piece, from: number, length: number): void {
    const figures = this.#figures;
    const { bytes } = piece;
    const start = performance.now();
    hash.update(length === bytes.length ? bytes : bytes.subarray(from, from + length));
    figures.hashing += performance.now() - start;
    figures.bytes += length;
    this.#tick?.();
  }

  /** Gives back everything that a file had: reads that turned out to be of no use are waited for. */
  #end(job: Job): void {
    for (; this.#oldest < this.#next; this.#oldest++) {
      const index = this.#oldest % this.#orders.length;
      if (this.#orders[index].job !== job) break;
      this.#reads.wait(this.#reads.pieces[index]);
    }
    this.#slots.free(job.slot);
    closeSource(job.source);
    this.#jobs.shift();
  }
}

/** A file on its way. */
interface Job {
  readonly source: Source;
  /** Its slot among the registered files, or -1. */
  readonly slot: number;
  fd: number;
  /** How far its reading was ordered. */
  offset: number;
  /** No more pieces will be ordered. */
  complete: boolean;
}

/** What a buffer was taken for. */
interface Order {
  job: Job | null;
  offset: number;
  /** How many bytes the size of the file promised. */
  expected: number;
  /** Whether the file should end with it. */
  last: boolean;
}

const MAIN = 0;
const SPARE = 1;
/** The file position of the file itself, as read(2) has it. */
const FROM_HERE = -1;
