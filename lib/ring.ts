/**
 * What a ring is apart from its queues: what it is made of, who has it, how it ends.
 */
import { IORING_REGISTER_ENABLE_RINGS } from '../syscalls/constants/register.ts';
import { IORING_FEAT_NO_IOWAIT, IORING_SETUP_SQPOLL } from '../syscalls/constants/setup.ts';
import { EOPNOTSUPP } from '../syscalls/errno.ts';
import { UringError } from '../syscalls/error.ts';
import { invalidType } from '../syscalls/invalid.ts';
import { type Kernel, linux } from '../syscalls/kernel.ts';
import { checkOptions, type IoUringOptions } from './options.ts';
import { ResizeRegistrations } from './register/resize.ts';
import { forget, Resources, releaseWhenDropped } from './resources.ts';
import type { RingMemoryInfo } from './ring-info.ts';
import { setupRing } from './setup.ts';
import { attachRing, type SharedRing, shareRing } from './share.ts';
import type { U64 } from './sqe.ts';

export abstract class Ring extends ResizeRegistrations {
  /** As IoUringState's. */
  constructor(entries: number | SharedRing, options: IoUringOptions) {
    super(open(entries, options));
    releaseWhenDropped(this, this.resources);
  }

  /** Entries of the submission queue: what was asked for, rounded up to a power of two. */
  get sqEntries(): number {
    return this.resources.ring.sq.entries;
  }

  /** Entries of the completion queue. */
  get cqEntries(): number {
    return this.resources.ring.cq.entries;
  }

  /** Whether the kernel's own thread takes the submissions (IORING_SETUP_SQPOLL). */
  get usesSqpoll(): boolean {
    return (this.setupFlags & IORING_SETUP_SQPOLL) !== 0;
  }

  /**
   * The ring's fd, or its index where it has none (IORING_SETUP_REGISTERED_FD_ONLY, `closeRingFd`); -1 when closed. Another
   * one once the ring is shared.
   */
  get fd(): number {
    const { fd, index } = this.resources.enter;
    return fd >= 0 ? fd : index;
  }

  /** Where the ring's memory is, and which kind. */
  get memory(): RingMemoryInfo {
    return this.resources.ring.memory;
  }

  /** Entries that the kernel dropped because the SQ array named an entry that is not there. */
  get sqDropped(): number {
    return this.resources.sq.dropped();
  }

  /** Completions that were lost for good. Zero on every kernel with IORING_FEAT_NODROP (Linux 5.5). */
  get cqOverflow(): number {
    return this.resources.cq.overflow();
  }

  /** Whether completions signal the eventfd, if one is registered. io_uring_cq_eventfd_enabled. */
  get cqEventfdEnabled(): boolean {
    return this.resources.cq.eventfdEnabled();
  }

  /**
   * Lets completions signal the registered eventfd, or not. Makes no system call. Since Linux 5.8.
   * io_uring_cq_eventfd_toggle.
   * @throws UringError EOPNOTSUPP on older kernels.
   */
  cqEventfdToggle(enabled: boolean): void {
    this.refuseClosed();
    if (typeof enabled !== 'boolean') throw invalidType('enabled', 'of type boolean', enabled);
    if (!this.resources.cq.toggleEventfd(enabled))
      throw new UringError(EOPNOTSUPP, 'io_uring_register', 'It needs Linux 5.8.');
  }

  /**
   * Whether the kernel counts this thread's waits as waits for I/O, which raises the processor's frequency and shows as
   * iowait. On from the beginning. Since Linux 6.15 (IORING_FEAT_NO_IOWAIT). io_uring_set_iowait.
   * @throws UringError EOPNOTSUPP on older kernels.
   */
  setIowait(enabled: boolean): void {
    this.refuseClosed();
    if (typeof enabled !== 'boolean') throw invalidType('enabled', 'of type boolean', enabled);
    if ((this.features & IORING_FEAT_NO_IOWAIT) === 0)
      throw new UringError(EOPNOTSUPP, 'io_uring_enter', 'It needs Linux 6.15.');
    this.resources.enter.iowait = enabled;
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.resources.enter.closed;
  }

  /**
   * Starts a ring that was made with IORING_SETUP_R_DISABLED. With SINGLE_ISSUER it belongs to the thread that does this.
   * Since Linux 5.10. io_uring_enable_rings.
   * @throws UringError EBADFD when it is not disabled.
   */
  enableRings(): void {
    this.register(IORING_REGISTER_ENABLE_RINGS, 0, 0);
  }

  /**
   * What another thread needs to have this ring, too: post it there and give it to `new IoUringState`. The ring's memory is
   * posted as what it is, a SharedArrayBuffer, or for kind `view` as addresses.
   *
   * At any time one thread may submit and one, the same or another, reap; hand a role over by a message. Each has a handle
   * of its own: the last to be closed closes the ring. A thread that ends without `close` closes nothing: the ring then
   * stays until the process ends. When a role is handed over nothing may be staged or being filled. What an operation points at is held by the thread that submitted it: see `letGo`.
   * @throws ERR_INVALID_STATE for a ring without an fd; UringError EMFILE when there is no descriptor for it.
   */
  share(): SharedRing {
    this.refuseClosed();
    return shareRing(this.resources);
  }

  /**
   * Lets go of what the oldest operation with this user data points at, as acknowledging its last completion does: for a
   * shared ring whose completions another thread reaps. False when nothing is held for it.
   */
  letGo(userData: U64): boolean {
    return this.resources.holds.letGo(keyOf(userData));
  }

  /**
   * Closes the ring: the kernel cancels what is in flight, some of it a little later. Idempotent. Afterwards every other
   * method throws UringError EBADF, and nothing that the kernel may still do reaches the ring's memory. Buffers of
   * operations in flight are kept for some seconds; SharedPages need no keeping. A ring that other threads have, too, goes
   * on there, and what this thread's operations point at is kept for good.
   */
  close(): void {
    forget(this.resources);
    this.resources.release();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** A new ring, or that of another thread. */
function open(entries: number | SharedRing, options: IoUringOptions): Resources {
  if (typeof entries === 'object' && entries !== null) return attachRing(entries, kernelOf(options));
  const checked = checkOptions(entries, options);
  return new Resources(checked.kernel, setupRing(checked));
}

function kernelOf(options: IoUringOptions): Kernel {
  if (typeof options !== 'object' || options === null)
    throw invalidType('options', 'of type object', options);
  return options.kernel ?? linux;
}

/** User data as completions have it. */
function keyOf(userData: U64): U64 {
  if (typeof userData !== 'number' && typeof userData !== 'bigint')
    throw invalidType('userData', 'of type number or bigint', userData);
  if (typeof userData === 'number' && userData >= 0) return userData;
  const unsigned = BigInt.asUintN(64, BigInt(userData));
  return unsigned <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(unsigned) : unsigned;
}
