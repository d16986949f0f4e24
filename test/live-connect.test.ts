/**
 * socket, bind, listen, connect and shutdown, as descriptors and as slots of the registered files.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import {
  acceptDirect,
  bind,
  closeDirect,
  connect,
  fixedFdInstall,
  listen,
  recv,
  type SocketAddress,
  type Sqe,
  send,
  shutdown,
  sockaddr,
  socket,
  socketDirect,
  socketDirectAlloc,
} from 'tsuring';
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  AF_UNSPEC,
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EBADF,
  ECANCELED,
  ECONNREFUSED,
  EFAULT,
  EINVAL,
  EISCONN,
  EMFILE,
  ENFILE,
  ENOENT,
  ENOTCONN,
  ENOTSOCK,
  ENXIO,
  EOPNOTSUPP,
  EPROTONOSUPPORT,
  EPROTOTYPE,
  IORING_FILE_INDEX_ALLOC,
  IOSQE_FIXED_FILE,
  IOSQE_IO_LINK,
  IPPROTO_TCP,
  O_NONBLOCK,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SO_ACCEPTCONN,
  SO_DOMAIN,
  SO_PROTOCOL,
  SO_REUSEADDR,
  SO_TYPE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} from 'tsuring/syscalls';
import { lacksOpcode } from './support/needs.ts';
import {
  backlogOf,
  descriptorFlags,
  lacksIpv6,
  loopback,
  nameOf,
  option,
  peerOf,
  receive,
  sendNow,
  setOption,
  statusFlags,
  trySend,
  withoutFreeDescriptors,
} from './support/sockets.ts';
import { liveOnRings } from './support/sockets-ring.ts';

const lacksSocket = lacksOpcode('IORING_OP_SOCKET');
const lacksBind = lacksOpcode('IORING_OP_BIND');
const lacksListen = lacksOpcode('IORING_OP_LISTEN');
const lacksShutdown = lacksOpcode('IORING_OP_SHUTDOWN');
const noFile = 0x7fff_fff0;

liveOnRings(['socket'], 'socket makes a descriptor of the kind asked for', [lacksSocket], (scene) => {
  const { sockets } = scene;
  const plain = sockets.keep(scene.once((sqe) => socket(sqe, AF_INET, SOCK_STREAM)));
  assert.deepEqual(
    [SO_DOMAIN, SO_TYPE, SO_PROTOCOL].map((name) => option(plain, SOL_SOCKET, name)),
    [AF_INET, SOCK_STREAM, IPPROTO_TCP],
  );
  assert.deepEqual([descriptorFlags(plain) & 1, statusFlags(plain) & O_NONBLOCK], [0, 0]);
  const flags = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
  const other = sockets.keep(scene.once((sqe) => socket(sqe, AF_UNIX, flags)));
  assert.deepEqual(
    [SO_DOMAIN, SO_TYPE].map((name) => option(other, SOL_SOCKET, name)),
    [AF_UNIX, SOCK_DGRAM],
  );
  assert.deepEqual([descriptorFlags(other) & 1, statusFlags(other) & O_NONBLOCK], [1, O_NONBLOCK]);
});

liveOnRings(['socket'], 'socket fails with -errno', [lacksSocket], (scene) => {
  scene.gives((sqe) => socket(sqe, 9999, SOCK_STREAM), -EAFNOSUPPORT);
  scene.gives((sqe) => socket(sqe, AF_INET, SOCK_DGRAM, IPPROTO_TCP), -EPROTONOSUPPORT);
  scene.gives((sqe) => socket(sqe, AF_INET, SOCK_STREAM, 0, 1), -EINVAL, 'flags are not known');
  const full = withoutFreeDescriptors(() => scene.once((sqe) => socket(sqe, AF_INET, SOCK_STREAM)));
  assert.equal(full, -EMFILE);
});

liveOnRings(
  ['socketDirect', 'socketDirectAlloc', 'closeDirect'],
  'socketDirect fills a slot and makes no descriptor',
  [lacksSocket],
  (scene) => {
    const { ring, sockets } = scene;
    const [inSlot, peer] = sockets.pair();
    ring.registerFiles([inSlot, -1, -1, -1]);
    sockets.close(inSlot);
    const before = readdirSync('/proc/self/fd').length;
    scene.gives((sqe) => socketDirect(sqe, AF_INET, SOCK_STREAM, 0, 0), 0);
    assert.equal(receive(peer).length, 0, 'what was in the slot is closed');
    scene.gives((sqe) => socketDirect(sqe, AF_INET, SOCK_STREAM, 0, IORING_FILE_INDEX_ALLOC), 1);
    scene.gives((sqe) => socketDirectAlloc(sqe, AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK), 2);
    scene.gives((sqe) => socketDirectAlloc(sqe, AF_INET, SOCK_STREAM), 3);
    scene.gives((sqe) => socketDirectAlloc(sqe, AF_INET, SOCK_STREAM), -ENFILE, 'the table is full');
    assert.equal(readdirSync('/proc/self/fd').length, before);
    scene.gives((sqe) => closeDirect(sqe, 2), 0);
    scene.gives((sqe) => socketDirectAlloc(sqe, AF_INET, SOCK_STREAM), 2, 'the only free one');
  },
);

liveOnRings(
  ['socketDirect', 'fixedFdInstall'],
  'a socket in a slot is of the kind asked for',
  [lacksSocket, lacksOpcode('IORING_OP_FIXED_FD_INSTALL')],
  (scene) => {
    scene.ring.registerFiles([-1, -1]);
    scene.gives((sqe) => socketDirect(sqe, AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, 1), 0);
    const fd = scene.sockets.keep(scene.once((sqe) => fixedFdInstall(sqe, 1)));
    assert.deepEqual(
      [SO_DOMAIN, SO_TYPE].map((name) => option(fd, SOL_SOCKET, name)),
      [AF_UNIX, SOCK_DGRAM],
    );
    assert.equal(statusFlags(fd) & O_NONBLOCK, O_NONBLOCK);
  },
);

liveOnRings(
  ['socketDirect', 'socketDirectAlloc'],
  'socketDirect fails with -errno',
  [lacksSocket],
  (scene) => {
    const direct = (slot: number, type = SOCK_STREAM) =>
      scene.once((sqe) => socketDirect(sqe, AF_INET, type, 0, slot));
    assert.equal(direct(0), -ENXIO, 'without a table');
    scene.gives((sqe) => socketDirectAlloc(sqe, AF_INET, SOCK_STREAM), -ENFILE, 'without a table');
    scene.ring.registerFiles([-1]);
    assert.equal(direct(1), -EINVAL, 'beyond the table');
    assert.equal(direct(0, SOCK_STREAM | SOCK_CLOEXEC), -EINVAL);
    scene.gives((sqe) => socketDirect(sqe, 9999, SOCK_STREAM, 0, 0), -EAFNOSUPPORT);
    assert.equal(direct(0), 0, 'the slot is still free');
  },
);

/** Connects a socket of this family to a listener there, and sends a byte through. */
function connects(name: string, needs: (string | false)[], family: number, where: () => SocketAddress): void {
  liveOnRings(['connect'], name, needs, (scene) => {
    const { sockets } = scene;
    const listener = sockets.listener(where());
    const fd = sockets.socket(family);
    scene.gives((sqe) => connect(sqe, fd, listener.bytes, listener.bytes.length), 0);
    assert.deepEqual(peerOf(fd), listener.address);
    const server = sockets.accept(listener);
    sendNow(fd, 'hello');
    assert.equal(receive(server).toString(), 'hello');
  });
}

connects('connect to an IPv4 address', [], AF_INET, () => loopback);
connects('connect to an IPv6 address', [lacksIpv6()], AF_INET6, () => ({ address: '::1', port: 0 }));
connects('connect to an abstract name', [], AF_UNIX, () => ({
  abstract: `tsuring-${process.pid}-${process.hrtime.bigint()}`,
}));

liveOnRings(['connect'], 'connect to a path: the listener, then nobody, then nothing', [], (scene) => {
  const { sockets } = scene;
  const path = sockets.path();
  const to = sockaddr({ path });
  const attempt = () => {
    const fd = sockets.socket(AF_UNIX);
    const res = scene.once((sqe) => connect(sqe, fd, to, to.length));
    return { fd, res };
  };
  assert.equal(attempt().res, -ENOENT);
  const listener = sockets.listener({ path });
  const { fd, res } = attempt();
  assert.equal(res, 0);
  const server = sockets.accept(listener);
  sendNow(server, 'hello');
  assert.equal(receive(fd).toString(), 'hello');
  sockets.close(listener.fd);
  assert.equal(attempt().res, -ECONNREFUSED, 'the path is there, and nobody behind it');
});

liveOnRings(['connect'], 'connect fails with -errno', [], (scene) => {
  const { sockets } = scene;
  const to = (fd: number, { bytes }: { bytes: Uint8Array }, length = bytes.length) =>
    scene.once((sqe) => connect(sqe, fd, bytes, length));
  const silent = sockets.bound(SOCK_STREAM);
  assert.equal(to(sockets.socket(AF_INET), silent), -ECONNREFUSED, 'it does not listen');
  const listener = sockets.listener();
  const fd = sockets.socket(AF_INET);
  assert.equal(to(fd, listener, 8), -EINVAL, 'half an address');
  assert.equal(to(fd, listener), 0);
  assert.equal(to(fd, listener), -EISCONN);
  const stream = sockets.listener({ path: sockets.path() });
  assert.equal(to(sockets.socket(AF_UNIX, SOCK_DGRAM), stream), -EPROTOTYPE);
  scene.gives((sqe) => connect(sqe, fd, 1, 16), -EFAULT, 'no memory there');
  assert.equal(to(sockets.file(), listener), -ENOTSOCK);
  assert.equal(to(noFile, listener), -EBADF);
});

liveOnRings(['connect'], 'connect names the peer of a UDP socket, and takes it back', [], (scene) => {
  const { sockets } = scene;
  const peer = sockets.bound(SOCK_DGRAM);
  const fd = sockets.socket(AF_INET, SOCK_DGRAM);
  scene.gives((sqe) => connect(sqe, fd, peer.bytes, peer.bytes.length), 0);
  sendNow(fd, 'hello');
  assert.equal(receive(peer.fd).toString(), 'hello');
  const nobody = new Uint8Array(16);
  nobody[0] = AF_UNSPEC;
  scene.gives((sqe) => connect(sqe, fd, nobody, nobody.length), 0);
  assert.throws(() => peerOf(fd), /ENOTCONN/);
});

liveOnRings(['bind', 'listen'], 'bind and listen make a server', [lacksBind, lacksListen], (scene) => {
  const { sockets } = scene;
  const fd = sockets.socket(AF_INET);
  const wish = sockaddr(loopback);
  scene.gives((sqe) => bind(sqe, fd, wish, wish.length), 0);
  const { address, bytes } = sockets.named(fd);
  assert('port' in address && address.port > 0, 'the kernel chose a port');
  const late = sockets.socket(AF_INET);
  scene.gives((sqe) => connect(sqe, late, bytes, bytes.length), -ECONNREFUSED, 'it does not listen yet');
  scene.gives((sqe) => listen(sqe, fd, 3), 0);
  assert.deepEqual([option(fd, SOL_SOCKET, SO_ACCEPTCONN), backlogOf(fd)], [1, 3]);
  const client = sockets.client({ fd, address, bytes });
  const server = sockets.accept({ fd, address, bytes });
  assert.deepEqual(nameOf(client), peerOf(server));
});

liveOnRings(['bind'], 'bind fails with -errno', [lacksBind], (scene) => {
  const { sockets } = scene;
  const other = sockets.bound(SOCK_STREAM);
  const fd = sockets.socket(AF_INET);
  const to = (bytes: Uint8Array, socketFd = fd) =>
    scene.once((sqe) => bind(sqe, socketFd, bytes, bytes.length));
  assert.equal(to(other.bytes), -EADDRINUSE);
  assert.equal(to(sockaddr({ address: '203.0.113.1', port: 0 })), -EADDRNOTAVAIL, 'of documentation only');
  assert.equal(to(sockaddr(loopback).subarray(0, 8)), -EINVAL, 'half an address');
  assert.equal(to(sockaddr({ path: '/nowhere/to/be/found' }), sockets.socket(AF_UNIX)), -ENOENT);
  scene.gives((sqe) => bind(sqe, fd, 1, 16), -EFAULT);
  assert.equal(to(sockaddr(loopback), sockets.file()), -ENOTSOCK);
  assert.equal(to(sockaddr(loopback)), 0);
  assert.equal(to(sockaddr(loopback)), -EINVAL, 'it has a name');
});

liveOnRings(['listen'], 'listen fails with -errno', [lacksListen], (scene) => {
  const { sockets } = scene;
  const on = (fd: number) => scene.once((sqe) => listen(sqe, fd, 1));
  assert.equal(on(sockets.bound(SOCK_DGRAM).fd), -EOPNOTSUPP);
  assert.equal(on(sockets.file()), -ENOTSOCK);
  // Both may have the port as long as neither listens.
  const first = sockets.socket(AF_INET);
  setOption(first, SOL_SOCKET, SO_REUSEADDR, 1);
  const second = sockets.socket(AF_INET);
  setOption(second, SOL_SOCKET, SO_REUSEADDR, 1);
  const port = sockets.bind(first, loopback);
  sockets.bind(second, port.address);
  assert.equal(on(first), 0);
  assert.equal(on(second), -EADDRINUSE);
});

liveOnRings(['shutdown'], 'shutdown ends one direction, then both', [lacksShutdown], (scene) => {
  const [a, b] = scene.sockets.tcp();
  const end = (fd: number, how: number) => scene.once((sqe) => shutdown(sqe, fd, how));
  assert.equal(end(a, SHUT_WR), 0);
  assert.equal(receive(b).length, 0, 'the end');
  sendNow(b, 'still heard');
  assert.equal(receive(a).toString(), 'still heard');
  assert.equal(end(a, SHUT_RD), 0);
  assert.equal(receive(a).length, 0);
  const [c, d] = scene.sockets.pair();
  assert.equal(end(c, SHUT_RDWR), 0);
  assert.equal(receive(c).length, 0);
  assert.equal(trySend(d, 'x'), -32, 'EPIPE');
});

liveOnRings(['shutdown'], 'shutdown fails with -errno', [lacksShutdown], (scene) => {
  const { sockets } = scene;
  const end = (fd: number, how: number) => scene.once((sqe) => shutdown(sqe, fd, how));
  assert.equal(end(sockets.socket(AF_INET), SHUT_RDWR), -ENOTCONN);
  assert.equal(end(sockets.file(), SHUT_RDWR), -ENOTSOCK);
  assert.equal(end(sockets.tcp()[0], 3), -EINVAL);
});

liveOnRings(
  ['socketDirect', 'connect', 'send'],
  'a chain on a slot: socket, connect, send; refused, what follows is cancelled',
  [lacksSocket],
  (scene) => {
    const { ring, sockets } = scene;
    const listener = sockets.listener();
    const silent = sockets.bound(SOCK_STREAM);
    const text = readFileSync(new URL(import.meta.url)).subarray(0, 100);
    ring.registerFiles([-1]);
    const chain = ({ bytes }: { bytes: Uint8Array }) => {
      const all = [
        scene.stage((sqe) => {
          socketDirect(sqe, AF_INET, SOCK_STREAM, 0, 0);
          sqe.flags |= IOSQE_IO_LINK;
        }),
        scene.stage((sqe) => {
          connect(sqe, 0, bytes, bytes.length);
          sqe.flags |= IOSQE_IO_LINK | IOSQE_FIXED_FILE;
        }),
        scene.stage((sqe) => {
          send(sqe, 0, text, text.length);
          sqe.flags |= IOSQE_FIXED_FILE;
        }),
      ];
      scene.open.expect({ sq: 3, cq: 0, staged: 3 });
      assert.equal(ring.submit(), 3);
      return all.map((userData) => scene.ended(userData));
    };
    assert.deepEqual(chain(listener), [
      [0, 0],
      [0, 0],
      [100, 0],
    ]);
    assert.deepEqual(receive(sockets.accept(listener)), text);
    assert.deepEqual(chain(silent), [
      [0, 0],
      [-ECONNREFUSED, 0],
      [-ECANCELED, 0],
    ]);
  },
);

liveOnRings(
  ['socketDirect', 'bind', 'listen', 'acceptDirect', 'connect', 'send', 'recv', 'closeDirect'],
  'both ends of a connection on slots, without a descriptor',
  [lacksOpcode('IORING_OP_SOCKET'), lacksOpcode('IORING_OP_BIND'), lacksOpcode('IORING_OP_LISTEN')],
  (scene) => {
    const { ring } = scene;
    const name = sockaddr({ abstract: scene.sockets.abstract() });
    ring.registerFiles([-1, -1, -1]);
    const before = readdirSync('/proc/self/fd').length;
    const onSlot = (encode: (sqe: Sqe) => void, res: number, message?: string) =>
      scene.gives(
        (sqe) => {
          encode(sqe);
          sqe.flags |= IOSQE_FIXED_FILE;
        },
        res,
        message,
      );
    for (const slot of [0, 1]) scene.gives((sqe) => socketDirect(sqe, AF_UNIX, SOCK_STREAM, 0, slot), 0);
    onSlot((sqe) => bind(sqe, 0, name, name.length), 0);
    onSlot((sqe) => listen(sqe, 0, 1), 0);
    onSlot((sqe) => connect(sqe, 1, name, name.length), 0);
    onSlot((sqe) => acceptDirect(sqe, 0, 0, 0, 0, 2), 0);
    const to = Buffer.alloc(8);
    for (const [from, at] of [
      [1, 2],
      [2, 1],
    ]) {
      const text = Buffer.from(`from ${from}`);
      onSlot((sqe) => send(sqe, from, text, text.length), text.length);
      onSlot((sqe) => recv(sqe, at, to, to.length), text.length);
      assert.deepEqual(to.subarray(0, text.length), text);
    }
    assert.equal(readdirSync('/proc/self/fd').length, before);
    scene.gives((sqe) => closeDirect(sqe, 2), 0);
    onSlot((sqe) => recv(sqe, 1, to, to.length), 0, 'the end');
    for (const slot of [0, 1]) scene.gives((sqe) => closeDirect(sqe, slot), 0);
    onSlot((sqe) => recv(sqe, 1, to, to.length), -EBADF, 'an empty slot');
  },
);
