/**
 * Memory by its address, as the kernel sees it: what an argument's object says of itself is held to that.
 */
import { libc } from 'tsuring/syscalls';

/** A copy of `length` bytes at an address that is mapped, both divisible by 4. */
export function memoryAt(address: number, length: number): Buffer {
  const words = Uint32Array.from({ length: length / 4 }, (_, i) => libc().peek(address + 4 * i));
  return Buffer.from(words.buffer);
}
