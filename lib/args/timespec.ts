/**
 * `struct __kernel_timespec` from the ways in which people say how long.
 */
import { invalidType, outOfRange } from '../../syscalls/invalid.ts';

/** A span or a moment: milliseconds as a number (fractions allowed), or nanoseconds as a bigint. */
export type Duration = number | bigint;

/**
 * 16 bytes of `struct __kernel_timespec` for `duration`: what timeout, linkTimeout and their kin point at. Give it to
 * them as it is, and the ring holds it; keep it and write it anew with `writeTimespec` to allocate nothing.
 * @throws TypeError, RangeError for what is no duration of up to 2^63 nanoseconds.
 */
export function timespec(duration: Duration): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(TIMESPEC_BYTES);
  writeTimespec(bytes, duration);
  return bytes;
}

/** Writes `duration` into the 16 bytes at `offset`. Not while an operation in flight points at them. */
export function writeTimespec(bytes: Uint8Array, duration: Duration, offset = 0): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, TIMESPEC_BYTES);
  if (typeof duration === 'bigint') {
    writeNanoseconds(view, duration);
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
  view.setUint32(0, seconds >>> 0, true);
  view.setInt32(4, Math.floor(seconds / 2 ** 32), true);
  view.setUint32(8, nanoseconds, true);
  view.setUint32(12, 0, true);
}

/** The nanoseconds in a `struct __kernel_timespec`. */
export function readTimespec(bytes: Uint8Array, offset = 0): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, TIMESPEC_BYTES);
  return view.getBigInt64(0, true) * 1_000_000_000n + view.getBigInt64(8, true);
}

function writeNanoseconds(view: DataView, duration: bigint): void {
  if (BigInt.asIntN(63, duration) !== duration) throw outOfRange('duration', 'within 63 bits', duration);
  const rest = ((duration % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  view.setBigInt64(0, (duration - rest) / 1_000_000_000n, true);
  view.setBigInt64(8, rest, true);
}

const TIMESPEC_BYTES = 16;
/** Beyond it a double no longer tells milliseconds apart. */
const MAX_MS = Number.MAX_SAFE_INTEGER;
