/**
 * The real kernel, watched and hindered: counts and notes the calls, hides features and setup flags as an older
 * kernel would, fails the n-th call of a kind.
 */
import type { Kernel, Result } from 'tsuring/syscalls';
import {
  EINVAL,
  IORING_ENTER_EXT_ARG,
  IORING_ENTER_EXT_ARG_REG,
  io_uring_params,
  linux,
  readStruct,
  type StructValues,
  writeStruct,
} from 'tsuring/syscalls';
import { memoryAt } from './memory-at.ts';

export type Params = StructValues<typeof io_uring_params>;

export interface EnterCall {
  readonly toSubmit: number;
  readonly minComplete: number;
  readonly flags: number;
  readonly arg: number;
  readonly argSize: number;
  readonly result: Result;
}

export interface ProbeOptions {
  /** IORING_FEAT_… that the ring shall not see. */
  hideFeatures?: number;
  /** IORING_SETUP_… that are refused with -EINVAL. */
  refuseFlags?: number;
  /** Which call of a kind fails (0 is the first), and with what positive errno: nothing is done then. */
  fail?: Partial<Record<keyof Kernel, readonly [nth: number, errno: number]>>;
  /** What stands below: the real kernel unless named. */
  base?: Kernel;
}

export class ProbeKernel implements Kernel {
  /** How often each call was made. */
  readonly calls: Partial<Record<keyof Kernel, number>> = {};
  /** Every io_uring_enter, in order. */
  readonly enters: EnterCall[] = [];
  /** Whether `limits` is to be filled. No enter may have a wrong argument then. */
  noteLimits = false;
  /** Of each enter: how many milliseconds it was to wait at most, where an argument said so. */
  readonly limits: (number | null)[] = [];
  /** What the last successful setup filled in. */
  params: Params | undefined;
  readonly #base: Kernel;
  readonly #options: ProbeOptions;

  constructor(options: ProbeOptions = {}) {
    this.#options = options;
    this.#base = options.base ?? linux;
  }

  pageSize(): number {
    return this.#base.pageSize();
  }

  setup(entries: number, params: Uint8Array): Result {
    return this.#run('setup', () => {
      const { flags } = readStruct(params, io_uring_params);
      if ((flags & (this.#options.refuseFlags ?? 0)) !== 0) return -EINVAL;
      const fd = this.#base.setup(entries, params);
      if (fd < 0) return fd;
      const { features } = readStruct(params, io_uring_params);
      writeStruct(params, io_uring_params, { features: features & ~(this.#options.hideFeatures ?? 0) });
      this.params = readStruct(params.slice(), io_uring_params);
      return fd;
    });
  }

  enter(
    fd: number,
    toSubmit: number,
    minComplete: number,
    flags: number,
    arg: number,
    argSize: number,
  ): Result {
    const extended = flags & (IORING_ENTER_EXT_ARG | IORING_ENTER_EXT_ARG_REG);
    if (this.noteLimits) this.limits.push(extended === IORING_ENTER_EXT_ARG ? limitOf(arg) : null);
    const result = this.#run('enter', () => this.#base.enter(fd, toSubmit, minComplete, flags, arg, argSize));
    this.enters.push({ toSubmit, minComplete, flags, arg, argSize, result });
    return result;
  }

  register(fd: number, opcode: number, arg: Parameters<Kernel['register']>[2], count: number): Result {
    return this.#run('register', () => this.#base.register(fd, opcode, arg, count));
  }

  mmap(...args: Parameters<Kernel['mmap']>): Result {
    return this.#run('mmap', () => this.#base.mmap(...args));
  }

  munmap(address: number, length: number): Result {
    return this.#run('munmap', () => this.#base.munmap(address, length));
  }

  /** Its failure is a throw: it gives no errno. */
  view(address: number, length: number): ArrayBuffer {
    let buffer = new ArrayBuffer(0);
    const failed = this.#run('view', () => {
      buffer = this.#base.view(address, length);
      return 0;
    });
    if (failed < 0) throw new RangeError('no view today');
    return buffer;
  }

  eventfd(initial: number, flags: number): Result {
    return this.#run('eventfd', () => this.#base.eventfd(initial, flags));
  }

  poll(fd: number, events: number, timeout: number): Result {
    return this.#run('poll', () => this.#base.poll(fd, events, timeout));
  }

  /** As the real one, closes `fd` also when it fails. */
  adopt(fd: number): Result {
    let done = false;
    const result = this.#run('adopt', () => {
      done = true;
      return this.#base.adopt(fd);
    });
    if (!done) this.#base.close(this.#base.adopt(fd));
    return result;
  }

  disown(fd: number): Result {
    return this.#run('disown', () => this.#base.disown(fd));
  }

  close(fd: number): Result {
    return this.#run('close', () => this.#base.close(fd));
  }

  #run(name: keyof Kernel, call: () => Result): Result {
    const nth = this.calls[name] ?? 0;
    this.calls[name] = nth + 1;
    const [failing, errno] = this.#options.fail?.[name] ?? [-1, 0];
    return nth === failing ? -errno : call();
  }
}

/** Of a struct io_uring_getevents_arg: the time that its `ts` points at. */
function limitOf(arg: number): number | null {
  const time = Number(memoryAt(arg + 16, 8).readBigUInt64LE());
  if (time === 0) return null;
  const bytes = memoryAt(time, 16);
  return Number(bytes.readBigUInt64LE()) * 1000 + Number(bytes.readBigUInt64LE(8)) / 1e6;
}
