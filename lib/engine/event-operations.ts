/**
 * Operations that wait for something, and what has no other place.
 */
import { O_CLOEXEC } from '../../syscalls/constants/fcntl.ts';
import { FUTEX_BITSET_MATCH_ANY, FUTEX2_SIZE_U32 } from '../../syscalls/constants/futex.ts';
import { POLLIN } from '../../syscalls/constants/poll.ts';
import { WEXITED } from '../../syscalls/constants/wait.ts';
import { ETIME } from '../../syscalls/errno.ts';
import { invalidType } from '../../syscalls/invalid.ts';
import type { BufferSource, Memory } from '../../syscalls/memory.ts';
import { EpollEvents, epollEvent } from '../args/epoll-events.ts';
import { type FutexWaiter, FutexWaiters } from '../args/futex-waiters.ts';
import { type ChildState, readSiginfo, SIGINFO_BYTES } from '../args/siginfo.ts';
import { type Duration, timespec } from '../args/timespec.ts';
import { madvise } from '../ops/advise.ts';
import { bits32 } from '../ops/check.ts';
import { epollCtl, epollWait } from '../ops/epoll.ts';
import { futexWait, futexWaitv, futexWake } from '../ops/futex.ts';
import { nop } from '../ops/nop.ts';
import { pipe } from '../ops/pipe.ts';
import { pollAdd } from '../ops/poll.ts';
import { timeout } from '../ops/timeout.ts';
import { waitid } from '../ops/waitid.ts';
import type { U64 } from '../sqe.ts';
import { type File, numberOf, type OperationOptions } from './operations.ts';
import { nothing } from './settle.ts';
import { SocketOperations } from './socket-operations.ts';

/** Of waiting for a time. */
export interface TimeoutOptions extends OperationOptions {
  /** IORING_TIMEOUT_ABS for a moment, IORING_TIMEOUT_BOOTTIME or IORING_TIMEOUT_REALTIME for another clock. */
  flags?: number | undefined;
}

/** Of waiting on a futex, and of waking who waits. */
export interface FutexOptions extends OperationOptions {
  /** Which waiters and wakers meet: those whose masks have a bit in common. Default: all. */
  mask?: U64 | undefined;
  /** FUTEX2_… flags. Default FUTEX2_SIZE_U32; add FUTEX2_PRIVATE when all who use the futex are of this process. */
  futexFlags?: number | undefined;
}

/** What an epoll instance tells of a file. */
export interface EpollEvent {
  /** EPOLLIN, EPOLLHUP …. */
  readonly events: number;
  /** What `epollCtl` was given: a number while it is a safe integer, a bigint beyond. */
  readonly data: U64;
}

/** A futex: the first 32 bits of memory that others see too, such as a SharedArrayBuffer's. */
export type Futex = BufferSource | Memory;

export abstract class EventOperations extends SocketOperations {
  /**
   * Waits until a file is ready for one of the events. Gives those that there are, perhaps with POLLERR and POLLHUP. Since
   * Linux 5.1. poll(2), io_uring_prep_poll_add.
   * @param events POLLIN, POLLOUT ….
   */
  poll(file: File, events: number = POLLIN, options?: OperationOptions): Promise<number> {
    return this.request({
      name: 'poll',
      file,
      options,
      encode: (sqe) => pollAdd(sqe, numberOf(file), events),
    });
  }

  /**
   * Waits until a time is up. Since Linux 5.4. io_uring_enter(2), IORING_OP_TIMEOUT; io_uring_prep_timeout.
   * @param duration milliseconds as a number, fractions allowed, or nanoseconds as a bigint.
   */
  timeout(duration: Duration, options?: TimeoutOptions): Promise<void> {
    return this.request({
      name: 'timeout',
      options,
      encode: (sqe) => timeout(sqe, timespec(duration), 0, options?.flags),
      // So says the kernel when the time is up.
      accepts: -ETIME,
      finish: nothing,
    });
  }

  /**
   * Waits until somebody wakes those who wait on the futex. Rejected with EAGAIN when it has not the value. Since Linux
   * 6.7. futex(2), io_uring_prep_futex_wait.
   * @param value what the futex is expected to hold, 32 bits not negative.
   */
  futexWait(futex: Futex, value: U64, options?: FutexOptions): Promise<void> {
    return this.request({
      name: 'futexWait',
      options,
      encode: (sqe) => {
        const { mask = FUTEX_BITSET_MATCH_ANY, futexFlags = FUTEX2_SIZE_U32 } = options ?? NONE;
        futexWait(sqe, memoryOf('futex', futex), value, mask, futexFlags);
      },
      finish: nothing,
    });
  }

  /**
   * Wakes those who wait on the futex, `count` at most. Gives how many. Since Linux 6.7. futex(2),
   * io_uring_prep_futex_wake.
   */
  futexWake(futex: Futex, count: U64 = 1, options?: FutexOptions): Promise<number> {
    return this.request({
      name: 'futexWake',
      options,
      encode: (sqe) => {
        const { mask = FUTEX_BITSET_MATCH_ANY, futexFlags = FUTEX2_SIZE_U32 } = options ?? NONE;
        futexWake(sqe, memoryOf('futex', futex), count, mask, futexFlags);
      },
    });
  }

  /**
   * Waits on several futexes, until somebody wakes those who wait on one of them. Gives its index. Rejected with EAGAIN
   * when one has not its value. Since Linux 6.7. futex_waitv(2), io_uring_prep_futex_waitv.
   * @param waiters 1 to 128 of them.
   */
  futexWaitv(waiters: FutexWaiters | readonly FutexWaiter[], options?: OperationOptions): Promise<number> {
    return this.request({
      name: 'futexWaitv',
      options,
      encode: (sqe) => {
        const all = waiters instanceof FutexWaiters ? waiters : new FutexWaiters(waiters);
        futexWaitv(sqe, all, all.count);
      },
    });
  }

  /**
   * Waits for a child process to end, stop or go on. Not for those of node:child_process: Node reaps them itself. Since
   * Linux 6.7. waitid(2), io_uring_prep_waitid.
   * @param idType what `id` is: P_PID, P_PGID, P_PIDFD, or P_ALL for any child.
   * @param states WEXITED, WSTOPPED, WCONTINUED, with WNOWAIT, and with WNOHANG: then `signo` is 0 when there is nothing.
   */
  waitid(
    idType: number,
    id: number,
    states: number = WEXITED,
    options?: OperationOptions,
  ): Promise<ChildState> {
    const info = Buffer.alloc(SIGINFO_BYTES);
    return this.request({
      name: 'waitid',
      options,
      encode: (sqe) => waitid(sqe, idType, id, info, states),
      finish: () => readSiginfo(info),
    });
  }

  /**
   * Adds, changes or removes a file that an epoll instance watches. Since Linux 5.6. epoll_ctl(2),
   * io_uring_prep_epoll_ctl.
   * @param epollFd the instance's descriptor; no registered file.
   * @param fd the descriptor to watch; no registered file.
   * @param op EPOLL_CTL_ADD, EPOLL_CTL_MOD or EPOLL_CTL_DEL.
   * @param events EPOLLIN, EPOLLOUT, EPOLLET ….
   * @param data 64 bits that come back with the events. Default: the descriptor.
   */
  epollCtl(
    epollFd: number,
    fd: number,
    op: number,
    events = 0,
    data: U64 = fd,
    options?: OperationOptions,
  ): Promise<void> {
    return this.request({
      name: 'epollCtl',
      options,
      encode: (sqe) => epollCtl(sqe, epollFd, fd, op, epollEvent(events, data)),
      finish: nothing,
    });
  }

  /**
   * Waits until an epoll instance has something to tell. Gives one entry for each file, `most` at most. Since Linux 6.15.
   * epoll_wait(2), io_uring_prep_epoll_wait.
   */
  epollWait(epoll: File, most = 64, options?: OperationOptions): Promise<EpollEvent[]> {
    let room: EpollEvents;
    return this.request({
      name: 'epollWait',
      file: epoll,
      options,
      encode: (sqe) => {
        room = new EpollEvents(most);
        epollWait(sqe, numberOf(epoll), room, most);
      },
      finish: (count) =>
        Array.from({ length: count }, (_, n): EpollEvent => ({ events: room.events(n), data: room.data(n) })),
    });
  }

  /**
   * Makes a pipe. Gives the end to read and the end to write, which are yours to close; they are close-on-exec. Since
   * Linux 6.16. pipe2(2), io_uring_prep_pipe.
   * @param flags O_NONBLOCK, O_DIRECT.
   */
  pipe(flags = 0, options?: OperationOptions): Promise<[readFd: number, writeFd: number]> {
    const fds = new Int32Array(2);
    return this.request({
      name: 'pipe',
      options,
      encode: (sqe) => pipe(sqe, fds, bits32('flags', flags) | O_CLOEXEC),
      finish: () => [fds[0], fds[1]],
    });
  }

  /**
   * Tells how memory will be used: MADV_…. MADV_DONTNEED and MADV_FREE throw away what it holds. Since Linux 5.6.
   * madvise(2), io_uring_prep_madvise.
   * @param memory begins at a page's start: see `allocatePages`.
   */
  madvise(memory: BufferSource | Memory, advice: number, options?: OperationOptions): Promise<void> {
    return this.request({
      name: 'madvise',
      options,
      encode: (sqe) => madvise(sqe, memoryOf('memory', memory), memory.byteLength, advice),
      finish: nothing,
    });
  }

  /** Does nothing, by way of the kernel. Since Linux 5.1. io_uring_prep_nop. */
  nop(options?: OperationOptions): Promise<void> {
    return this.request({ name: 'nop', options, encode: nop, finish: nothing });
  }
}

/** A number would be taken for an address. */
function memoryOf<T extends BufferSource | Memory>(name: string, memory: T): T {
  if (typeof memory !== 'object' || memory === null)
    throw invalidType(name, 'an instance of Buffer, TypedArray, DataView or SharedArrayBuffer', memory);
  return memory;
}

const NONE: FutexOptions = {};
