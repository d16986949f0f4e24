/**
 * Writes to memory by its address, as the kernel does where it fills in an argument: it is the kernel, by read(2).
 */
import assert from 'node:assert/strict';
import { writeSync } from 'node:fs';
import { libc } from 'tsuring/syscalls';
import { closePair, pipe } from './worker-pipes.ts';

export function fillMemory(address: number, bytes: Uint8Array): void {
  const pair = pipe();
  try {
    assert.equal(writeSync(pair[1], bytes), bytes.length);
    assert.equal(libc().syscall(NR_READ, pair[0], address, bytes.length, 0, 0, 0), bytes.length);
  } finally {
    closePair(pair);
  }
}

const NR_READ = process.arch === 'arm64' ? 63 : 0;
