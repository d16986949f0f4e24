/**
 * Arrays of `struct futex_waitv`.
 */
import { FUTEX_WAITV_MAX, FUTEX2_SIZE_U32 } from '../../syscalls/constants/futex.ts';
import { checkInteger, checkUint32, invalidType, invalidValue, outOfRange } from '../../syscalls/invalid.ts';
import { futex_waitv } from '../../syscalls/layouts/files.ts';
import type { BufferSource, Memory } from '../../syscalls/memory.ts';
import { placeOf, setWide } from './words.ts';

/** One futex of futexWaitv. */
export interface FutexWaiter {
  /** Where the futex is: the first 4 bytes, at an address that 4 divides, of memory that others see too. */
  readonly futex: BufferSource | Memory;
  /** The value that it is expected to have, 32 bits not negative. */
  readonly value: number;
  /** FUTEX2_…; FUTEX2_SIZE_U32 by default. Add FUTEX2_PRIVATE when all who use it are of this process. */
  readonly flags?: number;
}

/**
 * An array of `struct futex_waitv`: `futexWaitv(sqe, waiters, waiters.count)`. It refers to the memory of the futexes,
 * so the operation that points at it has all of them held until its CQE. `set` and `setValue` make it ready for the next
 * wait and allocate nothing; not while an operation in flight uses it.
 */
export class FutexWaiters implements Memory {
  /** Where the array begins in memory. */
  readonly address: number;
  /** 24 bytes for each futex. */
  readonly byteLength: number;
  /** How many futexes there are. */
  readonly count: number;
  readonly #words: Int32Array;
  readonly #futexes: (BufferSource | Memory)[] = [];

  /** 1 to 128 futexes. @throws TypeError, RangeError for what is none. */
  constructor(waiters: readonly FutexWaiter[]) {
    if (!Array.isArray(waiters)) throw invalidType('waiters', 'an instance of Array', waiters);
    if (waiters.length < 1 || waiters.length > FUTEX_WAITV_MAX)
      throw outOfRange('waiters.length', `>= 1 && <= ${FUTEX_WAITV_MAX}`, waiters.length);
    this.count = waiters.length;
    this.byteLength = this.count * futex_waitv.size;
    const memory = new ArrayBuffer(this.byteLength);
    this.address = placeOf(memory);
    this.#words = new Int32Array(memory);
    waiters.forEach(({ futex, value, flags }, i) => {
      this.set(i, futex, value, flags);
    });
  }

  /**
   * Puts another futex at `index`: see FutexWaiter.
   * @throws TypeError for what is no buffer, RangeError for one that is shorter than 4 bytes or a place beyond the
   * array; TypeError for an address that 4 does not divide. The entry is then as it was.
   */
  set(index: number, futex: BufferSource | Memory, value: number, flags: number = FUTEX2_SIZE_U32): void {
    const at = this.#at(index);
    const address = placeOf(futex);
    if (futex.byteLength < FUTEX_BYTES)
      throw outOfRange('futex.byteLength', `>= ${FUTEX_BYTES}`, futex.byteLength);
    if (address % FUTEX_BYTES !== 0) throw invalidValue('futex', futex, 'must lie at a multiple of 4 bytes');
    checkUint32('value', value);
    checkUint32('flags', flags);
    setWide(this.#words, at + VALUE, value);
    setWide(this.#words, at + ADDRESS, address);
    this.#words[at + FLAGS] = flags;
    this.#futexes[index] = futex;
  }

  /** Another value for the futex at `index` to have. */
  setValue(index: number, value: number): void {
    setWide(this.#words, this.#at(index) + VALUE, checkUint32('value', value));
  }

  /** The memory of the futexes, in their order. */
  get futexes(): readonly (BufferSource | Memory)[] {
    return this.#futexes;
  }

  #at(index: number): number {
    return (checkInteger('index', index, 0, this.count - 1) * futex_waitv.size) / 4;
  }
}

const FUTEX_BYTES = 4;
const VALUE = futex_waitv.fields.val[0] / 4;
const ADDRESS = futex_waitv.fields.uaddr[0] / 4;
const FLAGS = futex_waitv.fields.flags[0] / 4;
