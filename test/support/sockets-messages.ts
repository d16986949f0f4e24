/**
 * Messages of sendmsg and recvmsg as the kernel wants them, made by hand, and what it wrote.
 */
import { Iovecs } from 'tsuring';
import { addressOf, cmsghdr, io_uring_recvmsg_out, makeStruct, msghdr, readStruct } from 'tsuring/syscalls';

/** One control message. */
export interface Control {
  readonly level: number;
  readonly type: number;
  readonly data: Uint8Array;
}

/** A `struct msghdr` with everything it points at, which lives as long as this does. */
export class Message {
  /** For the operation. */
  readonly header: Uint8Array<ArrayBuffer>;
  readonly name: Uint8Array | undefined;
  readonly control: Uint8Array | undefined;
  readonly iovecs: Iovecs | undefined;
  readonly pieces: readonly Uint8Array[];

  constructor(pieces: readonly Uint8Array[], name?: Uint8Array, control?: Uint8Array) {
    this.pieces = pieces;
    this.name = name;
    this.control = control;
    this.iovecs = pieces.length > 0 ? new Iovecs(pieces) : undefined;
    this.header = makeStruct(msghdr, {
      msg_iov: this.iovecs?.address ?? 0,
      msg_iovlen: pieces.length,
      msg_name: name ? addressOf(name) : 0,
      msg_namelen: name?.length ?? 0,
      msg_control: control ? addressOf(control) : 0,
      msg_controllen: control?.length ?? 0,
    });
  }

  /** What recvmsg wrote to the header. */
  get written(): { nameLength: number; controlLength: number; flags: number } {
    const { msg_namelen, msg_controllen, msg_flags } = readStruct(this.header, msghdr);
    return { nameLength: msg_namelen, controlLength: Number(msg_controllen), flags: msg_flags };
  }

  /** The control messages that recvmsg wrote. */
  get controls(): Control[] {
    return parseControls(this.control?.subarray(0, this.written.controlLength) ?? new Uint8Array(0));
  }
}

/** Bytes that so much data needs as one control message: CMSG_SPACE. */
export function controlSpace(bytes: number): number {
  return align(cmsghdr.size + bytes);
}

/** One control message with its header. */
export function controlOf({ level, type, data }: Control): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(controlSpace(data.length));
  const header = { cmsg_len: cmsghdr.size + data.length, cmsg_level: level, cmsg_type: type };
  bytes.set(makeStruct(cmsghdr, header));
  bytes.set(data, cmsghdr.size);
  return bytes;
}

export function parseControls(bytes: Uint8Array): Control[] {
  const found: Control[] = [];
  for (let at = 0; at + cmsghdr.size <= bytes.length; ) {
    const { cmsg_len, cmsg_level, cmsg_type } = readStruct(bytes, cmsghdr, at);
    const end = at + Number(cmsg_len);
    found.push({
      level: cmsg_level,
      type: cmsg_type,
      data: Uint8Array.from(bytes.subarray(at + cmsghdr.size, end)),
    });
    at = align(end);
  }
  return found;
}

/** What recvmsgMultishot put into a buffer. */
export interface Out {
  /** Of the address as it is, not as far as there was room for it. */
  readonly nameLength: number;
  readonly payloadLength: number;
  /** MSG_…. */
  readonly flags: number;
  readonly name: Uint8Array;
  readonly controls: Control[];
  readonly payload: Buffer;
}

/** Takes it apart: a header, then room for the name and for control messages, then the bytes. */
export function parseOut(bytes: Uint8Array, nameRoom: number, controlRoom: number): Out {
  const header = readStruct(bytes, io_uring_recvmsg_out);
  const name = io_uring_recvmsg_out.size;
  const control = name + nameRoom;
  return {
    nameLength: header.namelen,
    payloadLength: header.payloadlen,
    flags: header.flags,
    name: Uint8Array.from(bytes.subarray(name, name + Math.min(header.namelen, nameRoom))),
    controls: parseControls(bytes.subarray(control, control + header.controllen)),
    payload: Buffer.from(bytes.subarray(control + controlRoom)),
  };
}

function align(bytes: number): number {
  return (bytes + 7) & ~7;
}
