/**
 * The kernel as the layers above see it: one object with everything they ask of it, so that a scripted kernel can
 * stand in for the real one (`new IoUringState(8, { kernel })`).
 */
import { closeSync, existsSync, openSync } from 'node:fs';
import { O_CLOEXEC } from './constants/fcntl.ts';
import { libc, type Result } from './libc.ts';
import { type BufferSource, pageSize } from './memory.ts';
import { ioUringEnter, ioUringRegister, ioUringSetup, withAddress } from './uring.ts';

/** System calls in the raw form: the result, or `-errno`. Addresses are numbers. */
export interface Kernel {
  /** Bytes of a page. */
  pageSize(): number;
  /** io_uring_setup(2). `params` is a `struct io_uring_params`, filled in by the call. */
  setup(entries: number, params: Uint8Array): Result;
  /** io_uring_enter(2). `arg` is an address, 0 for none. */
  enter(
    fd: number,
    toSubmit: number,
    minComplete: number,
    flags: number,
    arg: number,
    argSize: number,
  ): Result;
  /** io_uring_register(2). A buffer given as `arg` is kept alive during the call. */
  register(fd: number, opcode: number, arg: BufferSource | number, count: number): Result;
  /** mmap(2). */
  mmap(
    address: number,
    length: number,
    protection: number,
    flags: number,
    fd: number,
    offset: number,
  ): Result;
  /** munmap(2). */
  munmap(address: number, length: number): Result;
  /** An ArrayBuffer over mapped memory. It faults when it is touched after the memory was unmapped. */
  view(address: number, length: number): ArrayBuffer;
  /** eventfd(2). */
  eventfd(initial: number, flags: number): Result;
  /** poll(2) of one fd; the events that came, 0 after `timeout` milliseconds. */
  poll(fd: number, events: number, timeout: number): Result;
  /**
   * Moves an open file to an fd that Node itself opened and so closes when the Worker ends, however it ends
   * (unless the Worker was made with `trackUnmanagedFds: false`). Close it with `close` of this object.
   */
  adopt(fd: number): Result;
  /**
   * The opposite of `adopt`: moves an open file to an fd of which Node knows nothing, so that it stays open however a
   * Worker ends. Close-on-exec. fcntl(2) with F_DUPFD_CLOEXEC.
   */
  disown(fd: number): Result;
  /** Closes what `adopt` or `disown` gave. */
  close(fd: number): Result;
}

/** The kernel we run on. Nothing is loaded before its first call. */
export const linux: Kernel = {
  pageSize,
  setup: ioUringSetup,
  enter: ioUringEnter,
  register: ioUringRegister,
  mmap: (address, length, protection, flags, fd, offset) =>
    libc().mmap(address, length, protection, flags, fd, offset),
  munmap: (address, length) => libc().munmap(address, length),
  view: (address, length) => libc().view(address, length),
  eventfd: (initial, flags) => libc().eventfd(initial, flags),
  poll: (fd, events, timeout) => libc().poll(fd, events, timeout),
  adopt,
  disown,
  close,
};

/**
 * `setup` and `adopt` of the real kernel in one, so that a Worker that is terminated meanwhile leaves no fd behind. Gives
 * the fd, or -errno. Not part of Kernel: whoever puts another `setup` or `adopt` in place has both called.
 */
export function setupOwned(entries: number, params: Uint8Array): Result {
  const owned = placeholder();
  if (owned < 0) return owned;
  const fd = withAddress(params, (address) => libc().setupOnto(entries, address, owned));
  if (fd < 0) close(owned);
  return fd;
}

function adopt(fd: number): Result {
  const owned = placeholder();
  const moved = owned < 0 ? owned : libc().dup3(fd, owned, O_CLOEXEC);
  libc().close(fd);
  if (moved < 0 && owned >= 0) close(owned);
  return moved;
}

function disown(fd: number): Result {
  const moved = libc().dupfd(fd);
  if (moved >= 0) close(fd);
  return moved;
}

/** An fd of which Node knows, for another file to take its place; or -errno. */
function placeholder(): Result {
  try {
    // A chroot may be without devices, but not without a root.
    const fd = openSync(existsSync('/dev/null') ? '/dev/null' : '/', 'r');
    adopted.add(fd);
    return fd;
  } catch (error) {
    return (error as NodeJS.ErrnoException).errno ?? -1;
  }
}

/** Fds that Node opened for this thread. It warns when others are closed by its own functions. */
const adopted = new Set<number>();

function close(fd: number): Result {
  if (!adopted.delete(fd)) return libc().close(fd);
  try {
    closeSync(fd);
    return 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).errno ?? -1;
  }
}
