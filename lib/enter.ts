/**
 * The way into the kernel for one ring: io_uring_enter, counted, and waits that never block for long.
 */

import { types } from 'node:util';
import {
  IORING_ENTER_EXT_ARG,
  IORING_ENTER_GETEVENTS,
  IORING_ENTER_NO_IOWAIT,
  IORING_ENTER_REGISTERED_RING,
  IORING_ENTER_SQ_WAKEUP,
} from '../syscalls/constants/enter.ts';
import { POLLIN } from '../syscalls/constants/poll.ts';
import { IORING_REGISTER_USE_REGISTERED_RING } from '../syscalls/constants/register.ts';
import {
  IORING_FEAT_EXT_ARG,
  IORING_FEAT_MIN_TIMEOUT,
  IORING_FEAT_REG_REG_RING,
  IORING_SETUP_REGISTERED_FD_ONLY,
} from '../syscalls/constants/setup.ts';
import { EBADF, EINTR, EINVAL, EOPNOTSUPP, ETIME } from '../syscalls/errno.ts';
import { UringError } from '../syscalls/error.ts';
import { checkInteger, checkUint32, invalidType, invalidValue, outOfRange } from '../syscalls/invalid.ts';
import { isView } from '../syscalls/is-view.ts';
import type { Kernel } from '../syscalls/kernel.ts';
import { io_uring_getevents_arg, io_uring_reg_wait } from '../syscalls/layouts/register.ts';
import { addressOf, type BufferSource } from '../syscalls/memory.ts';
import type { ControlWord } from './control-word.ts';
import type { CompletionQueue } from './cq.ts';
import { now } from './timers.ts';

/** How long to wait, and what for: the arguments of a wait. */
export interface WaitOptions {
  /** Milliseconds, fractions allowed. Default: until what was waited for is there. */
  timeout?: number;
  /**
   * Wait until this moment at the latest, in the nanoseconds of `process.hrtime.bigint()` (CLOCK_MONOTONIC), whichever
   * clock the ring has. Not together with `timeout`.
   */
  until?: bigint;
  /**
   * Microseconds after which one completion is enough, however many were asked for. Since Linux 6.12
   * (IORING_FEAT_MIN_TIMEOUT), else EINVAL. io_uring_wait_cqes_min_timeout.
   */
  minWait?: number;
  /** Signals that are blocked during the wait, one bit each, signal 1 the lowest. */
  sigmask?: bigint;
}

/** How a system call names a ring: by fd (-1 when it is closed), or by index among the thread's registered rings. */
export interface RingHandle {
  readonly fd: number;
  readonly registered: boolean;
}

export class Enter {
  /** Calls of io_uring_enter so far. */
  calls = 0;
  /** Those that woke the SQPOLL thread. */
  wakeups = 0;
  /** What the running call points at: a property, which no optimizer drops before the call is over. */
  argument: BufferSource | undefined;
  /** Read before every call on a ring that several threads have. */
  control: ControlWord | null = null;
  readonly #kernel: Kernel;
  /** What io_uring_enter is given: the fd, or the index. -1 once closed: a stale handle can never reach another ring. */
  #name: number;
  /** -1 when there is none (IORING_SETUP_REGISTERED_FD_ONLY, `closeFd`). */
  #fd: number;
  /** Among the registered rings of this thread; -1 when it is not. */
  #index = -1;
  #always = 0;
  readonly #features: number;
  readonly #extended: boolean;
  /** getevents_arg at 0, its timespec at 32, its sigset at 48. Read by the kernel only during the call. */
  readonly #argument = new DataView(new ArrayBuffer(64));
  readonly #address: number;
  /** The same with a time limit of nothing, which stays. */
  #atOnce: { readonly address: number; readonly size: number; readonly memory: DataView } | null = null;
  /** Whether the argument holds nothing but a time. */
  #plain = true;

  constructor(kernel: Kernel, fd: number, setupFlags: number, features: number) {
    this.#kernel = kernel;
    this.#name = fd;
    this.#fd = fd;
    this.#features = features;
    this.#extended = (features & IORING_FEAT_EXT_ARG) !== 0;
    this.#address = addressOf(this.#argument);
    this.#argument.setBigUint64(TS, BigInt(this.#address + TIMESPEC), true);
    this.#argument.setUint32(SIGMASK_SIZE, 8, true);
    if ((setupFlags & IORING_SETUP_REGISTERED_FD_ONLY) !== 0) {
      this.#fd = -1;
      this.useIndex(fd);
    }
  }

  get closed(): boolean {
    return this.#name === -1;
  }

  /** From now on every call fails with EBADF. */
  close(): void {
    this.#name = -1;
    this.#fd = -1;
    this.#index = -1;
  }

  /** The fd, or -1. */
  get fd(): number {
    return this.#fd;
  }

  /** The index among the registered rings of this thread, or -1. */
  get index(): number {
    return this.#index;
  }

  /** How io_uring_register, too, can name the ring: by index only where it knows how (Linux 6.3). */
  get handle(): RingHandle {
    const registered =
      this.#index >= 0 && (this.#fd < 0 || (this.#features & IORING_FEAT_REG_REG_RING) !== 0);
    return { fd: registered ? this.#index : this.#fd, registered };
  }

  /** The ring was registered: calls go by its index. */
  useIndex(index: number): void {
    this.#index = index;
    this.#name = index;
    this.#always |= IORING_ENTER_REGISTERED_RING;
  }

  /** Calls go by this fd, and no longer by an index. */
  useFd(fd: number): void {
    this.#index = -1;
    this.#fd = fd;
    this.#name = fd;
    this.#always &= ~IORING_ENTER_REGISTERED_RING;
  }

  /** The fd is another one now (-1: none); by what index the ring is registered stays. */
  moveFd(fd: number): void {
    if (this.#index < 0) this.#name = fd;
    this.#fd = fd;
  }

  /** Whether waiting counts as waiting for I/O. */
  set iowait(enabled: boolean) {
    if (enabled) this.#always &= ~IORING_ENTER_NO_IOWAIT;
    else this.#always |= IORING_ENTER_NO_IOWAIT;
  }

  /** io_uring_enter(2): the number of entries consumed, or -errno. May block as its arguments say. */
  call(toSubmit: number, minComplete: number, flags: number, arg = 0, argSize = 0): number {
    if (this.control?.closed) return -EBADF;
    this.calls++;
    if ((flags & IORING_ENTER_SQ_WAKEUP) !== 0) this.wakeups++;
    return this.#kernel.enter(this.#name, toSubmit, minComplete, flags | this.#always, arg, argSize);
  }

  /**
   * Submits, and runs deferred work until there are so many completions, or none can be had without waiting: one run of the
   * kernel's brings a chain no further than a link. Since Linux 5.11, before which nothing is deferred.
   */
  callAtOnce(toSubmit: number, complete: number, flags: number): number {
    if (complete === 0 || !this.#extended) return this.call(toSubmit, 0, flags | IORING_ENTER_GETEVENTS);
    this.#atOnce ??= atOnce();
    const all = flags | IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
    const result = this.call(toSubmit, complete, all, this.#atOnce.address, this.#atOnce.size);
    return result === -ETIME ? 0 : result;
  }

  /** io_uring_register(2): what the opcode gives, or -errno. */
  register(opcode: number, argument: BufferSource | number, count: number): number {
    if (this.closed || this.control?.closed) return -EBADF;
    const { fd, registered } = this.handle;
    const code = registered ? (opcode | IORING_REGISTER_USE_REGISTERED_RING) >>> 0 : opcode;
    return this.#kernel.register(fd, code, argument, count);
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
   * interrupts: `worker.terminate()` and `process.exit()` take effect there. `interrupted`: a signal is suspected already.
   * @returns 0, -ETIME when the time ran out first, -EINTR after a signal, or another -errno.
   */
  wait(
    count: number,
    flags: number,
    options: WaitOptions | undefined,
    queue: CompletionQueue,
    interrupted = false,
  ): number {
    if (options !== undefined) this.check(options);
    let standing = queue.ready();
    if (standing >= count) return 0;
    const timeout = options === undefined ? Infinity : timeLeft(options);
    const minWait = (options?.minWait || Infinity) / 1000;
    const start = now();
    let asked = flags;
    // At least one slice, also without any time: what the kernel holds back comes out only there.
    let suspected = interrupted;
    for (let elapsed = 0; ; ) {
      const slice = Math.min(Math.max(timeout - elapsed, 0), suspected ? LATE_MS : SLICE_MS);
      const begun = elapsed;
      const stood = standing;
      this.#describe(options, slice, minWait - elapsed);
      const result = this.#slice(elapsed >= minWait ? 1 : count, asked, slice, standing);
      // Once is enough.
      asked &= ~IORING_ENTER_SQ_WAKEUP;
      elapsed = now() - start;
      standing = queue.ready();
      if (standing >= (elapsed >= minWait ? 1 : count)) return 0;
      if (result < 0 && result !== -ETIME) return result;
      if (elapsed >= timeout) return -ETIME;
      const brought = standing !== stood;
      if (suspected && !brought) return -EINTR;
      // With a completion standing the kernel hides -EINTR behind 0: it came back early, and not for a completion of a
      // time-out, for which it does so, too. One that the SQPOLL thread is about to post gets a moment.
      const early = this.#extended && result === 0 && standing > 0 && elapsed - begun < slice;
      suspected = (early || suspected) && !(brought && queue.mayBeTimeout());
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
    const least = !minWait ? 0 : Math.max(0, Math.min(minWaitLeft, milliseconds));
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

  /** Checks the options of a wait, also for what the kernel can do. */
  check(options: WaitOptions): void {
    checkWait(options);
    if (options.sigmask !== undefined && !this.#extended)
      throw new UringError(EOPNOTSUPP, 'io_uring_enter', 'A signal mask needs Linux 5.11.');
    if (options.minWait !== undefined && (this.#features & IORING_FEAT_MIN_TIMEOUT) === 0)
      throw new UringError(EINVAL, 'io_uring_enter', 'A minimum wait needs Linux 6.12: leave minWait out.');
  }
}

/** A getevents_arg with a timespec of nothing behind it. */
function atOnce(): { readonly address: number; readonly size: number; readonly memory: DataView } {
  const memory = new DataView(new ArrayBuffer(64));
  const address = addressOf(memory);
  memory.setBigUint64(TS, BigInt(address + TIMESPEC), true);
  memory.setUint32(SIGMASK_SIZE, 8, true);
  return { address, size: ARGUMENT_SIZE, memory };
}

/** Checks the options of a wait: TypeError, RangeError. */
export function checkWait(options: WaitOptions): void {
  if (typeof options !== 'object' || options === null)
    throw invalidType('options', 'of type object', options);
  const { timeout, until, minWait, sigmask } = options;
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout >= 0))
    throw invalidType('options.timeout', 'a number of milliseconds, >= 0', timeout);
  if (until !== undefined && typeof until !== 'bigint')
    throw invalidType('options.until', 'of type bigint', until);
  if (until !== undefined && timeout !== undefined)
    throw invalidValue('options.until', until, 'does not go together with a timeout');
  if (sigmask !== undefined && typeof sigmask !== 'bigint')
    throw invalidType('options.sigmask', 'of type bigint', sigmask);
  if (sigmask !== undefined && BigInt.asUintN(64, sigmask) !== sigmask)
    throw outOfRange('options.sigmask', '>= 0n && < 2n ** 64n', sigmask);
  if (minWait !== undefined) checkUint32('options.minWait', minWait);
}

/** Milliseconds until the wait is over. */
function timeLeft({ timeout, until }: WaitOptions): number {
  if (until === undefined) return timeout ?? Infinity;
  return Math.max(0, Number(until - process.hrtime.bigint()) / 1e6);
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
  return types.isAnyArrayBuffer(argument);
}

/** The longest that the thread sits in the kernel: after it worker.terminate() and process.exit() take effect. */
export const SLICE_MS = 100;
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
