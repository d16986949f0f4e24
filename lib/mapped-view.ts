/**
 * Regions of a ring mapped where the kernel likes, behind an ordinary ArrayBuffer.
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
import type { Kernel } from '../syscalls/kernel.ts';
import type { Result } from '../syscalls/libc.ts';

/** A mapping, and the only buffer over it. As long as it stands the ring lives, also when its fd is closed. */
export interface MappedView {
  readonly address: number;
  readonly length: number;
  readonly buffer: ArrayBuffer;
}

/**
 * Maps `length` bytes of the region `what` (IORING_OFF_…) of the ring `fd`, or gives -errno. When it throws nothing
 * stays mapped. koffi aborts the process when a Worker is terminated during this call.
 */
export function mapView(kernel: Kernel, fd: number, length: number, what: number): MappedView | Result {
  const address = kernel.mmap(0, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, what);
  if (address < 0) return address;
  try {
    return { address, length, buffer: kernel.view(address, length) };
  } catch (error) {
    kernel.munmap(address, length);
    throw error;
  }
}

/**
 * Puts empty pages of our own in the place of the kernel's, so that the ring is let go and a view that somebody still
 * has finds zeros where it would fault. The addresses are given up when no view is left; where other threads may have
 * views (`shared`), of which nobody knows, never.
 */
export function unmapView(kernel: Kernel, { address, length, buffer }: MappedView, shared = false): void {
  const fixed = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  // Where that fails the mapping stays: a leak is better than a fault.
  if (kernel.mmap(address, length, PROT_READ | PROT_WRITE, fixed, -1, 0) < 0 || shared) return;
  const { transfer, detached } = buffer as Transferable;
  if (transfer === undefined) unviewed.register(buffer, { kernel, address, length });
  else if (!detached) {
    // Nobody has views any more, nor can make another buffer of it. One that was transferred before may be anywhere: its
    // pages stay.
    transfer.call(buffer);
    kernel.munmap(address, length);
  }
}

/** Has `view` unmapped with all of its ring's others. `owner` stands for the ring. */
export function addView(owner: object, view: MappedView): void {
  const views = added.get(owner);
  if (views !== undefined) views.add(view);
  else added.set(owner, new Set([view]));
}

/** Unmaps a view that was added, if it was not unmapped with its ring. */
export function removeView(kernel: Kernel, owner: object, view: MappedView): void {
  if (added.get(owner)?.delete(view)) unmapView(kernel, view);
}

/** Unmaps all views that were added for a ring: before its fd is closed, or they would keep it alive. */
export function removeViews(kernel: Kernel, owner: object): void {
  for (const view of added.get(owner) ?? []) unmapView(kernel, view);
  added.delete(owner);
}

/** What ArrayBuffer has from Node 22 on. */
interface Transferable {
  readonly transfer?: () => ArrayBuffer;
  readonly detached?: boolean;
}

const added = new WeakMap<object, Set<MappedView>>();

const unviewed = new FinalizationRegistry<{ kernel: Kernel; address: number; length: number }>(
  ({ kernel, address, length }) => kernel.munmap(address, length),
);
