/**
 * Operations on sockets.
 *
 * A file is a descriptor or a registered file. An address is a SocketAddress, or the bytes of any `struct sockaddr`.
 */
import { SOCK_CLOEXEC } from '../../syscalls/constants/socket.ts';
import {
  SOCKET_URING_OP_GETSOCKOPT,
  SOCKET_URING_OP_SETSOCKOPT,
  SOCKET_URING_OP_SIOCINQ,
  SOCKET_URING_OP_SIOCOUTQ,
} from '../../syscalls/constants/sqe.ts';
import { checkInteger, invalidType } from '../../syscalls/invalid.ts';
import { Msghdr } from '../args/msghdr.ts';
import { type SocketAddress, sockaddr } from '../args/sockaddr.ts';
import { SockaddrRoom } from '../args/sockaddr-room.ts';
import { accept } from '../ops/accept.ts';
import { bits32 } from '../ops/check.ts';
import { recv, recvmsg } from '../ops/recv.ts';
import { send, sendmsg, sendSetAddr } from '../ops/send.ts';
import { bind, connect, listen, shutdown, socket } from '../ops/socket.ts';
import { cmdGetsockname, cmdSock } from '../ops/uring-cmd.ts';
import type { Sqe } from '../sqe.ts';
import { type File, numberOf, type OperationOptions, viewOf } from './operations.ts';
import { PathOperations } from './path-operations.ts';
import { nothing } from './settle.ts';

/** Of accepting a connection. */
export interface AcceptOptions extends OperationOptions {
  /** SOCK_NONBLOCK: of the new socket. */
  flags?: number | undefined;
}

/** A connection that was accepted. */
export interface Accepted {
  /** Its descriptor, which is yours to close. */
  readonly fd: number;
  /** Of the peer. Undefined for a family other than IPv4, IPv6 and Unix. */
  readonly address: SocketAddress | undefined;
}

/** Of sending and receiving one buffer. */
export interface TransferOptions extends OperationOptions {
  /** MSG_… flags. */
  flags?: number | undefined;
  /** Bytes. Default: those of the buffer. */
  length?: number | undefined;
}

export abstract class SocketOperations extends PathOperations {
  /**
   * Makes a socket. Gives a descriptor, which is yours to close; it is close-on-exec. Since Linux 5.19. socket(2),
   * io_uring_prep_socket.
   * @param domain AF_INET, AF_INET6, AF_UNIX ….
   * @param type SOCK_STREAM, SOCK_DGRAM …, with SOCK_NONBLOCK.
   * @param protocol 0 for the usual one, or IPPROTO_….
   */
  socket(domain: number, type: number, protocol = 0, options?: OperationOptions): Promise<number> {
    return this.request({
      name: 'socket',
      options,
      encode: (sqe) => socket(sqe, domain, bits32('type', type) | SOCK_CLOEXEC, protocol),
    });
  }

  /** Connects a socket to an address. Since Linux 5.5. connect(2), io_uring_prep_connect. */
  connect(file: File, address: SocketAddress | Uint8Array, options?: OperationOptions): Promise<void> {
    return this.request({
      name: 'connect',
      file,
      options,
      encode: (sqe) => {
        const bytes = bytesOf(address);
        connect(sqe, numberOf(file), bytes, bytes.length);
      },
      finish: nothing,
    });
  }

  /** Gives a socket its own address. Since Linux 6.11. bind(2), io_uring_prep_bind. */
  bind(file: File, address: SocketAddress | Uint8Array, options?: OperationOptions): Promise<void> {
    return this.request({
      name: 'bind',
      file,
      options,
      encode: (sqe) => {
        const bytes = bytesOf(address);
        bind(sqe, numberOf(file), bytes, bytes.length);
      },
      finish: nothing,
    });
  }

  /**
   * Lets a socket take connections. Since Linux 6.11. listen(2), io_uring_prep_listen.
   * @param backlog how many connections may wait to be accepted; the system's limit is net.core.somaxconn.
   */
  listen(file: File, backlog = 511, options?: OperationOptions): Promise<void> {
    return this.request({
      name: 'listen',
      file,
      options,
      encode: (sqe) => listen(sqe, numberOf(file), backlog),
      finish: nothing,
    });
  }

  /**
   * Ends one or both directions of a connection. Since Linux 5.11. shutdown(2), io_uring_prep_shutdown.
   * @param how SHUT_RD, SHUT_WR or SHUT_RDWR.
   */
  shutdown(file: File, how: number, options?: OperationOptions): Promise<void> {
    return this.request({
      name: 'shutdown',
      file,
      options,
      encode: (sqe) => shutdown(sqe, numberOf(file), how),
      finish: nothing,
    });
  }

  /**
   * Takes one connection from a listening socket. Gives its descriptor, which is close-on-exec, and the peer's address.
   * Since Linux 5.5. accept4(2), io_uring_prep_accept.
   */
  accept(file: File, options?: AcceptOptions): Promise<Accepted> {
    const room = new SockaddrRoom();
    return this.request({
      name: 'accept',
      file,
      options,
      encode: (sqe) => {
        const flags = bits32('options.flags', options?.flags ?? 0) | SOCK_CLOEXEC;
        accept(sqe, numberOf(file), room, room.addressLength, flags);
      },
      finish: (fd): Accepted => ({ fd, address: knownName(room) }),
    });
  }

  /**
   * Sends a buffer, which must not change until the promise is settled. Gives the number of bytes, perhaps fewer than
   * asked for unless MSG_WAITALL is among the flags. Never raises SIGPIPE. Since Linux 5.6. send(2), io_uring_prep_send.
   */
  send(file: File, buffer: ArrayBufferView, options?: TransferOptions): Promise<number> {
    return this.request({
      name: 'send',
      file,
      options,
      encode: (sqe) =>
        send(sqe, numberOf(file), viewOf(buffer), options?.length ?? buffer.byteLength, options?.flags),
    });
  }

  /**
   * Receives into a buffer, which is the kernel's until the promise is settled. Gives the number of bytes, 0 when the peer
   * has ended the connection. Since Linux 5.6. recv(2), io_uring_prep_recv.
   */
  recv(file: File, buffer: ArrayBufferView, options?: TransferOptions): Promise<number> {
    return this.request({
      name: 'recv',
      file,
      options,
      encode: (sqe) =>
        recv(sqe, numberOf(file), viewOf(buffer), options?.length ?? buffer.byteLength, options?.flags),
    });
  }

  /**
   * Sends a buffer to an address. Gives the number of bytes. Since Linux 6.1; `sendmsg` before. sendto(2),
   * io_uring_prep_sendto.
   * @param flags MSG_….
   */
  sendto(
    file: File,
    buffer: ArrayBufferView,
    address: SocketAddress | Uint8Array,
    flags = 0,
    options?: OperationOptions,
  ): Promise<number> {
    return this.request({
      name: 'sendto',
      file,
      options,
      encode: (sqe) => {
        const to = bytesOf(address);
        // The buffer is named first: it is what the engine looks at for having been transferred away.
        send(sqe, numberOf(file), viewOf(buffer), buffer.byteLength, flags);
        sendSetAddr(sqe, to, to.length);
      },
    });
  }

  /**
   * Sends a message: several buffers, control messages such as descriptors, an address. Gives the number of bytes. Since
   * Linux 5.3. sendmsg(2), io_uring_prep_sendmsg.
   * @param message must not change until the promise is settled.
   * @param flags MSG_….
   */
  sendmsg(file: File, message: Msghdr, flags = 0, options?: OperationOptions): Promise<number> {
    return this.request({
      name: 'sendmsg',
      file,
      options,
      encode: (sqe) => sendmsg(sqe, numberOf(file), messageOf(message), flags),
    });
  }

  /**
   * Receives a message: into several buffers, with control messages and the sender's address. Gives the number of bytes, 0
   * when the peer has ended the connection. Since Linux 5.3. recvmsg(2), io_uring_prep_recvmsg.
   * @param message made ready by its `reset`, so that one serves again and again; of one operation at a time.
   * @param flags MSG_….
   */
  recvmsg(file: File, message: Msghdr, flags = 0, options?: OperationOptions): Promise<number> {
    return this.request({
      name: 'recvmsg',
      file,
      options,
      encode: (sqe) => {
        messageOf(message).reset();
        recvmsg(sqe, numberOf(file), message, flags);
      },
    });
  }

  /**
   * An option of a socket that is a number. Since Linux 6.7, of Unix sockets later (6.18 has it). getsockopt(2),
   * io_uring_prep_cmd_sock.
   * @param level SOL_SOCKET; kernels so far know no other here.
   * @param option SO_….
   */
  getsockopt(file: File, level: number, option: number, options?: OperationOptions): Promise<number> {
    const value = new Int32Array(1);
    return this.request({
      name: 'getsockopt',
      file,
      options,
      encode: (sqe) => cmdSock(sqe, SOCKET_URING_OP_GETSOCKOPT, numberOf(file), level, option, value, 4),
      finish: () => value[0],
    });
  }

  /**
   * As `getsockopt`, of an option that is more than a number: its bytes, `length` at most.
   */
  getsockoptBytes(
    file: File,
    level: number,
    option: number,
    length: number,
    options?: OperationOptions,
  ): Promise<Buffer> {
    let value: Buffer;
    return this.request({
      name: 'getsockopt',
      file,
      options,
      encode: (sqe) => {
        value = Buffer.alloc(checkInteger('length', length, 0, MOST_OPTION_BYTES));
        cmdSock(sqe, SOCKET_URING_OP_GETSOCKOPT, numberOf(file), level, option, value, length);
      },
      finish: (bytes) => value.subarray(0, bytes),
    });
  }

  /**
   * Sets an option of a socket, of any level. Since Linux 6.7, of Unix sockets later (6.18 has it). setsockopt(2),
   * io_uring_prep_cmd_sock.
   * @param value a number of 32 bits, or the bytes of another value.
   */
  setsockopt(
    file: File,
    level: number,
    option: number,
    value: number | ArrayBufferView,
    options?: OperationOptions,
  ): Promise<void> {
    return this.request({
      name: 'setsockopt',
      file,
      options,
      encode: (sqe) => {
        const bytes =
          typeof value === 'number' ? Int32Array.of(bits32('value', value)) : viewOf(value, 'value');
        cmdSock(sqe, SOCKET_URING_OP_SETSOCKOPT, numberOf(file), level, option, bytes, bytes.byteLength);
      },
      finish: nothing,
    });
  }

  /**
   * The own address of a socket; undefined for none. Since Linux 6.19. getsockname(2), io_uring_prep_cmd_getsockname.
   */
  getsockname(file: File, options?: OperationOptions): Promise<SocketAddress | undefined> {
    return this.#name('getsockname', file, 0, options);
  }

  /** The address of a socket's peer. Since Linux 6.19. getpeername(2), io_uring_prep_cmd_getsockname. */
  getpeername(file: File, options?: OperationOptions): Promise<SocketAddress | undefined> {
    return this.#name('getpeername', file, 1, options);
  }

  /**
   * How many bytes wait to be received; of datagrams those of the next one. Not of Unix sockets. Since Linux 6.7. SIOCINQ
   * of tcp(7), udp(7), io_uring_prep_cmd_sock.
   */
  siocinq(file: File, options?: OperationOptions): Promise<number> {
    return this.request({
      name: 'siocinq',
      file,
      options,
      encode: (sqe) => cmdSock(sqe, SOCKET_URING_OP_SIOCINQ, numberOf(file), 0, 0, 0, 0),
    });
  }

  /**
   * How many bytes wait to be sent, or to be acknowledged. Not of Unix sockets. Since Linux 6.7. SIOCOUTQ of tcp(7),
   * udp(7), io_uring_prep_cmd_sock.
   */
  siocoutq(file: File, options?: OperationOptions): Promise<number> {
    return this.request({
      name: 'siocoutq',
      file,
      options,
      encode: (sqe) => cmdSock(sqe, SOCKET_URING_OP_SIOCOUTQ, numberOf(file), 0, 0, 0, 0),
    });
  }

  #name(
    name: string,
    file: File,
    peer: number,
    options: OperationOptions | undefined,
  ): Promise<SocketAddress | undefined> {
    const room = new SockaddrRoom();
    return this.request({
      name,
      file,
      options,
      encode: (sqe: Sqe) => cmdGetsockname(sqe, numberOf(file), room, room.addressLength, peer),
      finish: () => room.name,
    });
  }
}

/** An address as the kernel wants it. */
function bytesOf(address: SocketAddress | Uint8Array): Uint8Array {
  return address instanceof Uint8Array ? address : sockaddr(address);
}

/** The address in the room, if it can be read: a connection is there whatever its peer's family. */
export function knownName(room: SockaddrRoom): SocketAddress | undefined {
  try {
    return room.name;
  } catch {
    return undefined;
  }
}

export function messageOf(message: Msghdr): Msghdr {
  if (!(message instanceof Msghdr)) throw invalidType('message', 'an instance of Msghdr', message);
  return message;
}

/** More than any option of SOL_SOCKET takes. */
const MOST_OPTION_BYTES = 2 ** 20;
