/**
 * What turns the event loop when completions stand ready: an eventfd that the ring signals, in the place of a pipe that
 * Node polls.
 *
 * Node takes no eventfd: it adopts pipes and sockets only. So it is given a pipe, and before the loop turns the eventfd
 * takes the pipe's number. Its callback runs as every callback of Node's does, with microtasks after it, also in Workers
 * and when these are terminated (koffi's own poll does neither).
 */
import { Socket, type SocketConstructorOpts } from 'node:net';
import { O_CLOEXEC, O_NONBLOCK } from '../../syscalls/constants/fcntl.ts';
import { makeEventfd, makePipe } from '../../syscalls/descriptors.ts';
import { UringError } from '../../syscalls/error.ts';
import { libc } from '../../syscalls/libc.ts';

export class Waker {
  /** The eventfd, for `registerEventfd`. The socket's own: it is closed with it. */
  readonly fd: number;
  readonly #socket: Socket;

  /**
   * Calls `wake` whenever the eventfd was signalled. Does not keep the process alive until `ref`.
   * @throws UringError EMFILE when there are no descriptors for it.
   */
  constructor(wake: () => void) {
    const eventfd = makeEventfd(O_CLOEXEC | O_NONBLOCK);
    let into: number;
    try {
      [this.fd, into] = makePipe(O_CLOEXEC | O_NONBLOCK);
    } catch (error) {
      libc().close(eventfd);
      throw error;
    }
    this.#socket = adopt(this.fd, wake);
    libc().close(into);
    const moved = libc().dup3(eventfd, this.fd, O_CLOEXEC);
    libc().close(eventfd);
    if (moved >= 0) return;
    this.#socket.destroy();
    throw new UringError(moved, 'dup3');
  }

  /** Signals keep the process alive to come. */
  ref(): void {
    this.#socket.ref();
  }

  unref(): void {
    this.#socket.unref();
  }

  /** Closes the eventfd. */
  close(): void {
    this.#socket.destroy();
  }
}

function adopt(fd: number, wake: () => void): Socket {
  const options = {
    fd,
    readable: true,
    writable: false,
    onread: {
      // Of more than the 8 bytes that an eventfd gives: a full buffer would be taken for a sign that there is more.
      buffer: Buffer.allocUnsafeSlow(16),
      callback: () => {
        wake();
        return true;
      },
    },
  };
  // `onread` is documented; the types of Node 20 have it for `connect` only.
  const socket = new Socket(options as SocketConstructorOpts);
  socket.unref();
  // Nothing ends an eventfd; a failure would be one of ours, and without a listener it would end the process.
  socket.on('error', wake);
  return socket;
}
