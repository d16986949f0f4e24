/**
 * Operations that complete again and again.
 */
import { POLLIN } from '../../syscalls/constants/poll.ts';
import { SOCK_CLOEXEC } from '../../syscalls/constants/socket.ts';
import { IORING_TIMEOUT_MULTISHOT, IOSQE_BUFFER_SELECT } from '../../syscalls/constants/sqe.ts';
import { ETIME } from '../../syscalls/errno.ts';
import { libc } from '../../syscalls/libc.ts';
import type { ControlMessage } from '../args/cmsg.ts';
import { Msghdr } from '../args/msghdr.ts';
import type { SocketAddress } from '../args/sockaddr.ts';
import { type Duration, timespec } from '../args/timespec.ts';
import type { Cqe } from '../cqe.ts';
import { accept, acceptDirect, multishotAccept, multishotAcceptDirect } from '../ops/accept.ts';
import { pollAdd, pollMultishot } from '../ops/poll.ts';
import { read, readMultishot } from '../ops/read.ts';
import { recv, recvMultishot, recvmsgMultishot } from '../ops/recv.ts';
import { timeout } from '../ops/timeout.ts';
import { recvmsgValidate } from '../recvmsg-out.ts';
import type { Sqe } from '../sqe.ts';
import type { BufferPool } from './buffer-pool.ts';
import { DirectOperations } from './direct-operations.ts';
import type { FileTable } from './file-table.ts';
import type { FixedFile } from './fixed-file.ts';
import type { Multishot, MultishotOptions, Source } from './multishot.ts';
import { type File, numberOf } from './operations.ts';

/** Of receiving again and again. */
export interface RecvOptions extends MultishotOptions {
  /** MSG_… flags. */
  flags?: number | undefined;
  /** Bytes that may stand undelivered before the kernel is asked to stop. Default 256 KiB. */
  highWaterMark?: number | undefined;
}

/** Of receiving messages again and again. */
export interface RecvmsgOptions extends RecvOptions {
  /** Room for the sender's address, in bytes. Default 128, which is enough for any. */
  nameRoom?: number | undefined;
  /** Room for control messages, in bytes: see `cmsgSpace`. Default 0. */
  controlRoom?: number | undefined;
}

/** A message that was received. */
export interface Message {
  readonly data: Buffer;
  /** Undefined for none. */
  readonly address: SocketAddress | undefined;
  readonly control: readonly ControlMessage[];
  /** MSG_TRUNC when the message was longer than a buffer of the pool, and others. */
  readonly flags: number;
}

export abstract class MultishotOperations extends DirectOperations {
  /** The iterable of a source. */
  protected abstract iterate<T>(source: Source<T>, options: MultishotOptions | undefined): Multishot<T>;
  /** The registered files. */
  protected abstract get files(): FileTable;
  /** Where the bytes come from that are received without memory of the caller's. */
  protected abstract get pool(): BufferPool;

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
   * As `multishotAccept`, into slots of the ring: files without descriptors. Since Linux 6.3; before one at a time.
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
          into ??= this.reserve();
          acceptDirect(sqe, numberOf(file), 0, 0, 0, into.slot);
        },
        prepare: () => this.files.canChoose(),
        take: (cqe, once) => {
          if (!once) return this.files.adopt(cqe.res);
          const taken = into?.fill();
          into = null;
          return taken;
        },
        drop: () => {
          void into?.close();
          into = null;
        },
        discard: (accepted) => void accepted.close(),
        most: MOST_CONNECTIONS,
      },
      options,
    );
  }

  /**
   * What a connection brings, until its peer ends it: each chunk a Buffer of your own. Since Linux 6.0; before one at a
   * time. io_uring_prep_recv_multishot.
   */
  recvMultishot(file: File, options?: RecvOptions): Multishot<Buffer> {
    const { flags = 0 } = options ?? {};
    return this.#bytes(
      'recv',
      file,
      (sqe) => recvMultishot(sqe, numberOf(file), 0, 0, flags),
      (sqe, buffer) => recv(sqe, numberOf(file), buffer, buffer.length, flags),
      options,
    );
  }

  /**
   * What a pipe or another file without positions brings, until its end: each chunk a Buffer of your own. Since Linux 6.7;
   * before, and for regular files, one at a time. io_uring_prep_read_multishot.
   */
  readMultishot(file: File, options?: RecvOptions): Multishot<Buffer> {
    return this.#bytes(
      'read',
      file,
      (sqe) => readMultishot(sqe, numberOf(file), 0, -1, this.pool.group),
      (sqe, buffer) => read(sqe, numberOf(file), buffer, buffer.length, -1),
      options,
    );
  }

  /**
   * Messages of a socket, with their senders: datagrams above all, which are cut at the size of the pool's buffers. Since
   * Linux 6.0. io_uring_prep_recvmsg_multishot.
   */
  recvmsgMultishot(file: File, options?: RecvmsgOptions): Multishot<Message> {
    const { flags = 0, nameRoom = 128, controlRoom = 0, highWaterMark = MOST_BYTES } = options ?? {};
    const message = new Msghdr({ name: nameRoom, control: controlRoom });
    const { pool } = this;
    return this.iterate<Message>(
      {
        name: 'recvmsg',
        file,
        encode: (sqe) => {
          recvmsgMultishot(sqe, numberOf(file), message, flags);
          selectFrom(sqe, pool);
        },
        encodeOnce: null,
        prepare: () => pool.prepare(),
        take: (cqe) => pool.use(cqe, (bytes) => messageOf(bytes, message)),
        drop: (cqe) => pool.giveBack(cqe),
        weigh: ({ data }) => data.length + 1,
        most: highWaterMark,
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

  #bytes(
    name: string,
    file: File,
    encode: (sqe: Sqe) => void,
    encodeOnce: (sqe: Sqe, buffer: Buffer) => void,
    options: RecvOptions | undefined,
  ): Multishot<Buffer> {
    const { pool } = this;
    let buffer: Buffer = NOTHING;
    const take = (cqe: Cqe, once: boolean): Buffer | undefined => {
      const bytes = once ? buffer.subarray(0, cqe.res) : pool.copy(cqe);
      return bytes.length > 0 ? bytes : undefined;
    };
    return this.iterate<Buffer>(
      {
        name,
        file,
        encode: (sqe) => {
          encode(sqe);
          selectFrom(sqe, pool);
        },
        encodeOnce: (sqe) => {
          buffer = Buffer.allocUnsafeSlow(pool.bufferSize);
          encodeOnce(sqe, buffer);
        },
        prepare: () => pool.prepare(),
        take,
        drop: (cqe) => pool.giveBack(cqe),
        weigh: ({ length }) => length,
        most: options?.highWaterMark ?? MOST_BYTES,
      },
      options,
    );
  }
}

function selectFrom(sqe: Sqe, { group }: BufferPool): void {
  sqe.flags |= IOSQE_BUFFER_SELECT;
  sqe.bufIndex = group;
}

function messageOf(bytes: Uint8Array, message: Msghdr): Message {
  const out = recvmsgValidate(bytes, message);
  if (out === null) return { data: NOTHING, address: undefined, control: [], flags: 0 };
  const control = out.controlMessages().map((one) => ({ ...one, data: Buffer.from(one.data) }));
  return { data: Buffer.from(out.payload), address: out.name, control, flags: out.flags };
}

const NOTHING = Buffer.alloc(0);
const MOST_CONNECTIONS = 128;
const MOST_EVENTS = 128;
const MOST_BYTES = 262_144;
