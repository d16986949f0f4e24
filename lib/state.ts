/**
 * One io_uring, driven from TypeScript.
 */

import {
  IORING_ENTER_ABS_TIMER,
  IORING_ENTER_EXT_ARG,
  IORING_ENTER_EXT_ARG_REG,
  IORING_ENTER_GETEVENTS,
  IORING_ENTER_REGISTERED_RING,
  IORING_ENTER_SQ_WAIT,
  IORING_ENTER_SQ_WAKEUP,
} from '../syscalls/constants/enter.ts';
import {
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_IOPOLL,
  IORING_SETUP_SQPOLL,
  IORING_SQ_CQ_OVERFLOW,
  IORING_SQ_TASKRUN,
} from '../syscalls/constants/setup.ts';
import { EBADF, ETIME } from '../syscalls/errno.ts';
import { checkUint32, invalidState, invalidType, invalidValue } from '../syscalls/invalid.ts';
import { io_uring_reg_wait } from '../syscalls/layouts/register.ts';
import type { BufferSource } from '../syscalls/memory.ts';
import type { CompletionQueue } from './cq.ts';
import type { Cqe } from './cqe.ts';
import { checkEnter, type Enter, isRaw, SLICE_MS, type WaitOptions } from './enter.ts';
import { takeHold } from './hold.ts';
import type { Holds } from './holds.ts';
import type { IoUringOptions } from './options.ts';
import { Ring } from './ring.ts';
import type { RingCounts } from './ring-info.ts';
import type { SharedRing } from './share.ts';
import type { SubmissionQueue } from './sq.ts';
import type { Sqe } from './sqe.ts';
import { now } from './timers.ts';

/**
 * One io_uring. By default the kernel's own thread (SQPOLL) takes the submissions, and while it is awake no system call
 * is made at all. It belongs to the thread that made it, unless it is shared (`share`).
 *
 * A ring with SQPOLL (`usesSqpoll`) acts for ever with the identity that its creator had, also after setuid; others
 * act with that of whoever submits.
 */
export class IoUringState extends Ring {
  readonly #sq: SubmissionQueue;
  readonly #cq: CompletionQueue;
  readonly #enter: Enter;
  readonly #holds: Holds;
  readonly #sqpoll: boolean;
  /** What submit adds so that completions become visible at once: only some kinds of ring need to be asked. */
  readonly #fetch: number;
  /** Whether completions are found only by asking the device (IORING_SETUP_IOPOLL without a thread that does). */
  readonly #iopoll: boolean;
  readonly #release = (cqe: Cqe) => this.#holds.complete(cqe);
  #sqes = 0;

  /**
   * Makes a ring of `entries` submission entries, rounded up to a power of two, at most 32,768. By default with
   * SQPOLL and an idle time of 2,000 ms. io_uring_setup(2), since Linux 5.1. Given what `share` of another thread's ring
   * gave, it is that ring (and of the options only `kernel` counts).
   * @throws TypeError, RangeError for arguments; UringError with the kernel's errno and a `fix` where it refuses, EBADF
   * for a shared ring that is closed.
   */
  constructor(entries: number | SharedRing, options: IoUringOptions = {}) {
    super(entries, options);
    const { enter, holds, sq, cq } = this.resources;
    this.#enter = enter;
    this.#holds = holds;
    this.#sq = sq;
    this.#cq = cq;
    this.#sqpoll = (this.setupFlags & IORING_SETUP_SQPOLL) !== 0;
    this.#iopoll = (this.setupFlags & IORING_SETUP_IOPOLL) !== 0 && !this.#sqpoll;
    const lazy = IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_IOPOLL;
    this.#fetch = (this.setupFlags & lazy) !== 0 ? IORING_ENTER_GETEVENTS : 0;
  }

  // --- the submission queue

  /**
   * The next free submission entry, zeroed; asked again, the same one with what was written to it, until `commitSqe`
   * or `stageSqe`. Null when the queue is full: submit, or with SQPOLL wait a moment. io_uring_get_sqe.
   * @throws UringError EBADF when the ring is closed.
   */
  getSqe(): Sqe | null {
    const sqe = this.#sq.current();
    if (sqe === null) this.refuseClosed();
    return sqe;
  }

  /**
   * The next free entry of 128 bytes, for `nop128` and `uringCmd128`, on a ring with IORING_SETUP_SQE_MIXED (Linux
   * 6.19), where it takes two places and all other entries one; with IORING_SETUP_SQE128 what `getSqe` gives. Null when
   * there is no room. io_uring_get_sqe128.
   * @throws ERR_INVALID_STATE on a ring without these, and while an entry of `getSqe` is not committed.
   */
  getSqe128(): Sqe | null {
    this.refuseClosed();
    return this.#sq.current128();
  }

  /**
   * Publishes the entry that `getSqe` gave, and all that were staged before it: with SQPOLL the kernel takes them by
   * itself while its thread is awake (see `sqNeedsWakeup`), otherwise with the next `submit` or `enter`. What the
   * entry points at is held until its completion is acknowledged.
   * @throws ERR_INVALID_STATE when there is none.
   */
  commitSqe(): void {
    this.stageSqe();
    this.#publish();
  }

  /** Ends the entry that `getSqe` gave without publishing it: for many entries with one `flush` or `submit`. */
  stageSqe(): void {
    const sq = this.#sq;
    if (!sq.stage()) throw this.#noEntry();
    if (sq.sqe.held !== null || this.#holds.size > 0) this.#hold(sq.sqe);
  }

  /** Publishes all staged entries with one store of the tail, and makes no system call. io_uring_flush_sq. */
  flush(): void {
    this.refuseClosed();
    this.#publish();
  }

  /** Entries that the kernel has not consumed yet, staged ones included. io_uring_sq_ready. */
  sqReady(): number {
    this.refuseClosed();
    return this.#sq.ready();
  }

  /** Free entries. io_uring_sq_space_left. */
  sqSpaceLeft(): number {
    return this.sqEntries - this.sqReady();
  }

  /** Whether the SQPOLL thread sleeps, so that published entries wait for `wakeSqpoll`. False without SQPOLL. */
  get sqNeedsWakeup(): boolean {
    return this.#sqpoll && this.#sq.needsWakeup();
  }

  /** Wakes the SQPOLL thread: one system call. Nothing happens when it is awake or there is none. */
  wakeSqpoll(): void {
    if (this.sqNeedsWakeup) this.#check(this.#enter.call(this.#sq.pending(), 0, IORING_ENTER_SQ_WAKEUP));
    else this.refuseClosed();
  }

  /**
   * Waits until a full submission queue has room, which with SQPOLL the kernel's thread makes. Returns at once when there
   * is room, or no such thread, and without room when a signal came or the kernel has work of its own for this thread (the
   * end of a file closed before): ask `getSqe` again, in a loop. Since Linux 5.10. io_uring_sqring_wait.
   */
  sqringWait(): void {
    this.refuseClosed();
    if (!this.#sqpoll || this.sqSpaceLeft() > 0) return;
    this.#publish();
    // The wait has no limit of its own, but a thread that is awake does not sleep while entries stand in the queue.
    this.wakeSqpoll();
    this.#check(this.#enter.call(0, 0, IORING_ENTER_SQ_WAIT));
  }

  // --- submitting and waiting

  /**
   * Publishes what is staged and hands it to the kernel. With SQPOLL a system call is made only to wake the thread.
   * io_uring_submit.
   * @returns how many entries the kernel took (with SQPOLL: will take, or has already). Fewer than were ready when one
   * was refused at once (without IORING_SETUP_SUBMIT_ALL); the rest stays queued for the next call.
   * @throws UringError: EBUSY when completions must be reaped first, EAGAIN for want of memory (the entries stay
   * queued, and what they point at stays held), EINTR, EEXIST from another thread on a SINGLE_ISSUER ring, …
   */
  submit(): number {
    const sq = this.#sq;
    // Before they are published: from then on the kernel's thread takes them, and they are still this call's.
    const ready = sq.ready();
    this.#publish();
    if (!this.#sqpoll) {
      if (ready === 0 && !this.#enter.closed) return 0;
      const taken = this.#check(this.#enter.call(ready, 0, 0));
      sq.rewind(taken);
      return taken;
    }
    if (ready > 0 && sq.needsWakeup()) this.#check(this.#enter.call(ready, 0, IORING_ENTER_SQ_WAKEUP));
    else this.refuseClosed();
    return ready;
  }

  /**
   * `submit`, then waits until at least `count` completions stand ready. What completes at once costs one system call.
   * io_uring_submit_and_wait, io_uring_submit_and_wait_timeout.
   * @returns the number of submitted entries, also when the time ran out: see `cqReady`. When it took fewer than were
   * ready (see `submit`) it does not wait: what was left in the queue may be what would complete.
   * @throws UringError as `submit`; EINTR when a signal came: the entries are submitted, let the event loop run its
   * handler, then wait again.
   */
  submitAndWait(count: number, options?: WaitOptions): number {
    checkUint32('count', count);
    if (options !== undefined) this.#enter.check(options);
    const taken = this.#sqpoll ? this.submit() : this.#submitAndFetch();
    if (this.#cq.ready() < count && (this.#sqpoll || this.#sq.pending() === 0)) this.#wait(count, options);
    return taken;
  }

  /**
   * `submitAndWait` with the wait that was set at `index` of the registered WaitRegion, in one system call for both
   * unless it is longer than 100 ms. Since Linux 6.13. io_uring_submit_and_wait_reg.
   * @returns the number of submitted entries, also when the time ran out: see `cqReady`.
   * @throws as `submitAndWait`; ERR_INVALID_STATE without a region.
   */
  submitAndWaitReg(count: number, index: number): number {
    checkUint32('count', count);
    this.refuseClosed();
    const { waits } = this.resources;
    if (waits === null) throw invalidState('No waits are registered: see registerWaitRegion()');
    const offset = waits.offsetOf(index);
    const ready = this.#sq.ready();
    this.#publish();
    const wake = ready > 0 && this.sqNeedsWakeup ? IORING_ENTER_SQ_WAKEUP : 0;
    const least = Math.min(count, this.#cq.most);
    const start = now();
    const flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | IORING_ENTER_EXT_ARG_REG | wake;
    const submit = this.#sqpoll ? 0 : ready;
    const result = this.#enter.call(submit, least, flags, offset, io_uring_reg_wait.size);
    const taken = result === -ETIME ? 0 : this.#check(result);
    this.#sq.rewind(taken);
    if (taken === submit && this.#cq.ready() < least) this.#waitOn(least, waits.get(index), start, taken > 0);
    return this.#sqpoll ? ready : taken;
  }

  /**
   * `submit`, and makes completions visible that wait in the kernel. io_uring_submit_and_get_events.
   * @param atOnce how many completions are hoped for without waiting: with IORING_SETUP_DEFER_TASKRUN the links of a chain that
   * need not wait all run in this call then, else one of them. It waits for nothing.
   */
  submitAndGetEvents(atOnce = 0): number {
    const ready = this.#sq.ready();
    this.#publish();
    const wake = this.sqNeedsWakeup ? IORING_ENTER_SQ_WAKEUP : 0;
    const taken = this.#check(this.#enter.callAtOnce(this.#sqpoll && !wake ? 0 : ready, atOnce, wake));
    this.#sq.rewind(taken);
    return this.#sqpoll ? ready : taken;
  }

  /** Makes completions visible that wait in the kernel: overflown ones, deferred task work. io_uring_get_events. */
  getEvents(): void {
    this.#check(this.#enter.call(0, 0, IORING_ENTER_GETEVENTS));
  }

  /**
   * io_uring_enter(2) as it is. A wait (IORING_ENTER_GETEVENTS with `minComplete`) is made in slices of 100 ms, so
   * that the thread can be stopped, unless `argument` is memory of your own: then the call blocks as it says.
   * @param toSubmit how many published entries to consume.
   * @param minComplete how many completions to wait for.
   * @param flags IORING_ENTER_…
   * @param argument a WaitOptions; or raw: the memory of a sigset_t, or with IORING_ENTER_EXT_ARG of a `struct
   * io_uring_getevents_arg`, or with IORING_ENTER_EXT_ARG_REG an offset in bytes into the registered wait region.
   * @param argumentSize bytes; by default those of the memory. For an offset: 64, a `struct io_uring_reg_wait`.
   * @returns the number of entries consumed.
   * @throws UringError with the errno; ETIME when `timeout` ran out and nothing was submitted.
   */
  enter(
    toSubmit: number,
    minComplete: number,
    flags: number,
    argument?: WaitOptions | BufferSource | number,
    argumentSize?: number,
  ): number {
    checkEnter(toSubmit, minComplete, flags);
    // How the ring is named is not the caller's to say.
    flags = (flags & ~IORING_ENTER_REGISTERED_RING) >>> 0;
    if (isRaw(argument)) {
      const taken = this.#check(this.#enter.raw(toSubmit, minComplete, flags, argument, argumentSize));
      this.#sq.rewind(taken);
      return taken;
    }
    if (argument !== undefined) this.#enter.check(argument);
    if (argument !== undefined && (flags & (IORING_ENTER_ABS_TIMER | IORING_ENTER_EXT_ARG_REG)) !== 0)
      throw invalidValue('flags', flags, 'ask for an argument of your own: memory, or an offset');
    const waits = (flags & IORING_ENTER_GETEVENTS) !== 0 && minComplete > 0;
    const first = toSubmit > 0 || (flags & IORING_ENTER_SQ_WAKEUP) !== 0 || !waits;
    const taken = first ? this.#check(this.#enter.call(toSubmit, 0, flags & ~IORING_ENTER_EXT_ARG)) : 0;
    this.#sq.rewind(taken);
    if (!waits || taken < toSubmit) return taken;
    const least = Math.min(minComplete, this.#cq.most);
    const result = this.#enter.wait(least, flags & ~IORING_ENTER_SQ_WAKEUP, argument, this.#cq);
    return taken > 0 ? taken : this.#check(result);
  }

  // --- the completion queue

  /**
   * The oldest completion that was not acknowledged, or null. It stands in the ring's memory: read it, then
   * `advanceCq`. Makes no system call, unless completions wait in the kernel (CQ overflow, or task work that
   * IORING_SETUP_TASKRUN_FLAG tells of). io_uring_peek_cqe.
   */
  peekCqe(): Cqe | null {
    const cqe = this.#cq.peek();
    return cqe !== null ? cqe : this.#peekBehind();
  }

  /**
   * Waits for a completion and gives it as `peekCqe` does; null when `options.timeout` ran out. io_uring_wait_cqe,
   * io_uring_wait_cqe_timeout.
   * @throws UringError EINTR when a signal came: return to the event loop, so that its handler runs, and wait again.
   */
  waitCqe(options?: WaitOptions): Cqe | null {
    return this.waitCqes(1, options);
  }

  /** Waits until `count` completions stand ready, and gives the first. io_uring_wait_cqes. */
  waitCqes(count: number, options?: WaitOptions): Cqe | null {
    checkUint32('count', count);
    this.refuseClosed();
    const cqe = this.#cq.peek();
    if (cqe !== null && (count <= 1 || this.#cq.ready() >= count)) return cqe;
    return this.#wait(count, options) ? this.#cq.peek() : null;
  }

  /**
   * Puts the cursors, made by `new Cqe()`, on the oldest completions that were not acknowledged: as `peekCqe` for many.
   * io_uring_peek_batch_cqe.
   * @returns how many there are, at most as many as cursors. `advanceCq` of that number acknowledges them.
   */
  peekBatchCqe(cursors: readonly Cqe[]): number {
    if (!Array.isArray(cursors)) throw invalidType('cursors', 'an instance of Array', cursors);
    if (this.#cq.ready() === 0 && this.#peekBehind() === null) return 0;
    return this.#cq.peekBatch(cursors);
  }

  /** Acknowledges the `count` oldest completions: what they held is let go. io_uring_cq_advance. */
  advanceCq(count = 1): void {
    this.refuseClosed();
    if (this.#holds.size > 0) this.#cq.visit(count, this.#release);
    this.#cq.advance(count);
  }

  /**
   * Calls `callback` for every completion that stands ready, oldest first, and acknowledges all of them with one store
   * at the end; when `callback` throws, those up to and with that one. io_uring_for_each_cqe, io_uring_cq_advance.
   * @returns their number.
   */
  forEachCqe(callback: (cqe: Cqe) => void): number {
    if (typeof callback !== 'function') throw invalidType('callback', 'of type function', callback);
    if (this.#cq.ready() === 0 && this.#peekBehind() === null) return 0;
    const holds = this.#holds;
    return this.#cq.drain(
      holds.size === 0
        ? callback
        : (cqe) => {
            holds.complete(cqe);
            callback(cqe);
          },
    );
  }

  /** Completions that stand ready. io_uring_cq_ready. */
  cqReady(): number {
    this.refuseClosed();
    return this.#cq.ready();
  }

  /** Whether completions wait in the kernel because the queue was full. io_uring_cq_has_overflow. */
  get cqHasOverflow(): boolean {
    return (this.#sq.flags() & IORING_SQ_CQ_OVERFLOW) !== 0;
  }

  /**
   * Whether the kernel holds something back until it is entered: completions that found no room, or work that makes some
   * (with IORING_SETUP_TASKRUN_FLAG). Then `getEvents`, more than once where there is much.
   */
  get cqNeedsEnter(): boolean {
    return (this.#sq.flags() & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN)) !== 0;
  }

  // --- the ring

  /** What the ring has done so far. */
  get counts(): RingCounts {
    return {
      sqes: this.#sqes + this.#sq.staged,
      cqes: this.#cq.acknowledged,
      enters: this.#enter.calls,
      wakeups: this.#enter.wakeups,
    };
  }

  #submitAndFetch(): number {
    const sq = this.#sq;
    this.#publish();
    const pending = sq.pending();
    if (pending === 0 && this.#fetch === 0 && !this.#enter.closed) return 0;
    const taken = this.#check(this.#enter.call(pending, 0, this.#fetch));
    sq.rewind(taken);
    return taken;
  }

  /** Counts what it publishes: once a batch, where it costs nothing. */
  #publish(): void {
    this.#sqes += this.#sq.publish();
  }

  #hold(sqe: Sqe): void {
    const { userData, held } = sqe;
    if (held !== null) this.#holds.add(userData, held);
    // Its completion must not be taken for that of one that holds something.
    else if (this.#holds.has(userData)) this.#holds.add(userData, takeHold());
    sqe.held = null;
  }

  /** True when `count` completions are there, false when the time ran out. */
  #wait(count: number, options: WaitOptions | undefined, interrupted = false): boolean {
    const wake = this.sqNeedsWakeup && this.#sq.pending() > 0 ? IORING_ENTER_SQ_WAKEUP : 0;
    const result = this.#enter.wait(Math.min(count, this.#cq.most), wake, options, this.#cq, interrupted);
    if (result === -ETIME) return false;
    this.#check(result);
    return true;
  }

  /** Goes on with a registered wait that began at `start`: its longer part, or what a signal has ended. */
  #waitOn(count: number, options: WaitOptions, start: number, submitted: boolean): void {
    const { timeout = Infinity, minWait, ...rest } = options;
    const elapsed = now() - start;
    if (elapsed >= timeout || (minWait && elapsed * 1000 >= minWait && this.#cq.ready() > 0)) return;
    // The kernel returns before the time that it was given for a time-out that completes, else for a signal; it tells of
    // the signal unless it has taken entries or a completion stands.
    const hidden = submitted || this.#cq.ready() > 0;
    const early = hidden && elapsed < Math.min(timeout, SLICE_MS) && !this.#cq.mayBeTimeout();
    const left = !minWait ? {} : { minWait: Math.max(0, Math.ceil(minWait - elapsed * 1000)) };
    this.#wait(count, { ...rest, ...left, timeout: timeout - elapsed }, early);
  }

  /** Nothing stands in the ring: does the kernel hold something back? */
  #peekBehind(): Cqe | null {
    this.refuseClosed();
    if (!this.#iopoll && !this.cqNeedsEnter) return null;
    this.getEvents();
    return this.#cq.peek();
  }

  #check(result: number): number {
    if (result < 0) throw this.#enter.error(result, 'io_uring_enter');
    return result;
  }

  #noEntry(): Error {
    if (this.#enter.closed) return this.#enter.error(EBADF, 'io_uring_enter');
    return invalidState('There is no entry to commit: getSqe() was not called, or returned null');
  }
}
