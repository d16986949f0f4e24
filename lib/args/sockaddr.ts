/**
 * Socket addresses as the kernel wants them, and back: IPv4, IPv6, Unix paths and abstract names.
 */
import { isIPv4 } from 'node:net';
import { AF_INET, AF_INET6, AF_UNIX, AF_UNSPEC } from '../../syscalls/constants/socket.ts';
import { checkInteger, invalidType, invalidValue, outOfRange } from '../../syscalls/invalid.ts';
import { formatIpv6, parseIpv6 } from './ip.ts';
import { setUint16, setUint16Be, setUint32 } from './words.ts';

/** An Internet address, as `net.Socket#address()` gives it. */
export interface InternetAddress {
  /** '127.0.0.1', '::1', or 'fe80::1%2' with the number of the interface. */
  address: string;
  /** 0 to 65,535. */
  port: number;
  family?: 'IPv4' | 'IPv6';
  /** IPv6 only. */
  flowInfo?: number;
}

/** A Unix socket: by path, by abstract name (without its leading NUL), or unnamed. */
export type UnixAddress =
  | { path: string | Uint8Array }
  | { abstract: string | Uint8Array }
  | { unnamed: true };

export type SocketAddress = InternetAddress | UnixAddress;

/** The largest address there is (`struct sockaddr_storage`): room for what accept or recvmsg writes. */
export const SOCKADDR_STORAGE_BYTES = 128;

/**
 * The bytes of a `struct sockaddr_in`, `sockaddr_in6` or `sockaddr_un` for `address`, as long as the address is: give
 * them to `connect`, `bind`, `sendto`, and the ring holds them.
 * @throws TypeError, RangeError for what is no address.
 */
export function sockaddr(address: SocketAddress): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SOCKADDR_STORAGE_BYTES);
  return bytes.subarray(0, writeSockaddr(bytes, address));
}

/** Writes `address` to the front of `bytes`, and returns its length in bytes. Allocates nothing for IPv4. */
export function writeSockaddr(bytes: Uint8Array, address: SocketAddress): number {
  if (typeof address !== 'object' || address === null)
    throw invalidType('address', 'of type object', address);
  if ('address' in address) return writeInternet(bytes, address);
  if ('path' in address) return writeUnix(bytes, toBytes('path', address.path), false);
  if ('abstract' in address) return writeUnix(bytes, toBytes('abstract', address.abstract), true);
  if ('unnamed' in address) return writeUnix(bytes, new Uint8Array(0), true) - 1;
  throw invalidValue('address', address, 'must have an address and port, a path, or an abstract name');
}

/**
 * The address in `bytes`, of which the kernel said that `length` are valid (it can say more than there was room for).
 * Undefined for no address (AF_UNSPEC or length 0). @throws TypeError for a family other than those three.
 */
export function parseSockaddr(bytes: Uint8Array, length: number = bytes.length): SocketAddress | undefined {
  const valid = bytes.subarray(0, Math.min(length, bytes.length));
  if (valid.length < 2) return undefined;
  const view = new DataView(valid.buffer, valid.byteOffset, valid.length);
  const family = view.getUint16(0, true);
  if (family === AF_UNSPEC) return undefined;
  if (family === AF_UNIX) return parseUnix(valid);
  if (family === AF_INET && valid.length >= INET_BYTES)
    return { address: valid.subarray(4, 8).join('.'), port: view.getUint16(2), family: 'IPv4' };
  if (family === AF_INET6 && valid.length >= INET6_BYTES) return parseInet6(valid, view);
  throw invalidValue('bytes', family, 'hold an address of a family that is not known, or cut short');
}

function writeInternet(bytes: Uint8Array, { address, port, flowInfo = 0 }: InternetAddress): number {
  if (typeof address !== 'string') throw invalidType('address.address', 'of type string', address);
  checkInteger('address.port', port, 0, 0xffff);
  return isIPv4(address) ? writeInet(bytes, address, port) : writeInet6(bytes, address, port, flowInfo);
}

function writeInet(bytes: Uint8Array, address: string, port: number): number {
  checkRoom(bytes, INET_BYTES);
  setUint16(bytes, 0, AF_INET);
  setUint16Be(bytes, 2, port);
  let part = 0;
  let at = 4;
  for (let i = 0; i <= address.length; i++) {
    const digit = address.charCodeAt(i) - ZERO;
    if (digit >= 0 && digit <= 9) part = part * 10 + digit;
    else {
      bytes[at++] = part;
      part = 0;
    }
  }
  bytes.fill(0, 8, INET_BYTES);
  return INET_BYTES;
}

function writeInet6(bytes: Uint8Array, address: string, port: number, flowInfo: number): number {
  const [text, scope = '0'] = address.split('%');
  const parsed = parseIpv6(text);
  if (parsed === undefined) throw invalidValue('address.address', address, 'must be an IPv4 or IPv6 address');
  if (!/^\d+$/.test(scope))
    throw invalidValue('address.address', address, 'must name its interface by number');
  checkRoom(bytes, INET6_BYTES);
  const flow = checkInteger('address.flowInfo', flowInfo, 0, 0xffff_ffff);
  const scopeId = checkInteger('scope', Number(scope), 0, 0xffff_ffff);
  setUint16(bytes, 0, AF_INET6);
  setUint16Be(bytes, 2, port);
  setUint16Be(bytes, 4, flow >>> 16);
  setUint16Be(bytes, 6, flow);
  bytes.set(parsed, 8);
  setUint32(bytes, 24, scopeId);
  return INET6_BYTES;
}

function writeUnix(bytes: Uint8Array, name: Uint8Array, abstract: boolean): number {
  if (!abstract && (name.length === 0 || name.includes(0)))
    throw invalidValue('address.path', name, 'must not be empty and must be without null bytes');
  // A path is followed by a NUL, an abstract name preceded by one: the same length.
  if (name.length + 1 > UNIX_PATH_BYTES)
    throw outOfRange('address', `at most ${UNIX_PATH_BYTES - 1} bytes`, name.length);
  const length = 2 + name.length + 1;
  checkRoom(bytes, length);
  setUint16(bytes, 0, AF_UNIX);
  bytes.set(name, abstract ? 3 : 2);
  bytes[abstract ? 2 : length - 1] = 0;
  return length;
}

function parseUnix(valid: Uint8Array): UnixAddress {
  const name = valid.subarray(2);
  if (name.length === 0) return { unnamed: true };
  if (name[0] === 0) return { abstract: decode(name.slice(1)) };
  const end = name.indexOf(0);
  return { path: decode(name.slice(0, end < 0 ? name.length : end)) };
}

function parseInet6(valid: Uint8Array, view: DataView): InternetAddress {
  const scope = view.getUint32(24, true);
  const text = formatIpv6(valid.subarray(8, 24));
  const flowInfo = view.getUint32(4);
  return {
    address: scope === 0 ? text : `${text}%${scope}`,
    port: view.getUint16(2),
    family: 'IPv6',
    flowInfo,
  };
}

/** A name as a string where it is one, else as its bytes. */
function decode(name: Uint8Array): string | Uint8Array {
  const text = Buffer.from(name).toString();
  return Buffer.from(text).equals(name) ? text : name;
}

function toBytes(what: string, name: unknown): Uint8Array {
  if (typeof name === 'string') return Buffer.from(name);
  if (name instanceof Uint8Array) return name;
  throw invalidType(`address.${what}`, 'of type string or an instance of Buffer', name);
}

function checkRoom(bytes: Uint8Array, length: number): void {
  if (bytes.length < length) throw outOfRange('bytes.length', `>= ${length}`, bytes.length);
}

const ZERO = 48;
const INET_BYTES = 16;
const INET6_BYTES = 28;
const UNIX_PATH_BYTES = 108;
