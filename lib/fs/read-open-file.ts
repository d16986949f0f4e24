/**
 * The rest of an open file, from where it stands to its end.
 */

import { StringDecoder } from 'node:string_decoder';
import { AT_EMPTY_PATH } from '../../syscalls/constants/fcntl.ts';
import { S_IFCHR, S_IFMT, S_IFREG, STATX_SIZE, STATX_TYPE } from '../../syscalls/constants/stat.ts';
import { readStatx, STATX_BYTES } from '../args/statx.ts';
import type { Engine } from '../engine/engine.ts';
import { launch } from '../engine/launch.ts';
import { statx } from '../ops/statx.ts';
import { checkAborted, heed } from './abort.ts';
import type { WholeFileOptions } from './arguments.ts';
import type { Traffic } from './traffic.ts';
import { itself, reading, transfer } from './transfer.ts';

/** What is to be read. */
export interface OpenFile {
  readonly fd: number;
  /** Of the handle; null when nobody else has the file, which stands at its start: then several pieces are in flight. */
  readonly traffic: Traffic | null;
  /** What was read of it before, when it was open for the first time: gone, if it is a terminal. */
  readonly before?: Buffer | null;
}

/**
 * Its bytes, or its text. As Node's, a file that grows meanwhile is read up to the size that it had.
 * @throws (rejects) as FileHandle.readFile.
 */
export async function readOpenFile(
  engine: Engine,
  { fd, traffic, before }: OpenFile,
  { encoding, signal }: WholeFileOptions,
): Promise<Buffer | string> {
  checkAborted(signal);
  const { size, isTerminal } = await lookAt(engine, fd);
  checkAborted(signal);
  if (size > MOST_BYTES) throw tooLarge(size);
  let bytes: Buffer;
  if (size === 0) bytes = await readUnknown(engine, fd, traffic, signal);
  else if (traffic === null) bytes = await readPieces(engine, fd, size, signal);
  else bytes = await readKnown(engine, fd, traffic, size, signal);
  if (isTerminal && before) bytes = Buffer.concat([before, bytes]);
  await heed(signal);
  if (encoding === null) return bytes;
  try {
    // What is cut off at the end is told of as a stream of pieces would.
    return bytes.length <= CHUNK_BYTES ? bytes.toString(encoding) : new StringDecoder(encoding).end(bytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STRING_TOO_LONG') throw error;
    // As Node, which joins the texts of the pieces.
    throw new RangeError('Invalid string length');
  }
}

/** The size, of a regular file; 0 of others, which have none. */
async function lookAt(engine: Engine, fd: number): Promise<{ size: number; isTerminal: boolean }> {
  const bytes = Buffer.alloc(STATX_BYTES);
  const { mode = 0, size = 0n } = await launch<ReturnType<typeof readStatx>>(engine, {
    name: 'fstat',
    encode: (sqe) => statx(sqe, fd, '', AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, bytes),
    finish: () => readStatx(bytes),
  });
  const type = mode & S_IFMT;
  return { size: type === S_IFREG ? Number(size) : 0, isTerminal: type === S_IFCHR };
}

async function readKnown(
  engine: Engine,
  fd: number,
  traffic: Traffic,
  size: number,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(size);
  let total = 0;
  while (total < size) {
    checkAborted(signal);
    const rest = total === 0 ? bytes : bytes.subarray(total);
    const count = await transfer(
      engine,
      traffic,
      reading(fd, rest, Math.min(size - total, CHUNK_BYTES), -1),
      itself,
    );
    total += count;
    if (count === 0) return bytes.subarray(0, total);
  }
  return bytes;
}

/** As `readKnown`, from the start of the file: wherever that may stand. */
async function readPieces(
  engine: Engine,
  fd: number,
  size: number,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(size);
  let next = 0;
  let end = size;
  const lane = async (): Promise<void> => {
    while (next < end) {
      checkAborted(signal);
      const from = next;
      next = Math.min(from + CHUNK_BYTES, size);
      // What comes behind the end of a file that has become shorter is none of it.
      const there = await fill(engine, fd, bytes, from, next);
      end = Math.min(end, there);
    }
  };
  await all(Array.from({ length: LANES }, lane));
  return end === size ? bytes : bytes.subarray(0, end);
}

/** Reads what lies between two places. Gives the place where the file ends, if that is among them; else its size. */
async function fill(engine: Engine, fd: number, bytes: Buffer, from: number, to: number): Promise<number> {
  let at = from;
  while (at < to) {
    const count = await transfer(engine, null, reading(fd, bytes.subarray(at, to), to - at, at), itself);
    if (count === 0) return at;
    at += count;
  }
  return bytes.length;
}

/** Waits for all of them, also when one has failed: the buffer is theirs until then. @throws what the first one did. */
async function all(running: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(running);
  await Promise.all(running);
}

async function readUnknown(
  engine: Engine,
  fd: number,
  traffic: Traffic | null,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (;;) {
    checkAborted(signal);
    const piece = Buffer.allocUnsafeSlow(UNKNOWN_BYTES);
    const count = await transfer(engine, traffic, reading(fd, piece, UNKNOWN_BYTES, -1), itself);
    if (count === 0) break;
    pieces.push(piece.subarray(0, count));
  }
  return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
}

function tooLarge(size: number): Error {
  const error = new RangeError(`File size (${size}) is greater than 2 GiB`);
  // As Node, which names the code where the error is shown, too.
  error.name = `RangeError [${TOO_LARGE}]`;
  void error.stack;
  Reflect.deleteProperty(error, 'name');
  return Object.assign(error, { code: TOO_LARGE });
}

const TOO_LARGE = 'ERR_FS_FILE_TOO_LARGE';

/** As Node: 2 GiB less a byte in one Buffer. */
const MOST_BYTES = 2 ** 31 - 1;
/** More at once would keep the event loop waiting: what lies in the cache is copied by the thread that asks for it. */
const CHUNK_BYTES = 512 * 1024;
/** Pieces in flight together. */
const LANES = 4;
const UNKNOWN_BYTES = 64 * 1024;
