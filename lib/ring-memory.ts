/**
 * Where a ring's memory is, and the three ways to have it: behind a SharedArrayBuffer by IORING_SETUP_NO_MMAP or by
 * mapping the ring over one, else as a mapped view.
 */
import { MAP_FIXED, MAP_POPULATE, MAP_SHARED, PROT_READ, PROT_WRITE } from '../syscalls/constants/mman.ts';
import { IORING_OFF_CQ_RING, IORING_OFF_SQ_RING, IORING_OFF_SQES } from '../syscalls/constants/setup.ts';
import type { Kernel, Result } from '../syscalls/index.ts';
import { allocatePages, SharedPages } from '../syscalls/memory.ts';
import { type MappedView, mapView, unmapView } from './mapped-view.ts';

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
  /** Where it is, for another thread: see `memoryAt`. */
  readonly place: MemoryPlace;
  /**
   * Gives the memory back, the last region first. For `overlay` and `view` before the fd is closed. `shared`: other
   * threads may still have views of theirs.
   */
  release(kernel: Kernel, shared: boolean): void;
}

/** A part of something: where it begins and its length, in bytes. */
type Part = readonly [start: number, length: number];

/** Where a ring's memory is: can be posted to another thread of the process. */
export type MemoryPlace =
  | {
      readonly kind: 'no_mmap' | 'overlay';
      readonly buffer: SharedArrayBuffer;
      /** Within the buffer. */
      readonly pages: Part;
      /** Within the pages. */
      readonly sqRing: Part;
      readonly cqRing: Part;
      readonly sqes: Part;
    }
  | {
      readonly kind: 'view';
      /** Addresses: of one mapping for both rings or of two, then that of the entries. */
      readonly maps: readonly Part[];
    };

/**
 * The memory of another thread's ring. For kind `view` this thread gets views of its own on the same addresses.
 * Throws RangeError where a view cannot be had.
 */
export function memoryAt(kernel: Kernel, place: MemoryPlace): RingMemory {
  if (place.kind === 'view')
    return viewsOf(
      place.maps.map(([address, length]) => ({ address, length, buffer: kernel.view(address, length) })),
    );
  return partsOf(place.kind, new SharedPages(place.buffer, ...place.pages), place);
}

/** Pages for a ring of kind `no_mmap`: the rings, then the entries, each from a page boundary on. */
export function pinnedMemory(kernel: Kernel, sizes: RegionSizes): RingMemory & { pages: SharedPages } {
  const { pages, at } = pagesFor(kernel, sizes);
  const rings: Part = [0, at.sqes];
  const parts = { sqRing: rings, cqRing: rings, sqes: [at.sqes, pages.byteLength - at.sqes] as const };
  return { ...partsOf('no_mmap', pages, parts), pages };
}

/** Maps the ring of `fd` over a new SharedArrayBuffer, or gives -errno (EINVAL from Linux 6.1 on). */
export function overlayMemory(kernel: Kernel, fd: number, sizes: RegionSizes): RingMemory | Result {
  const { pages, at } = pagesFor(kernel, sizes);
  const map = (offset: number, length: number, what: number) =>
    kernel.mmap(
      pages.address + offset,
      length,
      PROT_READ | PROT_WRITE,
      MAP_SHARED | MAP_FIXED | MAP_POPULATE,
      fd,
      what,
    );
  const failed = [
    map(0, sizes.sqRing, IORING_OFF_SQ_RING),
    sizes.cqRing > 0 ? map(at.cqRing, sizes.cqRing, IORING_OFF_CQ_RING) : 0,
    map(at.sqes, sizes.sqes, IORING_OFF_SQES),
  ].find((result) => result < 0);
  // Whatever was mapped already must not stay behind the SharedArrayBuffer.
  if (failed !== undefined) pages.renew();
  if (failed !== undefined) return failed;
  const sqRing: Part = [0, at.cqRing];
  return partsOf('overlay', pages, {
    sqRing,
    cqRing: sizes.cqRing > 0 ? [at.cqRing, at.sqes - at.cqRing] : sqRing,
    sqes: [at.sqes, pages.byteLength - at.sqes],
  });
}

/** Maps the ring of `fd` where the kernel likes, or gives -errno. What was mapped before a failure is unmapped. */
export function viewMemory(kernel: Kernel, fd: number, sizes: RegionSizes): RingMemory | Result {
  const parts: [number, number][] = [[sizes.sqRing, IORING_OFF_SQ_RING]];
  if (sizes.cqRing > 0) parts.push([sizes.cqRing, IORING_OFF_CQ_RING]);
  parts.push([sizes.sqes, IORING_OFF_SQES]);
  const views: MappedView[] = [];
  try {
    for (const [length, what] of parts) {
      const view = mapView(kernel, fd, length, what);
      if (typeof view === 'number') return view;
      views.push(view);
    }
    return viewsOf(views);
  } finally {
    if (views.length < parts.length) unmapAll(kernel, views, false);
  }
}

function viewsOf(maps: MappedView[]): RingMemory {
  const [sqRing, cqRing, sqes] = maps.length === 3 ? maps : [maps[0], maps[0], maps[1]];
  const place: MemoryPlace = { kind: 'view', maps: maps.map(({ address, length }) => [address, length]) };
  return {
    kind: 'view',
    buffer: sqRing.buffer,
    sqRing: new Uint8Array(sqRing.buffer),
    cqRing: new Uint8Array(cqRing.buffer),
    sqes: new Uint8Array(sqes.buffer),
    place,
    release: (kernel, shared) => unmapAll(kernel, maps, shared),
  };
}

function partsOf(
  kind: 'no_mmap' | 'overlay',
  pages: SharedPages,
  { sqRing, cqRing, sqes }: { readonly sqRing: Part; readonly cqRing: Part; readonly sqes: Part },
): RingMemory {
  const { buffer, byteOffset, byteLength } = pages;
  return {
    kind,
    buffer,
    sqRing: pages.bytes(...sqRing),
    cqRing: pages.bytes(...cqRing),
    sqes: pages.bytes(...sqes),
    place: { kind, buffer, pages: [byteOffset, byteLength], sqRing, cqRing, sqes },
    // For `no_mmap` after close(fd): a late write of the kernel then goes to pages that nobody else sees.
    release: () => pages.renew(),
  };
}

function pagesFor(
  kernel: Kernel,
  sizes: RegionSizes,
): { pages: SharedPages; at: { cqRing: number; sqes: number } } {
  const whole = (bytes: number) => Math.ceil(bytes / kernel.pageSize()) * kernel.pageSize();
  const cqRing = whole(sizes.sqRing);
  const sqes = cqRing + whole(sizes.cqRing);
  return { pages: allocatePages(sqes + whole(sizes.sqes)), at: { cqRing, sqes } };
}

/** The last first. */
function unmapAll(kernel: Kernel, views: MappedView[], shared: boolean): void {
  for (const view of views.reverse()) unmapView(kernel, view, shared);
  views.length = 0;
}
