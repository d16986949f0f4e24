/**
 * What a server of the echo says: its port, and for every byte of the standard input the microseconds of processor time
 * that it has taken so far. It ends with the standard input: when whoever started it is gone.
 */
import { closeSync, writeSync } from 'node:fs';
import { parseSockaddr, sockaddr } from 'tsuring';
import {
  AF_INET,
  addressOf,
  libc,
  type Result,
  SOCK_CLOEXEC,
  SOCK_STREAM,
  UringError,
} from 'tsuring/syscalls';

export function sayPort(port: number): void {
  writeSync(1, `${port}\n`);
}

/** Says it so many times. */
export function sayUsage(times: number): void {
  const { user, system } = process.cpuUsage();
  writeSync(1, `${user + system}\n`.repeat(times));
}

/** For servers whose event loop turns. */
export function listenToControl(): void {
  process.stdin.on('data', (bytes) => sayUsage(bytes.length));
  process.stdin.on('end', () => process.exit(0));
}

/** A listening socket on any port of 127.0.0.1, as bench/peers/epoll.c makes it. */
export function listenAnywhere(): { fd: number; port: number } {
  const fd = call(0, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  try {
    const one = new Int32Array([1]);
    const address = sockaddr({ address: '127.0.0.1', port: 0 });
    const length = new Int32Array([address.length]);
    // The connections inherit it.
    call(4, fd, IPPROTO_TCP, TCP_NODELAY, addressOf(one), 4);
    call(1, fd, addressOf(address), address.length);
    call(2, fd, BACKLOG);
    call(3, fd, addressOf(address), addressOf(length));
    const { port } = parseSockaddr(address) as { port: number };
    return { fd, port };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** socket, bind, listen, getsockname, setsockopt. */
const NAMES = ['socket', 'bind', 'listen', 'getsockname', 'setsockopt'];
const NUMBERS = process.arch === 'arm64' ? [198, 200, 201, 204, 208] : [41, 49, 50, 51, 54];

function call(which: number, a: number, b: number, c = 0, d = 0, e = 0): Result {
  const result = libc().syscall(NUMBERS[which], a, b, c, d, e, 0);
  if (result < 0) throw new UringError(result, NAMES[which]);
  return result;
}

const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const BACKLOG = 511;
