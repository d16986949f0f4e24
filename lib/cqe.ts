/**
 * A cursor on one completion queue entry in the ring's memory: reused for every entry, allocates nothing.
 */
import { IORING_CQE_BUFFER_SHIFT, IORING_CQE_F_32, IORING_CQE_F_MORE } from '../syscalls/constants/cqe.ts';
import type { U64 } from './sqe.ts';

/**
 * One completion: `struct io_uring_cqe`. It stands in the ring's memory and is the kernel's again once it has been
 * acknowledged: read what you need before `advanceCq`.
 */
export class Cqe {
  /** The entry's memory as 32-bit words; the entry begins at `words[at]`. */
  words: Int32Array = new Int32Array(0);
  /** The index in `words` where the entry begins. */
  at = 0;

  /** The operation's `userData`: a number while it is a safe integer, a bigint beyond. */
  get userData(): U64 {
    const low = this.words[this.at] >>> 0;
    const high = this.words[this.at + 1] >>> 0;
    return high < 0x20_0000 ? high * 0x1_0000_0000 + low : (BigInt(high) << 32n) | BigInt(low);
  }

  /** The low 32 bits of the user data, unsigned: the cheapest key. */
  get userDataLow(): number {
    return this.words[this.at] >>> 0;
  }

  /** The high 32 bits of the user data, unsigned. */
  get userDataHigh(): number {
    return this.words[this.at + 1] >>> 0;
  }

  /** The operation's result, or `-errno`. */
  get res(): number {
    return this.words[this.at + 2];
  }

  /** IORING_CQE_F_… flags, unsigned. */
  get flags(): number {
    return this.words[this.at + 3] >>> 0;
  }

  /** Whether more completions of the same operation will follow (IORING_CQE_F_MORE). */
  get more(): boolean {
    return (this.words[this.at + 3] & IORING_CQE_F_MORE) !== 0;
  }

  /** The id of the provided buffer that the operation took; it means something with IORING_CQE_F_BUFFER only. */
  get bufferId(): number {
    return this.words[this.at + 3] >>> IORING_CQE_BUFFER_SHIFT;
  }

  /**
   * The 16 bytes that follow in an entry of 32 (IORING_SETUP_CQE32, or IORING_CQE_F_32 in a mixed ring), as two
   * unsigned 64-bit values. Undefined content in an entry of 16.
   */
  get bigCqe(): [bigint, bigint] {
    const { words, at } = this;
    return [wide(words[at + 4], words[at + 5]), wide(words[at + 6], words[at + 7])];
  }

  /** Whether this entry of a mixed ring takes 32 bytes (IORING_CQE_F_32). */
  get is32(): boolean {
    return (this.words[this.at + 3] & IORING_CQE_F_32) !== 0;
  }
}

function wide(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}
