/**
 * What recvmsgMultishot puts into a provided buffer: `struct io_uring_recvmsg_out`, room for the address, room for the
 * control data, and what was received.
 */
import { checkInteger, invalidType } from '../syscalls/invalid.ts';
import { io_uring_recvmsg_out } from '../syscalls/layouts/ring.ts';
import { type ControlMessage, readControlMessages } from './args/cmsg.ts';
import { parseSockaddr, type SocketAddress } from './args/sockaddr.ts';
import { getUint32 } from './args/words.ts';

/** How much room the request gave to address and control data: its `Msghdr`, or the two numbers. */
export interface RecvmsgRooms {
  readonly namelen: number;
  readonly controllen: number;
}

/**
 * The message in `bytes`, which are what a CQE of recvmsgMultishot delivered: the provided buffer, cut to `res` bytes.
 * `message` is what the request pointed at; only its `namelen` and `controllen` count. Null when `bytes` are too short
 * to be such a message. Nothing is copied: what is read from it is read from `bytes`, so read it before the buffer is
 * given back. io_uring_recvmsg_validate.
 */
export function recvmsgValidate(bytes: Uint8Array, message: RecvmsgRooms): RecvmsgOut | null {
  if (!(bytes instanceof Uint8Array)) throw invalidType('bytes', 'an instance of Uint8Array', bytes);
  const namelen = checkInteger('namelen', message.namelen, 0, Number.MAX_SAFE_INTEGER);
  const controllen = checkInteger('controllen', message.controllen, 0, Number.MAX_SAFE_INTEGER);
  if (HEADER_BYTES + namelen + controllen > bytes.length) return null;
  return new RecvmsgOut(bytes, namelen, controllen);
}

/** One received message, over the memory of its provided buffer: see `recvmsgValidate`. */
export class RecvmsgOut {
  readonly #bytes: Uint8Array;
  readonly #nameRoom: number;
  readonly #controlRoom: number;

  /** For `recvmsgValidate`, which knows that header and rooms lie within `bytes`. */
  constructor(bytes: Uint8Array, nameRoom: number, controlRoom: number) {
    this.#bytes = bytes;
    this.#nameRoom = nameRoom;
    this.#controlRoom = controlRoom;
  }

  /** The length of the sender's address, perhaps more than there was room for. */
  get namelen(): number {
    return this.#field(fields.namelen[0]);
  }

  /** The bytes of control data that were written. */
  get controllen(): number {
    return this.#field(fields.controllen[0]);
  }

  /** What recvmsg(2) would have returned: with MSG_TRUNC among the request's flags perhaps more than was delivered. */
  get payloadlen(): number {
    return this.#field(fields.payloadlen[0]);
  }

  /** MSG_TRUNC (the data was cut), MSG_CTRUNC (control data was cut), MSG_EOR …. */
  get flags(): number {
    return this.#field(fields.flags[0]);
  }

  /**
   * The sender's address, undefined for none. io_uring_recvmsg_name.
   * @throws TypeError for another family than IPv4, IPv6 and Unix, or one cut short: see `nameBytes`.
   */
  get name(): SocketAddress | undefined {
    return parseSockaddr(this.nameBytes);
  }

  /** The bytes of the address, as far as there was room for them. A view. */
  get nameBytes(): Uint8Array {
    return this.#bytes.subarray(HEADER_BYTES, HEADER_BYTES + Math.min(this.namelen, this.#nameRoom));
  }

  /**
   * The control messages, whose data are views. Descriptors among them are yours to close: see `readScmRights`.
   * io_uring_recvmsg_cmsg_firsthdr, io_uring_recvmsg_cmsg_nexthdr.
   */
  controlMessages(): ControlMessage[] {
    const begin = HEADER_BYTES + this.#nameRoom;
    const valid = Math.min(this.controllen, this.#controlRoom);
    return readControlMessages(this.#bytes.subarray(begin, begin + valid));
  }

  /** What was received. A view. io_uring_recvmsg_payload. */
  get payload(): Uint8Array {
    return this.#bytes.subarray(this.#payloadAt);
  }

  /** The bytes of `payload`: what was delivered, whatever the header says. io_uring_recvmsg_payload_length. */
  get payloadLength(): number {
    return this.#bytes.length - this.#payloadAt;
  }

  get #payloadAt(): number {
    return HEADER_BYTES + this.#nameRoom + this.#controlRoom;
  }

  #field(at: number): number {
    return getUint32(this.#bytes, at);
  }
}

const { fields } = io_uring_recvmsg_out;
const HEADER_BYTES = io_uring_recvmsg_out.size;
