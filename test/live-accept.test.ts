/**
 * accept in all its forms: once or again and again, into descriptors or slots, with the peer's address or without.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import {
  accept,
  acceptDirect,
  closeDirect,
  multishotAccept,
  multishotAcceptDirect,
  parseSockaddr,
  type Sqe,
  send,
} from 'tsuring';
import {
  AF_UNIX,
  EAGAIN,
  EBADF,
  EINVAL,
  EMFILE,
  ENFILE,
  ENOTSOCK,
  ENXIO,
  EOPNOTSUPP,
  IORING_ACCEPT_DONTWAIT,
  IORING_ACCEPT_POLL_FIRST,
  IORING_FEAT_RECVSEND_BUNDLE,
  IORING_FILE_INDEX_ALLOC,
  IOSQE_FIXED_FILE,
  O_NONBLOCK,
  SHUT_RDWR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
} from 'tsuring/syscalls';
import { lacksFeature } from './support/needs.ts';
import {
  descriptorFlags,
  lacksIpv6,
  nameOf,
  peerOf,
  receive,
  sendNow,
  shutdownNow,
  statusFlags,
  withoutFreeDescriptors,
} from './support/sockets.ts';
import { lacksAcceptDirect, lacksWith, liveOnRings, MORE, NONEMPTY } from './support/sockets-ring.ts';

const lacksMultishot = lacksWith('multishot accept (Linux 5.19)', 'IORING_OP_SOCKET');
const lacksAlloc = lacksWith('IORING_FILE_INDEX_ALLOC (Linux 5.19)', 'IORING_OP_SOCKET');
/** The flags of accept and IORING_CQE_F_SOCK_NONEMPTY of its completions came with bundles. */
const lacksFlags = lacksFeature('flags of accept (Linux 6.10)', IORING_FEAT_RECVSEND_BUNDLE);

/** Room for a peer's address, and what is in it afterwards. */
function room(bytes = 128) {
  const address = new Uint8Array(bytes).fill(0xee);
  const length = Uint32Array.of(bytes);
  return { address, length, read: () => parseSockaddr(address, length[0]) };
}

liveOnRings(['accept'], 'accept takes a connection that waits, and tells who it is', [], (scene) => {
  const { sockets } = scene;
  const listener = sockets.listener();
  const client = sockets.client(listener);
  const { address, length, read } = room();
  const fd = sockets.keep(scene.once((sqe) => accept(sqe, listener.fd, address, length, SOCK_CLOEXEC)));
  assert.equal(length[0], 16, 'sizeof(struct sockaddr_in)');
  assert.deepEqual(read(), nameOf(client));
  assert(
    address.subarray(16).every((byte) => byte === 0xee),
    'nothing else was written',
  );
  assert.deepEqual(peerOf(fd), nameOf(client));
  assert.deepEqual([descriptorFlags(fd) & 1, statusFlags(fd) & O_NONBLOCK], [1, 0]);
  sendNow(client, 'hello');
  assert.equal(receive(fd).toString(), 'hello');
});

liveOnRings(['accept'], 'accept waits for a connection', [], (scene) => {
  const { sockets, ring } = scene;
  const listener = sockets.listener();
  const { address, length, read } = room();
  const waiting = scene.start((sqe) => accept(sqe, listener.fd, address, length, SOCK_NONBLOCK));
  ring.getEvents();
  assert.equal(ring.peekCqe(), null);
  assert.equal(length[0], 128);
  const client = sockets.client(listener);
  const [res, flags] = scene.ended(waiting);
  assert.equal(flags, 0);
  assert.deepEqual(read(), nameOf(client));
  const fd = sockets.keep(res);
  assert.deepEqual([descriptorFlags(fd) & 1, statusFlags(fd) & O_NONBLOCK], [0, O_NONBLOCK]);
});

liveOnRings(['accept'], 'accept without an address, and with too little room for it', [], (scene) => {
  const { sockets } = scene;
  const listener = sockets.listener();
  const first = sockets.client(listener);
  assert.deepEqual(peerOf(sockets.keep(scene.once((sqe) => accept(sqe, listener.fd)))), nameOf(first));
  const second = sockets.client(listener);
  const address = new Uint8Array(16).fill(0xee);
  const length = Uint32Array.of(5);
  sockets.keep(scene.once((sqe) => accept(sqe, listener.fd, address, length)));
  assert.equal(length[0], 16, 'how long it is, not how much was written');
  assert.deepEqual(address.subarray(0, 5), sockets.named(second).bytes.subarray(0, 5));
  assert(address.subarray(5).every((byte) => byte === 0xee));
});

liveOnRings(['accept'], 'accept over IPv6', [lacksIpv6()], (scene) => {
  const { sockets } = scene;
  const listener = sockets.listener({ address: '::1', port: 0 });
  const client = sockets.client(listener);
  const { address, length, read } = room();
  sockets.keep(scene.once((sqe) => accept(sqe, listener.fd, address, length)));
  assert.equal(length[0], 28, 'sizeof(struct sockaddr_in6)');
  const seen = read();
  assert.deepEqual(seen, nameOf(client));
  assert(seen !== undefined && 'address' in seen && seen.address === '::1');
});

liveOnRings(['accept'], 'accept of Unix sockets: without a name, by path, by abstract name', [], (scene) => {
  const { sockets } = scene;
  const listener = sockets.listener({ path: sockets.path() });
  const names = [{ unnamed: true as const }, { path: sockets.path() }, { abstract: sockets.abstract() }];
  for (const name of names) {
    const fd = sockets.socket(AF_UNIX);
    if (!('unnamed' in name)) sockets.bind(fd, name);
    sockets.connect(fd, listener);
    const { address, length, read } = room();
    sockets.keep(scene.once((sqe) => accept(sqe, listener.fd, address, length)));
    assert.deepEqual(read(), name);
  }
});

liveOnRings(['accept'], 'accept fails with -errno', [], (scene) => {
  const { sockets } = scene;
  const on = (fd: number, flags = 0) => scene.once((sqe) => accept(sqe, fd, 0, 0, flags));
  assert.equal(on(sockets.bound(SOCK_STREAM).fd), -EINVAL, 'it does not listen');
  assert.equal(on(sockets.bound(SOCK_DGRAM).fd), -EOPNOTSUPP);
  assert.equal(on(sockets.file()), -ENOTSOCK);
  assert.equal(on(0x7fff_fff0), -EBADF);
  const listener = sockets.listener();
  assert.equal(on(listener.fd, 1), -EINVAL, 'no flag of accept4');
  const client = sockets.client(listener);
  assert.equal(
    withoutFreeDescriptors(() => on(listener.fd)),
    -EMFILE,
  );
  assert.deepEqual(peerOf(sockets.keep(on(listener.fd))), nameOf(client), 'the connection was not lost');
});

liveOnRings(['accept', 'cancel'], 'accept that waits is cancelled', [], (scene) => {
  const listener = scene.sockets.listener();
  scene.stop(scene.start((sqe) => accept(sqe, listener.fd)));
  const client = scene.sockets.client(listener);
  scene.idle();
  assert.deepEqual(peerOf(scene.sockets.accept(listener)), nameOf(client), 'it was left alone');
});

liveOnRings(
  ['accept'],
  'IORING_CQE_F_SOCK_NONEMPTY of accept: another connection waits',
  [lacksFlags],
  (scene) => {
    const { sockets } = scene;
    const listener = sockets.listener();
    const clients = [1, 2, 3].map(() => sockets.client(listener));
    const seen = clients.map(() => scene.ended(scene.start((sqe) => accept(sqe, listener.fd))));
    assert.deepEqual(
      seen.map(([res]) => peerOf(sockets.keep(res))),
      clients.map(nameOf),
    );
    assert.deepEqual(
      seen.map(([, flags]) => flags),
      [NONEMPTY, NONEMPTY, 0],
    );
  },
);

liveOnRings(['accept'], 'IORING_ACCEPT_DONTWAIT: now or -EAGAIN', [lacksFlags], (scene) => {
  const { sockets } = scene;
  const listener = sockets.listener();
  const attempt = () =>
    scene.once((sqe) => {
      accept(sqe, listener.fd);
      sqe.ioprio |= IORING_ACCEPT_DONTWAIT;
    });
  assert.equal(attempt(), -EAGAIN);
  const client = sockets.client(listener);
  assert.deepEqual(peerOf(sockets.keep(attempt())), nameOf(client));
  assert.equal(attempt(), -EAGAIN);
});

liveOnRings(['accept'], 'IORING_ACCEPT_POLL_FIRST: asks before it tries', [lacksFlags], (scene) => {
  const { sockets, ring } = scene;
  const listener = sockets.listener();
  const first = (sqe: Sqe) => {
    accept(sqe, listener.fd);
    sqe.ioprio |= IORING_ACCEPT_POLL_FIRST;
  };
  const waiting = scene.start(first);
  const early = sockets.client(listener);
  assert.deepEqual(peerOf(sockets.keep(scene.ended(waiting)[0])), nameOf(early));
  const late = sockets.client(listener);
  const ready = scene.start(first);
  // What waits already is taken within the submitting call, if it is not asked for first.
  if (scene.defers) assert.equal(ring.cqReady(), 0);
  assert.deepEqual(peerOf(sockets.keep(scene.ended(ready)[0])), nameOf(late));
});

liveOnRings(
  ['acceptDirect'],
  'acceptDirect puts a connection into a slot',
  [lacksAcceptDirect()],
  (scene) => {
    const { sockets, ring } = scene;
    const listener = sockets.listener();
    const [inSlot, peer] = sockets.pair();
    ring.registerFiles([-1, inSlot]);
    sockets.close(inSlot);
    const client = sockets.client(listener);
    const before = readdirSync('/proc/self/fd').length;
    const { address, length, read } = room();
    scene.gives((sqe) => acceptDirect(sqe, listener.fd, address, length, 0, 1), 0);
    assert.deepEqual(read(), nameOf(client));
    assert.equal(receive(peer).length, 0, 'what was in the slot is closed');
    assert.equal(readdirSync('/proc/self/fd').length, before);
    scene.gives((sqe) => {
      send(sqe, 1, Buffer.from('hello'), 5);
      sqe.flags |= IOSQE_FIXED_FILE;
    }, 5);
    assert.equal(receive(client).toString(), 'hello');
    scene.gives((sqe) => closeDirect(sqe, 1), 0);
    assert.equal(receive(client).length, 0, 'the end');
  },
);

liveOnRings(['acceptDirect'], 'acceptDirect into any free slot', [lacksAlloc], (scene) => {
  const { sockets, ring } = scene;
  const listener = sockets.listener();
  const clients = [1, 2, 3].map(() => sockets.client(listener));
  ring.registerFiles([-1, listener.fd, -1]);
  const any = () =>
    scene.ended(
      scene.start((sqe) => {
        acceptDirect(sqe, 1, 0, 0, SOCK_NONBLOCK, IORING_FILE_INDEX_ALLOC);
        sqe.flags |= IOSQE_FIXED_FILE;
      }),
    )[0];
  assert.deepEqual([any(), any(), any()], [0, 2, -ENFILE]);
  assert.equal(receive(clients[2]).length, 0, 'what found no slot is closed');
});

liveOnRings(['acceptDirect'], 'acceptDirect fails with -errno', [lacksAcceptDirect()], (scene) => {
  const { sockets, ring } = scene;
  const listener = sockets.listener();
  const clients = Array.from({ length: 4 }, () => sockets.client(listener));
  const into = (slot: number, flags = 0) =>
    scene.ended(scene.start((sqe) => acceptDirect(sqe, listener.fd, 0, 0, flags, slot)))[0];
  assert.equal(into(0), -ENXIO, 'without a table');
  ring.registerFiles([-1]);
  assert.equal(into(0, SOCK_CLOEXEC), -EINVAL);
  assert.equal(into(1), -EINVAL, 'beyond the table');
  assert.equal(into(0), 0);
  assert.equal(clients.length, 4);
});

liveOnRings(
  ['multishotAccept', 'cancel'],
  'multishotAccept takes connections until it is cancelled',
  [lacksMultishot],
  (scene) => {
    const { sockets } = scene;
    const listener = sockets.listener();
    const clients = [sockets.client(listener), sockets.client(listener)];
    const accepting = scene.start((sqe) => multishotAccept(sqe, listener.fd, 0, 0, SOCK_CLOEXEC));
    const seen = [scene.ended(accepting), scene.ended(accepting)];
    for (let n = 0; n < 3; n++) {
      scene.idle();
      clients.push(sockets.client(listener));
      seen.push(scene.ended(accepting));
    }
    assert.deepEqual(
      seen.map(([res]) => peerOf(sockets.keep(res))),
      clients.map(nameOf),
      'each once, in order',
    );
    for (const [res, flags] of seen) {
      assert.equal(descriptorFlags(res) & 1, 1);
      assert.equal(flags & ~NONEMPTY, MORE);
    }
    scene.stop(accepting);
    sockets.client(listener);
    scene.idle();
  },
);

liveOnRings(
  ['multishotAccept'],
  'multishotAccept writes each address over the last',
  [lacksMultishot],
  (scene) => {
    const { sockets } = scene;
    const listener = sockets.listener();
    const { address, length, read } = room();
    const accepting = scene.start((sqe) => multishotAccept(sqe, listener.fd, address, length));
    for (let n = 0; n < 3; n++) {
      const client = sockets.client(listener);
      const [res, flags] = scene.ended(accepting);
      assert.equal(flags & MORE, MORE);
      assert.deepEqual(peerOf(sockets.keep(res)), nameOf(client));
      assert.deepEqual(read(), nameOf(client));
      assert.equal(length[0], 16);
    }
    scene.stop(accepting);
  },
);

liveOnRings(['multishotAccept'], 'multishotAccept ends when it fails', [lacksMultishot], (scene) => {
  const { sockets } = scene;
  const silent = sockets.bound(SOCK_STREAM);
  scene.gives((sqe) => multishotAccept(sqe, silent.fd), -EINVAL, 'it does not listen');
  const listener = sockets.listener();
  const client = sockets.client(listener);
  const full = withoutFreeDescriptors(() => scene.once((sqe) => multishotAccept(sqe, listener.fd)));
  assert.equal(full, -EMFILE);
  const accepting = scene.start((sqe) => multishotAccept(sqe, listener.fd));
  const [res, flags] = scene.ended(accepting);
  assert.equal(flags, MORE);
  assert.deepEqual(peerOf(sockets.keep(res)), nameOf(client));
  shutdownNow(listener.fd, SHUT_RDWR);
  assert.deepEqual(scene.ended(accepting), [-EINVAL, 0], 'it listens no longer');
});

liveOnRings(
  ['multishotAcceptDirect'],
  'multishotAcceptDirect fills the free slots, and ends with -ENFILE',
  [lacksMultishot],
  (scene) => {
    const { sockets, ring } = scene;
    const listener = sockets.listener();
    ring.registerFiles([-1, listener.fd, -1]);
    const before = readdirSync('/proc/self/fd').length;
    const again = (sqe: Sqe) => {
      multishotAcceptDirect(sqe, 1);
      sqe.flags |= IOSQE_FIXED_FILE;
    };
    const accepting = scene.start(again);
    const clients: number[] = [];
    for (const slot of [0, 2]) {
      clients.push(sockets.client(listener));
      assert.deepEqual(scene.ended(accepting), [slot, MORE]);
    }
    assert.equal(readdirSync('/proc/self/fd').length, before + 2, 'the clients only');
    const refused = sockets.client(listener);
    assert.deepEqual(scene.ended(accepting), [-ENFILE, 0], 'the last one');
    assert.equal(receive(refused).length, 0, 'it was closed');
    scene.gives((sqe) => closeDirect(sqe, 0), 0);
    assert.equal(receive(clients[0]).length, 0);
    const anew = scene.start(again);
    sockets.client(listener);
    assert.deepEqual(scene.ended(anew), [0, MORE], 'the slot that was given back');
    scene.stop(anew);
  },
);

liveOnRings(
  ['multishotAcceptDirect'],
  'multishotAcceptDirect fails with -errno',
  [lacksMultishot],
  (scene) => {
    const { sockets, ring } = scene;
    const listener = sockets.listener();
    sockets.client(listener);
    const attempt = (flags: number) =>
      scene.once((sqe) => multishotAcceptDirect(sqe, listener.fd, 0, 0, flags));
    assert.equal(attempt(0), -ENFILE, 'without a table');
    ring.registerFiles([-1]);
    assert.equal(attempt(SOCK_CLOEXEC), -EINVAL);
  },
);
