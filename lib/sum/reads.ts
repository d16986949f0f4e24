/**
 * The buffers and their reads: putting them into the ring, and waiting for them.
 */
import { IOSQE_ASYNC, IOSQE_FIXED_FILE } from '../../syscalls/constants/sqe.ts';
import { EAGAIN, EBUSY, EINTR } from '../../syscalls/errno.ts';
import { UringError } from '../../syscalls/error.ts';
import { invalidState } from '../../syscalls/invalid.ts';
import type { Cqe } from '../cqe.ts';
import { read, readFixed } from '../ops/index.ts';
import type { Sqe } from '../sqe.ts';
import type { IoUringState } from '../state.ts';
import type { Equipment } from './equip.ts';
import type { Figures } from './figures.ts';

/** A file to read: by its slot among the registered files, or by its fd where that is -1. */
export interface Target {
  readonly slot: number;
  readonly fd: number;
}

/** A buffer, and up to two reads into it at a time, told apart as part 0 and part 1. */
export class Piece {
  readonly index: number;
  readonly address: number;
  /** All its bytes but the spare page behind them. */
  readonly bytes: Uint8Array;
  /** What the reads gave: bytes, or -errno. */
  readonly results: Int32Array = new Int32Array(2);
  /** Reads under way. */
  pending = 0;

  constructor(index: number, { pages, stride, info }: Equipment) {
    this.index = index;
    this.address = pages.address + index * stride;
    this.bytes = pages.bytes(index * stride, info.bufferBytes);
  }
}

export class Reads {
  readonly pieces: readonly Piece[];
  readonly #ring: IoUringState;
  readonly #fixedBuffers: boolean;
  readonly #figures: Figures;
  readonly #tick: (() => void) | undefined;
  readonly #onCqe = (cqe: Cqe): void => {
    const tag = cqe.userDataLow;
    const piece = this.pieces[tag >>> 1];
    piece.results[tag & 1] = cqe.res;
    piece.pending--;
  };

  /** `tick` is called now and then during a long wait. */
  constructor(equipment: Equipment, figures: Figures, tick: (() => void) | undefined) {
    this.#ring = equipment.ring;
    this.#fixedBuffers = equipment.fixedBuffers;
    this.#figures = figures;
    this.#tick = tick;
    this.pieces = Array.from({ length: equipment.info.buffers }, (_, i) => new Piece(i, equipment));
  }

  /**
   * Prepares a read of `length` bytes at `offset` of the file (-1: where it stands) into the buffer from `at` on. The
   * kernel sees it with the next `submit`.
   */
  read(target: Target, piece: Piece, part: 0 | 1, at: number, length: number, offset: number): void {
    const sqe = this.#sqe();
    const file = target.slot < 0 ? target.fd : target.slot;
    if (this.#fixedBuffers) readFixed(sqe, file, piece.address + at, length, offset, piece.index);
    else read(sqe, file, piece.address + at, length, offset);
    let flags = target.slot < 0 ? 0 : IOSQE_FIXED_FILE;
    // Without a thread of the kernel's for submissions a read of cached data would be made here and now, while it
    // should be made beside the hash. Streams are better waited for than given a thread.
    if (!this.#ring.usesSqpoll && offset >= 0) flags |= IOSQE_ASYNC;
    sqe.flags = flags;
    this.#stage(sqe, piece, part);
  }

  /** Shows the kernel what was prepared: with SQPOLL no system call, unless its thread sleeps. */
  submit(): void {
    try {
      this.#ring.submit();
    } catch (error) {
      // Still queued: `wait` submits again.
      if (!isOneOf(error, EAGAIN, EBUSY, EINTR)) throw error;
    }
  }

  /** Until all reads into the buffer are done. */
  wait(piece: Piece): void {
    if (piece.pending === 0) return;
    const ring = this.#ring;
    ring.forEachCqe(this.#onCqe);
    if (piece.pending === 0) return;
    const start = performance.now();
    // The kernel's thread is most likely in the middle of it: sleeping would take longer.
    if (ring.usesSqpoll) for (let i = 0; i < SPINS && piece.pending > 0; i++) ring.forEachCqe(this.#onCqe);
    while (piece.pending > 0) {
      this.#sleep();
      ring.forEachCqe(this.#onCqe);
    }
    this.#figures.waiting += performance.now() - start;
  }

  /** Until something completes, or for a moment. */
  #sleep(): void {
    this.#tick?.();
    this.submit();
    try {
      this.#ring.waitCqe(MOMENT);
    } catch (error) {
      // After a signal without a handler of ours (SIGWINCH, SIGCONT) the wait goes on.
      if (!isOneOf(error, EINTR)) throw error;
    }
  }

  #stage(sqe: Sqe, piece: Piece, part: 0 | 1): void {
    sqe.userData = piece.index * 2 + part;
    this.#ring.stageSqe();
    piece.pending++;
  }

  #sqe(): Sqe {
    let sqe = this.#ring.getSqe();
    // The queue has two entries for each buffer, and a buffer no more than two reads: it is never full of reads that are
    // not done. But the kernel's thread can post the completions of a batch before it gives the places back.
    while (sqe === null && this.#ring.usesSqpoll) {
      this.#ring.sqringWait();
      sqe = this.#ring.getSqe();
    }
    if (sqe === null) throw invalidState('The submission queue is full');
    return sqe;
  }
}

function isOneOf(error: unknown, ...errnos: number[]): boolean {
  return error instanceof UringError && errnos.includes(-error.errno);
}

/** Some 20 µs of looking at the ring. */
const SPINS = 400;
/** How often the progress is shown during a long wait. */
const MOMENT = { timeout: 200 };
