/**
 * Pipes and socket pairs as plain numbers, blocking: io_uring waits on them by itself. Node offers neither.
 */
import { readSync } from 'node:fs';
import { POLLIN } from '../../syscalls/constants/poll.ts';
import { libc } from '../../syscalls/libc.ts';
import { addressOf } from '../../syscalls/memory.ts';

/** Two fds that belong together. Close them with `closePair`. */
export type Pair = readonly [readEnd: number, writeEnd: number];

/** pipe(2). */
export function pipe(): Pair {
  return pairOf((address) => libc().syscall(NR.pipe2, address, O_CLOEXEC, 0, 0, 0, 0));
}

/** socketpair(2), AF_UNIX, SOCK_STREAM. */
export function socketPair(): Pair {
  return pairOf((address) => libc().syscall(NR.socketpair, 1, 1 | SOCK_CLOEXEC, 0, address, 0, 0));
}

export function closePair(pair: Pair): void {
  for (const fd of pair) libc().close(fd);
}

/** All bytes that stand ready in the fd. */
export function drain(fd: number): Buffer {
  const parts: Buffer[] = [];
  while ((libc().poll(fd, POLLIN, 0) & POLLIN) !== 0) {
    const part = Buffer.alloc(65_536);
    const length = readSync(fd, part);
    if (length === 0) break;
    parts.push(part.subarray(0, length));
  }
  return Buffer.concat(parts);
}

function pairOf(call: (address: number) => number): Pair {
  const fds = new Int32Array(new SharedArrayBuffer(8));
  const result = call(addressOf(fds));
  if (result < 0) throw new Error(`No pair of fds: ${result}`);
  return [fds[0], fds[1]];
}

/** Numbers of syscalls. */
export const NR: { readonly pipe2: number; readonly socketpair: number } =
  process.arch === 'arm64' ? { pipe2: 59, socketpair: 199 } : { pipe2: 293, socketpair: 53 };
const O_CLOEXEC = 0o2000000;
const SOCK_CLOEXEC = 0o2000000;
