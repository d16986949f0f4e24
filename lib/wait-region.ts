/**
 * The arguments of waits in memory that the kernel looks at by itself (`struct io_uring_reg_wait`).
 */
import { IORING_REG_WAIT_TS } from '../syscalls/constants/register.ts';
import { checkInteger, invalidValue } from '../syscalls/invalid.ts';
import { io_uring_reg_wait } from '../syscalls/layouts/register.ts';
import { allocatePages, type SharedPages } from '../syscalls/memory.ts';
import { checkWait, SLICE_MS, type WaitOptions } from './enter.ts';

/** Made by `ring.registerWaitRegion(count)`. */
export class WaitRegion {
  /** How many waits it has. */
  readonly count: number;
  readonly pages: SharedPages;
  readonly #view: DataView;
  readonly #options: WaitOptions[];

  constructor(count: number) {
    this.count = count;
    this.pages = allocatePages(count * (WAIT + SIGSET));
    this.#view = new DataView(this.pages.buffer, this.pages.byteOffset, this.pages.byteLength);
    this.#options = Array.from({ length: count }, () => ({}));
    for (let index = 0; index < count; index++) this.set(index, {});
  }

  /**
   * Sets the wait of an index. The kernel itself waits for 100 ms at most, so that the thread can be stopped; what is
   * left of a longer wait is made as waits otherwise are.
   * @throws TypeError, RangeError for options that are none.
   */
  set(index: number, options: WaitOptions): void {
    this.#check(index);
    checkWait(options);
    if (options.until !== undefined)
      throw invalidValue(
        'options.until',
        options.until,
        'is a moment: what is registered is a time from the wait on',
      );
    const { timeout = Infinity, minWait = 0, sigmask } = options;
    const view = this.#view;
    const at = index * WAIT;
    const sigset = this.count * WAIT + index * SIGSET;
    const slice = Math.min(timeout, SLICE_MS);
    view.setBigUint64(at + TS, 0n, true);
    view.setUint32(at + TS + 8, Math.ceil(slice * 1e6), true);
    view.setUint32(at + FLAGS, IORING_REG_WAIT_TS, true);
    view.setUint32(at + MIN_WAIT, Math.min(minWait, Math.ceil(slice * 1000)), true);
    view.setBigUint64(sigset, sigmask ?? 0n, true);
    view.setBigUint64(at + SIGMASK, sigmask === undefined ? 0n : BigInt(this.pages.address + sigset), true);
    view.setUint32(at + SIGMASK_SIZE, sigmask === undefined ? 0 : SIGSET, true);
    this.#options[index] = { ...options };
  }

  /** What was set. */
  get(index: number): WaitOptions {
    this.#check(index);
    return { ...this.#options[index] };
  }

  /** What io_uring_enter is given with IORING_ENTER_EXT_ARG_REG: where the wait of `index` is, in bytes. */
  offsetOf(index: number): number {
    this.#check(index);
    return index * WAIT;
  }

  #check(index: number): void {
    if (!(index >= 0 && index < this.count && Number.isInteger(index)))
      checkInteger('index', index, 0, this.count - 1);
  }
}

const WAIT = io_uring_reg_wait.size;
const SIGSET = 8;
const TS = io_uring_reg_wait.fields['ts.tv_sec'][0];
const FLAGS = io_uring_reg_wait.fields.flags[0];
const MIN_WAIT = io_uring_reg_wait.fields.min_wait_usec[0];
const SIGMASK = io_uring_reg_wait.fields.sigmask[0];
const SIGMASK_SIZE = io_uring_reg_wait.fields.sigmask_sz[0];
