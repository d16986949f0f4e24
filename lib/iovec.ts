/**
 * Arrays of `struct iovec` from buffers.
 */
import { invalidType, outOfRange } from '../syscalls/invalid.ts';
import { addressOf, type BufferSource, isMemory, type Memory } from '../syscalls/memory.ts';

/** One iovec of 16 bytes for each buffer: its address and length. The buffers are not held by it. */
export function iovecsOf(buffers: readonly (BufferSource | Memory)[]): BigUint64Array<ArrayBuffer> {
  if (!Array.isArray(buffers)) throw invalidType('buffers', 'an instance of Array', buffers);
  if (buffers.length === 0) throw outOfRange('buffers.length', '>= 1', 0);
  const iovecs = new BigUint64Array(buffers.length * 2);
  buffers.forEach((buffer, i) => {
    const address = isMemory(buffer) ? buffer.address : addressOf(buffer);
    iovecs[2 * i] = BigInt(address);
    iovecs[2 * i + 1] = BigInt(buffer.byteLength);
  });
  return iovecs;
}
