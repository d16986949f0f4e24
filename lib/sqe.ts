/**
 * A cursor on one submission queue entry in the ring's memory: reused for every entry, allocates nothing.
 */
import { invalidType, outOfRange } from '../syscalls/invalid.ts';
import { addressOf, type BufferSource, isMemory, type Memory } from '../syscalls/memory.ts';
import { type Hold, takeHold } from './hold.ts';

/**
 * Where the kernel shall read or write: a number or bigint is an address, and whoever made it keeps its memory alive;
 * a buffer, or other memory that knows its address, is held by the ring until the operation's CQE is acknowledged.
 */
export type Pointer = number | bigint | BufferSource | Memory;

/** A value of 64 bits: a safe integer or a bigint, negative ones in two's complement. */
export type U64 = number | bigint;

/** One entry of the submission queue: `struct io_uring_sqe`, 64 bytes (128 with IORING_SETUP_SQE128). */
export class Sqe {
  /** The entry's memory as 32-bit words; the entry begins at `words[at]`. For encoders. */
  words: Int32Array = NOTHING;
  /** The same memory in words of 64 bits: 0.0 is 64 zero bits, and one store clears two words. */
  doubles: Float64Array = NOTHING_WIDE;
  /** The index in `words` where the entry begins. */
  at = 0;
  /** Bytes of the entry: 64, or 128 (`getSqe128`, IORING_SETUP_SQE128). */
  byteLength = 64;
  /** Buffers named by `point` since the entry was handed out: the ring takes them over at commit. */
  held: Hold | null = null;

  /**
   * Encodes what nearly every operation has, and zeroes everything else but `userData` (liburing's
   * io_uring_prep_rw). `fd` signed 32 bits, `len` unsigned 32 bits, `address` and `offset` 64 bits.
   * Throws TypeError or RangeError for what does not fit, and then leaves the entry as it was.
   */
  rw(opcode: number, fd: number, address: number, len: number, offset: U64): void {
    if (typeof fd !== 'number' || (fd | 0) !== fd || typeof len !== 'number' || len >>> 0 !== len)
      throw badRw(fd, len);
    if (!(Number.isSafeInteger(address) && address >= 0)) throw badAddress(address);
    const { words, at } = this;
    if (typeof offset === 'number' && offset >>> 0 === offset) {
      words[at + 2] = offset;
      words[at + 3] = 0;
    } else this.setU64(2, offset, 'offset');
    words[at] = opcode;
    words[at + 1] = fd;
    words[at + 4] = address | 0;
    words[at + 5] = (address / 0x1_0000_0000) | 0;
    words[at + 6] = len;
    words[at + 7] = 0;
    const { doubles } = this;
    const half = at >>> 1;
    doubles[half + 5] = 0;
    doubles[half + 6] = 0;
    doubles[half + 7] = 0;
  }

  /**
   * The address of what `pointer` names, which the operation will read or write for `byteLength` bytes. A buffer is
   * checked to be that long, and held by the ring from commit until its CQE without IORING_CQE_F_MORE is
   * acknowledged.
   */
  point(pointer: Pointer, byteLength: number): number {
    if (typeof pointer === 'number') return pointer;
    return this.#hold(pointer, byteLength);
  }

  /** The value that comes back in the CQE: a safe integer or a bigint of up to 64 bits. Stays through `rw`. */
  get userData(): U64 {
    return this.getU64(8);
  }
  set userData(value: U64) {
    if (typeof value === 'number' && value >>> 0 === value) {
      const { words, at } = this;
      words[at + 8] = value;
      words[at + 9] = 0;
    } else this.setU64(8, value);
  }

  /** IORING_OP_…, 8 bits. */
  get opcode(): number {
    return this.words[this.at] & 0xff;
  }
  set opcode(value: number) {
    this.words[this.at] = (this.words[this.at] & ~0xff) | (value & 0xff);
  }

  /** IOSQE_… flags, 8 bits (io_uring_sqe_set_flags). Set them after the operation: it zeroes them. */
  get flags(): number {
    return (this.words[this.at] >>> 8) & 0xff;
  }
  set flags(value: number) {
    this.words[this.at] = (this.words[this.at] & ~0xff00) | ((value & 0xff) << 8);
  }

  /** The request's priority, or flags of the operation's own, 16 bits. */
  get ioprio(): number {
    return this.words[this.at] >>> 16;
  }
  set ioprio(value: number) {
    this.words[this.at] = (this.words[this.at] & 0xffff) | (value << 16);
  }

  /** The file descriptor, or the index of a registered file with IOSQE_FIXED_FILE. */
  get fd(): number {
    return this.words[this.at + 1];
  }
  set fd(value: number) {
    this.words[this.at + 1] = value;
  }

  /** The file offset, or `addr2`: 64 bits at byte 8. */
  get off(): U64 {
    return this.getU64(2);
  }
  set off(value: U64) {
    this.setU64(2, value);
  }

  /** The address: 64 bits at byte 16. */
  get addr(): U64 {
    return this.getU64(4);
  }
  set addr(value: U64) {
    this.setU64(4, value);
  }

  /** Length in bytes, or a count: 32 bits. */
  get len(): number {
    return this.words[this.at + 6] >>> 0;
  }
  set len(value: number) {
    this.words[this.at + 6] = value;
  }

  /** Flags of the operation (rw_flags, open_flags, msg_flags …): 32 bits at byte 28. */
  get opFlags(): number {
    return this.words[this.at + 7] >>> 0;
  }
  set opFlags(value: number) {
    this.words[this.at + 7] = value;
  }

  /** Index of a registered buffer, or the buffer group: 16 bits (buf_index, buf_group). */
  get bufIndex(): number {
    return this.words[this.at + 10] & 0xffff;
  }
  set bufIndex(value: number) {
    this.words[this.at + 10] = (this.words[this.at + 10] & ~0xffff) | (value & 0xffff);
  }

  /** Credentials to act with, from IORING_REGISTER_PERSONALITY: 16 bits. */
  get personality(): number {
    return this.words[this.at + 10] >>> 16;
  }
  set personality(value: number) {
    this.words[this.at + 10] = (this.words[this.at + 10] & 0xffff) | (value << 16);
  }

  /** splice_fd_in, file_index, optlen: signed 32 bits at byte 44. */
  get fileIndex(): number {
    return this.words[this.at + 11];
  }
  set fileIndex(value: number) {
    this.words[this.at + 11] = value;
  }

  /** A third address: 64 bits at byte 48. */
  get addr3(): U64 {
    return this.getU64(12);
  }
  set addr3(value: U64) {
    this.setU64(12, value);
  }

  /**
   * The bytes of a command from byte 48 on, for `uringCmd`: 16 of them, or 80 in an entry of 128 bytes. A view of the
   * entry, to be filled in before it is committed.
   */
  get cmd(): Uint8Array {
    const { buffer, byteOffset, length } = this.words;
    if (length === 0) return new Uint8Array(0);
    return new Uint8Array(buffer, byteOffset + 4 * this.at + CMD, this.byteLength - CMD);
  }

  /** The 64 bits at word `word` of the entry: a number while it is a safe integer, a bigint beyond. */
  getU64(word: number): U64 {
    const low = this.words[this.at + word] >>> 0;
    const high = this.words[this.at + word + 1] >>> 0;
    return high < 0x20_0000 ? high * 0x1_0000_0000 + low : (BigInt(high) << 32n) | BigInt(low);
  }

  /** Sets the 64 bits at word `word`. TypeError or RangeError for what is no 64-bit integer. */
  setU64(word: number, value: U64, name = 'value'): void {
    const { words, at } = this;
    if (typeof value === 'number') {
      if (value >>> 0 === value) {
        words[at + word] = value;
        words[at + word + 1] = 0;
        return;
      }
      if (!Number.isSafeInteger(value)) throw bad(name, 'a safe integer or a bigint', value);
      words[at + word] = value | 0;
      words[at + word + 1] = Math.floor(value / 0x1_0000_0000) | 0;
      return;
    }
    if (typeof value !== 'bigint' || value >= 1n << 64n || value < -(1n << 63n))
      throw bad(name, 'an integer of 64 bits', value);
    words[at + word] = Number(BigInt.asIntN(32, value));
    words[at + word + 1] = Number(BigInt.asIntN(32, value >> 32n));
  }

  #hold(pointer: Exclude<Pointer, number>, byteLength: number): number {
    if (typeof pointer === 'bigint') {
      if (pointer < 0n || pointer > BigInt(MAX_ADDRESS))
        throw bad('address', '>= 0 && <= 2 ** 53 - 1', pointer);
      return Number(pointer);
    }
    const address = isMemory(pointer) ? pointer.address : addressOf(pointer);
    if (byteLength > pointer.byteLength)
      throw outOfRange('byteLength', `<= ${pointer.byteLength}, the size of the buffer`, byteLength);
    this.held ??= takeHold();
    this.held.add(pointer);
    return address;
  }
}

/** What a cursor of a closed ring stands on: reads give undefined, writes go nowhere. */
const NOTHING = new Int32Array(0);
const NOTHING_WIDE = new Float64Array(0);
const CMD = 48;
const MAX_ADDRESS = Number.MAX_SAFE_INTEGER;

function badRw(fd: number, len: number): Error {
  if (typeof fd !== 'number' || (fd | 0) !== fd) return bad('fd', '>= -2147483648 && <= 2147483647', fd);
  return bad('len', '>= 0 && <= 4294967295', len);
}

function badAddress(address: unknown): Error {
  return bad('address', '>= 0 && <= 2 ** 53 - 1', address);
}

function bad(name: string, range: string, value: unknown): Error {
  const expected = typeof value === 'number' || typeof value === 'bigint';
  return expected ? outOfRange(name, range, value) : invalidType(name, 'of type number', value);
}
