/**
 * The way into the kernel for one ring: io_uring_enter, counted, and waits that never block for long.
 */
import {
  IORING_ENTER_EXT_ARG,
  IORING_ENTER_GETEVENTS,
  IORING_ENTER_REGISTERED_RING,
  IORING_ENTER_SQ_WAKEUP,
} from '../syscalls/constants/enter.ts';
import { POLLIN } from '../syscalls/constants/poll.ts';
import {
  IORING_FEAT_EXT_ARG,
  IORING_FEAT_MIN_TIMEOUT,
  IORING_SETUP_REGISTERED_FD_ONLY,
} from '../syscalls/constants/setup.ts';
import { EBADF, EINTR, EINVAL, EOPNOTSUPP, ETIME } from '../syscalls/errno.ts';
import { UringError } from '../syscalls/error.ts';
import { checkInteger, checkUint32, invalidType, outOfRange } from '../syscalls/invalid.ts';
import { isView } from '../syscalls/is-view.ts';
import type { Kernel } from '../syscalls/kernel.ts';
import { io_uring_getevents_arg, io_uring_reg_wait } from '../syscalls/layouts/register.ts';
import { addressOf, type BufferSource } from '../syscalls/memory.ts';

/** How long to wait, and what for: the arguments of a wait. */
export interface WaitOptions {
  /** Milliseconds, fractions allowed. Default: until what was waited for is there. */
  timeout?: number;
  /**
   * Microseconds after which one completion is enough, however many were asked for. Since Linux 6.12
   * (IORING_FEAT_MIN_TIMEOUT), else EINVAL. io_uring_wait_cqes_min_timeout.
   */
  minWait?: number;
  /** Signals that are blocked during the wait, one bit each, signal 1 the lowest. */
  sigmask?: bigint;
}

/** Tells how many completions stand ready. */
export type Ready = () => number;

export class Enter {
  /** Calls of io_uring_enter so far. */
  calls = 0;
  /** Those that woke the SQPOLL thread. */
  wakeups = 0;
  /** What the running call points at: a property, which no optimizer drops before the call is over. */
  argument: BufferSource | undefined;
  readonly #kernel: Kernel;
  /** -1 once closed: a stale handle can never reach another ring that got the same number. */
  #fd: number;
  readonly #always: number;
  readonly #features: number;
  readonly #extended: boolean;
  /** getevents_arg at 0, its timespec at 32, its sigset at 48. Read by the kernel only during the call. */
  readonly #argument = new DataView(new ArrayBuffer(64));
  readonly #address: number;
  /** Whether the argument holds nothing but a time. */
  #plain = true;

  constructor(kernel: Kernel, fd: number, setupFlags: number, features: number) {
    this.#kernel = kernel;
    this.#fd = fd;
    this.#always = (setupFlags & IORING_SETUP_REGISTERED_FD_ONLY) !== 0 ? IORING_ENTER_REGISTERED_RING : 0;
    this.#features = features;
    this.#extended = (features & IORING_FEAT_EXT_ARG) !== 0;
    this.#address = addressOf(this.#argument);
    this.#argument.setBigUint64(TS, BigInt(this.#address + TIMESPEC), true);
    this.#argument.setUint32(SIGMASK_SIZE, 8, true);
  }

  get closed(): boolean {
    return this.#fd === -1;
  }

  /** From now on every call fails with EBADF. */
  close(): void {
    this.#fd = -1;
  }

  /** io_uring_enter(2): the number of entries consumed, or -errno. May block as its arguments say. */
  call(toSubmit: number, minComplete: number, flags: number, arg = 0, argSize = 0): number {
    this.calls++;
    if ((flags & IORING_ENTER_SQ_WAKEUP) !== 0) this.wakeups++;
    return this.#kernel.enter(this.#fd, toSubmit, minComplete, flags | this.#always, arg, argSize);
  }

  /** io_uring_enter(2) with an argument of the caller's own: memory, which is held during the call, or an offset. */
  raw(
    toSubmit: number,
    minComplete: number,
    flags: number,
    argument: BufferSource | number,
    size?: number,
  ): number {
    if (typeof argument === 'number') {
      checkInteger('argument', argument, 0, Number.MAX_SAFE_INTEGER);
      if (size !== undefined) checkUint32('argumentSize', size);
      return this.call(toSubmit, minComplete, flags, argument, size ?? REG_WAIT_SIZE);
    }
    if (size !== undefined) checkInteger('argumentSize', size, 0, argument.byteLength);
    this.argument = argument;
    const result = this.call(toSubmit, minComplete, flags, addressOf(argument), size ?? argument.byteLength);
    this.argument = undefined;
    return result;
  }

  /**
   * Waits until `count` completions stand ready, in slices of at most 100 ms between which JavaScript gets to run its
   * interrupts: `worker.terminate()` and `process.exit()` take effect there.
   * @returns 0, -ETIME when the time ran out first, -EINTR after a signal, or another -errno.
   */
  wait(count: number, flags: number, options: WaitOptions | undefined, ready: Ready): number {
    if (options !== undefined) this.#check(options);
    let standing = ready();
    if (standing >= count) return 0;
    const timeout = options?.timeout ?? Infinity;
    const minWait = (options?.minWait ?? Infinity) / 1000;
    const start = performance.now();
    let asked = flags;
    // At least one slice, also without any time: what the kernel holds back comes out only there.
    let interrupted = false;
    for (let elapsed = 0; ; ) {
      const slice = Math.min(Math.max(timeout - elapsed, 0), interrupted ? LATE_MS : SLICE_MS);
      const begun = elapsed;
      const stood = standing;
      this.#describe(options, slice, minWait - elapsed);
      const result = this.#slice(elapsed >= minWait ? 1 : count, asked, slice, standing);
      // Once is enough.
      asked &= ~IORING_ENTER_SQ_WAKEUP;
      elapsed = performance.now() - start;
      standing = ready();
      if (standing >= (elapsed >= minWait ? 1 : count)) return 0;
      if (result < 0 && result !== -ETIME) return result;
      if (elapsed >= timeout) return -ETIME;
      const brought = standing !== stood;
      if (interrupted && !brought) return -EINTR;
      // With a completion standing the kernel hides -EINTR behind 0: it came back early, and brought none. So it also
      // does for a time-out whose completion the SQPOLL thread is about to post: that one gets a moment.
      interrupted = this.#extended && result === 0 && stood > 0 && !brought && elapsed - begun < slice;
    }
  }

  /** An UringError for `errno` of this ring: a closed one says that it is. */
  error(errno: number, syscall: string): UringError {
    if (this.closed) return new UringError(EBADF, syscall, 'The ring is closed: make a new one.');
    return new UringError(errno, syscall);
  }

  #slice(count: number, flags: number, milliseconds: number, standing: number): number {
    if (!this.#extended) return this.#poll(flags, milliseconds, standing);
    const all = flags | IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
    return this.call(0, count, all, this.#address, ARGUMENT_SIZE);
  }

  /** Fills in the getevents_arg for one slice; milliseconds below 4,294. */
  #describe(options: WaitOptions | undefined, milliseconds: number, minWaitLeft: number): void {
    const argument = this.#argument;
    argument.setUint32(TIMESPEC + 8, Math.ceil(milliseconds * 1e6), true);
    if (options === undefined && this.#plain) return;
    const { sigmask, minWait } = options ?? {};
    this.#plain = options === undefined;
    argument.setBigUint64(SIGMASK, sigmask === undefined ? 0n : BigInt(this.#address + SIGSET), true);
    argument.setBigUint64(SIGSET, sigmask ?? 0n, true);
    const least = minWait === undefined ? 0 : Math.max(0, Math.min(minWaitLeft, milliseconds));
    argument.setUint32(MIN_WAIT, Math.ceil(least * 1000), true);
  }

  /** Before IORING_FEAT_EXT_ARG no enter had a time limit: wait for the ring's fd, then fetch what is there. */
  #poll(flags: number, milliseconds: number, standing: number): number {
    // poll(2) wakes no SQPOLL thread, and knows no closed ring: fd -1 is nothing to wait for.
    const entered = flags !== 0 || this.closed ? this.call(0, 0, flags) : 0;
    if (entered < 0) return entered;
    // With some completions standing the fd is readable all the time: look for more every now and then.
    const [fd, most] = standing > 0 ? [-1, LOOK_AGAIN_MS] : [this.#fd, milliseconds];
    const events = this.#kernel.poll(fd, POLLIN, Math.ceil(Math.min(milliseconds, most)));
    if (events < 0) return events;
    return this.call(0, 0, (flags & ~IORING_ENTER_SQ_WAKEUP) | IORING_ENTER_GETEVENTS);
  }

  #check({ timeout, minWait, sigmask }: WaitOptions): void {
    if (timeout !== undefined && !(typeof timeout === 'number' && timeout >= 0))
      throw invalidType('options.timeout', 'a number of milliseconds, >= 0', timeout);
    if (sigmask !== undefined && typeof sigmask !== 'bigint')
      throw invalidType('options.sigmask', 'of type bigint', sigmask);
    if (sigmask !== undefined && BigInt.asUintN(64, sigmask) !== sigmask)
      throw outOfRange('options.sigmask', '>= 0n && < 2n ** 64n', sigmask);
    if (sigmask !== undefined && !this.#extended)
      throw new UringError(EOPNOTSUPP, 'io_uring_enter', 'A signal mask needs Linux 5.11.');
    if (minWait === undefined) return;
    checkUint32('options.minWait', minWait);
    if ((this.#features & IORING_FEAT_MIN_TIMEOUT) === 0)
      throw new UringError(EINVAL, 'io_uring_enter', 'A minimum wait needs Linux 6.12: leave minWait out.');
  }
}

/** Checks the numbers that a user hands to io_uring_enter. */
export function checkEnter(toSubmit: number, minComplete: number, flags: number): void {
  checkInteger('toSubmit', toSubmit, 0, 0xffff_ffff);
  checkInteger('minComplete', minComplete, 0, 0xffff_ffff);
  checkInteger('flags', flags, 0, 0xffff_ffff);
}

/** Whether the argument of an enter is memory or an offset of the caller's own. */
export function isRaw(argument: unknown): argument is BufferSource | number {
  if (typeof argument === 'number' || isView(argument)) return true;
  return argument instanceof ArrayBuffer || argument instanceof SharedArrayBuffer;
}

const SLICE_MS = 100;
const LOOK_AGAIN_MS = 1;
const LATE_MS = 10;
const ARGUMENT_SIZE: number = io_uring_getevents_arg.size;
const REG_WAIT_SIZE: number = io_uring_reg_wait.size;
const SIGMASK: number = io_uring_getevents_arg.fields.sigmask[0];
const SIGMASK_SIZE: number = io_uring_getevents_arg.fields.sigmask_sz[0];
const MIN_WAIT: number = io_uring_getevents_arg.fields.min_wait_usec[0];
const TS: number = io_uring_getevents_arg.fields.ts[0];
const TIMESPEC = 32;
const SIGSET = 48;
