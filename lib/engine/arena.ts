/**
 * Memory of the engine's own that is registered with its ring: whole pages that never move, for which the kernel need not
 * look up and pin anything at each operation, and which stay nobody else's while it may write there, however the thread
 * ends.
 *
 * What is allocated are parts of a few large pieces, as with Buffer's pool: a piece leaves the ring, and the process, when
 * nothing refers to any part of it.
 */
import {
  IORING_OP_READ,
  IORING_OP_READ_FIXED,
  IORING_OP_SEND_ZC,
  IORING_OP_WRITE,
  IORING_OP_WRITE_FIXED,
} from '../../syscalls/constants/opcodes.ts';
import { IORING_RECVSEND_FIXED_BUF } from '../../syscalls/constants/sqe.ts';
import { UringError } from '../../syscalls/error.ts';
import { checkInteger } from '../../syscalls/invalid.ts';
import { allocatePages, pageSize, type SharedPages } from '../../syscalls/memory.ts';
import type { Sqe } from '../sqe.ts';
import { isSince518 } from './direct.ts';
import type { Engine } from './engine.ts';

export class Arena {
  readonly #engine: Engine;
  /** The piece that parts are cut from, and how much of it is gone. The others live by their parts. */
  #pages: SharedPages | null = null;
  #used = 0;
  /** Where they are in the ring's table of buffers. */
  readonly #registered = new WeakMap<ArrayBufferLike, Registered>();
  #free: number[] = [];
  #prepared = false;
  /** No more can be registered: the table or the limit of locked memory is full. Until a piece has left. */
  #full = false;
  /** Between these addresses all pieces are that were ever registered: what is elsewhere need not be looked up. */
  #lowest = Number.POSITIVE_INFINITY;
  #highest = 0;
  readonly #self = new WeakRef(this);
  /**
   * One for all arenas. Before Node 26 a FinalizationRegistry that becomes garbage when it is about to call back silences
   * all others of its thread for good: V8's task finds no registry, and goes on counting as on its way.
   */
  static readonly #left = new FinalizationRegistry<{ arena: WeakRef<Arena>; index: number }>((piece) => {
    const arena = piece.arena.deref();
    if (arena !== undefined) arena.#unregister(piece.index);
  });

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Zeroed memory that begins at a page's start. @throws RangeError. */
  allocate(size: number): Buffer {
    checkInteger('size', size, 0, MOST_BYTES);
    const page = pageSize();
    const wanted = Math.max(1, Math.ceil(size / page)) * page;
    if (this.#pages === null || this.#pages.byteLength - this.#used < wanted) {
      // What is large has a piece of its own, and the one in use goes on being used.
      if (wanted > PIECE_BYTES / 4) return partOf(this.#piece(wanted), 0, size);
      this.#pages = this.#piece(PIECE_BYTES);
      this.#used = 0;
    }
    const part = partOf(this.#pages, this.#used, size);
    this.#used += wanted;
    return part;
  }

  /** Has an operation on a buffer of the arena use that it is registered. */
  fix(sqe: Sqe, view: ArrayBufferView): void {
    const { words, at } = sqe;
    const opcode = words[at] & 0xff;
    if (opcode !== IORING_OP_READ && opcode !== IORING_OP_WRITE && opcode !== IORING_OP_SEND_ZC) return;
    const address = words[at + 5] * 0x1_0000_0000 + (words[at + 4] >>> 0);
    if (address < this.#lowest || address >= this.#highest) return;
    // Not by the address: another buffer may have it, once the piece is gone.
    const piece = this.#registered.get(view.buffer);
    // The buffer has addresses beyond the pages that are used of it.
    if (piece === undefined || address < piece.from || address + (words[at + 6] >>> 0) > piece.to) return;
    if (opcode === IORING_OP_SEND_ZC) sqe.ioprio |= IORING_RECVSEND_FIXED_BUF;
    else sqe.opcode = opcode === IORING_OP_READ ? IORING_OP_READ_FIXED : IORING_OP_WRITE_FIXED;
    sqe.bufIndex = piece.index;
  }

  /** Pages, registered where that can be had; else they serve as well, a little slower. */
  #piece(byteLength: number): SharedPages {
    const pages = allocatePages(byteLength);
    this.#prepare();
    const index = this.#full ? undefined : this.#free.pop();
    if (index === undefined) return pages;
    try {
      this.#engine.ring.registerBuffersUpdateTag(index, [pages]);
    } catch (error) {
      if (!(error instanceof UringError)) throw error;
      this.#free.push(index);
      this.#full = true;
      return pages;
    }
    const { address } = pages;
    this.#registered.set(pages.buffer, { index, from: address, to: address + byteLength });
    Arena.#left.register(pages.buffer, { arena: this.#self, index });
    this.#lowest = Math.min(this.#lowest, address);
    this.#highest = Math.max(this.#highest, address + byteLength);
    return pages;
  }

  #prepare(): void {
    if (this.#prepared) return;
    const { ring } = this.#engine;
    this.#prepared = true;
    // 5.18 itself has no tables with empty slots, and says so.
    if (!isSince518(ring)) return;
    try {
      ring.registerBuffersSparse(MOST_PIECES);
      this.#free = Array.from({ length: MOST_PIECES }, (_, index) => index);
    } catch (error) {
      if (!(error instanceof UringError)) throw error;
    }
  }

  /** Nothing refers to the piece any more, operations in flight neither: they hold their buffers. */
  #unregister(index: number): void {
    const ring = this.#engine.openRing;
    if (ring === null || ring.closed) return;
    try {
      ring.registerBuffersUpdateTag(index, [null]);
    } catch (error) {
      if (!(error instanceof UringError)) throw error;
      // It stays with the ring: nobody waits for a finalizer, who could be told.
      return;
    }
    this.#free.push(index);
    this.#full = false;
  }
}

/** A piece in the ring's table of buffers. */
interface Registered {
  readonly index: number;
  readonly from: number;
  readonly to: number;
}

function partOf(pages: SharedPages, offset: number, size: number): Buffer {
  return Buffer.from(pages.buffer, pages.byteOffset + offset, size);
}

const PIECE_BYTES = 2 ** 20;
const MOST_PIECES = 256;
const MOST_BYTES = 2 ** 34;
