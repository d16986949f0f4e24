/**
 * Writing to stdout and stderr at once and in full, whatever they are: a file, a pipe, a terminal, blocking or not.
 */
import { writeSync } from 'node:fs';
import { strerror } from './failure.ts';

/** Nobody reads stdout any more: end quietly. */
export class ClosedPipe extends Error {}

/** Writing failed, for want of space for example; the message says it all. */
export class WriteError extends Error {}

/** Writes all of `text` to stdout. Throws ClosedPipe when nobody reads it, else WriteError. */
export function stdout(text: string | Uint8Array): void {
  try {
    writeAll(STDOUT, text);
  } catch (error) {
    const { code, errno } = error as NodeJS.ErrnoException;
    if (code === 'EPIPE') throw new ClosedPipe();
    throw new WriteError(`write error: ${strerror(errno ?? 0)}`, { cause: error });
  }
}

/** Writes all of `text` to stderr. Where that is impossible nobody can be told. */
export function stderr(text: string | Uint8Array): void {
  try {
    writeAll(STDERR, text);
  } catch {
    // A closed stderr is no reason to stop.
  }
}

function writeAll(fd: number, text: string | Uint8Array): void {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  for (let done = 0, pause = 1; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done);
      pause = 1;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') pause = sleep(pause);
      else if (code !== 'EINTR') throw error;
    }
  }
}

/** A pipe or terminal in non-blocking mode is full: waits, the longer the more often it is met; in milliseconds. */
function sleep(pause: number): number {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause);
  return Math.min(pause * 2, LONGEST_PAUSE_MS);
}

const STDOUT = 1;
const STDERR = 2;
const LONGEST_PAUSE_MS = 50;
