/**
 * What a ring owns in the kernel and how it is given back: once, in the right order, by `close()` or, for a ring
 * that was dropped, by the garbage collector.
 */

import {
  IORING_REGISTER_USE_REGISTERED_RING,
  IORING_UNREGISTER_RING_FDS,
} from '../syscalls/constants/register.ts';
import { IORING_SETUP_REGISTERED_FD_ONLY } from '../syscalls/constants/setup.ts';
import { UringError } from '../syscalls/error.ts';
import type { Kernel } from '../syscalls/kernel.ts';
import { io_uring_rsrc_update } from '../syscalls/layouts/register.ts';
import { SharedPages } from '../syscalls/memory.ts';
import { makeStruct } from '../syscalls/struct.ts';
import type { Enter } from './enter.ts';
import type { Holds } from './holds.ts';
import { linger } from './linger.ts';
import type { MadeRing } from './setup.ts';

/** The fd, the memory, and everything that must outlive what the kernel may still do with it. */
export class Resources {
  readonly kernel: Kernel;
  readonly ring: MadeRing;
  readonly enter: Enter;
  readonly holds: Holds;
  /**
   * Buffers that are or were registered: an operation in flight goes on with a buffer that was unregistered, so plain
   * buffers stay here until the ring is closed. Pages with a mapping of their own are safe by themselves and are let go.
   */
  readonly registered: Set<unknown> = new Set();
  #released = false;

  constructor(kernel: Kernel, ring: MadeRing, enter: Enter, holds: Holds) {
    this.kernel = kernel;
    this.ring = ring;
    this.enter = enter;
    this.holds = holds;
  }

  /** Gives everything back. Idempotent; never throws for what the kernel thinks of it. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.enter.close();
    // Pages that we own are renewed after the close, when the kernel writes to them for the last time. The kernel's
    // own pages are unmapped before: a mapping keeps the ring alive.
    if (this.ring.memory.kind !== 'no_mmap') this.#releaseMemory();
    this.#closeFd();
    if (this.ring.memory.kind === 'no_mmap') this.#releaseMemory();
    const held = [...this.holds.takeAll(), ...this.registered];
    // No longer the ring's, which somebody may keep for much longer.
    this.registered.clear();
    if (held.length > 0) linger(held);
  }

  /** Keeps what was registered reachable. */
  keep(things: readonly unknown[]): void {
    for (const thing of things)
      if (!(thing instanceof SharedPages && thing.isSeparate)) this.registered.add(thing);
  }

  #releaseMemory(): void {
    try {
      this.ring.memory.release(this.kernel);
    } catch (error) {
      if (!(error instanceof UringError)) throw error;
      // No mapping more to be had (vm.max_map_count): memory that the kernel may write to stays ours for good.
      unreleased.add(this.ring.memory);
    }
  }

  #closeFd(): void {
    const { fd, flags } = this.ring;
    if ((flags & IORING_SETUP_REGISTERED_FD_ONLY) === 0) this.kernel.close(fd);
    else {
      const update = makeStruct(io_uring_rsrc_update, { offset: fd });
      const opcode = IORING_UNREGISTER_RING_FDS | IORING_REGISTER_USE_REGISTERED_RING;
      this.kernel.register(fd, opcode >>> 0, update, 1);
    }
  }
}

/**
 * Releases `resources` when `owner` is collected without having been closed, and says so once per process. Call
 * `forget` when it was closed.
 */
export function releaseWhenDropped(owner: object, resources: Resources): void {
  dropped.register(owner, resources, resources);
}

/** The owner was closed: nothing is left to do for the collector. */
export function forget(resources: Resources): void {
  dropped.unregister(resources);
}

const unreleased = new Set<unknown>();
let warned = false;

const dropped = new FinalizationRegistry<Resources>((resources) => {
  resources.release();
  if (warned) return;
  warned = true;
  process.emitWarning(
    'An IoUringState was dropped without close(); its ring was released by the garbage collector',
    {
      code: 'TSURING_DROPPED_RING',
    },
  );
});
