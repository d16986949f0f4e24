/**
 * What a FILE argument stands for.
 */
import { closeSync, openSync, statSync } from 'node:fs';
import { EISDIR } from '../../syscalls/errno.ts';

/**
 * One FILE on its way: `file` is a regular file, open, whose size is a hint and no more; `stream` is anything else
 * that can be read, front to back and when its turn comes; `failed` cannot be read.
 */
export interface Source {
  readonly name: Uint8Array;
  readonly kind: 'file' | 'stream' | 'failed';
  /** -1 while it is not open. */
  fd: number;
  readonly size: number;
  /** Why it failed, positive; else 0. */
  readonly errno: number;
}

/**
 * Looks at `name` and opens it when it is a regular file. Anything else is opened by `openStream` when it is read:
 * opening a FIFO waits for its writer, and would hold up the files before it.
 */
export function openSource(name: Uint8Array): Source {
  if (isStdin(name)) return source(name, 'stream', -1, 0, 0);
  let fd = -1;
  try {
    const stats = statSync(Buffer.from(name));
    const directory = stats.isDirectory();
    if (!stats.isFile() && !directory) return source(name, 'stream', -1, 0, 0);
    fd = openSync(Buffer.from(name), 'r');
    if (!directory) return source(name, 'file', fd, stats.size, 0);
    closeSync(fd);
    return source(name, 'failed', -1, 0, EISDIR);
  } catch (error) {
    return source(name, 'failed', -1, 0, errnoOf(error));
  }
}

/** Opens a stream: 0, or why it could not be opened. Waits as open(2) does, for a FIFO until somebody writes to it. */
export function openStream(stream: Source, stdin: number): number {
  try {
    stream.fd = isStdin(stream.name) ? stdin : openSync(Buffer.from(stream.name), 'r');
    return 0;
  } catch (error) {
    return errnoOf(error);
  }
}

/** Closes what was opened, and leaves stdin alone. */
export function closeSource(opened: Source): void {
  if (opened.fd >= 0 && !isStdin(opened.name)) closeSync(opened.fd);
  opened.fd = -1;
}

/** Whether `name` is `-`. */
export function isStdin(name: Uint8Array): boolean {
  return name.length === 1 && name[0] === 0x2d;
}

/** The errno of an error of node:fs, positive. Throws on what is no system error. */
export function errnoOf(error: unknown): number {
  const { errno, syscall } = error as NodeJS.ErrnoException;
  if (errno === undefined || syscall === undefined) throw error;
  return -errno;
}

function source(name: Uint8Array, kind: Source['kind'], fd: number, size: number, errno: number): Source {
  return { name, kind, fd, size, errno };
}
