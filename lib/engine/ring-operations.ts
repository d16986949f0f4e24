/**
 * Operations that say when memory is free again, and those between rings.
 */
import { checkInteger } from '../../syscalls/invalid.ts';
import type { Msghdr } from '../args/msghdr.ts';
import { msgRing } from '../ops/msg-ring.ts';
import { sendmsgZc, sendZc } from '../ops/send.ts';
import type { CancelOptions } from './cancellation.ts';
import { type Messages, messageData } from './messages.ts';
import { type File, numberOf, type OperationOptions, type Request, viewOf } from './operations.ts';
import { ReceiveOperations } from './receive-operations.ts';
import { nothing } from './settle.ts';
import { messageOf, type TransferOptions } from './socket-operations.ts';
import type { ZeroCopySent } from './zero-copy.ts';

export abstract class RingOperations extends ReceiveOperations {
  protected abstract sendZeroCopy(request: Request): Promise<ZeroCopySent>;

  /** Messages that other rings send to this one, from now on: see `msgRing`. `fd` tells them where. */
  abstract messages(options?: Pick<CancelOptions, 'signal'>): Messages;

  /**
   * Sends a buffer without copying it: worth it from about 10 kB on, and with what `allocate` gave. Gives the number of
   * bytes, and `released`, a promise for when the buffer may be changed. Since Linux 6.0, not on every socket.
   * io_uring_prep_send_zc.
   */
  sendZc(file: File, buffer: ArrayBufferView, options?: TransferOptions): Promise<ZeroCopySent> {
    return this.sendZeroCopy({
      name: 'sendZc',
      file,
      options,
      encode: (sqe) =>
        sendZc(sqe, numberOf(file), viewOf(buffer), options?.length ?? buffer.byteLength, options?.flags),
    });
  }

  /** As `sendZc`, a message: see `sendmsg`. Since Linux 6.1. io_uring_prep_sendmsg_zc. */
  sendmsgZc(file: File, message: Msghdr, flags = 0, options?: OperationOptions): Promise<ZeroCopySent> {
    return this.sendZeroCopy({
      name: 'sendmsgZc',
      file,
      options,
      encode: (sqe) => sendmsgZc(sqe, numberOf(file), messageOf(message), flags),
    });
  }

  /**
   * Sends a message to another ring of an IoUring, which gets it from its `messages`. Gives nothing: it has come when the
   * promise is resolved. Since Linux 5.18. io_uring_prep_msg_ring.
   * @param fd the other ring's `fd`: that of a ring in this thread or of another one of this process.
   * @param value 32 bits with a sign.
   * @param data a number up to 2^53 - 1.
   */
  msgRing(fd: number, value: number, data = 0, options?: OperationOptions): Promise<void> {
    return this.request({
      name: 'msgRing',
      options,
      encode: (sqe) => {
        checkInteger('fd', fd, 0, 0x7fff_ffff);
        msgRing(sqe, fd, checkInteger('value', value, -0x8000_0000, 0x7fff_ffff), messageData(data));
      },
      finish: nothing,
    });
  }
}
