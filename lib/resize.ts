/**
 * Other sizes for a living ring (IORING_REGISTER_RESIZE_RINGS).
 */
import { IORING_REGISTER_RESIZE_RINGS } from '../syscalls/constants/register.ts';
import { IORING_SETUP_CLAMP, IORING_SETUP_CQSIZE } from '../syscalls/constants/setup.ts';
import { EINVAL, ENOMEM } from '../syscalls/errno.ts';
import type { Kernel } from '../syscalls/kernel.ts';
import { io_uring_params } from '../syscalls/layouts/ring.ts';
import type { Result } from '../syscalls/libc.ts';
import { makeStruct, readStruct, writeStruct } from '../syscalls/struct.ts';
import type { CqLayout } from './cq.ts';
import { retryLocked } from './retry-locked.ts';
import { describeRing, type MadeRing, type Sizes, sizesMade, sizesWanted } from './ring-layout.ts';
import { pinnedMemory, type RingMemory, viewMemory } from './ring-memory.ts';

/** Makes the call: io_uring_register of the ring with these params. */
export type ResizeCall = (opcode: number, params: Uint8Array) => Result;

/** That the kernel has moved the queues, but their new memory could not be mapped: the ring is of no use any more. */
export interface Lost {
  readonly lost: Result;
}

/**
 * Has the kernel move the queues into memory for `wanted`. Gives the ring as it is then, -errno when all stayed as it
 * was, or Lost.
 */
export function resizeRing(
  kernel: Kernel,
  ring: MadeRing,
  wanted: Sizes,
  call: ResizeCall,
): MadeRing | Result | Lost {
  if (ring.sq.array >= 0 && arrayOffset(ring.cq, ring.sq.array * 4) === undefined) return -EINVAL;
  const attempt = ring.memory.kind === 'no_mmap' ? resizePinned : resizeMapped;
  return retryLocked(
    () => attempt(kernel, ring, wanted, call),
    (result) => result === -ENOMEM,
  );
}

function resizePinned(kernel: Kernel, ring: MadeRing, wanted: Sizes, call: ResizeCall): MadeRing | Result {
  // What the ring was made with for its own sizes does not count for the new ones.
  const kept = ring.flags & ~(IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP);
  const memory = pinnedMemory(kernel, sizesWanted({ ...wanted, flags: kept | wanted.flags }));
  const { address, byteOffset } = memory.pages;
  // With NO_MMAP among the flags the kernel says EINVAL: that, and all that concerns entries, is the ring's already.
  const params = makeStruct(io_uring_params, {
    ...asked(wanted),
    'cq_off.user_addr': address,
    'sq_off.user_addr': address + memory.sqes.byteOffset - byteOffset,
  });
  const result = call(IORING_REGISTER_RESIZE_RINGS, params);
  if (result >= 0) return describe(ring, params, memory);
  memory.release(kernel, false);
  return result;
}

function resizeMapped(
  kernel: Kernel,
  ring: MadeRing,
  wanted: Sizes,
  call: ResizeCall,
): MadeRing | Result | Lost {
  // No kernel has both: a ring can be mapped over addresses of ours only up to Linux 5.15.
  if (ring.memory.kind !== 'view') return -EINVAL;
  const params = makeStruct(io_uring_params, asked(wanted));
  const result = call(IORING_REGISTER_RESIZE_RINGS, params);
  if (result < 0) return result;
  inherit(ring, params);
  const memory = remap(kernel, ring.fd, params);
  return typeof memory === 'number' ? { lost: memory } : describe(ring, params, memory);
}

function remap(kernel: Kernel, fd: number, params: Uint8Array): RingMemory | Result {
  try {
    return viewMemory(kernel, fd, sizesMade(params));
  } catch {
    // No ArrayBuffer over it to be had.
    return -ENOMEM;
  }
}

function asked({ entries, cqEntries, flags }: Sizes): Record<string, number> {
  return { sq_entries: entries, cq_entries: (flags & IORING_SETUP_CQSIZE) !== 0 ? cqEntries : 0, flags };
}

function describe(ring: MadeRing, params: Uint8Array, memory: RingMemory): MadeRing {
  inherit(ring, params);
  return describeRing(ring.fd, params, memory);
}

/** What does not change with the sizes is not filled in by every kernel, nor where the SQ array is (Linux 6.18). */
function inherit({ flags, features, sq, cq }: MadeRing, params: Uint8Array): void {
  writeStruct(params, io_uring_params, { flags, features });
  const p = readStruct(params, io_uring_params);
  if (sq.array < 0 || p['sq_off.array'] !== 0) return;
  const offset = arrayOffset(cq, sq.array * 4)?.(p.cq_entries) ?? 0;
  writeStruct(params, io_uring_params, { 'sq_off.array': offset });
}

/**
 * Where the SQ array begins, in bytes, by the number of completion entries: the formula (rings_size of the kernel) that
 * gives `offset` for the ring as it is. Some kernels double the header, too, for completions of 32 bytes.
 */
function arrayOffset(cq: CqLayout, offset: number): ((cqEntries: number) => number) | undefined {
  const line = (bytes: number) => Math.ceil(bytes / CACHE_LINE_BYTES) * CACHE_LINE_BYTES;
  const header = cq.cqes * 4;
  const size = cq.stride * 4;
  const formulas = [
    (entries: number) => line(header + entries * size),
    (entries: number) => line((header + entries * 16) * (size / 16)),
  ];
  return formulas.find((formula) => formula(cq.entries) === offset);
}

const CACHE_LINE_BYTES = 64; // SMP_CACHE_BYTES on x64 and arm64
