/**
 * What a ring owns in the kernel and how it is given back: once, in the right order, by `close()` or, for a ring
 * that was dropped, by the garbage collector.
 */

import {
  IORING_REGISTER_SYNC_CANCEL,
  IORING_REGISTER_USE_REGISTERED_RING,
  IORING_UNREGISTER_RING_FDS,
} from '../syscalls/constants/register.ts';
import { IORING_ASYNC_CANCEL_ALL, IORING_ASYNC_CANCEL_ANY } from '../syscalls/constants/sqe.ts';
import { ETIME } from '../syscalls/errno.ts';
import { UringError } from '../syscalls/error.ts';
import type { Kernel } from '../syscalls/kernel.ts';
import { io_uring_rsrc_update, io_uring_sync_cancel_reg } from '../syscalls/layouts/register.ts';
import { io_uring_params } from '../syscalls/layouts/ring.ts';
import { SharedPages } from '../syscalls/memory.ts';
import { makeStruct } from '../syscalls/struct.ts';
import type { ControlWord } from './control-word.ts';
import { CompletionQueue } from './cq.ts';
import { Enter, type RingHandle } from './enter.ts';
import { Holds } from './holds.ts';
import { linger } from './linger.ts';
import { removeViews } from './mapped-view.ts';
import type { MadeRing } from './ring-layout.ts';
import type { RingMemory } from './ring-memory.ts';
import { SubmissionQueue } from './sq.ts';
import type { WaitRegion } from './wait-region.ts';

/** The fd, the memory, and everything that must outlive what the kernel may still do with it. */
export class Resources {
  readonly kernel: Kernel;
  readonly enter: Enter;
  readonly holds: Holds = new Holds();
  readonly sq: SubmissionQueue;
  readonly cq: CompletionQueue;
  /**
   * Buffers that are or were registered: an operation in flight goes on with a buffer that was unregistered, so plain
   * buffers stay here until the ring is closed. Pages with a mapping of their own are safe by themselves and are let go.
   */
  readonly registered: Set<unknown> = new Set();
  /** Counts the threads that have the ring, once it was shared. */
  control: ControlWord | null = null;
  /** Arguments of waits that were registered. */
  waits: WaitRegion | null = null;
  #ring: MadeRing;
  #released = false;

  constructor(kernel: Kernel, ring: MadeRing) {
    this.kernel = kernel;
    this.#ring = ring;
    this.enter = new Enter(kernel, ring.fd, ring.flags, ring.features);
    this.sq = new SubmissionQueue(ring.sq);
    this.cq = new CompletionQueue(ring.cq);
  }

  get ring(): MadeRing {
    return this.#ring;
  }

  /** The kernel has moved the queues to other memory: goes on there, and gives the old back. */
  move(ring: MadeRing): void {
    const old = this.#ring;
    this.#ring = ring;
    this.sq.rebind(ring.sq);
    this.cq.rebind(ring.cq);
    this.#releaseMemory(old.memory);
  }

  /** From now on other threads may have the ring, too, which `control` counts. */
  share(control: ControlWord, fd: number): void {
    this.#ring = { ...this.#ring, fd };
    this.control = control;
    this.enter.control = control;
    this.enter.moveFd(fd);
    this.sq.shared = true;
    this.cq.shared = true;
  }

  /** Gives everything back. Idempotent; never throws for what the kernel thinks of it. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    const { fd, index, handle } = this.enter;
    this.enter.close();
    this.sq.detach();
    this.cq.detach();
    const last = this.control === null || this.control.leave();
    const cancelled = !last || this.#cancelAll(handle);
    if (index >= 0) this.#unregister(fd, index);
    // A mapping keeps the ring alive: of buffer rings, too.
    removeViews(this.kernel, this);
    if (last) this.#releaseRing(fd, cancelled);
    else this.#leave();
  }

  /** Keeps what was registered reachable. */
  keep(things: Iterable<unknown>): void {
    for (const thing of things)
      if (!(thing instanceof SharedPages && thing.isSeparate)) this.registered.add(thing);
  }

  /**
   * Has the kernel end what points at plain buffers before they can be let go: closing the fd does not where something
   * else has the ring (a poll of another ring, a copy of the fd). False when something is left that cannot be ended soon.
   */
  #cancelAll({ fd, registered }: RingHandle): boolean {
    if (this.holds.size === 0 && this.registered.size === 0) return true;
    const cancel = makeStruct(io_uring_sync_cancel_reg, {
      fd: -1,
      flags: IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL,
      'timeout.tv_nsec': CANCEL_MS * 1_000_000,
    });
    const opcode = IORING_REGISTER_SYNC_CANCEL | (registered ? IORING_REGISTER_USE_REGISTERED_RING : 0);
    return this.kernel.register(fd, opcode >>> 0, cancel, 1) !== -ETIME;
  }

  #releaseRing(fd: number, cancelled: boolean): void {
    const { memory } = this.#ring;
    // Pages that we own are renewed after the close, when the kernel writes to them for the last time. The kernel's
    // own pages are unmapped before: a mapping keeps the ring alive.
    if (memory.kind !== 'no_mmap') this.#releaseMemory(memory);
    if (fd >= 0) this.kernel.close(fd);
    if (memory.kind === 'no_mmap') this.#releaseMemory(memory);
    const held = this.#takeHeld();
    // Kernels before 6.0 cannot be asked, nor rings of other threads: a few seconds will do, mostly.
    if (held.length > 0 && cancelled) linger(held);
    else if (held.length > 0) unreleased.add(held);
  }

  /** Others go on with the ring: what operations of this thread point at may be written to at any time. */
  #leave(): void {
    const held = this.#takeHeld();
    if (held.length > 0) unreleased.add(held);
  }

  #takeHeld(): unknown[] {
    const held = [...this.holds.takeAll(), ...this.registered];
    // No longer the ring's, which somebody may keep for much longer.
    this.registered.clear();
    return held;
  }

  #releaseMemory(memory: RingMemory): void {
    try {
      memory.release(this.kernel, this.control !== null);
    } catch (error) {
      if (!(error instanceof UringError)) throw error;
      // No mapping more to be had (vm.max_map_count): memory that the kernel may write to stays ours for good.
      unreleased.add(memory);
    }
  }

  /** A registered index holds the ring as an fd does. */
  #unregister(fd: number, index: number): void {
    const update = makeStruct(io_uring_rsrc_update, { offset: index });
    const byIndex = (IORING_UNREGISTER_RING_FDS | IORING_REGISTER_USE_REGISTERED_RING) >>> 0;
    const done =
      fd >= 0
        ? this.kernel.register(fd, IORING_UNREGISTER_RING_FDS, update, 1)
        : this.kernel.register(index, byIndex, update, 1);
    if (done < 0) this.#unregisterByAnother(update);
  }

  /** The restrictions of the ring may forbid it; the places are the thread's, so any ring will do. */
  #unregisterByAnother(update: Uint8Array): void {
    const { kernel } = this;
    const fd = kernel.setup(1, makeStruct(io_uring_params));
    if (fd < 0) return;
    kernel.register(fd, IORING_UNREGISTER_RING_FDS, update, 1);
    kernel.close(fd);
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

const CANCEL_MS = 20;
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
