/**
 * readFile, as node:fs/promises has it: a small file by one chain of operations, all else through a FileHandle.
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
import { heed } from './read-open-file.ts';
import { readSlot } from './read-slot.ts';
import { PATH_BYTES, SMALL_BYTES, type SmallReader } from './small-reader.ts';
import { SmallReaders } from './small-readers.ts';

type Contents = Buffer | string;

/** Reads a whole file. As fsPromises.readFile of Node. */
export const readFile: NodeFs['readFile'] = function readFile(path: unknown, given: unknown) {
  const engine = fsEngine();
  const options = engine === null ? null : plainOptions(given, READING);
  const name = options === null ? null : smallPath(path, options);
  if (engine === null || options === null || name === null || !isSince518(engine.ring))
    return readThroughHandle(path, given, options);
  return new Promise<unknown>((resolve) => {
    const rest = (): void => resolve(readThroughHandle(path, given, options));
    try {
      readersOf(engine).take((reader) => {
        if (reader === null) rest();
        else readSmall(engine, reader, name, options, resolve, rest);
      });
    } catch {
      // No slots for files, or no memory: a descriptor may well be had.
      rest();
    }
  });
} as NodeFs['readFile'];

/** `rest` is called for what is not small, or in another way not what it seemed to be. */
function readSmall(
  engine: Engine,
  reader: SmallReader,
  path: string,
  { encoding, signal }: WholeFileOptions,
  resolve: (contents: unknown) => void,
  rest: () => void,
): void {
  const finish = (bytes: Buffer): Contents => (encoding === null ? bytes : bytes.toString(encoding));
  const give = (contents: Contents): void =>
    resolve(signal === undefined ? contents : heed(signal).then(() => contents));
  reader.done = () => {
    const [opened, advised, first, second, closed] = reader.results;
    const readers = readersOf(engine);
    if (opened >= 0 && advised < 0) {
      resolve(
        readSlot(engine, reader, signal)
          .then(finish)
          .finally(() => readers.give(reader)),
      );
      return;
    }
    let failed: (() => Error) | null = null;
    if (opened < 0) failed = () => operationError(opened, 'open', path);
    else if (first < 0 || second < 0) failed = () => operationError(first < 0 ? first : second, 'read');
    else if (closed < 0) failed = () => operationError(closed, 'close');
    if (opened === -ENXIO || (failed === null && (second > 0 || first === SMALL_BYTES))) rest();
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
  reader.begin(path, O_RDONLY);
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
    return await handle.readFile({ encoding: options.encoding, signal: options.signal } as never);
  } finally {
    await handle.close();
  }
}

/** The path of a file that may be small; null of others, and of those whose reading is not to be begun twice. */
function smallPath(path: unknown, { flag, signal }: WholeFileOptions): string | null {
  if ((flag !== undefined && flag !== 'r' && flag !== O_RDONLY) || signal?.aborted) return null;
  const name = plainPath(path);
  if (name === null || isDevice(name) || name.startsWith('/proc/') || name.startsWith('/sys/')) return null;
  // A character takes three bytes at most in UTF-8.
  return name.length < PATH_BYTES / 3 || Buffer.byteLength(name) < PATH_BYTES ? name : null;
}

function readersOf(engine: Engine): SmallReaders {
  if (readers === null || readersEngine !== engine) readers = new SmallReaders(engine);
  readersEngine = engine;
  return readers;
}

let readers: SmallReaders | null = null;
let readersEngine: Engine | null = null;
const READING: ReadonlySet<string> = new Set(['encoding', 'flag', 'signal']);
