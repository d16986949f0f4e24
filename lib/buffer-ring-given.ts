/**
 * The memory that a program gives to a buffer ring, buffer by buffer.
 */
import { checkInteger, outOfRange } from '../syscalls/invalid.ts';
import { isView } from '../syscalls/is-view.ts';
import { addressOf, isMemory, SharedPages } from '../syscalls/memory.ts';
import type { Pointer } from './sqe.ts';

/** Where the memory begins. RangeError when it is shorter than `length`, or an address that cannot be one. */
export function addressIn(memory: Pointer, length: number): number {
  if (typeof memory === 'number') return checkInteger('memory', memory, 1, Number.MAX_SAFE_INTEGER);
  if (typeof memory === 'bigint') return checkInteger('memory', Number(memory), 1, Number.MAX_SAFE_INTEGER);
  const address = isMemory(memory) ? memory.address : addressOf(memory);
  if (memory.byteLength < length)
    throw outOfRange('length', `<= ${memory.byteLength}, the size of the memory`, length);
  return address;
}

/** The first `length` bytes of it; null for an address, and for what is nothing. */
export function viewOf(memory: Pointer | undefined, length: number): Uint8Array | null {
  if (typeof memory !== 'object') return null;
  if (memory instanceof SharedPages) return memory.bytes(0, length);
  if (isMemory(memory)) return null;
  return isView(memory)
    ? new Uint8Array(memory.buffer, memory.byteOffset, length)
    : new Uint8Array(memory, 0, length);
}
