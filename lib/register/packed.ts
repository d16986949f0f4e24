/**
 * Arguments that point at more memory, in one buffer with it: whoever holds the one during the call holds all.
 */
import type { Layout } from '../../syscalls/layouts/layout.ts';
import { addressOf } from '../../syscalls/memory.ts';
import { type FieldValue, readStruct, writeStruct } from '../../syscalls/struct.ts';

type Fields<L extends Layout, V> = Partial<Record<keyof L['fields'], V>>;

/**
 * A struct with `values`, followed by a copy of each of `parts`, 8-byte aligned; the field that a part is named after
 * gets its address. What is undefined is left out, and its field is NULL.
 */
export function packed<L extends Layout>(
  layout: L,
  values: Fields<L, FieldValue>,
  parts: Fields<L, ArrayBufferView | undefined>,
): Uint8Array<ArrayBuffer> {
  const given = Object.entries<ArrayBufferView | undefined>(parts).filter(isGiven);
  const size = given.reduce((sum, [, part]) => sum + aligned(part.byteLength), aligned(layout.size));
  const bytes = new Uint8Array(size);
  writeStruct(bytes, layout, values);
  const base = addressOf(bytes);
  let at = aligned(layout.size);
  for (const [name, part] of given) {
    bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    writeStruct(bytes, layout, { [name]: base + at } as Fields<L, FieldValue>);
    at += aligned(part.byteLength);
  }
  return bytes;
}

/** The struct of the given layout that the field `name` of a packed argument points at, as the kernel left it. */
export function partOf<L extends Layout, P extends Layout>(
  bytes: Uint8Array,
  layout: L,
  name: keyof L['fields'] & string,
  part: P,
): ReturnType<typeof readStruct<P>> {
  const values: Record<string, FieldValue> = readStruct(bytes, layout);
  return readStruct(bytes, part, Number(values[name]) - addressOf(bytes));
}

const aligned = (byteLength: number): number => Math.ceil(byteLength / 8) * 8;

function isGiven(entry: [string, ArrayBufferView | undefined]): entry is [string, ArrayBufferView] {
  return entry[1] !== undefined;
}
