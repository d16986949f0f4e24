/**
 * readFile, as node:fs/promises has it: one that is not large by one chain of operations, all else through a FileHandle.
 */
import { O_RDONLY } from '../../syscalls/constants/fcntl.ts';
import { ENXIO } from '../../syscalls/errno.ts';
import { isSince518 } from '../engine/direct.ts';
import type { Engine } from '../engine/engine.ts';
import { operationError, rejectFrom } from '../engine/errors.ts';
import { plainOptions, plainPath, type WholeFileOptions } from './arguments.ts';
import { fsEngine } from './backend.ts';
import { fileHandles } from './file-handle.ts';
import { type NodeFs, node } from './node.ts';
import { isDevice, open } from './open.ts';
import { heed, readOpenFile } from './read-open-file.ts';
import { readSlot } from './read-slot.ts';
import { bufferEngine } from './transfer.ts';
import { PATH_BYTES, type WholeReader } from './whole-reader.ts';
import { WholeReaders } from './whole-readers.ts';

type Contents = Buffer | string;

/** Reads a whole file. As fsPromises.readFile of Node. */
export const readFile: NodeFs['readFile'] = function readFile(path: unknown, given: unknown) {
  const engine = fsEngine();
  const options = engine === null ? null : plainOptions(given, READING);
  const name = options === null ? null : wholePath(path, options);
  if (engine === null || options === null || name === null || !isSince518(engine.ring))
    return readThroughHandle(path, given, options);
  return new Promise<unknown>((resolve) => {
    const rest = (): void => resolve(readThroughHandle(path, given, options));
    readWhole(engine, 0, name, options, resolve, rest);
  });
} as NodeFs['readFile'];

/** Reads it when it is below SIZES[level], or the next size. `rest` is called when it is not, or in another way not what it seemed to be. */
function readWhole(
  engine: Engine,
  level: number,
  path: string,
  options: WholeFileOptions,
  resolve: (contents: unknown) => void,
  rest: () => void,
): void {
  const { encoding, signal } = options;
  const readers = readersOf(engine, level);
  const give = (contents: Contents): void =>
    resolve(signal === undefined ? contents : heed(signal).then(() => contents));
  const done = (reader: WholeReader): void => {
    const [opened, advised, first, second] = reader.results;
    if (opened >= 0 && advised < 0) {
      const finish = (bytes: Buffer): Contents => (encoding === null ? bytes : bytes.toString(encoding));
      resolve(
        readSlot(engine, reader, signal)
          .then(finish)
          .finally(() => readers.give(reader)),
      );
      return;
    }
    const failed = failureOf(reader.results, path);
    if (failed === null && first === SIZES[level] && level + 1 < SIZES.length)
      readWhole(engine, level + 1, path, options, resolve, rest);
    else if (opened === -ENXIO || (failed === null && (second > 0 || first === SIZES[level]))) rest();
    else if (failed !== null) rejectFrom(resolve, failed);
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
    readers.take((reader) => {
      if (reader === null) rest();
      else reader.begin(path, O_RDONLY, done);
    });
  } catch {
    // No slots for files, or no memory: a descriptor may well be had.
    rest();
  }
}

function failureOf([opened, , first, second, closed]: readonly number[], path: string): (() => Error) | null {
  if (opened < 0) return () => operationError(opened, 'open', path);
  if (first < 0 || second < 0) return () => operationError(first < 0 ? first : second, 'read');
  return closed < 0 ? () => operationError(closed, 'close') : null;
}

async function readThroughHandle(
  path: unknown,
  given: unknown,
  options: WholeFileOptions | null,
): Promise<unknown> {
  const byNode = (): Promise<unknown> => node.readFile(path as never, given as never);
  const handles = fsEngine() === null ? null : await fileHandles();
  if (handles === null) return byNode();
  if (handles.isHandle(path)) return path.fd < 0 ? byNode() : path.readFile(given as never);
  const name = plainPath(path);
  if (options === null || options.signal?.aborted || name === null || isDevice(name)) return byNode();
  const handle = await open(name, (options.flag ?? 'r') as string, 0o666);
  try {
    const engine = handles.isOurs(handle) ? bufferEngine() : null;
    if (engine !== null) return await readOpenFile(engine, handle.fd, options, true);
    return await handle.readFile({ encoding: options.encoding, signal: options.signal } as never);
  } finally {
    await handle.close();
  }
}

/** The path of a file that may be read at once; null of others, and of those whose reading is not to be begun twice. */
function wholePath(path: unknown, { flag, signal }: WholeFileOptions): string | null {
  if ((flag !== undefined && flag !== 'r' && flag !== O_RDONLY) || signal?.aborted) return null;
  const name = plainPath(path);
  if (name === null || isDevice(name) || name.startsWith('/proc/') || name.startsWith('/sys/')) return null;
  // A character takes three bytes at most in UTF-8.
  return name.length < PATH_BYTES / 3 || Buffer.byteLength(name) < PATH_BYTES ? name : null;
}

function readersOf(engine: Engine, level: number): WholeReaders {
  // After the end of one engine there is no other: Node takes over.
  readers[level] ??= new WholeReaders(engine, SIZES[level], MOST[level]);
  return readers[level];
}

const readers: WholeReaders[] = [];
/** Most files are small; a larger one is asked for again, which takes little beside copying it. */
const SIZES: readonly number[] = [16 * 1024, 512 * 1024];
/** The entries of all of them have room in the queue together. */
const MOST: readonly number[] = [48, 3];
const READING: ReadonlySet<string> = new Set(['encoding', 'flag', 'signal']);
