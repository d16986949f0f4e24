/**
 * Checks of a caller's numbers: one or two compares when all is well, and the error is built only when it is thrown.
 * Each gives the value back in the form that the entry's field takes.
 */
import { IORING_FILE_INDEX_ALLOC } from '../../syscalls/constants/sqe.ts';
import { invalidType, outOfRange } from '../../syscalls/invalid.ts';
import type { Pointer, Sqe, U64 } from '../sqe.ts';

/**
 * 32 bits of flags, as a signed number. Negative ones are taken too: JavaScript's `|` makes one of every set of flags
 * that has the highest bit, such as EPOLLET.
 */
export function bits32(name: string, value: number): number {
  if (typeof value === 'number' && ((value | 0) === value || value >>> 0 === value)) return value | 0;
  throw bad(name, '>= -2147483648 && <= 4294967295', value);
}

/** A signed number of 32 bits. */
export function int32(name: string, value: number): number {
  if (typeof value === 'number' && (value | 0) === value) return value;
  throw bad(name, '>= -2147483648 && <= 2147483647', value);
}

/** A number of 32 bits that is not negative. */
export function uint32(name: string, value: number): number {
  if (typeof value === 'number' && value >>> 0 === value) return value;
  throw bad(name, '>= 0 && <= 4294967295', value);
}

/** A number of 16 bits that is not negative: a buffer's index or group, a length of an address. */
export function uint16(name: string, value: number): number {
  if (typeof value === 'number' && (value & 0xffff) === value) return value;
  throw bad(name, '>= 0 && <= 65535', value);
}

/** A number of 64 bits, negative ones in two's complement. */
export function uint64(name: string, value: U64): U64 {
  if (typeof value === 'number' ? Number.isSafeInteger(value) : fitsIn64(value)) return value;
  throw bad(name, INTEGER_OF_64_BITS, value);
}

/** The address of memory that is not named by the entry's `addr`, which `Sqe.rw` checks, but by another field. */
export function addressIn(sqe: Sqe, name: string, pointer: Pointer, byteLength: number): number {
  const address = sqe.point(pointer, byteLength);
  if (Number.isSafeInteger(address) && address >= 0) return address;
  throw bad(name, '>= 0 && <= 2 ** 53 - 1', address);
}

/**
 * What `file_index` holds for a slot: one more than its index, since 0 means that no slot is wanted. The wish for any
 * free slot stays as it is; the index whose slot would be read as that wish is refused.
 */
export function slotOf(fileIndex: number, name = 'fileIndex'): number {
  const index = uint32(name, fileIndex);
  if (index === IORING_FILE_INDEX_ALLOC) return index;
  if (index + 1 !== IORING_FILE_INDEX_ALLOC) return index + 1;
  throw outOfRange(name, '<= 4294967293, or IORING_FILE_INDEX_ALLOC', index);
}

const INTEGER_OF_64_BITS = 'an integer of 64 bits: a safe integer or a bigint';

function fitsIn64(value: unknown): boolean {
  return typeof value === 'bigint' && value < 1n << 64n && value >= -(1n << 63n);
}

function bad(name: string, range: string, value: unknown): Error {
  return typeof value === 'number' || (typeof value === 'bigint' && range === INTEGER_OF_64_BITS)
    ? outOfRange(name, range, value)
    : invalidType(name, 'of type number', value);
}
