/**
 * A whole piece of data into an open file, from where that stands.
 */
import { isView } from '../../syscalls/is-view.ts';
import type { Engine } from '../engine/engine.ts';
import { checkAborted } from './abort.ts';
import type { Traffic } from './traffic.ts';
import { transfer, writing } from './transfer.ts';

/** What is written as it stands: no iterables. */
export type Writable = string | ArrayBufferView;

/** The bytes of the data; null for what is neither text nor a buffer. */
export function writableBytes(data: unknown, encoding: BufferEncoding | null): Uint8Array | null {
  if (typeof data === 'string') return Buffer.from(data, encoding ?? 'utf8');
  if (!isView(data)) return null;
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Writes all of it. `traffic`: of the handle; null for a file that nobody else has. @throws (rejects) as FileHandle.writeFile. */
export async function writeOpenFile(
  engine: Engine,
  fd: number,
  traffic: Traffic | null,
  bytes: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<void> {
  checkAborted(signal);
  let total = 0;
  while (total < bytes.byteLength) {
    checkAborted(signal);
    const rest = total === 0 ? bytes : bytes.subarray(total);
    const length = Math.min(rest.byteLength, CHUNK_BYTES);
    total += await transfer(engine, traffic, writing(fd, rest, length, -1), (count) => count);
  }
}

/** As Node, between two looks at the signal. */
const CHUNK_BYTES = 512 * 1024;
