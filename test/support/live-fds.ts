/**
 * What the kernel says of descriptors, beside what the ring says.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { addressOf, libc, O_CLOEXEC } from 'tsuring/syscalls';

/** Where a descriptor leads: a path, or 'pipe:[…]'; undefined when it is not open. */
export function targetOf(fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}

/** The O_… flags of a descriptor, O_CLOEXEC among them. */
export function flagsOf(fd: number): number {
  const octal = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').match(/^flags:\s*([0-7]+)$/m)?.[1];
  return Number.parseInt(octal ?? '', 8);
}

export function closesOnExec(fd: number): boolean {
  return (flagsOf(fd) & O_CLOEXEC) !== 0;
}

/** Makes a named pipe. */
export function makeFifo(path: string): void {
  const bytes = Buffer.from(`${path}\0`);
  const result = libc().syscall(NR.mknodat, -100, addressOf(bytes), 0o010600, 0, 0, 0);
  if (result < 0) throw new Error(`mknodat: ${result}`);
}

/** Runs `body`, which must not wait, while the process may open no more descriptors. */
export function withoutFreeFds(body: () => void): void {
  const old = new BigUint64Array(2);
  prlimit(0, addressOf(old));
  // Not 0: poll(2) takes so many descriptors at most.
  const one = new BigUint64Array([1n, old[1]]);
  prlimit(addressOf(one), 0);
  try {
    body();
  } finally {
    prlimit(addressOf(old), 0);
  }
}

function prlimit(limit: number, old: number): void {
  const result = libc().syscall(NR.prlimit64, 0, RLIMIT_NOFILE, limit, old, 0, 0);
  if (result < 0) throw new Error(`prlimit64: ${result}`);
}

const NR = process.arch === 'arm64' ? { mknodat: 33, prlimit64: 261 } : { mknodat: 259, prlimit64: 302 };
const RLIMIT_NOFILE = 7;
