/**
 * readFile, as node:fs/promises has it: one that is not large by one chain of operations, all else through a FileHandle.
 */
import { O_CREAT, O_EXCL, O_RDONLY, O_TRUNC } from '../../syscalls/constants/fcntl.ts';
import { ENXIO } from '../../syscalls/errno.ts';
import { UringError } from '../../syscalls/error.ts';
import { isSince518 } from '../engine/direct.ts';
import type { Engine } from '../engine/engine.ts';
import { operationError, rejectFrom } from '../engine/errors.ts';
import { heed } from './abort.ts';
import { plainFlags, plainOptions, plainPath, READING, type WholeFileOptions } from './arguments.ts';
import { fsEngine } from './backend.ts';
import { closing } from './closing.ts';
import { fileHandles } from './file-handle.ts';
import { type NodeFs, node } from './node.ts';
import { isDevice, open } from './open.ts';
import { readOpenFile } from './read-open-file.ts';
import { readSlot } from './read-slot.ts';
import { bufferEngine } from './transfer.ts';
import { PATH_BYTES, type WholeReader } from './whole-reader.ts';
import { WholeReaders } from './whole-readers.ts';

type Contents = Buffer | string;

/** Reads a whole file. As fsPromises.readFile of Node. */
export const readFile: NodeFs['readFile'] = function readFile(path: unknown, given: unknown) {
  const engine = fsEngine();
  const options = engine === null ? null : plainOptions(given, READING);
  const name = options === null || options.signal?.aborted ? null : plainPath(path);
  const bits = options === null ? null : plainFlags(options.flag);
  if (engine === null || options === null || name === null || bits === null)
    return node.readFile(path as never, given as never);
  // What makes or empties a file must not be begun twice.
  if (isDevice(name) || (bits & MAKING) !== 0) return node.readFile(path as never, given as never);
  if (!isAtOnce(name, options) || !isSince518(engine.ring)) return readThroughHandle(name, options, null);
  return new Promise<unknown>((resolve) => readWhole(engine, 0, name, options, resolve));
} as NodeFs['readFile'];

/** Reads it when it is below SIZES[level], or the next size; else, or when it cannot be read so, through a handle. */
function readWhole(
  engine: Engine,
  level: number,
  path: string,
  options: WholeFileOptions,
  resolve: (contents: unknown) => void,
): void {
  const { encoding, signal } = options;
  const rest = (before: Buffer | null): void => resolve(readThroughHandle(path, options, before));
  const give = (contents: Contents): void =>
    resolve(signal === undefined ? contents : heed(signal).then(() => contents));
  const done = (reader: WholeReader): void => {
    const [opened, advised, first, second, closed] = reader.results;
    const readers = readersOf(engine, level);
    if (opened >= 0 && advised < 0 && engine.ended === null) {
      const finish = (bytes: Buffer): Contents => (encoding === null ? bytes : bytes.toString(encoding));
      const reading = readSlot(engine, reader, signal).finally(() => readers.give(reader));
      resolve(reading.then(finish));
      return;
    }
    if (opened < 0 && opened !== -ENXIO && engine.ended === null)
      rejectFrom(resolve, () => operationError(opened, 'open', path));
    else if (opened < 0 || first < 0 || second < 0 || closed < 0) rest(null);
    else if (first === SIZES[level] && level + 1 < SIZES.length)
      readWhole(engine, level + 1, path, options, resolve);
    else if (second > 0) rest(readSoFar(reader));
    else if (encoding !== null) give(reader.data.toString(encoding, 0, first));
    else {
      // Memory of its own: `buffer` of the result is nobody else's.
      const bytes = Buffer.allocUnsafeSlow(first);
      reader.data.copy(bytes, 0, 0, first);
      give(bytes);
    }
    readers.give(reader);
  };
  try {
    readersOf(engine, level).take((reader) => {
      if (reader === null) rest(null);
      else reader.begin(path, done);
    });
  } catch (error) {
    // No slots for files, or no memory: a descriptor may well be had.
    if (!(error instanceof UringError || error instanceof RangeError)) throw error;
    rest(null);
  }
}

function readSoFar({ results: [, , first, second], data, tail }: WholeReader): Buffer {
  return Buffer.concat([data.subarray(0, first), tail.subarray(0, second)]);
}

/** `before`: what was read of it before, and is gone if it is a terminal. */
async function readThroughHandle(
  path: string,
  options: WholeFileOptions,
  before: Buffer | null,
): Promise<unknown> {
  const { encoding, signal, flag } = options;
  const handle = await open(path, (flag ?? 'r') as string, 0o666);
  const engine = (await fileHandles())?.isOurs(handle) ? bufferEngine() : null;
  const plain = { encoding, signal } as never;
  return closing(handle, async () => {
    if (engine === null) return handle.readFile(plain);
    try {
      return await readOpenFile(engine, { fd: handle.fd, traffic: null, before }, options);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
      // What cannot be read Node tells in its own words.
      return node.readFile(path, { ...(plain as object), flag: flag as string });
    }
  });
}

/** Whether it may be read by one chain: not what must not be begun twice. */
function isAtOnce(path: string, { flag }: WholeFileOptions): boolean {
  if (flag !== undefined && flag !== 'r' && flag !== O_RDONLY) return false;
  if (path.startsWith('/proc/') || path.startsWith('/sys/')) return false;
  // A character takes three bytes at most in UTF-8.
  return path.length < PATH_BYTES / 3 || Buffer.byteLength(path) < PATH_BYTES;
}

/** After the end of one engine there is no other: Node takes over. */
function readersOf(engine: Engine, level: number): WholeReaders {
  if (readers.length > 0) return readers[level];
  const made = SIZES.map((size, i) => new WholeReaders(engine, size, MOST[i]));
  // The larger ones first: the others may use up the slots.
  for (const each of [...made].reverse()) each.prepare();
  readers.push(...made);
  return readers[level];
}

const MAKING = O_CREAT | O_EXCL | O_TRUNC;
const readers: WholeReaders[] = [];
/** Most files are small; a larger one is asked for again, which takes little beside copying it. */
const SIZES: readonly number[] = [16 * 1024, 512 * 1024];
/** The entries of all of them have room in the queue together. */
const MOST: readonly number[] = [48, 3];
