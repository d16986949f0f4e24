/**
 * How much the kernel may write where a socket's address shall go.
 */
import { isView } from '../../syscalls/is-view.ts';
import { isMemory, SharedPages } from '../../syscalls/memory.ts';
import type { Pointer } from '../sqe.ts';

/** sizeof(struct sockaddr_storage): no address is longer, and the kernel never writes more. */
export const LARGEST_ADDRESS = 128;
/** sizeof(socklen_t). */
export const LENGTH_BYTES = 4;

/**
 * The bytes that the kernel may write, by what stands at `length` now. Where that cannot be read, because it is an
 * address or too short, the most there can be.
 */
export function roomSaidBy(length: Pointer): number {
  if (typeof length !== 'object' || length === null || !(length.byteLength >= LENGTH_BYTES))
    return LARGEST_ADDRESS;
  if (isMemory(length) && !(length instanceof SharedPages)) return LARGEST_ADDRESS;
  const { buffer, byteOffset } =
    isView(length) || length instanceof SharedPages ? length : { buffer: length, byteOffset: 0 };
  return Math.min(new DataView(buffer, byteOffset).getUint32(0, true), LARGEST_ADDRESS);
}
