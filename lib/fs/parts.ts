/**
 * Which bytes of which buffer a FileHandle is to read or write, of arguments that need no interpretation. Null for all others,
 * which go to Node's function.
 */
import { types } from 'node:util';
import { isView } from '../../syscalls/is-view.ts';
import { plainPosition } from './arguments.ts';

/** A part of a buffer, and where in the file. */
export interface Part {
  /** What the caller gave, and gets back. */
  readonly buffer: unknown;
  readonly view: ArrayBufferView;
  readonly length: number;
  /** -1 for the file's own. */
  readonly position: number;
}

/** Of `read`: (buffer, offset, length, position), (buffer, options) or (options). */
export function plainReading(
  buffer: unknown,
  offset: unknown,
  length: unknown,
  position: unknown,
): Part | null {
  if (isView(buffer)) {
    if (typeof offset === 'object' && offset !== null) return partOf(buffer, offset);
    return part(buffer, offset, length, position);
  }
  if (offset !== undefined || (buffer !== undefined && (typeof buffer !== 'object' || buffer === null)))
    return null;
  const options: Options = buffer ?? {};
  try {
    const { buffer: given = Buffer.alloc(DEFAULT_BYTES) } = options;
    return partOf(given, options);
  } catch {
    return null;
  }
}

/** Of `write`: (buffer, offset, length, position), (buffer, options) or (text, position, encoding). */
export function plainWriting(
  buffer: unknown,
  offset: unknown,
  length: unknown,
  position: unknown,
): Part | null {
  if (typeof buffer === 'string') return textPart(buffer, offset, length);
  // Null stands for no options, of which Node takes no notice of what follows.
  if (offset === null) return null;
  return typeof offset === 'object' ? partOf(buffer, offset) : part(buffer, offset, length, position);
}

/** Whether they are buffers with bytes, as many as the kernel takes at once. */
export function arePlain(buffers: unknown): buffers is ArrayBufferView[] {
  try {
    if (!Array.isArray(buffers) || buffers.length === 0 || buffers.length > IOV_MAX) return false;
    // Not `every`, which passes over holes.
    for (const buffer of buffers) if (!isView(buffer) || bytesOf(buffer) === 0) return false;
    return true;
  } catch {
    // A proxy may throw at whatever is asked: for Node as well, which makes a rejection of it.
    return false;
  }
}

interface Options {
  readonly buffer?: unknown;
  readonly offset?: unknown;
  readonly length?: unknown;
  readonly position?: unknown;
}

function partOf(buffer: unknown, options: Options): Part | null {
  try {
    const { offset, length, position } = options;
    return part(buffer, offset, length, position);
  } catch {
    return null;
  }
}

function part(buffer: unknown, offset: unknown, length: unknown, position: unknown): Part | null {
  if (!isView(buffer)) return null;
  const whole = bytesOf(buffer);
  const from = offset ?? 0;
  if (!isCount(from)) return null;
  const bytes = length ?? whole - from;
  const place = plainPosition(position);
  if (!isCount(bytes) || bytes === 0 || from + bytes > whole || place === undefined) return null;
  const view = from === 0 ? buffer : new Uint8Array(buffer.buffer, buffer.byteOffset + from, bytes);
  return { buffer, view, length: bytes, position: place };
}

function textPart(text: string, position: unknown, encoding: unknown): Part | null {
  const place = plainPosition(position);
  if (place === undefined || (encoding !== undefined && encoding !== null && encoding !== 'utf8'))
    return null;
  const view = Buffer.from(text);
  return view.length === 0 ? null : { buffer: text, view, length: view.length, position: place };
}

/** By the getters themselves: a class may say of its instances what is not so, and the kernel would believe it. */
function bytesOf(view: ArrayBufferView): number {
  return types.isDataView(view) ? viewBytes.call(view) : arrayBytes.call(view);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && (value | 0) === value && value >= 0;
}

const arrayBytes = getter(Object.getPrototypeOf(Uint8Array.prototype));
const viewBytes = getter(DataView.prototype);

function getter(prototype: object): (this: unknown) => number {
  return Object.getOwnPropertyDescriptor(prototype, 'byteLength')!.get as (this: unknown) => number;
}

const DEFAULT_BYTES = 16_384;
const IOV_MAX = 1024;
