/**
 * The errors of operations: as Node's system errors are, with the stack of whoever awaits.
 */

import { EBADF, ECANCELED, EINTR, errnoMessage, errnoName } from '../../syscalls/errno.ts';
import { UringError } from '../../syscalls/error.ts';
import { queueMicrotask } from '../timers.ts';

/** An operation that failed: the properties of Node's own errors of system calls. */
export interface OperationError extends Error {
  /** The errno's name: 'ENOENT'. */
  code: string;
  /** The errno as a negative number, as Node's: -2. */
  errno: number;
  /** The operation: 'openat'. */
  syscall: string;
  path?: string;
  dest?: string;
}

/** `ENOENT: no such file or directory, openat '/none'`. `res` is what the kernel said: -errno. */
export function operationError(
  res: number,
  name: string,
  path: string | Uint8Array | null = null,
  dest: string | Uint8Array | null = null,
): OperationError {
  const errno = knownErrno(res);
  const code = errnoName(errno);
  let text = `${code}: ${errnoMessage(errno)}, ${name}`;
  if (path !== null) text += ` '${textOf(path)}'`;
  if (dest !== null) text += ` -> '${textOf(dest)}'`;
  const error = new Error(text) as OperationError;
  error.errno = errno;
  error.code = code;
  error.syscall = name;
  if (path !== null) error.path = textOf(path);
  if (dest !== null) error.dest = textOf(dest);
  return error;
}

/** AbortError, as Node's: `cause` is the signal's reason. */
export function abortError(reason: unknown): Error {
  return new AbortError('The operation was aborted', reason === undefined ? {} : { cause: reason });
}

class AbortError extends Error {
  readonly code = 'ABORT_ERR';
  override readonly name = 'AbortError';
}

/** As of the ring: every call after `close`. */
export function closedError(): Error {
  return new UringError(EBADF, 'io_uring_enter');
}

/**
 * Rejects a promise with what `make` gives, made where its stack names the functions that await the promise: the
 * rejection comes of a continuation, and V8 follows those that wait for it.
 */
export function rejectFrom(resolve: (value: unknown) => void, make: () => unknown): void {
  let go: () => void = nothing;
  const failing = new Promise<void>((resolved) => {
    go = resolved;
  }).then(() => {
    throw make();
  });
  resolve(failing);
  queueMicrotask(go);
}

/** A restart code of the kernel's own, which ends an operation of a worker thread that is cancelled, is none of C's. */
function knownErrno(res: number): number {
  if (res === -ERESTARTSYS || res === -ERESTARTNOINTR || res === -ERESTARTNOHAND) return -EINTR;
  if (res === -ERESTART_RESTARTBLOCK || res === -ENOIOCTLCMD) return -ECANCELED;
  return res;
}

const ERESTARTSYS = 512;
const ERESTARTNOINTR = 513;
const ERESTARTNOHAND = 514;
const ENOIOCTLCMD = 515;
const ERESTART_RESTARTBLOCK = 516;

/** As the kernel was given it: what is no character is replaced. */
function textOf(path: string | Uint8Array): string {
  return Buffer.from(path as Uint8Array).toString();
}

function nothing(): void {}
