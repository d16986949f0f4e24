/**
 * Control messages (ancillary data) as sendmsg(2) and recvmsg(2) carry them: `struct cmsghdr`, each followed by its data
 * and filled up to a multiple of 8 bytes.
 */
import { checkInteger, invalidType, outOfRange } from '../../syscalls/invalid.ts';
import { cmsghdr } from '../../syscalls/layouts/sockets.ts';
import { getUint32, setUint32 } from './words.ts';

/** One control message. See cmsg(3). */
export interface ControlMessage {
  /** The protocol that it belongs to: SOL_SOCKET, SOL_IP, SOL_IPV6 …. */
  readonly level: number;
  /** What it is, by the level: SCM_RIGHTS …. */
  readonly type: number;
  /** What follows the header. */
  readonly data: Uint8Array;
}

/** The bytes of a control message with `dataLength` bytes of data, its header included. CMSG_LEN. */
export function cmsgLen(dataLength: number): number {
  return cmsghdr.size + checkInteger('dataLength', dataLength, 0, MAX_DATA_BYTES);
}

/**
 * The room that a control message with `dataLength` bytes of data takes, with what fills it up: for two fds and a
 * timestamp `cmsgSpace(8) + cmsgSpace(16)`. CMSG_SPACE.
 */
export function cmsgSpace(dataLength: number): number {
  return align(cmsgLen(dataLength));
}

/** The room that `messages` take: the sum of their `cmsgSpace`. @throws TypeError for what is no control message. */
export function controlSpace(messages: readonly ControlMessage[]): number {
  if (!Array.isArray(messages)) throw invalidType('messages', 'an instance of Array', messages);
  let bytes = 0;
  for (let i = 0; i < messages.length; i++) bytes += cmsgSpace(check(messages[i]).data.length);
  return bytes;
}

/**
 * Writes `messages` to the front of `bytes`, one behind the other, and returns the length for `msg_controllen`.
 * @throws TypeError for what is no control message, RangeError when they do not fit: nothing is written then.
 */
export function writeControlMessages(bytes: Uint8Array, messages: readonly ControlMessage[]): number {
  const length = controlSpace(messages);
  if (length > bytes.length) throw outOfRange('messages', `at most ${bytes.length} bytes in all`, length);
  let at = 0;
  for (let i = 0; i < messages.length; i++) {
    const { level, type, data } = messages[i];
    const end = at + cmsgSpace(data.length);
    setUint32(bytes, at, cmsghdr.size + data.length);
    setUint32(bytes, at + 4, 0);
    setUint32(bytes, at + LEVEL, level);
    setUint32(bytes, at + TYPE, type);
    bytes.set(data, at + cmsghdr.size);
    bytes.fill(0, at + cmsghdr.size + data.length, end);
    at = end;
  }
  return length;
}

/**
 * The control messages in `bytes`, which are `msg_controllen` bytes long. A header that is cut short, or that claims
 * less than itself or more than there is, ends them: nothing outside of `bytes` is ever read. Their data are views of
 * `bytes`, not copies. CMSG_FIRSTHDR, CMSG_NXTHDR, CMSG_DATA.
 */
export function readControlMessages(bytes: Uint8Array): ControlMessage[] {
  const messages: ControlMessage[] = [];
  for (let at = 0; at + cmsghdr.size <= bytes.length; ) {
    const length = getUint32(bytes, at);
    const isWide = getUint32(bytes, at + 4) !== 0;
    if (isWide || length < cmsghdr.size || length > bytes.length - at) break;
    messages.push({
      level: getUint32(bytes, at + LEVEL) | 0,
      type: getUint32(bytes, at + TYPE) | 0,
      data: bytes.subarray(at + cmsghdr.size, at + length),
    });
    at += align(length);
  }
  return messages;
}

function check(message: ControlMessage): ControlMessage {
  if (typeof message !== 'object' || message === null)
    throw invalidType('messages', 'an array of control messages', message);
  checkInteger('level', message.level, -0x8000_0000, 0x7fff_ffff);
  checkInteger('type', message.type, -0x8000_0000, 0x7fff_ffff);
  if (!(message.data instanceof Uint8Array))
    throw invalidType('data', 'an instance of Uint8Array', message.data);
  return message;
}

/** CMSG_ALIGN: to the size of a size_t. No bit operation: a length may have 32 bits. */
function align(length: number): number {
  return Math.ceil(length / 8) * 8;
}

const LEVEL = cmsghdr.fields.cmsg_level[0];
const TYPE = cmsghdr.fields.cmsg_type[0];
const MAX_DATA_BYTES = 0x7fff_ffff - cmsghdr.size - 8;
