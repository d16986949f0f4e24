/**
 * Sockets by plain system calls, for the tests of the operations on them: what an operation did is looked at from the
 * other side, and a kernel without socket, bind and listen by ring still tests the rest.
 */
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseSockaddr, type SocketAddress, sockaddr } from 'tsuring';
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  addressOf,
  errnoName,
  libc,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  POLLIN,
  SOCK_CLOEXEC,
  SOCK_STREAM,
  SOL_TCP,
  TCP_INFO,
} from 'tsuring/syscalls';
import { timeLimit } from './time-limit.ts';

/** A socket with a name of its own. */
export interface Bound {
  readonly fd: number;
  /** As the kernel gives it: with the port it chose. */
  readonly address: SocketAddress;
  /** The same for the kernel. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Sockets and paths of one test: all of them are gone when it is over. */
export class Sockets implements Disposable {
  readonly #fds = new Set<number>();
  /** Opened by Node, so closed by Node. */
  #file = -1;
  #folder: string | undefined;
  #names = 0;

  /** Has `fd`, which some operation gave, closed at the end. */
  keep(fd: number): number {
    assert(fd >= 0, `no descriptor: ${errnoName(fd)}`);
    this.#fds.add(fd);
    return fd;
  }

  close(fd: number): void {
    assert(this.#fds.delete(fd), `${fd} is not open here`);
    assert.equal(libc().close(fd), 0);
  }

  socket(domain: number, type: number = SOCK_STREAM, protocol = 0): number {
    return this.keep(call('socket', domain, type | SOCK_CLOEXEC, protocol));
  }

  /** Two connected Unix sockets. */
  pair(type: number = SOCK_STREAM): [number, number] {
    const fds = new Int32Array(2);
    call('socketpair', AF_UNIX, type | SOCK_CLOEXEC, 0, fds);
    return [this.keep(fds[0]), this.keep(fds[1])];
  }

  bound(type: number, address: SocketAddress = loopback): Bound {
    return this.bind(this.socket(familyOf(address), type), address);
  }

  bind(fd: number, address: SocketAddress): Bound {
    const name = sockaddr(address);
    call('bind', fd, name, name.length);
    return this.named(fd);
  }

  /** A socket with the name it has got. */
  named(fd: number): Bound {
    const own = nameOf(fd);
    assert(own !== undefined);
    return { fd, address: own, bytes: sockaddr(own) };
  }

  listener(address: SocketAddress = loopback, backlog = 16): Bound {
    const bound = this.bound(SOCK_STREAM, address);
    call('listen', bound.fd, backlog);
    return bound;
  }

  /** Connects a new socket to `to`. Blocks: there must be room in the backlog. */
  client(to: Bound): number {
    const fd = this.socket(familyOf(to.address));
    this.connect(fd, to);
    return fd;
  }

  connect(fd: number, to: Bound): void {
    call('connect', fd, to.bytes, to.bytes.length);
  }

  accept(listener: Bound): number {
    waitFor(listener.fd, POLLIN);
    return this.keep(call('accept4', listener.fd, 0, 0, SOCK_CLOEXEC));
  }

  /** Two ends of a TCP connection. */
  tcp(): [client: number, server: number] {
    const listener = this.listener();
    const client = this.client(listener);
    return [client, this.accept(listener)];
  }

  /** An open file that is no socket. */
  file(): number {
    if (this.#file < 0) this.#file = openSync('/dev/null', 'r');
    return this.#file;
  }

  /** A path in a folder of this test's own, where nothing is. */
  path(): string {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'tsuring-sockets-'));
    return join(this.#folder, `${this.#names++}`);
  }

  /** An abstract name that nobody else has. */
  abstract(): string {
    return `tsuring-${process.pid}-${process.hrtime.bigint()}-${this.#names++}`;
  }

  [Symbol.dispose](): void {
    for (const fd of this.#fds) libc().close(fd);
    this.#fds.clear();
    if (this.#file >= 0) closeSync(this.#file);
    this.#file = -1;
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Any free port of this machine. */
export const loopback: SocketAddress = { address: '127.0.0.1', port: 0 };

export function nameOf(fd: number): SocketAddress | undefined {
  return addressBy('getsockname', fd);
}

export function peerOf(fd: number): SocketAddress | undefined {
  return addressBy('getpeername', fd);
}

/** An option of 32 bits. */
export function option(fd: number, level: number, name: number): number {
  const value = new Int32Array(1);
  call('getsockopt', fd, level, name, value, Uint32Array.of(4));
  return value[0];
}

/** How many connections may wait at a TCP listener: what ss(8) shows as its Send-Q. */
export function backlogOf(fd: number): number {
  const info = new Uint32Array(8);
  call('getsockopt', fd, SOL_TCP, TCP_INFO, info, Uint32Array.of(info.byteLength));
  return info[7]; // tcpi_sacked
}

export function setOption(fd: number, level: number, name: number, value: number | ArrayBufferView): void {
  const bytes = typeof value === 'number' ? Int32Array.of(value) : value;
  call('setsockopt', fd, level, name, bytes, bytes.byteLength);
}

/** Waits for something to receive, and gives up to `length` bytes of it; empty at the end. */
export function receive(fd: number, length = 65536, flags = 0): Buffer {
  waitFor(fd, POLLIN);
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, call('recvfrom', fd, bytes, length, flags | MSG_DONTWAIT, 0, 0));
}

/** Whether something to receive, or the end, comes within so many milliseconds. */
export function arrives(fd: number, milliseconds: number): boolean {
  return libc().poll(fd, POLLIN, milliseconds) > 0;
}

/** Receives exactly `length` bytes of a stream. */
export function receiveAll(fd: number, length: number): Buffer {
  const parts: Buffer[] = [];
  for (let rest = length; rest > 0; ) {
    const part = receive(fd, rest);
    assert(part.length > 0, `the stream ended ${rest} bytes early`);
    parts.push(part);
    rest -= part.length;
  }
  return Buffer.concat(parts);
}

/** Sends at once, to an address if one is given; the bytes that were taken, or -errno. */
export function trySend(fd: number, data: string | Uint8Array, to?: Bound, flags = 0): number {
  const bytes = Buffer.from(data);
  const how = flags | MSG_DONTWAIT | MSG_NOSIGNAL;
  return raw('sendto', fd, bytes, bytes.length, how, to?.bytes ?? 0, to?.bytes.length ?? 0);
}

/** `trySend` where nothing may be in the way. */
export function sendNow(fd: number, data: string | Uint8Array, to?: Bound): void {
  assert.equal(trySend(fd, data, to), Buffer.byteLength(data));
}

/** Sends as much as there is room for, and tells how much. */
export function fill(fd: number): number {
  const chunk = new Uint8Array(65536);
  const clock = new Int32Array(new SharedArrayBuffer(4));
  let sent = 0;
  // TCP hands on what was sent in its own time, and makes room again: some 200 ms later, when it probes the other end's
  // window. Full is what stays full for longer than that.
  for (let full = 0; full < 10; ) {
    const taken = trySend(fd, chunk);
    sent += Math.max(taken, 0);
    full = taken < 0 ? full + 1 : 0;
    if (full > 0) Atomics.wait(clock, 0, 0, 50);
  }
  return sent;
}

export function shutdownNow(fd: number, how: number): void {
  call('shutdown', fd, how);
}

/** Flags of the descriptor: FD_CLOEXEC is 1. */
export function descriptorFlags(fd: number): number {
  return call('fcntl', fd, 1, 0);
}

/** Flags of the open file: O_NONBLOCK and others. */
export function statusFlags(fd: number): number {
  return call('fcntl', fd, 3, 0);
}

/** Runs `body` while this process may not open one more file. */
export function withoutFreeDescriptors<T>(body: () => T): T {
  const before = new BigUint64Array(2);
  call('prlimit64', 0, RLIMIT_NOFILE, 0, before);
  call('prlimit64', 0, RLIMIT_NOFILE, BigUint64Array.of(0n, before[1]), 0);
  try {
    return body();
  } finally {
    call('prlimit64', 0, RLIMIT_NOFILE, before, 0);
  }
}

/** For IPv6 on the loopback device. */
export function lacksIpv6(): string | false {
  using sockets = new Sockets();
  try {
    sockets.bound(SOCK_STREAM, { address: '::1', port: 0 });
    return false;
  } catch {
    return 'needs IPv6 on the loopback device';
  }
}

function familyOf(address: SocketAddress): number {
  if (!('address' in address)) return AF_UNIX;
  return address.address.includes(':') ? AF_INET6 : AF_INET;
}

function addressBy(name: 'getsockname' | 'getpeername', fd: number): SocketAddress | undefined {
  const bytes = new Uint8Array(128);
  const length = Uint32Array.of(bytes.length);
  call(name, fd, bytes, length);
  return parseSockaddr(bytes, length[0]);
}

function waitFor(fd: number, events: number): void {
  // Nothing else runs in this thread meanwhile, so less than a test may take.
  assert(libc().poll(fd, events, timeLimit / 10) > 0, 'nothing came in time');
}

type Argument = number | ArrayBufferView;

function call(name: keyof typeof numbers, ...args: Argument[]): number {
  const result = raw(name, ...args);
  if (result < 0) throw new Error(`${name}: ${errnoName(result)}`);
  return result;
}

function raw(name: keyof typeof numbers, ...args: Argument[]): number {
  alive = args;
  const all = args.map((arg) => (typeof arg === 'number' ? arg : addressOf(arg)));
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = all;
  const result = libc().syscall(numbers[name], a, b, c, d, e, f);
  alive = undefined;
  return result;
}

/** What the running call points at. */
export let alive: Argument[] | undefined;

const RLIMIT_NOFILE = 7;

const x64 = {
  connect: 42,
  sendto: 44,
  recvfrom: 45,
  shutdown: 48,
  bind: 49,
  listen: 50,
  getsockname: 51,
  getpeername: 52,
  socketpair: 53,
  setsockopt: 54,
  getsockopt: 55,
  socket: 41,
  fcntl: 72,
  accept4: 288,
  prlimit64: 302,
};

const arm64: typeof x64 = {
  connect: 203,
  sendto: 206,
  recvfrom: 207,
  shutdown: 210,
  bind: 200,
  listen: 201,
  getsockname: 204,
  getpeername: 205,
  socketpair: 199,
  setsockopt: 208,
  getsockopt: 209,
  socket: 198,
  fcntl: 25,
  accept4: 242,
  prlimit64: 261,
};

const numbers = process.arch === 'arm64' ? arm64 : x64;
