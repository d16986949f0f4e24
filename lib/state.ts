/**
 * One io_uring, driven from TypeScript.
 */
import {
  IORING_ENTER_EXT_ARG,
  IORING_ENTER_GETEVENTS,
  IORING_ENTER_SQ_WAKEUP,
} from '../syscalls/constants/enter.ts';
import { IORING_REGISTER_USE_REGISTERED_RING } from '../syscalls/constants/register.ts';
import {
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_IOPOLL,
  IORING_SETUP_REGISTERED_FD_ONLY,
  IORING_SETUP_SQPOLL,
  IORING_SQ_CQ_OVERFLOW,
  IORING_SQ_TASKRUN,
} from '../syscalls/constants/setup.ts';
import { EBADF, ETIME } from '../syscalls/errno.ts';
import { checkInteger, checkUint32, invalidState, invalidType } from '../syscalls/invalid.ts';
import type { BufferSource, Memory } from '../syscalls/memory.ts';
import { CompletionQueue } from './cq.ts';
import type { Cqe } from './cqe.ts';
import { checkEnter, Enter, isRaw, type WaitOptions } from './enter.ts';
import { Holds } from './holds.ts';
import { checkOptions, type IoUringOptions } from './options.ts';
import { Registrations } from './register/registrations.ts';
import { forget, Resources, releaseWhenDropped } from './resources.ts';
import type { RingCounts, RingMemoryInfo } from './ring-info.ts';
import { setupRing } from './setup.ts';
import { SubmissionQueue } from './sq.ts';
import type { Sqe } from './sqe.ts';

/**
 * One io_uring. It belongs to the thread that made it. By default the kernel's own thread (SQPOLL) takes the
 * submissions, and while it is awake no system call is made at all.
 *
 * A ring with SQPOLL (`usesSqpoll`) acts for ever with the identity that its creator had, also after setuid; others
 * act with that of whoever submits.
 */
export class IoUringState extends Registrations {
  readonly #resources: Resources;
  readonly #sq: SubmissionQueue;
  readonly #cq: CompletionQueue;
  readonly #enter: Enter;
  readonly #holds: Holds;
  readonly #sqpoll: boolean;
  /** What submit adds so that completions become visible at once: only some kinds of ring need to be asked. */
  readonly #fetch: number;
  readonly #ready = () => this.#cq.ready();
  readonly #release = (cqe: Cqe) => this.#holds.complete(cqe);
  #sqes = 0;

  /** IORING_SETUP_… flags of the ring, those included that were added to give it its memory. */
  override readonly setupFlags: number;
  /** IORING_FEAT_… of the kernel. */
  override readonly features: number;
  /** Entries of the submission queue: what was asked for, rounded up to a power of two. */
  readonly sqEntries: number;
  /** Entries of the completion queue. */
  readonly cqEntries: number;

  /**
   * Makes a ring of `entries` submission entries, rounded up to a power of two, at most 32,768. By default with
   * SQPOLL and an idle time of 2,000 ms. io_uring_setup(2), since Linux 5.1.
   * @throws TypeError, RangeError for arguments; UringError with the kernel's errno and a `fix` where it refuses.
   */
  constructor(entries: number, options: IoUringOptions = {}) {
    super();
    const checked = checkOptions(entries, options);
    const made = setupRing(checked);
    this.#enter = new Enter(checked.kernel, made.fd, made.flags, made.features);
    this.#holds = new Holds();
    this.#sq = new SubmissionQueue(made.sq);
    this.#cq = new CompletionQueue(made.cq);
    this.#resources = new Resources(checked.kernel, made, this.#enter, this.#holds);
    this.#sqpoll = (made.flags & IORING_SETUP_SQPOLL) !== 0;
    const lazy = IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_IOPOLL;
    this.#fetch = (made.flags & lazy) !== 0 ? IORING_ENTER_GETEVENTS : 0;
    this.setupFlags = made.flags;
    this.features = made.features;
    this.sqEntries = made.sq.entries;
    this.cqEntries = made.cq.entries;
    releaseWhenDropped(this, this.#resources);
  }

  // --- the submission queue

  /**
   * The next free submission entry, zeroed; asked again, the same one with what was written to it, until `commitSqe`
   * or `stageSqe`. Null when the queue is full: submit, or with SQPOLL wait a moment. io_uring_get_sqe.
   * @throws UringError EBADF when the ring is closed.
   */
  getSqe(): Sqe | null {
    const sqe = this.#sq.current();
    if (sqe === null) this.#refuseClosed();
    return sqe;
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
    if (sq.sqe.held !== null) this.#hold(sq.sqe);
  }

  /** Publishes all staged entries with one store of the tail, and makes no system call. io_uring_flush_sq. */
  flush(): void {
    this.#refuseClosed();
    this.#publish();
  }

  /** Entries that the kernel has not consumed yet, staged ones included. io_uring_sq_ready. */
  sqReady(): number {
    this.#refuseClosed();
    return this.#sq.ready();
  }

  /** Free entries. io_uring_sq_space_left. */
  sqSpaceLeft(): number {
    return this.sqEntries - this.sqReady();
  }

  /** Entries that the kernel dropped because the SQ array named an entry that is not there. */
  get sqDropped(): number {
    return this.#sq.dropped();
  }

  /** Whether the kernel's own thread takes the submissions (IORING_SETUP_SQPOLL). */
  get usesSqpoll(): boolean {
    return this.#sqpoll;
  }

  /** Whether the SQPOLL thread sleeps, so that published entries wait for `wakeSqpoll`. False without SQPOLL. */
  get sqNeedsWakeup(): boolean {
    return this.#sqpoll && this.#sq.needsWakeup();
  }

  /** Wakes the SQPOLL thread: one system call. Nothing happens when it is awake or there is none. */
  wakeSqpoll(): void {
    if (this.sqNeedsWakeup) this.#check(this.#enter.call(this.#sq.pending(), 0, IORING_ENTER_SQ_WAKEUP));
    else this.#refuseClosed();
  }

  // --- submitting and waiting

  /**
   * Publishes what is staged and hands it to the kernel. With SQPOLL a system call is made only to wake the thread.
   * io_uring_submit.
   * @returns how many entries the kernel took (with SQPOLL: will take). Fewer than were ready when one was refused
   * at once (without IORING_SETUP_SUBMIT_ALL); the rest stays queued for the next call.
   * @throws UringError: EBUSY when completions must be reaped first, EAGAIN for want of memory (the entries stay
   * queued, and what they point at stays held), EINTR, EEXIST from another thread on a SINGLE_ISSUER ring, …
   */
  submit(): number {
    const sq = this.#sq;
    this.#publish();
    const pending = sq.pending();
    if (!this.#sqpoll) {
      if (pending === 0 && !this.#enter.closed) return 0;
      const taken = this.#check(this.#enter.call(pending, 0, 0));
      sq.rewind(taken);
      return taken;
    }
    if (pending > 0 && sq.needsWakeup()) this.#check(this.#enter.call(pending, 0, IORING_ENTER_SQ_WAKEUP));
    else this.#refuseClosed();
    return pending;
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
    const taken = this.#sqpoll ? this.submit() : this.#submitAndFetch();
    if (this.#cq.ready() < count && (this.#sqpoll || this.#sq.pending() === 0)) this.#wait(count, options);
    return taken;
  }

  /** `submit`, and makes completions visible that wait in the kernel. io_uring_submit_and_get_events. */
  submitAndGetEvents(): number {
    this.#publish();
    const pending = this.#sq.pending();
    const wake = this.sqNeedsWakeup ? IORING_ENTER_SQ_WAKEUP : 0;
    const taken = this.#check(
      this.#enter.call(this.#sqpoll && !wake ? 0 : pending, 0, IORING_ENTER_GETEVENTS | wake),
    );
    this.#sq.rewind(taken);
    return this.#sqpoll ? pending : taken;
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
    if (isRaw(argument)) {
      const taken = this.#check(this.#enter.raw(toSubmit, minComplete, flags, argument, argumentSize));
      this.#sq.rewind(taken);
      return taken;
    }
    if (argument !== undefined && (typeof argument !== 'object' || argument === null))
      throw invalidType('argument', 'of type object', argument);
    const waits = (flags & IORING_ENTER_GETEVENTS) !== 0 && minComplete > 0;
    const first = toSubmit > 0 || (flags & IORING_ENTER_SQ_WAKEUP) !== 0 || !waits;
    const taken = first ? this.#check(this.#enter.call(toSubmit, 0, flags & ~IORING_ENTER_EXT_ARG)) : 0;
    this.#sq.rewind(taken);
    if (!waits || taken < toSubmit) return taken;
    const least = Math.min(minComplete, this.cqEntries);
    const result = this.#enter.wait(least, flags & ~IORING_ENTER_SQ_WAKEUP, argument, this.#ready);
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
    this.#refuseClosed();
    const cqe = this.#cq.peek();
    if (cqe !== null && (count <= 1 || this.#cq.ready() >= count)) return cqe;
    return this.#wait(count, options) ? this.#cq.peek() : null;
  }

  /** Acknowledges the `count` oldest completions: what they held is let go. io_uring_cq_advance. */
  advanceCq(count = 1): void {
    this.#refuseClosed();
    if (this.#holds.size > 0) this.#cq.visit(count, this.#release);
    this.#cq.advance(count);
  }

  /**
   * Calls `callback` for every completion that stands ready, oldest first, and acknowledges all of them with one store
   * at the end; when `callback` throws, those up to and with that one. io_uring_for_each_cqe, io_uring_cq_advance.
   * @returns their number.
   */
  forEachCqe(callback: (cqe: Cqe) => void): number {
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
    this.#refuseClosed();
    return this.#cq.ready();
  }

  /** Whether completions wait in the kernel because the queue was full. io_uring_cq_has_overflow. */
  get cqHasOverflow(): boolean {
    return (this.#sq.flags() & IORING_SQ_CQ_OVERFLOW) !== 0;
  }

  /** Completions that were lost for good. Zero on every kernel with IORING_FEAT_NODROP (Linux 5.5). */
  get cqOverflow(): number {
    return this.#cq.overflow();
  }

  // --- registering

  override register(opcode: number, argument: BufferSource | number, count: number): number {
    checkUint32('opcode', opcode);
    checkUint32('count', count);
    if (typeof argument === 'number') checkInteger('argument', argument, 0, Number.MAX_SAFE_INTEGER);
    if (this.#enter.closed) throw this.#enter.error(EBADF, 'io_uring_register');
    const { kernel, ring } = this.#resources;
    const registered = (this.setupFlags & IORING_SETUP_REGISTERED_FD_ONLY) !== 0;
    const code = registered ? (opcode | IORING_REGISTER_USE_REGISTERED_RING) >>> 0 : opcode;
    const result = kernel.register(ring.fd, code, argument, count);
    if (result < 0) throw this.#enter.error(result, 'io_uring_register');
    return result;
  }

  protected override keep(things: readonly (BufferSource | Memory)[]): void {
    this.#resources.keep(things);
  }

  // --- the ring

  /** The ring's fd, or its index with IORING_SETUP_REGISTERED_FD_ONLY; -1 when closed. */
  get fd(): number {
    return this.#enter.closed ? -1 : this.#resources.ring.fd;
  }

  /** Where the ring's memory is, and which kind. */
  get memory(): RingMemoryInfo {
    return this.#resources.ring.memory;
  }

  /** What the ring has done so far. */
  get counts(): RingCounts {
    return {
      sqes: this.#sqes + this.#sq.staged,
      cqes: this.#cq.acknowledged,
      enters: this.#enter.calls,
      wakeups: this.#enter.wakeups,
    };
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#enter.closed;
  }

  /**
   * Closes the ring: the kernel cancels what is in flight, some of it a little later. Idempotent. Afterwards every other
   * method throws UringError EBADF, and nothing that the kernel may still do reaches the ring's memory. Buffers of
   * operations in flight are kept for some seconds; SharedPages need no keeping.
   */
  close(): void {
    this.#sq.detach();
    this.#cq.detach();
    forget(this.#resources);
    this.#resources.release();
  }

  [Symbol.dispose](): void {
    this.close();
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
    this.#holds.add(sqe.userData, sqe.held!);
    sqe.held = null;
  }

  /** True when `count` completions are there, false when the time ran out. */
  #wait(count: number, options: WaitOptions | undefined): boolean {
    const wake = this.sqNeedsWakeup && this.#sq.pending() > 0 ? IORING_ENTER_SQ_WAKEUP : 0;
    const result = this.#enter.wait(Math.min(count, this.cqEntries), wake, options, this.#ready);
    if (result === -ETIME) return false;
    this.#check(result);
    return true;
  }

  /** Nothing stands in the ring: does the kernel hold something back? */
  #peekBehind(): Cqe | null {
    this.#refuseClosed();
    if ((this.#sq.flags() & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN)) === 0) return null;
    this.getEvents();
    return this.#cq.peek();
  }

  #check(result: number): number {
    if (result < 0) throw this.#enter.error(result, 'io_uring_enter');
    return result;
  }

  #refuseClosed(): void {
    if (this.#enter.closed) throw this.#enter.error(EBADF, 'io_uring_enter');
  }

  #noEntry(): Error {
    if (this.#enter.closed) return this.#enter.error(EBADF, 'io_uring_enter');
    return invalidState('There is no entry to commit: getSqe() was not called, or returned null');
  }
}
