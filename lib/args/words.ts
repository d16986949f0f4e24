/**
 * Numbers in the memory of arguments, without what would be allocated for each: a DataView, a bigint.
 */
import { addressOf, type BufferSource, isMemory, type Memory } from '../../syscalls/memory.ts';
import type { U64 } from '../sqe.ts';

/** Where the memory that an argument names begins. TypeError for what is none. */
export function placeOf(memory: BufferSource | Memory): number {
  return isMemory(memory) ? memory.address : addressOf(memory);
}

/** Writes a safe integer that is not negative, such as an address or a length, to `words[at]` and the next. */
export function setWide(words: Int32Array, at: number, value: number): void {
  words[at] = value | 0;
  words[at + 1] = (value / 0x1_0000_0000) | 0;
}

/** The 64 bits at `words[at]`, unsigned; exact up to 2^53. */
export function getWide(words: Int32Array, at: number): number {
  return (words[at + 1] >>> 0) * 0x1_0000_0000 + (words[at] >>> 0);
}

/** Two words as an unsigned number of 64 bits: a number while it is a safe integer, a bigint beyond. */
export function u64Of(low: number, high: number): U64 {
  return high >>> 0 < 0x20_0000
    ? (high >>> 0) * 0x1_0000_0000 + (low >>> 0)
    : (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/** Writes 16 bits at `at`, the high byte first as on the network. There must be room. */
export function setUint16Be(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

/** Writes 16 bits at `at`, the low byte first. There must be room. */
export function setUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}

/** Writes 32 bits at `at`, the low byte first. There must be room. */
export function setUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** The 32 bits at `at`, unsigned. There must be as many. */
export function getUint32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}
