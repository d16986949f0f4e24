/**
 * A whole file that one chain does not read: large, or of a kind that is asked for differently.
 */
import { O_PATH } from '../../syscalls/constants/fcntl.ts';
import { ENXIO } from '../../syscalls/errno.ts';
import type { Engine } from '../engine/engine.ts';
import { plainFlags, type WholeFileOptions } from './arguments.ts';
import { closeFd } from './close-fd.ts';
import { type Closable, closing } from './closing.ts';
import { fileHandles } from './file-handle.ts';
import { type FileHandle, node } from './node.ts';
import { open } from './open.ts';
import { openAt } from './open-at.ts';
import { isPipe, openPipe } from './pipes.ts';
import { readOpenFile } from './read-open-file.ts';
import { bufferEngine } from './transfer.ts';
import { PATH_BYTES } from './whole-reader.ts';

/** Where a path leads now, also when the folder of the process is another one later. */
export function placeOf(path: string): string {
  if (path.startsWith('/')) return path;
  try {
    const place = `${process.cwd()}/${path}`;
    // A character takes three bytes at most in UTF-8. Too long, it can only be found from where we are.
    return place.length < PATH_BYTES / 3 || Buffer.byteLength(place) < PATH_BYTES ? place : path;
  } catch {
    // The folder is gone.
    return path;
  }
}

/** `place`: see placeOf. `before`: what was read of it before, and is gone if it is a terminal. */
export async function readOpened(
  engine: Engine,
  path: string,
  place: string,
  options: WholeFileOptions,
  before: Buffer | null,
): Promise<unknown> {
  const fd = bufferEngine() === null ? null : await openByRing(engine, path, place, options);
  if (fd === null)
    return readByHandle(await open(path, (options.flag ?? 'r') as string, 0o666), path, options);
  if (await isPipe(engine, fd)) {
    // Not to be closed and opened anew: who writes to it would lose what he has written.
    const handles = await fileHandles();
    const pipe = await openPipe(engine, path, plainFlags(options.flag) as number, fd);
    if (handles?.make) return readByHandle(handles.makeNodes(pipe), path, options);
    return readByFd(engine, pipe, path, options, before);
  }
  return readByFd(engine, fd, path, options, before);
}

/** Null when it is to be opened in another way. */
async function openByRing(
  engine: Engine,
  path: string,
  place: string,
  { flag }: WholeFileOptions,
): Promise<number | null> {
  const flags = plainFlags(flag) as number;
  if ((flags & O_PATH) !== 0) return null;
  try {
    return await openAt(engine, { path, place, flags });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).errno !== -ENXIO && engine.ended === null) throw error;
    return null;
  }
}

function readByFd(
  engine: Engine,
  fd: number,
  path: string,
  options: WholeFileOptions,
  before: Buffer | null,
): Promise<unknown> {
  const file: Closable = { close: () => closeFd(engine, fd) };
  const read = (): Promise<unknown> => readOpenFile(engine, { fd, traffic: null, before }, options);
  return closing(file, () => inWordsOfNode(path, options, read));
}

function readByHandle(handle: FileHandle, path: string, options: WholeFileOptions): Promise<unknown> {
  const { encoding, signal } = options;
  const read = (): Promise<unknown> => handle.readFile({ encoding, signal } as never);
  return closing(handle, () => inWordsOfNode(path, options, read));
}

/** What cannot be read Node tells in its own words. */
async function inWordsOfNode(
  path: string,
  { encoding, signal, flag }: WholeFileOptions,
  read: () => Promise<unknown>,
): Promise<unknown> {
  try {
    return await read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    return node.readFile(path, { encoding, signal, flag } as never);
  }
}
