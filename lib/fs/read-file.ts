/**
 * readFile, as node:fs/promises has it: one that is not large by one chain of operations, all else through a FileHandle.
 */
import { O_CREAT, O_EXCL, O_RDONLY, O_TRUNC } from '../../syscalls/constants/fcntl.ts';
import { isSince518 } from '../engine/direct.ts';
import { plainFlags, plainOptions, plainPath, READING, type WholeFileOptions } from './arguments.ts';
import { fsEngine } from './backend.ts';
import { isOpenHandle } from './file-handle.ts';
import { type NodeFs, node } from './node.ts';
import { isDevice } from './open.ts';
import { placeOf, readOpened } from './read-opened.ts';
import { WholeRead } from './whole-read.ts';
import { PATH_BYTES } from './whole-reader.ts';

/** Reads a whole file. As fsPromises.readFile of Node. */
export const readFile: NodeFs['readFile'] = ((path: unknown, given: unknown) => {
  // Not Node's function: what goes on on one handle knows of each other.
  if (isOpenHandle(path)) return path.readFile(given as never);
  const engine = fsEngine();
  const options = engine === null ? null : plainOptions(given, READING);
  const name = options === null || options.signal?.aborted ? null : plainPath(path);
  const bits = options === null ? null : plainFlags(options.flag);
  if (engine === null || options === null || name === null || bits === null)
    return node.readFile(path as never, given as never);
  // What makes or empties a file must not be begun twice.
  if (isDevice(name) || (bits & MAKING) !== 0) return node.readFile(path as never, given as never);
  if (!isAtOnce(name, options) || !isSince518(engine.ring))
    return readOpened(engine, name, placeOf(name), options, null);
  return new Promise<unknown>((resolve) => new WholeRead(engine, name, options, resolve).start());
}) as NodeFs['readFile'];

/** Whether it may be read by one chain: not what must not be begun twice. */
function isAtOnce(path: string, { flag }: WholeFileOptions): boolean {
  if (flag !== undefined && flag !== 'r' && flag !== O_RDONLY) return false;
  if (path.startsWith('/proc/') || path.startsWith('/sys/')) return false;
  // A character takes three bytes at most in UTF-8.
  return path.length < PATH_BYTES / 3 || Buffer.byteLength(path) < PATH_BYTES;
}

const MAKING = O_CREAT | O_EXCL | O_TRUNC;
