/**
 * Operations that complete again and again.
 */
import { POLLIN } from '../../syscalls/constants/poll.ts';
import { SOCK_CLOEXEC } from '../../syscalls/constants/socket.ts';
import { IORING_TIMEOUT_MULTISHOT } from '../../syscalls/constants/sqe.ts';
import { ENFILE, ETIME } from '../../syscalls/errno.ts';
import { libc } from '../../syscalls/libc.ts';
import { type Duration, timespec } from '../args/timespec.ts';
import { accept, acceptDirect, multishotAccept, multishotAcceptDirect } from '../ops/accept.ts';
import { pollAdd, pollMultishot } from '../ops/poll.ts';
import { timeout } from '../ops/timeout.ts';
import { DirectOperations } from './direct-operations.ts';
import type { FileTable } from './file-table.ts';
import type { FixedFile } from './fixed-file.ts';
import type { Multishot, MultishotOptions, Source } from './multishot.ts';
import { type File, numberOf } from './operations.ts';
import { nothing } from './settle.ts';

export abstract class MultishotOperations extends DirectOperations {
  /** The iterable of a source. */
  protected abstract iterate<T>(source: Source<T>, options: MultishotOptions | undefined): Multishot<T>;
  /** The registered files. */
  protected abstract get files(): FileTable;

  /**
   * Connections of a listening socket: descriptors, close-on-exec, which are yours to close. Those that were not delivered
   * when the iteration ends are closed. Since Linux 5.19; before one at a time. io_uring_prep_multishot_accept.
   */
  multishotAccept(file: File, options?: MultishotOptions): Multishot<number> {
    return this.iterate(
      {
        name: 'accept',
        file,
        encode: (sqe) => multishotAccept(sqe, numberOf(file), 0, 0, SOCK_CLOEXEC),
        encodeOnce: (sqe) => accept(sqe, numberOf(file), 0, 0, SOCK_CLOEXEC),
        take: (cqe) => cqe.res,
        discard: (fd) => libc().close(fd),
        most: MOST_CONNECTIONS,
      },
      options,
    );
  }

  /**
   * As `multishotAccept`, into slots of the ring: files without descriptors. While half of `fixedFiles` are open it takes no
   * more; one that comes in that moment is lost. Since Linux 6.3; before one at a time.
   * io_uring_prep_multishot_accept_direct.
   */
  multishotAcceptDirect(file: File, options?: MultishotOptions): Multishot<FixedFile> {
    let into: FixedFile | null = null;
    return this.iterate<FixedFile>(
      {
        name: 'accept',
        file,
        encode: (sqe) => multishotAcceptDirect(sqe, numberOf(file), 0, 0),
        encodeOnce: (sqe) => {
          const listener = numberOf(file);
          into ??= this.reserve();
          acceptDirect(sqe, listener, 0, 0, 0, into.slot);
        },
        prepare: () => this.files.canChoose(),
        hasRoom: (again) => this.files.hasChoice(again),
        isFull: (res) => res === -ENFILE,
        take: (cqe, once) => {
          if (!once) return this.files.adopt(cqe.res);
          const taken = into?.fill();
          into = null;
          return taken;
        },
        drop: () => {
          into?.close().catch(nothing);
          into = null;
        },
        discard: (accepted) => void accepted.close().catch(nothing),
        most: MOST_CONNECTIONS,
      },
      options,
    );
  }

  /**
   * Readiness of a file: the events that came, POLL…. Since Linux 5.13; before one at a time.
   * io_uring_prep_poll_multishot.
   */
  pollMultishot(file: File, events: number = POLLIN, options?: MultishotOptions): Multishot<number> {
    return this.iterate(
      {
        name: 'poll',
        file,
        encode: (sqe) => pollMultishot(sqe, numberOf(file), events),
        encodeOnce: (sqe) => pollAdd(sqe, numberOf(file), events),
        take: (cqe) => cqe.res,
        most: MOST_EVENTS,
      },
      options,
    );
  }

  /**
   * Ticks, one each time that `duration` (milliseconds, or nanoseconds as a bigint) has passed; `count` of them, or without
   * end. Gives their numbers, from 1 on. Since Linux 6.4; before one at a time. io_uring_prep_timeout.
   */
  timeoutMultishot(duration: Duration, count = 0, options?: MultishotOptions): Multishot<number> {
    const time = timespec(duration);
    let ticks = 0;
    return this.iterate(
      {
        name: 'timeout',
        // Anew only after the kernel ended it by itself.
        encode: (sqe) => timeout(sqe, time, count === 0 ? 0 : count - ticks, IORING_TIMEOUT_MULTISHOT),
        encodeOnce: (sqe) => timeout(sqe, time),
        isValue: (res) => res === -ETIME,
        take: () => (count !== 0 && ticks === count ? undefined : ++ticks),
        isLast: () => count !== 0 && ticks === count,
        most: Number.POSITIVE_INFINITY,
      },
      options,
    );
  }
}

const MOST_CONNECTIONS = 128;
const MOST_EVENTS = 128;
