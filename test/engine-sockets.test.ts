/**
 * The engine's operations on sockets, each for real.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IoUring, Msghdr, readScmRights, type SocketAddress, scmRights, sockaddr } from 'tsuring';
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  IORING_ACCEPT_DONTWAIT,
  IORING_FEAT_NATIVE_WORKERS,
  IORING_FEAT_RECVSEND_BUNDLE,
  MSG_DONTWAIT,
  MSG_PEEK,
  MSG_TRUNC,
  O_NONBLOCK,
  SHUT_RDWR,
  SHUT_WR,
  SO_ACCEPTCONN,
  SO_LINGER,
  SO_PROTOCOL,
  SO_REUSEADDR,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  SOL_TCP,
  TCP_NODELAY,
} from 'tsuring/syscalls';
import { engineTests, without } from './support/engine-test.ts';
import { lacksFeature, lacksOpcode } from './support/needs.ts';
import {
  backlogOf,
  descriptorFlags,
  lacksIpv6,
  loopback,
  nameOf,
  option,
  peerOf,
  receive,
  Sockets,
  sendNow,
  statusFlags,
} from './support/sockets.ts';

const lacksSocket = lacksOpcode('IORING_OP_SOCKET');
const lacksBind = lacksOpcode('IORING_OP_BIND') || lacksOpcode('IORING_OP_LISTEN');
const lacksCommands = lacksOpcode('IORING_OP_FUTEX_WAIT') && 'needs commands to sockets (Linux 6.7)';
const lacksNames = await lacksGetsockname();

/** A test with a ring and sockets of its own. */
const engineTest = engineTests(() => new Sockets());

engineTest('socket: of the kind asked for, close-on-exec', lacksSocket, async (ring, sockets) => {
  const plain = sockets.keep(await ring.socket(AF_INET, SOCK_STREAM));
  assert.deepEqual([option(plain, SOL_SOCKET, SO_TYPE), option(plain, SOL_SOCKET, SO_PROTOCOL)], [1, 6]);
  assert.deepEqual([descriptorFlags(plain) & 1, statusFlags(plain) & O_NONBLOCK], [1, 0]);
  const other = sockets.keep(await ring.socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK));
  assert.equal(option(other, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
  assert.deepEqual([descriptorFlags(other) & 1, statusFlags(other) & O_NONBLOCK], [1, O_NONBLOCK]);
  await refuses(ring.socket(9999, SOCK_STREAM), 'EAFNOSUPPORT', 'socket');
  await refuses(ring.socket(AF_INET, 'stream' as never), 'ERR_INVALID_ARG_TYPE');
});

/** A server and a client by the ring alone: they meet at `address`, and say hello. */
function meets(name: string, skip: string | false, family: number, address: () => SocketAddress): void {
  engineTest(name, skip || lacksSocket || lacksBind, async (ring, sockets) => {
    const [listener, client] = (
      await Promise.all([ring.socket(family, SOCK_STREAM), ring.socket(family, SOCK_STREAM)])
    ).map((fd) => sockets.keep(fd));
    await ring.bind(listener, address());
    await ring.listen(listener);
    const to = nameOf(listener) as SocketAddress;
    const accepting = ring.accept(listener);
    await ring.connect(client, to);
    assert.deepEqual(peerOf(client), to);
    const { fd, address: from } = await accepting;
    sockets.keep(fd);
    assert.deepEqual(from, nameOf(client));
    assert.deepEqual([descriptorFlags(fd) & 1, statusFlags(fd) & O_NONBLOCK], [1, 0]);
    const bytes = Buffer.alloc(5);
    const [received, sent] = [ring.recv(fd, bytes), ring.send(client, Buffer.from('hello'))];
    assert.deepEqual([await received, await sent, bytes.toString()], [5, 5, 'hello']);
  });
}

meets('a connection by IPv4', false, AF_INET, () => loopback);
meets('a connection by IPv6', lacksIpv6(), AF_INET6, () => ({ address: '::1', port: 0 }));
meets('a connection by an abstract name', false, AF_UNIX, () => ({
  abstract: `tsuring-engine-${process.pid}-${process.hrtime.bigint()}`,
}));

engineTest('connect to a path: the listener, then nobody, then nothing', false, async (ring, sockets) => {
  const path = sockets.path();
  const connect = async () => {
    const fd = sockets.socket(AF_UNIX);
    await ring.connect(fd, { path });
    return fd;
  };
  await refuses(connect(), 'ENOENT', 'connect');
  const listener = sockets.listener({ path });
  const fd = await connect();
  const { fd: server, address } = await ring.accept(listener.fd);
  sockets.keep(server);
  assert.deepEqual(address, { unnamed: true });
  assert.equal(await ring.send(server, Buffer.from('hello')), 5);
  assert.equal(receive(fd).toString(), 'hello');
  sockets.close(listener.fd);
  await refuses(connect(), 'ECONNREFUSED');
});

engineTest('connect: addresses as bytes, and errors', false, async (ring, sockets) => {
  const listener = sockets.listener();
  const fd = sockets.socket(AF_INET);
  await ring.connect(fd, listener.bytes);
  assert.deepEqual(peerOf(fd), listener.address);
  await refuses(ring.connect(fd, listener.address), 'EISCONN');
  const silent = sockets.bound(SOCK_STREAM);
  await assert.rejects(ring.connect(sockets.socket(AF_INET), silent.address), {
    code: 'ECONNREFUSED',
    errno: -111,
    syscall: 'connect',
    message: 'ECONNREFUSED: connection refused, connect',
  });
  await refuses(ring.connect(sockets.file(), listener.address), 'ENOTSOCK');
  await refuses(ring.connect(sockets.socket(AF_INET), listener.bytes.subarray(0, 8)), 'EINVAL');
  await refuses(ring.connect(fd, { address: 'nonsense', port: 1 }), 'ERR_INVALID_ARG_VALUE');
  await refuses(ring.connect(fd, { address: '127.0.0.1', port: 65_536 }), 'ERR_OUT_OF_RANGE');
  await refuses(ring.connect(fd, null as never), 'ERR_INVALID_ARG_TYPE');
});

engineTest('bind and listen: the backlog, and errors', lacksBind, async (ring, sockets) => {
  const fd = sockets.socket(AF_INET);
  const other = sockets.bound(SOCK_STREAM);
  await assert.rejects(ring.bind(fd, other.address), { code: 'EADDRINUSE', errno: -98, syscall: 'bind' });
  await ring.bind(fd, sockaddr(loopback));
  await refuses(ring.bind(fd, loopback), 'EINVAL');
  await ring.listen(fd, 3);
  assert.deepEqual([option(fd, SOL_SOCKET, SO_ACCEPTCONN), backlogOf(fd)], [1, 3]);
  await refuses(ring.listen(sockets.bound(SOCK_DGRAM).fd), 'EOPNOTSUPP', 'listen');
});

engineTest('shutdown', lacksOpcode('IORING_OP_SHUTDOWN'), async (ring, sockets) => {
  const [a, b] = sockets.tcp();
  const ending = ring.recv(b, Buffer.alloc(8));
  assert.equal(await ring.shutdown(a, SHUT_WR), undefined);
  assert.equal(await ending, 0);
  await ring.send(b, Buffer.from('still heard'));
  assert.equal(receive(a).toString(), 'still heard');
  await ring.shutdown(b, SHUT_RDWR);
  await refuses(ring.send(b, Buffer.from('x')), 'EPIPE', 'send');
  await refuses(ring.shutdown(sockets.socket(AF_INET), SHUT_RDWR), 'ENOTCONN', 'shutdown');
});

engineTest('accept: many at once, each with its own peer', false, async (ring, sockets) => {
  const listener = sockets.listener();
  const accepting = Array.from({ length: 5 }, () => ring.accept(listener.fd, { flags: SOCK_NONBLOCK }));
  ring.flush();
  const clients = Array.from({ length: 5 }, () => sockets.client(listener));
  const accepted = await Promise.all(accepting);
  for (const { fd, address } of accepted) {
    sockets.keep(fd);
    assert.deepEqual(address, peerOf(fd));
    assert.deepEqual([descriptorFlags(fd) & 1, statusFlags(fd) & O_NONBLOCK], [1, O_NONBLOCK]);
  }
  const ports = (addresses: readonly (SocketAddress | undefined)[]) =>
    addresses.map((address) => (address && 'port' in address ? address.port : -1)).sort();
  assert.deepEqual(ports(accepted.map(({ address }) => address)), ports(clients.map(nameOf)));
  await refuses(ring.accept(clients[0]), 'EINVAL', 'accept');
});

engineTest(
  'accept that does not wait',
  lacksFeature('IORING_ACCEPT_DONTWAIT (Linux 6.10)', IORING_FEAT_RECVSEND_BUNDLE),
  async (ring, sockets) => {
    await refuses(ring.accept(sockets.listener().fd, { ioprio: IORING_ACCEPT_DONTWAIT }), 'EAGAIN');
  },
);

engineTest('an accept is aborted, and the next one is none the worse', false, async (ring, sockets) => {
  const listener = sockets.listener();
  const reason = new Error('enough');
  for (const when of ['before it is submitted', 'after']) {
    const controller = new AbortController();
    const accepting = ring.accept(listener.fd, { signal: controller.signal });
    if (when === 'after') ring.flush();
    controller.abort(reason);
    await assert.rejects(accepting, { name: 'AbortError', code: 'ABORT_ERR', cause: reason });
  }
  await refuses(ring.accept(listener.fd, { timeout: 1 }), 'ETIMEDOUT', 'accept');
  const client = sockets.client(listener);
  const { fd, address } = await ring.accept(listener.fd, { signal: new AbortController().signal });
  sockets.keep(fd);
  assert.deepEqual(address, nameOf(client));
});

engineTest('a recv is aborted, and nothing is lost', false, async (ring, sockets) => {
  const [a, b] = sockets.tcp();
  const controller = new AbortController();
  const receiving = ring.recv(b, Buffer.alloc(8), { signal: controller.signal });
  ring.flush();
  controller.abort();
  await assert.rejects(receiving, { name: 'AbortError' });
  sendNow(a, 'all of it');
  const bytes = Buffer.alloc(9);
  assert.equal(await ring.recv(b, bytes), 9);
  assert.equal(bytes.toString(), 'all of it');
  assert.equal(ring.stats().inFlight, 0);
});

engineTest('send and recv: buffers of every kind, lengths, flags', false, async (ring, sockets) => {
  const [a, b] = sockets.pair();
  assert.equal(await ring.send(a, new Uint16Array([0x6261, 0x6463])), 4);
  assert.equal(await ring.send(a, Buffer.from('efgh'), { length: 2, flags: MSG_DONTWAIT }), 2);
  const peeked = Buffer.alloc(6);
  assert.equal(await ring.recv(b, peeked, { flags: MSG_PEEK }), 6);
  assert.equal(peeked.toString(), 'abcdef');
  const view = new DataView(new ArrayBuffer(8), 4);
  assert.equal(await ring.recv(b, view, { length: 3 }), 3);
  assert.equal(Buffer.from(view.buffer).toString(), '\0\0\0\0abc\0');
  assert.equal(await ring.recv(b, peeked), 3);
  assert.equal(peeked.toString(), 'defdef');
  await refuses(ring.recv(b, view, { flags: MSG_DONTWAIT }), 'EAGAIN', 'recv');
  await refuses(ring.recv(b, view, { length: 5 }), 'ERR_OUT_OF_RANGE');
  for (const bytes of ['bytes', 5, null]) {
    await refuses(ring.send(a, bytes as never), 'ERR_INVALID_ARG_TYPE');
    await refuses(ring.recv(b, bytes as never), 'ERR_INVALID_ARG_TYPE');
  }
});

engineTest(
  'sendto: datagrams to addresses',
  lacksOpcode('IORING_OP_SENDMSG_ZC') && 'needs sendto by SEND (Linux 6.1)',
  async (ring, sockets) => {
    const to = sockets.bound(SOCK_DGRAM);
    const from = sockets.socket(AF_INET, SOCK_DGRAM);
    assert.equal(await ring.sendto(from, Buffer.from('one'), to.address), 3);
    assert.equal(await ring.sendto(from, Buffer.from('other'), to.bytes, MSG_DONTWAIT), 5);
    assert.deepEqual([receive(to.fd), receive(to.fd)].map(String), ['one', 'other']);
    const unix = sockets.bound(SOCK_DGRAM, { path: sockets.path() });
    assert.equal(await ring.sendto(sockets.socket(AF_UNIX, SOCK_DGRAM), Buffer.from('x'), unix.address), 1);
    assert.equal(receive(unix.fd).toString(), 'x');
    await refuses(ring.sendto(from, Buffer.alloc(70_000), to.address), 'EMSGSIZE', 'sendto');
    await refuses(ring.sendto(from, Buffer.from('x'), 'nonsense' as never), 'ERR_INVALID_ARG_TYPE');
  },
);

engineTest('sendmsg and recvmsg: pieces, addresses, again and again', false, async (ring, sockets) => {
  const to = sockets.bound(SOCK_DGRAM);
  const from = sockets.bound(SOCK_DGRAM);
  const pieces = [Buffer.alloc(4), Buffer.alloc(8)];
  const received = new Msghdr({ name: 128, buffers: pieces });
  const receiving = ring.recvmsg(to.fd, received);
  const buffers = [Buffer.from('in '), Buffer.from('pieces')];
  assert.equal(await ring.sendmsg(from.fd, new Msghdr({ name: to.address, buffers })), 9);
  assert.equal(await receiving, 9);
  assert.equal(Buffer.concat(pieces).toString('latin1', 0, 9), 'in pieces');
  assert.deepEqual(received.name, from.address);
  // Without a `reset` of the caller's.
  await ring.sendmsg(from.fd, new Msghdr({ name: to.address, buffers: [Buffer.alloc(20)] }));
  assert.equal(await ring.recvmsg(to.fd, received), 12);
  assert.deepEqual([received.name, received.flags & MSG_TRUNC], [from.address, MSG_TRUNC]);
  await refuses(ring.recvmsg(to.fd, received, MSG_DONTWAIT), 'EAGAIN', 'recvmsg');
  await refuses(ring.sendmsg(from.fd, new Msghdr({ buffers })), 'EDESTADDRREQ', 'sendmsg');
  await refuses(ring.sendmsg(from.fd, {} as never), 'ERR_INVALID_ARG_TYPE');
  await refuses(ring.recvmsg(to.fd, 4096 as never), 'ERR_INVALID_ARG_TYPE');
});

engineTest(
  'sendmsg and recvmsg: a descriptor goes over',
  lacksFeature('control messages by io_uring (Linux 5.12)', IORING_FEAT_NATIVE_WORKERS),
  async (ring, sockets) => {
    const [a, b] = sockets.pair();
    const sent = new Msghdr({ buffers: [Buffer.from('x')], control: [scmRights([sockets.file()])] });
    await ring.sendmsg(a, sent);
    const message = new Msghdr({ buffers: [Buffer.alloc(1)], control: 64 });
    assert.equal(await ring.recvmsg(b, message), 1);
    const fd = sockets.keep(readScmRights(message.controlMessages())[0]);
    assert.notEqual(fd, sockets.file());
  },
);

engineTest('getsockopt and setsockopt', lacksCommands, async (ring, sockets) => {
  const [fd] = sockets.tcp();
  assert.equal(await ring.getsockopt(fd, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
  assert.equal(await ring.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1), undefined);
  assert.equal(await ring.getsockopt(fd, SOL_SOCKET, SO_REUSEADDR), 1);
  await ring.setsockopt(fd, SOL_TCP, TCP_NODELAY, 1);
  assert.equal(option(fd, SOL_TCP, TCP_NODELAY), 1);
  await ring.setsockopt(fd, SOL_SOCKET, SO_LINGER, Int32Array.of(1, 7));
  const linger = await ring.getsockoptBytes(fd, SOL_SOCKET, SO_LINGER, 64);
  assert.deepEqual([linger.length, linger.readInt32LE(0), linger.readInt32LE(4)], [8, 1, 7]);
  assert.equal((await ring.getsockoptBytes(fd, SOL_SOCKET, SO_LINGER, 2)).length, 2);
  await refuses(ring.getsockopt(fd, SOL_SOCKET, 9999), 'ENOPROTOOPT', 'getsockopt');
  await refuses(ring.setsockopt(fd, SOL_SOCKET, 9999, 1), 'ENOPROTOOPT', 'setsockopt');
  await refuses(ring.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 2 ** 32), 'ERR_OUT_OF_RANGE');
  await refuses(ring.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 'x' as never), 'ERR_INVALID_ARG_TYPE');
  await refuses(ring.getsockoptBytes(fd, SOL_SOCKET, SO_LINGER, -1), 'ERR_OUT_OF_RANGE');
});

engineTest('getsockname and getpeername', lacksNames, async (ring, sockets) => {
  const [client, server] = sockets.tcp();
  assert.deepEqual(
    await Promise.all([ring.getsockname(server), ring.getpeername(server), ring.getpeername(client)]),
    [nameOf(server), nameOf(client), nameOf(server)],
  );
  await refuses(ring.getpeername(sockets.listener().fd), 'ENOTCONN', 'getpeername');
});

engineTest('siocinq and siocoutq', lacksCommands, async (ring, sockets) => {
  const [a, b] = sockets.tcp();
  assert.deepEqual(await Promise.all([ring.siocinq(b), ring.siocoutq(a)]), [0, 0]);
  sendNow(a, 'hello');
  receive(b, 2);
  assert.equal(await ring.siocinq(b), 3);
  const { fd } = sockets.listener();
  await refuses(ring.siocinq(fd), 'EINVAL', 'siocinq');
  await refuses(ring.siocoutq(fd), 'EINVAL', 'siocoutq');
  await refuses(ring.siocinq(sockets.pair()[0]), 'EOPNOTSUPP');
});

test('registered files', { ...without, skip: without.skip || lacksCommands || lacksBind }, async () => {
  using sockets = new Sockets();
  const listening = sockets.bound(SOCK_STREAM);
  const bare = sockets.socket(AF_INET);
  const [end, other] = sockets.tcp();
  await using ring = new IoUring();
  const [listener, client, connected] = [listening.fd, bare, end].map((fd) => ring.registerFile(fd));
  await ring.listen(listener);
  const accepting = ring.accept(listener);
  await ring.bind(client, loopback);
  await ring.connect(client, listening.address);
  const { fd, address } = await accepting;
  sockets.keep(fd);
  assert.deepEqual(address, nameOf(bare));
  await Promise.all([ring.send(connected, Buffer.from('a')), ring.send(client, Buffer.from('b'))]);
  assert.deepEqual([receive(other), receive(fd)].map(String), ['a', 'b']);
  sendNow(other, 'ab');
  const bytes = Buffer.alloc(1);
  assert.equal(await ring.recv(connected, bytes), 1);
  assert.equal(await ring.recvmsg(connected, new Msghdr({ buffers: [bytes] })), 1);
  assert.equal(bytes.toString(), 'b');
  assert.equal(await ring.getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN), 1);
  await ring.setsockopt(client, SOL_TCP, TCP_NODELAY, 1);
  assert.equal(option(bare, SOL_TCP, TCP_NODELAY), 1);
  assert.equal(await ring.poll(connected, 4), 4);
  await ring.shutdown(connected, SHUT_WR);
  assert.equal(receive(other).length, 0);
  await connected.close();
  await refuses(ring.recv(connected, bytes), 'EBADF');
});

/** Rejected with this code, and in the name of this system call. */
function refuses(promise: Promise<unknown>, code: string, syscall?: string): Promise<void> {
  return assert.rejects(promise, { code, ...(syscall !== undefined && { syscall }) });
}

/** Kernels without the command answer that a socket has none. */
async function lacksGetsockname(): Promise<string | false> {
  if (without.skip || lacksOpcode('IORING_OP_URING_CMD')) return 'needs IORING_OP_URING_CMD';
  using sockets = new Sockets();
  await using ring = new IoUring();
  try {
    await ring.getsockname(sockets.bound(SOCK_DGRAM).fd);
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EOPNOTSUPP') throw error;
    return 'needs SOCKET_URING_OP_GETSOCKNAME (Linux 6.19)';
  }
}
