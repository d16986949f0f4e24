/**
 * C structs to memory and back, by the layouts of this folder: for scripts and registrations, not for hot paths.
 */
import { invalidValue, outOfRange } from './invalid.ts';
import type { Field, Layout } from './layouts/layout.ts';

/** What a field takes: a number or bigint by its size, or bytes where it is an array. */
export type FieldValue = number | bigint | Uint8Array;

/** A new, zeroed buffer of the struct's size with the given fields set. See writeStruct. */
export function makeStruct<L extends Layout>(
  layout: L,
  values: Partial<Record<keyof L['fields'], FieldValue>> = {},
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(layout.size);
  writeStruct(bytes, layout, values);
  return bytes;
}

/**
 * Writes the given fields at `offset` and leaves the others as they are. Fields of 1, 2, 4 and 8 bytes take a number
 * or bigint, signed or not, that fits; others take bytes. Throws TypeError for an unknown field, RangeError for a
 * value that does not fit or a buffer that is too short.
 */
export function writeStruct<L extends Layout>(
  bytes: Uint8Array,
  layout: L,
  values: Partial<Record<keyof L['fields'], FieldValue>>,
  offset = 0,
): void {
  const view = viewOf(bytes, layout, offset);
  for (const [name, value] of Object.entries(values)) {
    const field = layout.fields[name];
    if (field === undefined)
      throw invalidValue('values', name, 'names a field that the struct does not have');
    if (value !== undefined) writeField(view, name, field, value as FieldValue);
  }
}

/**
 * Reads every field: 1, 2 and 4 bytes as a number, 8 bytes as a bigint, an array as its bytes (a view, not a copy).
 * RangeError when the buffer is too short.
 */
export function readStruct<L extends Layout>(bytes: Uint8Array, layout: L, offset = 0): StructValues<L> {
  const view = viewOf(bytes, layout, offset);
  const entries = Object.entries(layout.fields).map(([name, field]) => [name, readField(view, field)]);
  return Object.fromEntries(entries);
}

/** What readStruct gives for a layout. */
export type StructValues<L extends Layout> = { [K in keyof L['fields']]: ValueOf<L['fields'][K]> };

type ValueOf<F extends Field> = F[1] extends 8 ? bigint : F[1] extends 1 | 2 | 4 ? number : Uint8Array;

function viewOf(bytes: Uint8Array, layout: Layout, offset: number): DataView {
  if (!(offset >= 0 && offset + layout.size <= bytes.byteLength))
    throw outOfRange('offset', `>= 0 && <= ${bytes.byteLength - layout.size}`, offset);
  return new DataView(bytes.buffer, bytes.byteOffset + offset, layout.size);
}

function writeField(view: DataView, name: string, [offset, size]: Field, value: FieldValue): void {
  if (value instanceof Uint8Array) {
    if (value.length > size) throw outOfRange(name, `at most ${size} bytes`, value.length);
    new Uint8Array(view.buffer, view.byteOffset + offset, size).set(value);
    return;
  }
  const wide = toBigInt(name, value);
  const bits = BigInt(size * 8);
  if (wide >= 1n << bits || wide < -(1n << (bits - 1n)))
    throw outOfRange(name, `an integer of ${size} bytes`, value);
  if (size === 1) view.setUint8(offset, Number(BigInt.asUintN(8, wide)));
  else if (size === 2) view.setUint16(offset, Number(BigInt.asUintN(16, wide)), true);
  else if (size === 4) view.setUint32(offset, Number(BigInt.asUintN(32, wide)), true);
  else if (size === 8) view.setBigUint64(offset, BigInt.asUintN(64, wide), true);
  else throw invalidValue(name, value, `is an array of ${size} bytes`);
}

function toBigInt(name: string, value: unknown): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  throw outOfRange(name, 'a safe integer or a bigint', value);
}

function readField(view: DataView, [offset, size, sign]: Field): FieldValue {
  if (size === 1) return sign ? view.getInt8(offset) : view.getUint8(offset);
  if (size === 2) return sign ? view.getInt16(offset, true) : view.getUint16(offset, true);
  if (size === 4) return sign ? view.getInt32(offset, true) : view.getUint32(offset, true);
  if (size === 8) return sign ? view.getBigInt64(offset, true) : view.getBigUint64(offset, true);
  return new Uint8Array(view.buffer, view.byteOffset + offset, size);
}
