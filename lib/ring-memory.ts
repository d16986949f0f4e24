/**
 * Where a ring's memory is, and the three ways to have it: behind a SharedArrayBuffer by IORING_SETUP_NO_MMAP or by
 * mapping the ring over one, else as a mapped view.
 */
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_READ,
  PROT_WRITE,
} from '../syscalls/constants/mman.ts';
import { IORING_OFF_CQ_RING, IORING_OFF_SQ_RING, IORING_OFF_SQES } from '../syscalls/constants/setup.ts';
import type { Kernel, Result } from '../syscalls/index.ts';
import { allocatePages, type SharedPages } from '../syscalls/memory.ts';

/**
 * How the ring's memory was had. `no_mmap`: our SharedArrayBuffer, pinned by the kernel (Linux 6.5). `overlay`: the
 * kernel's pages mapped over our SharedArrayBuffer (Linux 5.1 to 5.15). `view`: the kernel's pages where it put them,
 * behind an ordinary ArrayBuffer that cannot be shared with a Worker.
 */
export type MemoryKind = 'no_mmap' | 'overlay' | 'view';

/** Sizes in bytes of the three regions; `cqRing` is 0 where one mapping holds both rings. */
export interface RegionSizes {
  readonly sqRing: number;
  readonly cqRing: number;
  readonly sqes: number;
}

/** The three regions of a ring as bytes, and what gives them back. */
export interface RingMemory {
  readonly kind: MemoryKind;
  /** What all regions lie in, except for kind `view`: there it is the SQ ring's mapping (undefined when released). */
  readonly buffer: SharedArrayBuffer | ArrayBuffer;
  readonly sqRing: Uint8Array;
  readonly cqRing: Uint8Array;
  readonly sqes: Uint8Array;
  /** Gives the memory back, the last region first. For `overlay` and `view` before the fd is closed. */
  release(kernel: Kernel): void;
}

/** Pages for a ring of kind `no_mmap`: the rings, then the entries, each from a page boundary on. */
export function pinnedMemory(kernel: Kernel, sizes: RegionSizes): RingMemory & { pages: SharedPages } {
  const { pages, at } = pagesFor(kernel, sizes);
  const sqRing = pages.bytes(0, at.sqes);
  return {
    kind: 'no_mmap',
    buffer: pages.buffer,
    pages,
    sqRing,
    cqRing: sqRing,
    sqes: pages.bytes(at.sqes),
    // After close(fd): a late write of the kernel then goes to pages that nobody else sees.
    release: () => pages.renew(),
  };
}

/** Maps the ring of `fd` over a new SharedArrayBuffer, or gives -errno (EINVAL from Linux 6.1 on). */
export function overlayMemory(kernel: Kernel, fd: number, sizes: RegionSizes): RingMemory | Result {
  const { pages, at } = pagesFor(kernel, sizes);
  const map = (offset: number, length: number, what: number) =>
    kernel.mmap(pages.address + offset, length, PROT_RW, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, what);
  const failed = [
    map(0, sizes.sqRing, IORING_OFF_SQ_RING),
    sizes.cqRing > 0 ? map(at.cqRing, sizes.cqRing, IORING_OFF_CQ_RING) : 0,
    map(at.sqes, sizes.sqes, IORING_OFF_SQES),
  ].find((result) => result < 0);
  // Whatever was mapped already must not stay behind the SharedArrayBuffer.
  if (failed !== undefined) pages.renew();
  if (failed !== undefined) return failed;
  return {
    kind: 'overlay',
    buffer: pages.buffer,
    sqRing: pages.bytes(0, at.cqRing),
    cqRing: sizes.cqRing > 0 ? pages.bytes(at.cqRing, at.sqes - at.cqRing) : pages.bytes(0, at.cqRing),
    sqes: pages.bytes(at.sqes),
    release: () => pages.renew(),
  };
}

/** Maps the ring of `fd` where the kernel likes, or gives -errno. What was mapped before a failure is unmapped. */
export function viewMemory(kernel: Kernel, fd: number, sizes: RegionSizes): RingMemory | Result {
  const maps: Mapping[] = [];
  const parts: [number, number][] = [[sizes.sqRing, IORING_OFF_SQ_RING]];
  if (sizes.cqRing > 0) parts.push([sizes.cqRing, IORING_OFF_CQ_RING]);
  parts.push([sizes.sqes, IORING_OFF_SQES]);
  for (const [length, what] of parts) {
    const address = kernel.mmap(0, length, PROT_RW, MAP_SHARED | MAP_POPULATE, fd, what);
    if (address < 0) {
      unmapAll(kernel, maps);
      return address;
    }
    try {
      maps.push({ address, length, buffer: kernel.view(address, length) });
    } catch (error) {
      kernel.munmap(address, length);
      unmapAll(kernel, maps);
      throw error;
    }
  }
  const [sqRing, cqRing, sqes] = maps.length === 3 ? maps : [maps[0], maps[0], maps[1]];
  return {
    kind: 'view',
    buffer: sqRing.buffer,
    sqRing: new Uint8Array(sqRing.buffer),
    cqRing: new Uint8Array(cqRing.buffer),
    sqes: new Uint8Array(sqes.buffer),
    release: () => unmapAll(kernel, maps),
  };
}

interface Mapping {
  readonly address: number;
  readonly length: number;
  readonly buffer: ArrayBuffer;
}

const PROT_RW = PROT_READ | PROT_WRITE;

function pagesFor(
  kernel: Kernel,
  sizes: RegionSizes,
): { pages: SharedPages; at: { cqRing: number; sqes: number } } {
  const whole = (bytes: number) => Math.ceil(bytes / kernel.pageSize()) * kernel.pageSize();
  const cqRing = whole(sizes.sqRing);
  const sqes = cqRing + whole(sizes.cqRing);
  return { pages: allocatePages(sqes + whole(sizes.sqes)), at: { cqRing, sqes } };
}

/**
 * Puts empty pages of our own in the place of the kernel's, so that the ring is let go and a view that somebody still
 * has finds zeros where it would fault. The addresses are given up when no view is left.
 */
function unmapAll(kernel: Kernel, maps: Mapping[]): void {
  for (const { address, length, buffer } of maps.reverse()) {
    const fixed = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    // Where that fails the mapping stays: a leak is better than a fault.
    if (kernel.mmap(address, length, PROT_RW, fixed, -1, 0) >= 0)
      unviewed.register(buffer, { kernel, address, length });
  }
  maps.length = 0;
}

const unviewed = new FinalizationRegistry<{ kernel: Kernel; address: number; length: number }>(
  ({ kernel, address, length }) => kernel.munmap(address, length),
);
