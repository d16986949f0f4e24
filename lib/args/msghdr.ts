/**
 * `struct msghdr`: what sendmsg and recvmsg point at, with everything that it points at itself.
 */
import { checkInteger, invalidType, outOfRange } from '../../syscalls/invalid.ts';
import { msghdr } from '../../syscalls/layouts/sockets.ts';
import type { BufferSource, Memory } from '../../syscalls/memory.ts';
import { type ControlMessage, controlSpace, readControlMessages, writeControlMessages } from './cmsg.ts';
import { Iovecs } from './iovecs.ts';
import { parseSockaddr, SOCKADDR_STORAGE_BYTES, type SocketAddress, writeSockaddr } from './sockaddr.ts';
import { getWide, placeOf, setWide } from './words.ts';

/** What a message is made of; each part may be left out. */
export interface MsghdrParts {
  /** The address to send to; or room in bytes for the sender's, 0 to 128 (SOCKADDR_STORAGE_BYTES fits every one). */
  readonly name?: SocketAddress | number;
  /** The pieces of memory to send, or to receive into. */
  readonly buffers?: Iovecs | readonly (BufferSource | Memory | null)[];
  /** The control messages to send; or room in bytes for those received: see `cmsgSpace`. */
  readonly control?: readonly ControlMessage[] | number;
}

/**
 * A message of sendmsg, sendmsgZc, recvmsg or recvmsgMultishot: `struct msghdr` with its address, iovecs and control
 * data. It refers to all of them, so the operation that points at it has them held until its CQE.
 *
 * Made once, it is used again and again without allocating: `iovecs.set`, `setName`, `setControl` and `setIovecs` write
 * it anew, `reset` before it receives again. Not while an operation in flight uses it.
 */
export class Msghdr implements Memory {
  /** Where the struct begins in memory. */
  readonly address: number;
  /** Of the struct alone. */
  readonly byteLength: number = msghdr.size;
  /** Struct, room for the address and room for the control data, one behind the other. */
  readonly #words: Int32Array;
  readonly #nameRoom: Uint8Array<ArrayBuffer>;
  readonly #controlRoom: Uint8Array<ArrayBuffer>;
  #iovecs: Iovecs | null = null;
  /** What was given last: the kernel writes over the struct's own when it receives. */
  #namelen = 0;
  #controllen = 0;

  /** @throws TypeError, RangeError for what is no part of a message. */
  constructor({ name = 0, buffers = [], control = 0 }: MsghdrParts = {}) {
    const nameRoom = typeof name === 'number' ? checkRoom('name', name, MAX_NAME) : MAX_NAME;
    const controlRoom =
      typeof control === 'number' ? checkRoom('control', control, MAX_CONTROL) : controlSpace(control);
    const controlAt = NAME_AT + Math.ceil(nameRoom / 8) * 8;
    const memory = new ArrayBuffer(Math.ceil((controlAt + controlRoom) / 8) * 8);
    this.address = placeOf(memory);
    this.#words = new Int32Array(memory);
    this.#nameRoom = new Uint8Array(memory, NAME_AT, nameRoom);
    this.#controlRoom = new Uint8Array(memory, controlAt, controlRoom);
    // Without room the kernel gets NULL, and leaves the length alone.
    if (nameRoom > 0) setWide(this.#words, NAME, this.address + NAME_AT);
    if (controlRoom > 0) setWide(this.#words, CONTROL, this.address + controlAt);
    this.setName(name);
    this.setControl(control);
    if (buffers instanceof Iovecs) this.setIovecs(buffers);
    else if (!Array.isArray(buffers)) throw invalidType('buffers', 'an instance of Array or Iovecs', buffers);
    else if (buffers.length > 0) this.setIovecs(new Iovecs(buffers));
  }

  /** The pieces of memory: `iovecs.set` changes them. Null when there are none. */
  get iovecs(): Iovecs | null {
    return this.#iovecs;
  }

  /** Other pieces of memory: the first `count` of `iovecs`, or none with null. */
  setIovecs(iovecs: Iovecs | null, count: number = iovecs?.count ?? 0): void {
    if (iovecs !== null && !(iovecs instanceof Iovecs))
      throw invalidType('iovecs', 'an instance of Iovecs or null', iovecs);
    checkInteger('count', count, 0, iovecs?.count ?? 0);
    setWide(this.#words, IOV, iovecs?.address ?? 0);
    setWide(this.#words, IOVLEN, count);
    this.#iovecs = iovecs;
  }

  /**
   * The address to send to, or how many bytes of the room may be written when receiving (0 sends without an address).
   * The room stays what it was made with: 128 bytes where that was an address.
   * @throws TypeError for what is no address, RangeError for one that does not fit.
   */
  setName(name: SocketAddress | number): void {
    this.#namelen =
      typeof name === 'number'
        ? checkRoom('name', name, this.#nameRoom.length)
        : writeSockaddr(this.#nameRoom, name);
    this.#words[NAMELEN] = this.#namelen;
  }

  /**
   * The control messages to send, or how many bytes of the room may be written when receiving (0 for none). The room
   * stays what it was made with: the space of those messages where it was made with messages.
   * @throws TypeError for what is no control message, RangeError for more than fits.
   */
  setControl(control: readonly ControlMessage[] | number): void {
    this.#controllen =
      typeof control === 'number'
        ? checkRoom('control', control, this.#controlRoom.length)
        : writeControlMessages(this.#controlRoom, control);
    setWide(this.#words, CONTROLLEN, this.#controllen);
  }

  /**
   * Makes it ready to receive again: `namelen` and `controllen`, over which the kernel wrote, are again what was given,
   * and `flags` 0. Without it the next address or control data is cut to the length of the last one.
   */
  reset(): void {
    this.#words[NAMELEN] = this.#namelen;
    setWide(this.#words, CONTROLLEN, this.#controllen);
    this.#words[FLAGS] = 0;
  }

  /** `msg_namelen`: after recvmsg the length of the sender's address, perhaps more than there was room for. */
  get namelen(): number {
    return this.#words[NAMELEN] >>> 0;
  }

  /** `msg_controllen`: after recvmsg the bytes of control data that were written. */
  get controllen(): number {
    return getWide(this.#words, CONTROLLEN);
  }

  /** `msg_flags` after recvmsg: MSG_TRUNC (the data was cut), MSG_CTRUNC (control data was cut), MSG_EOR, …. */
  get flags(): number {
    return this.#words[FLAGS] >>> 0;
  }

  /**
   * The address: after recvmsg the sender's, undefined when there is none (a connected stream, an unbound Unix socket).
   * @throws TypeError for another family than IPv4, IPv6 and Unix, or one cut short: see `nameBytes`.
   */
  get name(): SocketAddress | undefined {
    return parseSockaddr(this.nameBytes);
  }

  /** The bytes of the address, as far as there was room for them. A view. */
  get nameBytes(): Uint8Array<ArrayBuffer> {
    return this.#nameRoom.subarray(0, Math.min(this.namelen, this.#nameRoom.length));
  }

  /**
   * The control messages: after recvmsg those received. Their data are views of the message's memory, right until it is
   * used again. Descriptors among them are yours to close: see `readScmRights`.
   */
  controlMessages(): ControlMessage[] {
    const valid = Math.min(this.controllen, this.#controlRoom.length);
    return readControlMessages(this.#controlRoom.subarray(0, valid));
  }
}

function checkRoom(what: string, bytes: number, room: number): number {
  if (Number.isInteger(bytes) && bytes > room) throw outOfRange(what, `at most ${room} bytes of room`, bytes);
  return checkInteger(what, bytes, 0, room);
}

const { fields } = msghdr;
const NAME = fields.msg_name[0] / 4;
const NAMELEN = fields.msg_namelen[0] / 4;
const IOV = fields.msg_iov[0] / 4;
const IOVLEN = fields.msg_iovlen[0] / 4;
const CONTROL = fields.msg_control[0] / 4;
const CONTROLLEN = fields.msg_controllen[0] / 4;
const FLAGS = fields.msg_flags[0] / 4;
/** Behind the struct, at a multiple of 8. */
const NAME_AT = 64;
const MAX_NAME = SOCKADDR_STORAGE_BYTES;
const MAX_CONTROL = 2 ** 30;
