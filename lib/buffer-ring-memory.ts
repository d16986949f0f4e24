/**
 * The pages that the entries of a buffer ring lie in, registered: ours, or the kernel's.
 */
import { isMainThread } from 'node:worker_threads';
import { IOU_PBUF_RING_INC, IOU_PBUF_RING_MMAP } from '../syscalls/constants/register.ts';
import { IORING_OFF_PBUF_RING, IORING_OFF_PBUF_SHIFT } from '../syscalls/constants/setup.ts';
import { UringError } from '../syscalls/error.ts';
import { invalidValue } from '../syscalls/invalid.ts';
import { io_uring_buf } from '../syscalls/layouts/buffers.ts';
import { allocatePages } from '../syscalls/memory.ts';
import type { BufferRingMemoryKind, CheckedBufferRingOptions } from './buffer-ring-options.ts';
import { addView, mapView, removeView } from './mapped-view.ts';
import { resourcesOf } from './register/buffer-rings.ts';
import type { IoUringState } from './state.ts';

export interface BufferRingMemory {
  readonly kind: BufferRingMemoryKind;
  /** The entries: 16 bytes each. After `release` all zeros or detached, where they were mapped. */
  readonly bytes: Uint8Array;
  /** Lets go of the pages, after the registration was taken back. Idempotent; the end of the ring does it, too. */
  release(): void;
}

/** Registers the group, or throws: then nothing stays registered or mapped. */
export function registerEntries(ring: IoUringState, options: CheckedBufferRingOptions): BufferRingMemory {
  const { group, entries, minLeft } = options;
  const flags = options.incremental ? IOU_PBUF_RING_INC : 0;
  const byteLength = entries * io_uring_buf.size;
  if (options.memory === 'user') {
    const memory = allocatePages(byteLength);
    ring.registerBufRing({ group, entries, memory, flags, minLeft });
    return { kind: 'user', bytes: memory.bytes(0, byteLength), release: () => {} };
  }
  refuseMapping(ring);
  ring.registerBufRing({ group, entries, flags: flags | IOU_PBUF_RING_MMAP, minLeft });
  try {
    return mapEntries(ring, group, byteLength);
  } catch (error) {
    ring.unregisterBufRing(group);
    throw error;
  }
}

function mapEntries(ring: IoUringState, group: number, byteLength: number): BufferRingMemory {
  const resources = resourcesOf(ring);
  const { kernel, enter } = resources;
  // The group's bits lie below the region's: the sum is the "or" of both, which would be negative here.
  const what = IORING_OFF_PBUF_RING + group * 2 ** IORING_OFF_PBUF_SHIFT;
  const view = mapView(kernel, enter.fd, byteLength, what);
  if (typeof view === 'number') throw new UringError(view, 'mmap');
  addView(resources, view);
  return {
    kind: 'mmap',
    bytes: new Uint8Array(view.buffer),
    release: () => removeView(kernel, resources, view),
  };
}

function refuseMapping(ring: IoUringState): void {
  if (!ring.closed && resourcesOf(ring).enter.fd < 0)
    throw invalidValue('options.memory', 'mmap', 'needs a ring with a descriptor, not with an index only');
  // The mapping of a terminated Worker stays, and with it the ring: its thread would go on with requests that write to
  // memory which the Worker has given back.
  if (!isMainThread && ring.usesSqpoll)
    throw invalidValue('options.memory', 'mmap', 'cannot be had in a Worker for a ring with SQPOLL');
}
