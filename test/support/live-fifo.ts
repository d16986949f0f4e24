/**
 * A FIFO: opened for reading it blocks until a writer comes, which is how an operation can be kept running in one of
 * the kernel's worker threads for as long as a test wants.
 */
import { constants } from 'node:fs';
import { addressOf, libc } from 'tsuring/syscalls';

/** mknod(2). */
export function makeFifo(path: string): void {
  const name = Buffer.from(`${path}\0`);
  const result = libc().syscall(MKNODAT, AT_FDCWD, addressOf(name), constants.S_IFIFO | 0o600, 0, 0, 0);
  if (result < 0) throw new Error(`No FIFO at ${path}: ${result}`);
}

const MKNODAT = process.arch === 'arm64' ? 33 : 259;
const AT_FDCWD = -100;
