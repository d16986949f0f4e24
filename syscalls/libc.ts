/**
 * The functions of libc that everything here stands on. The only file that knows koffi.
 *
 * koffi is loaded at the first call, not at import: `import 'tsuring'` succeeds on every system, and only making
 * a ring fails where there is nothing to make it of.
 */
import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import type * as Koffi from 'koffi';
import { O_CLOEXEC } from './constants/fcntl.ts';
import { EBADF, ENOSYS } from './errno.ts';
import { UringError } from './error.ts';

/** What libc returns here: the result, or `-errno` where C would return -1 and set errno. */
export type Result = number;

/** The calls, each in the raw form: numbers in, a number or `-errno` out. Addresses are numbers below 2^53. */
export interface Libc {
  /** syscall(2) with six arguments: any system call by its number. */
  syscall(number: number, a: number, b: number, c: number, d: number, e: number, f: number): Result;
  /** io_uring_enter(2): the one call that is made often, so with arguments of the narrowest kinds. */
  enter(
    fd: number,
    toSubmit: number,
    minComplete: number,
    flags: number,
    arg: number,
    argSize: number,
  ): Result;
  mmap(
    address: number,
    length: number,
    protection: number,
    flags: number,
    fd: number,
    offset: number,
  ): Result;
  munmap(address: number, length: number): Result;
  /** madvise(2): MADV_…. */
  madvise(address: number, length: number, advice: number): Result;
  close(fd: number): Result;
  /**
   * io_uring_setup(2), dup3(2) of its fd onto `owned`, close(2) of the first: one call for JavaScript, so that a Worker
   * cannot be terminated in between. `params` is an address. Gives `owned`, or -errno.
   */
  setupOnto(entries: number, params: number, owned: number): Result;
  eventfd(initial: number, flags: number): Result;
  /** pipe2(2): the reading end in the low 32 bits of the result, the writing end above. */
  pipe2(flags: number): Result;
  dup3(oldFd: number, newFd: number, flags: number): Result;
  /** fcntl(2) with F_DUPFD_CLOEXEC: another number for an open file, the lowest that is free. */
  dupfd(fd: number): Result;
  /** poll(2) of one fd: the returned events, 0 after `timeout` milliseconds. */
  poll(fd: number, events: number, timeout: number): Result;
  /** lseek(2): the place where the file stands then. */
  lseek(fd: number, offset: number, whence: number): Result;
  sysconf(name: number): Result;
  /** Whether this is the GNU C library; otherwise musl. */
  readonly isGlibc: boolean;
  /** The address of an ArrayBufferView's first byte. Moves small typed arrays off the JavaScript heap. */
  addressOf(view: ArrayBufferView): number;
  /**
   * The 32 bits at an address that is mapped. A call with numbers only: unlike `view` it cannot meet the end of a
   * terminated Worker half-way.
   */
  peek(address: number): number;
  /**
   * An ArrayBuffer over foreign memory. It faults when it is touched after that memory was unmapped. koffi aborts the
   * process when a Worker is terminated during this call.
   */
  view(address: number, length: number): ArrayBuffer;
}

/** The one Libc of this thread. Throws UringError ENOSYS where the package cannot work, with the reason. */
export function libc(): Libc {
  loaded ??= load();
  return loaded;
}

let loaded: Libc | undefined;

function load(): Libc {
  if (process.platform !== 'linux')
    throw new UringError(ENOSYS, 'io_uring_setup', `io_uring is Linux only, this is ${process.platform}.`);
  if (endianness() !== 'LE' || !['x64', 'arm64'].includes(process.arch))
    throw new UringError(ENOSYS, 'io_uring_setup', `tsuring runs on x64 and arm64, this is ${process.arch}.`);
  return bind(loadKoffi());
}

function loadKoffi(): typeof Koffi {
  try {
    return createRequire(import.meta.url)('koffi');
  } catch (cause) {
    const fix =
      'koffi, which makes the system calls, could not be loaded: install its optional package for this platform.';
    const error = new UringError(ENOSYS, 'dlopen', fix);
    error.cause = cause;
    throw error;
  }
}

function bind(koffi: typeof Koffi): Libc {
  const library = koffi.load(null);
  const i64 = 'int64';
  // Six plain registers and no variadic call: syscall(2) takes them alike on x64 and arm64, glibc and musl.
  const syscall = library.func('syscall', i64, [i64, i64, i64, i64, i64, i64, i64]);
  const enter = library.func('syscall', 'int', ['int', 'int', 'uint', 'uint', 'uint', i64, 'uint']);
  const mmap = library.func('mmap', i64, [i64, i64, 'int', 'int', 'int', i64]);
  const munmap = library.func('munmap', 'int', [i64, i64]);
  const madvise = library.func('madvise', 'int', [i64, i64, 'int']);
  const close = library.func('close', 'int', ['int']);
  const eventfd = library.func('eventfd', 'int', ['uint', 'int']);
  const pipe2 = library.func('pipe2', 'int', [i64, 'int']);
  const dup3 = library.func('dup3', 'int', ['int', 'int', 'int']);
  const poll = library.func('poll', 'int', ['void *', 'ulong', 'int']);
  const lseek = library.func('lseek', i64, ['int', i64, 'int']);
  const sysconf = library.func('sysconf', i64, ['int']);
  const memcpy = library.func('memcpy', i64, [i64, i64, i64]);
  const { errno } = koffi;
  const word = new Uint32Array(1);
  const wordAddress = Number(koffi.address(word));
  const pair = new Int32Array(2);
  const pairAddress = Number(koffi.address(pair));
  const pollfd = new Int32Array(2);
  // errno is the thread's own and koffi keeps it across the call: nothing runs between the failure and this read.
  const result = (value: number): Result => (value === -1 ? -errno() : value);
  return {
    syscall: (n, a, b, c, d, e, f) => result(syscall(n, a, b, c, d, e, f)),
    enter: (fd, toSubmit, minComplete, flags, arg, argSize) => {
      const value = enter(NR_ENTER, fd, toSubmit, minComplete, flags, arg, argSize);
      return value === -1 ? -errno() : value;
    },
    mmap: (address, length, protection, flags, fd, offset) =>
      result(mmap(address, length, protection, flags, fd, offset)),
    munmap: (address, length) => result(munmap(address, length)),
    madvise: (address, length, advice) => result(madvise(address, length, advice)),
    close: (fd) => result(close(fd)),
    setupOnto: (entries, params, owned) => {
      // A Worker is terminated where JavaScript enters a function or repeats a loop, and at no other place: from the
      // first call to the last there is nothing but native functions. Do not wrap them.
      const fd = syscall(NR_SETUP, entries, params, 0, 0, 0, 0);
      if (fd === -1) return -errno();
      const moved = dup3(fd, owned, O_CLOEXEC);
      close(fd);
      return moved === -1 ? -EBADF : moved;
    },
    eventfd: (initial, flags) => result(eventfd(initial, flags)),
    pipe2: (flags) => {
      const failed = result(pipe2(pairAddress, flags));
      return failed < 0 ? failed : pair[0] + pair[1] * 0x1_0000_0000;
    },
    dup3: (oldFd, newFd, flags) => result(dup3(oldFd, newFd, flags)),
    dupfd: (fd) => result(syscall(NR_FCNTL, fd, F_DUPFD_CLOEXEC, 0, 0, 0, 0)),
    poll: (fd, events, timeout) => {
      pollfd[0] = fd;
      pollfd[1] = events & 0xffff;
      const count = result(poll(pollfd, 1, timeout));
      return count > 0 ? pollfd[1] >>> 16 : count;
    },
    lseek: (fd, offset, whence) => result(lseek(fd, offset, whence)),
    sysconf: (name) => result(sysconf(name)),
    isGlibc: has(library, 'gnu_get_libc_version'),
    addressOf: (view) => Number(koffi.address(view)),
    peek: (address) => {
      memcpy(wordAddress, address, 4);
      return word[0];
    },
    view: (address, length) => koffi.view(BigInt(address), length),
  };
}

function has(library: Koffi.LibraryHandle, name: string): boolean {
  try {
    library.func(name, 'str', []);
    return true;
  } catch {
    return false;
  }
}

/** The numbers of io_uring_setup and io_uring_enter, the same on every architecture. */
const NR_SETUP = 425;
const NR_ENTER = 426;
const NR_FCNTL = process.arch === 'arm64' ? 25 : 72;
const F_DUPFD_CLOEXEC = 1030;
