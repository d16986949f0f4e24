/**
 * A whole piece of data into an open file, from where that stands.
 */
import { isView } from '../../syscalls/is-view.ts';
import type { Engine } from '../engine/engine.ts';
import { goneBefore } from '../engine/failure.ts';
import { checkAborted } from './abort.ts';
import type { WholeFileOptions } from './arguments.ts';
import type { Traffic } from './traffic.ts';
import { itself, transfer, writing } from './transfer.ts';

/** Where it is written. */
export interface Target {
  readonly fd: number;
  /** Of the handle; null for a file that nobody else has. */
  readonly traffic: Traffic | null;
}

/** The bytes of the data; null for what is neither text nor a buffer, or a buffer that has no memory any more. */
export function writableBytes(data: unknown, encoding: BufferEncoding | null): Uint8Array | null {
  if (typeof data === 'string') return Buffer.from(data, encoding ?? 'utf8');
  if (!isView(data)) return null;
  try {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  } catch {
    return null;
  }
}

/** Whether the data comes in pieces. */
export function arePieces(data: unknown): data is Iterable<unknown> | AsyncIterable<unknown> {
  if (typeof data !== 'object' || data === null || isView(data)) return false;
  return Symbol.asyncIterator in data || Symbol.iterator in data;
}

/** Writes all of it, `length` bytes. @throws (rejects) as FileHandle.writeFile, and when it has become shorter meanwhile. */
export async function writeOpenFile(
  engine: Engine,
  { fd, traffic }: Target,
  bytes: Uint8Array,
  length: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  checkAborted(signal);
  let total = 0;
  while (total < length) {
    checkAborted(signal);
    if (bytes.byteLength < length) throw goneBefore('write');
    const rest = total === 0 ? bytes : bytes.subarray(total);
    const count = Math.min(length - total, CHUNK_BYTES);
    total += await transfer(engine, traffic, writing(fd, rest, count, -1), itself);
  }
}

/** Writes one piece after the other. @throws (rejects) as FileHandle.writeFile, and what the iterable throws. */
export async function writePieces(
  engine: Engine,
  target: Target,
  pieces: Iterable<unknown> | AsyncIterable<unknown>,
  { encoding, signal }: WholeFileOptions,
): Promise<void> {
  checkAborted(signal);
  for await (const piece of pieces) {
    checkAborted(signal);
    const bytes = isView(piece)
      ? new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength)
      : Buffer.from(piece as string, encoding ?? 'utf8');
    await writeOpenFile(engine, target, bytes, bytes.byteLength, signal);
    checkAborted(signal);
  }
}

/** As Node, between two looks at the signal. */
const CHUNK_BYTES = 512 * 1024;
