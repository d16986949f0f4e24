/**
 * A whole file that one chain does not read: large, or of a kind that is asked for differently.
 */
import { ENXIO } from '../../syscalls/errno.ts';
import type { Engine } from '../engine/engine.ts';
import { plainFlags, type WholeFileOptions } from './arguments.ts';
import { closeFd } from './close-fd.ts';
import { type Closable, closing } from './closing.ts';
import { type FileHandle, node } from './node.ts';
import { open } from './open.ts';
import { openAt } from './open-at.ts';
import { isPipe } from './pipes.ts';
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
  const fd = bufferEngine() === null ? null : await openPlainly(engine, path, place, options);
  if (fd === null) return readByHandle(path, options);
  const file: Closable = { close: () => closeFd(engine, fd) };
  return closing(file, () =>
    inWordsOfNode(path, options, () => readOpenFile(engine, { fd, traffic: null, before }, options)),
  );
}

/** Null when it is to be opened in another way: a pipe, or what cannot be opened by the ring. */
async function openPlainly(
  engine: Engine,
  path: string,
  place: string,
  { flag }: WholeFileOptions,
): Promise<number | null> {
  let fd: number;
  try {
    fd = await openAt(engine, { path, place, flags: plainFlags(flag) as number });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).errno !== -ENXIO && engine.ended === null) throw error;
    return null;
  }
  if (!(await isPipe(engine, fd))) return fd;
  await closeFd(engine, fd);
  return null;
}

async function readByHandle(path: string, options: WholeFileOptions): Promise<unknown> {
  const { encoding, signal, flag } = options;
  const handle: FileHandle = await open(path, (flag ?? 'r') as string, 0o666);
  return closing(handle, () =>
    inWordsOfNode(path, options, () => handle.readFile({ encoding, signal } as never)),
  );
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
