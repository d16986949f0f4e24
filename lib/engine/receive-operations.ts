/**
 * Receiving again and again, into memory of the ring's.
 */
import { IOSQE_BUFFER_SELECT } from '../../syscalls/constants/sqe.ts';
import { invalidType } from '../../syscalls/invalid.ts';
import type { ControlMessage } from '../args/cmsg.ts';
import { Msghdr } from '../args/msghdr.ts';
import type { SocketAddress } from '../args/sockaddr.ts';
import type { Cqe } from '../cqe.ts';
import { read, readMultishot } from '../ops/read.ts';
import { recv, recvMultishot, recvmsgMultishot } from '../ops/recv.ts';
import { recvmsgValidate } from '../recvmsg-out.ts';
import type { Sqe } from '../sqe.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { BufferOptions } from './file-operations.ts';
import { LendingPool, type LentBuffer, lend } from './lending-pool.ts';
import type { Multishot, MultishotOptions } from './multishot.ts';
import { MultishotOperations } from './multishot-operations.ts';
import { type File, numberOf, type OperationOptions } from './operations.ts';
import type { TransferOptions } from './socket-operations.ts';

/** Of receiving again and again. */
export interface RecvOptions extends MultishotOptions {
  /** MSG_… flags. */
  flags?: number | undefined;
  /**
   * Bytes that may stand undelivered before the kernel is asked to stop. Default 256 KiB. What is lent counts as whole buffers,
   * and half of all at most.
   */
  highWaterMark?: number | undefined;
  /**
   * Whether what comes is lent, not copied: its memory is the ring's, which wants it back by `release`. While all is lent
   * nothing more comes. Worth it only for what is large and soon looked through.
   */
  zeroCopy?: boolean | undefined;
}

/** With the option by which what comes is lent. */
export type Lending<T> = T & { zeroCopy: true };

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

/** A message whose data is lent: see LentBuffer. */
export interface LentMessage extends Message, Disposable {
  release(): void;
}

export abstract class ReceiveOperations extends MultishotOperations {
  /** Where the bytes come from that are copied. */
  protected abstract get pool(): BufferPool;
  /** Where the bytes come from that are lent. */
  protected abstract get lendingPool(): LendingPool;

  /**
   * Without a buffer: as `recvMultishot`. With one as ever.
   */
  override recv(file: File, buffer: ArrayBufferView, options?: TransferOptions): Promise<number>;
  override recv(file: File, options: Lending<RecvOptions>): Multishot<LentBuffer>;
  override recv(file: File, options?: RecvOptions): Multishot<Buffer>;
  override recv(
    file: File,
    buffer?: ArrayBufferView | RecvOptions,
    options?: TransferOptions,
  ): Promise<number> | Multishot<Buffer | LentBuffer> {
    return isOptions(buffer) ? this.recvMultishot(file, buffer) : super.recv(file, buffer, options);
  }

  /**
   * Without a buffer: as `readMultishot`. With one as ever.
   */
  override read(file: File, buffer: ArrayBufferView, options?: BufferOptions): Promise<number>;
  override read(file: File, options: Lending<RecvOptions>): Multishot<LentBuffer>;
  override read(file: File, options?: RecvOptions): Multishot<Buffer>;
  override read(
    file: File,
    buffer?: ArrayBufferView | RecvOptions,
    options?: BufferOptions,
  ): Promise<number> | Multishot<Buffer | LentBuffer> {
    return isOptions(buffer) ? this.readMultishot(file, buffer) : super.read(file, buffer, options);
  }

  /**
   * Without a message: as `recvmsgMultishot`. With one as ever.
   */
  override recvmsg(file: File, message: Msghdr, flags?: number, options?: OperationOptions): Promise<number>;
  override recvmsg(file: File, options: Lending<RecvmsgOptions>): Multishot<LentMessage>;
  override recvmsg(file: File, options?: RecvmsgOptions): Multishot<Message>;
  override recvmsg(
    file: File,
    message?: Msghdr | RecvmsgOptions,
    flags?: number,
    options?: OperationOptions,
  ): Promise<number> | Multishot<Message> {
    return isOptions(message)
      ? this.recvmsgMultishot(file, message)
      : super.recvmsg(file, message, flags, options);
  }

  /**
   * What a connection brings, until its peer ends it: each chunk a Buffer of your own, or lent. Since Linux 6.0; before one
   * at a time. io_uring_prep_recv_multishot.
   */
  recvMultishot(file: File, options: Lending<RecvOptions>): Multishot<LentBuffer>;
  recvMultishot(file: File, options?: RecvOptions): Multishot<Buffer>;
  recvMultishot(file: File, options?: RecvOptions): Multishot<Buffer | LentBuffer> {
    const { flags = 0 } = options ?? {};
    return this.#bytes(options, {
      name: 'recv',
      file,
      encode: (sqe) => recvMultishot(sqe, numberOf(file), 0, 0, flags),
      encodeOnce: (sqe, buffer) => recv(sqe, numberOf(file), buffer, buffer.length, flags),
    });
  }

  /**
   * What a pipe or another file without positions brings, until its end: each chunk a Buffer of your own, or lent. Since
   * Linux 6.7; before, and for regular files, one at a time. io_uring_prep_read_multishot.
   */
  readMultishot(file: File, options: Lending<RecvOptions>): Multishot<LentBuffer>;
  readMultishot(file: File, options?: RecvOptions): Multishot<Buffer>;
  readMultishot(file: File, options?: RecvOptions): Multishot<Buffer | LentBuffer> {
    return this.#bytes(options, {
      name: 'read',
      file,
      encode: (sqe) => readMultishot(sqe, numberOf(file), 0, -1, 0),
      encodeOnce: (sqe, buffer) => read(sqe, numberOf(file), buffer, buffer.length, -1),
    });
  }

  /**
   * Messages of a socket, with their senders: datagrams above all, which are cut at the size of the pool's buffers. Since
   * Linux 6.0. io_uring_prep_recvmsg_multishot.
   */
  recvmsgMultishot(file: File, options: Lending<RecvmsgOptions>): Multishot<LentMessage>;
  recvmsgMultishot(file: File, options?: RecvmsgOptions): Multishot<Message>;
  recvmsgMultishot(file: File, options?: RecvmsgOptions): Multishot<Message> {
    const { flags = 0, nameRoom = 128, controlRoom = 0, highWaterMark = MOST_BYTES } = options ?? {};
    const message = new Msghdr({ name: nameRoom, control: controlRoom });
    const lending = isLending(options) ? this.lendingPool : null;
    const pool = lending ?? this.pool;
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
        take:
          lending === null
            ? (cqe) => this.pool.use(cqe, (bytes) => messageOf(bytes, message))
            : (cqe, _once, crowded) => lentMessage(crowded ? lending.copy(cqe) : lending.lend(cqe), message),
        drop: (cqe) => pool.giveBack(cqe),
        discard: release,
        hasRoom: (again) => lending?.hasBuffer(again) ?? true,
        weigh: ({ data }) => (lending === null ? data.length + 1 : lending.bufferSize),
        most: mostOf(highWaterMark, lending),
      },
      options,
    );
  }

  #bytes(options: RecvOptions | undefined, operation: Receiving): Multishot<Buffer | LentBuffer> {
    const { name, file, encode, encodeOnce } = operation;
    const lending = isLending(options) ? this.lendingPool : null;
    const pool = lending ?? this.pool;
    let own: Buffer = NOTHING;
    const takeOnce = (bytes: number): Buffer | LentBuffer | undefined => {
      if (bytes === 0) return undefined;
      const data = own.subarray(0, bytes);
      return lending === null ? data : LendingPool.own(data);
    };
    const takeCopy = (cqe: Cqe): Buffer | undefined => {
      const bytes = this.pool.copy(cqe);
      return bytes.length > 0 ? bytes : undefined;
    };
    const takeOne = (cqe: Cqe, crowded: boolean): Buffer | LentBuffer | undefined => {
      if (lending === null) return takeCopy(cqe);
      return crowded ? lending.copy(cqe) : lending.lend(cqe);
    };
    return this.iterate<Buffer | LentBuffer>(
      {
        name,
        file,
        encode: (sqe) => {
          encode(sqe);
          selectFrom(sqe, pool);
        },
        encodeOnce: (sqe) => {
          own = Buffer.allocUnsafeSlow(pool.bufferSize);
          encodeOnce(sqe, own);
        },
        prepare: () => pool.prepare(),
        take: (cqe, once, crowded) => (once ? takeOnce(cqe.res) : takeOne(cqe, crowded)),
        drop: (cqe) => pool.giveBack(cqe),
        discard: release,
        hasRoom: (again) => lending?.hasBuffer(again) ?? true,
        weigh: lending === null ? (value) => (value as Buffer).length : () => lending.bufferSize,
        most: mostOf(options?.highWaterMark ?? MOST_BYTES, lending),
      },
      options,
    );
  }
}

/** An operation that brings bytes. */
interface Receiving {
  readonly name: string;
  readonly file: File;
  readonly encode: (sqe: Sqe) => void;
  readonly encodeOnce: (sqe: Sqe, buffer: Buffer) => void;
}

/** Whether what stands in a buffer's place are options, or nothing. */
function isOptions<T extends object>(value: ArrayBufferView | T | undefined): value is T | undefined {
  if (value === undefined) return true;
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** @throws TypeError. */
function isLending(options: RecvOptions | undefined): boolean {
  const { zeroCopy = false } = options ?? {};
  if (typeof zeroCopy !== 'boolean') throw invalidType('options.zeroCopy', 'of type boolean', zeroCopy);
  return zeroCopy;
}

/** What is lent and wanted by nobody. */
function release(value: object): void {
  (value as Partial<LentBuffer>).release?.();
}

/** What is lent takes a whole buffer, however short. Nobody shall have more than half of them undelivered: the rest is copied. */
function mostOf(highWaterMark: number, lending: LendingPool | null): number {
  return lending === null ? highWaterMark : Math.min(highWaterMark, lending.byteLength / 2);
}

function lentMessage(lent: LentBuffer | undefined, message: Msghdr): LentMessage {
  const { data, address, control, flags } = messageOf(lent?.data ?? NOTHING, message, (payload) =>
    Buffer.from(payload.buffer, payload.byteOffset, payload.length),
  );
  if (lent !== undefined) lend(data, lent);
  const giveBack = (): void => lent?.release();
  return { data, address, control, flags, release: giveBack, [Symbol.dispose]: giveBack };
}

function selectFrom(sqe: Sqe, { group }: BufferPool | LendingPool): void {
  sqe.flags |= IOSQE_BUFFER_SELECT;
  sqe.bufIndex = group;
}

function messageOf(
  bytes: Uint8Array,
  message: Msghdr,
  bufferOf: (payload: Uint8Array) => Buffer = Buffer.from,
): Message {
  const out = recvmsgValidate(bytes, message);
  if (out === null) return { data: NOTHING, address: undefined, control: [], flags: 0 };
  const control = out.controlMessages().map((one) => ({ ...one, data: Buffer.from(one.data) }));
  return { data: bufferOf(out.payload), address: out.name, control, flags: out.flags };
}

const NOTHING = Buffer.alloc(0);
const MOST_BYTES = 262_144;
