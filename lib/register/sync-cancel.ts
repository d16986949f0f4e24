/**
 * Cancelling, and waiting until what was cancelled is gone.
 */
import { IORING_REGISTER_SYNC_CANCEL } from '../../syscalls/constants/register.ts';
import {
  IORING_ASYNC_CANCEL_ANY,
  IORING_ASYNC_CANCEL_FD,
  IORING_ASYNC_CANCEL_OP,
  IORING_ASYNC_CANCEL_USERDATA,
} from '../../syscalls/constants/sqe.ts';
import { ENOENT, ETIME } from '../../syscalls/errno.ts';
import { UringError } from '../../syscalls/error.ts';
import {
  checkFd,
  checkInteger,
  checkUint32,
  invalidType,
  invalidValue,
  outOfRange,
} from '../../syscalls/invalid.ts';
import { io_uring_sync_cancel_reg } from '../../syscalls/layouts/register.ts';
import { makeStruct } from '../../syscalls/struct.ts';
import { type Duration, timespec, writeTimespec } from '../args/timespec.ts';
import { uint64 } from '../ops/check.ts';
import type { U64 } from '../sqe.ts';
import { WorkerRegistrations } from './workers.ts';

/** What to cancel: requests for which all that is given is so. */
export interface SyncCancel {
  /** Their user data. */
  userData?: U64;
  /** Their file, or with IORING_ASYNC_CANCEL_FD_FIXED its slot among the registered files. */
  fd?: number;
  /** Their operation, IORING_OP_…. Since Linux 6.6, as is the user data beside one of the others. */
  opcode?: number;
  /**
   * IORING_ASYNC_CANCEL_ALL for every match, not only the first; IORING_ASYNC_CANCEL_ANY for every request, when nothing
   * else is given; IORING_ASYNC_CANCEL_FD_FIXED. Those that tell what is given are added.
   */
  flags?: number;
  /** How long to wait at most, milliseconds or, as a bigint, nanoseconds. Default: as long as it takes. */
  timeout?: Duration;
}

export abstract class SyncCancelRegistrations extends WorkerRegistrations {
  /**
   * Cancels requests and, where one is running in a worker thread of the kernel, waits until it is stopped. Their
   * completions come a little later, if they are not there yet; until then their memory is the kernel's. Blocks this
   * thread, in slices of at most 100 ms, so that it can be stopped.
   *
   * Since Linux 6.0. io_uring_register_sync_cancel.
   * @returns 0; with IORING_ASYNC_CANCEL_ALL or IORING_ASYNC_CANCEL_ANY how many were cancelled, which may be none.
   * @throws UringError ENOENT when there is no such request, ETIME when it was still running after `timeout`, EBADF for
   * an fd that is not open, EINTR when a signal came: return to the event loop, so that its handler runs, and call again.
   */
  registerSyncCancel(what: SyncCancel): number {
    const argument = encode(what);
    const limit = milliseconds(what.timeout);
    const start = performance.now();
    for (let elapsed = 0, waited = false; ; elapsed = performance.now() - start, waited = true) {
      const left = Math.max(limit - elapsed, 0);
      writeTimespec(argument, Math.min(left, SLICE_MS), TIMEOUT);
      try {
        return this.register(IORING_REGISTER_SYNC_CANCEL, argument, 1);
      } catch (error) {
        if (!(error instanceof UringError)) throw error;
        // It was there in an earlier slice, and ended between two.
        if (waited && error.errno === -ENOENT) return 0;
        if (error.errno !== -ETIME || left <= SLICE_MS) throw error;
      }
    }
  }
}

function encode(what: SyncCancel): Uint8Array<ArrayBuffer> {
  if (typeof what !== 'object' || what === null) throw invalidType('what', 'of type object', what);
  const { userData, fd, opcode, flags = 0 } = what;
  let all = checkUint32('what.flags', flags);
  if (fd !== undefined) all |= IORING_ASYNC_CANCEL_FD;
  if (opcode !== undefined) all |= IORING_ASYNC_CANCEL_OP;
  // Alone it needs no flag, and older kernels know none.
  if (userData !== undefined && (all & KEYS) !== 0) all |= IORING_ASYNC_CANCEL_USERDATA;
  const named = fd !== undefined || opcode !== undefined || userData !== undefined;
  if (named === ((all & IORING_ASYNC_CANCEL_ANY) !== 0))
    throw invalidValue(
      'what',
      what,
      'must have a userData, fd or opcode, or IORING_ASYNC_CANCEL_ANY instead',
    );
  return makeStruct(io_uring_sync_cancel_reg, {
    addr: userData === undefined ? 0 : uint64('what.userData', userData),
    fd: fd === undefined ? -1 : checkFd('what.fd', fd),
    flags: all >>> 0,
    opcode: opcode === undefined ? 0 : checkInteger('what.opcode', opcode, 0, 0xff),
  });
}

function milliseconds(timeout: Duration | undefined): number {
  if (timeout === undefined) return Infinity;
  timespec(timeout);
  if (timeout < 0) throw outOfRange('what.timeout', '>= 0', timeout);
  return typeof timeout === 'bigint' ? Number(timeout) / 1e6 : timeout;
}

const KEYS = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_OP;
const TIMEOUT: number = io_uring_sync_cancel_reg.fields['timeout.tv_sec'][0];
const SLICE_MS = 100;
