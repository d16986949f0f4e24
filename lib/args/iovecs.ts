/**
 * Arrays of `struct iovec` from buffers.
 */
import { checkInteger, invalidType, outOfRange } from '../../syscalls/invalid.ts';
import { iovec } from '../../syscalls/layouts/sockets.ts';
import type { BufferSource, Memory } from '../../syscalls/memory.ts';
import { getWide, placeOf, setWide } from './words.ts';

/**
 * An array of `struct iovec`: the pieces of memory that readv, writev, readvFixed, writevFixed and a `Msghdr` name. It
 * refers to the buffers, so an operation that points at it has all of them held until its CQE.
 *
 * Give its `count` along, `readv(sqe, fd, iovecs, iovecs.count, 0)`, or a smaller one for the first of them only. Made
 * once, it is used again and again: `set` puts another buffer in a place and allocates nothing.
 */
export class Iovecs implements Memory {
  /** Where the array begins in memory. */
  readonly address: number;
  /** 16 bytes for each iovec. */
  readonly byteLength: number;
  /** How many iovecs there are. readv and its kin take 1,024 at most, registerBuffers 16,384. */
  readonly count: number;
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #buffers: (BufferSource | Memory | null)[];

  /**
   * One iovec for each buffer, over the whole of it; null makes an empty one (address 0, length 0).
   * @throws TypeError for what is no buffer or is detached, RangeError for no buffers at all.
   */
  constructor(buffers: readonly (BufferSource | Memory | null)[]) {
    if (!Array.isArray(buffers)) throw invalidType('buffers', 'an instance of Array', buffers);
    if (buffers.length === 0) throw outOfRange('buffers.length', '>= 1', 0);
    this.count = buffers.length;
    this.byteLength = this.count * iovec.size;
    // An ArrayBuffer's memory never moves; a small typed array's own may lie on the heap, and move.
    const memory = new ArrayBuffer(this.byteLength);
    this.address = placeOf(memory);
    this.#words = new Int32Array(memory);
    this.#buffers = new Array(this.count).fill(null);
    for (let i = 0; i < this.count; i++) this.set(i, buffers[i]);
  }

  /**
   * Lets the iovec at `index` name `length` bytes of `buffer` from `offset` on (default: all that follow), or nothing
   * with null. The buffer that it named before is let go. Allocates nothing. Not while an operation in flight uses the
   * array: the ring holds what it refers to, and no longer what it referred to.
   * @throws TypeError for what is no buffer or is detached, RangeError for a place beyond the array or bytes beyond the
   * buffer. The iovec is then as it was.
   */
  set(index: number, buffer: BufferSource | Memory | null, offset = 0, length?: number): void {
    checkInteger('index', index, 0, this.count - 1);
    const at = index * IOVEC_WORDS;
    if (buffer === null) {
      this.#words.fill(0, at, at + IOVEC_WORDS);
      this.#buffers[index] = null;
      return;
    }
    const begin = placeOf(buffer);
    const rest = buffer.byteLength - checkInteger('offset', offset, 0, buffer.byteLength);
    const bytes = length === undefined ? rest : checkInteger('length', length, 0, rest);
    setWide(this.#words, at, begin + offset);
    setWide(this.#words, at + LENGTH_WORD, bytes);
    this.#buffers[index] = buffer;
  }

  /** The structs themselves. Give operations the array, not these: they do not keep the buffers. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#words.buffer);
  }

  /** Whether a buffer that had bytes has none any more: it was transferred away, and its memory may be somebody else's. */
  get detached(): boolean {
    for (let i = 0; i < this.count; i++) {
      const named = getWide(this.#words, i * IOVEC_WORDS + LENGTH_WORD);
      if (named > 0 && this.#buffers[i]?.byteLength === 0) return true;
    }
    return false;
  }

  /** The buffers that the iovecs name, in their order. */
  get buffers(): readonly (BufferSource | Memory | null)[] {
    return this.#buffers;
  }
}

const IOVEC_WORDS = iovec.size / 4;
const LENGTH_WORD = iovec.fields.iov_len[0] / 4;
