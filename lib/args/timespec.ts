/**
 * `struct __kernel_timespec` from the ways in which people say how long.
 */
import { checkInteger, invalidType, outOfRange } from '../../syscalls/invalid.ts';
import { setUint32 } from './words.ts';

/** A span or a moment: milliseconds as a number (fractions allowed), or nanoseconds as a bigint. */
export type Duration = number | bigint;

/**
 * 16 bytes of `struct __kernel_timespec` for `duration`: what timeout, linkTimeout and their kin point at. Give it to
 * them as it is, and the ring holds it. To allocate nothing, make one, keep it, and `writeTimespec` the next duration
 * into it: the kernel has its copy as soon as it has taken the entry.
 * @throws TypeError, RangeError for what is no duration of up to 2^63 nanoseconds.
 */
export function timespec(duration: Duration): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(TIMESPEC_BYTES);
  writeTimespec(bytes, duration);
  return bytes;
}

/**
 * Writes `duration` into the 16 bytes at `offset`. Not while an entry that points at them stands in the queue: when
 * `submit` has taken it, or with SQPOLL `sqReady()` is 0, the same bytes serve the next one.
 * @throws TypeError, RangeError as `timespec`, RangeError for fewer than 16 bytes.
 */
export function writeTimespec(bytes: Uint8Array, duration: Duration, offset = 0): void {
  checkInteger('offset', offset, 0, bytes.length);
  const needed = offset + TIMESPEC_BYTES;
  if (bytes.length < needed) throw outOfRange('bytes.length', `>= ${needed}`, bytes.length);
  if (typeof duration === 'bigint') {
    writeNanoseconds(bytes, offset, duration);
    return;
  }
  if (typeof duration !== 'number') throw invalidType('duration', 'of type number or bigint', duration);
  if (!(Math.abs(duration) <= MAX_MS)) throw outOfRange('duration', `<= ${MAX_MS} milliseconds`, duration);
  let seconds = Math.floor(duration / 1000);
  let nanoseconds = Math.round((duration - seconds * 1000) * 1e6);
  if (nanoseconds >= 1e9) {
    seconds++;
    nanoseconds -= 1e9;
  }
  write(bytes, offset, seconds, Math.floor(seconds / 2 ** 32), nanoseconds);
}

/** The nanoseconds in a `struct __kernel_timespec`. */
export function readTimespec(bytes: Uint8Array, offset = 0): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, TIMESPEC_BYTES);
  return view.getBigInt64(0, true) * 1_000_000_000n + view.getBigInt64(8, true);
}

function writeNanoseconds(bytes: Uint8Array, offset: number, duration: bigint): void {
  if (BigInt.asIntN(63, duration) !== duration) throw outOfRange('duration', 'within 63 bits', duration);
  const rest = ((duration % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const seconds = (duration - rest) / 1_000_000_000n;
  write(bytes, offset, Number(BigInt.asIntN(32, seconds)), Number(seconds >> 32n), Number(rest));
}

function write(bytes: Uint8Array, offset: number, low: number, high: number, nanoseconds: number): void {
  setUint32(bytes, offset, low);
  setUint32(bytes, offset + 4, high);
  setUint32(bytes, offset + 8, nanoseconds);
  setUint32(bytes, offset + 12, 0);
}

const TIMESPEC_BYTES = 16;
/** Beyond it a double no longer tells milliseconds apart. */
const MAX_MS = Number.MAX_SAFE_INTEGER;
