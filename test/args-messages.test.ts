/**
 * Messages through the ring: descriptors, credentials, addresses and control data, one by one.
 */
import assert from 'node:assert/strict';
import { closeSync, fstatSync, readSync, writeSync } from 'node:fs';
import {
  accept,
  cmsgSpace,
  Iovecs,
  Msghdr,
  readScmCredentials,
  readScmRights,
  recvmsg,
  SOCKADDR_STORAGE_BYTES,
  SockaddrRoom,
  type SocketAddress,
  scmCredentials,
  scmRights,
  sendmsg,
  sendmsgZc,
} from 'tsuring';
import {
  AF_INET,
  IORING_CQE_F_MORE,
  IORING_CQE_F_NOTIF,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_TRUNC,
  SO_PASSCRED,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOL_SOCKET,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { does, next, starts } from './support/live-ring.ts';
import { lacksOpcode, lacksRing } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';
import {
  type Bound,
  descriptorFlags,
  nameOf,
  receive,
  Sockets,
  sendNow,
  setOption,
} from './support/sockets.ts';
import { timeLimit } from './support/time-limit.ts';
import { pipe } from './support/worker-pipes.ts';

const FD_CLOEXEC = 1;
const none = lacksRing('io_uring', {});

/** A socket of UDP on the loopback device, and one that sends to it. */
function udp(sockets: Sockets): [to: Bound, from: Bound] {
  return [sockets.bound(SOCK_DGRAM, loopback), sockets.bound(SOCK_DGRAM, loopback)];
}
const loopback: SocketAddress = { address: '127.0.0.1', port: 0 };

live(['sendmsg', 'recvmsg'], 'descriptors go from one socket to the other, again and again', [none], () => {
  using open = openRing(4);
  using sockets = new Sockets();
  const [here, there] = sockets.pair();
  const data = Buffer.alloc(16);
  const sent = new Msghdr({
    buffers: [Buffer.from('take '), Buffer.from('this')],
    control: [scmRights([0, 0])],
  });
  const received = new Msghdr({ buffers: [data], control: cmsgSpace(8) });
  for (let n = 0; n < 5; n++) {
    const pair = pipe().map((fd) => sockets.keep(fd));
    sent.setControl([scmRights(pair)]);
    received.reset();
    does(open, 9, (sqe) => sendmsg(sqe, there, sent));
    for (const fd of pair) sockets.close(fd);
    does(open, 9, (sqe) => recvmsg(sqe, here, received, MSG_CMSG_CLOEXEC));
    assert.equal(data.toString('utf8', 0, 9), 'take this');
    assert.equal(received.flags & MSG_CTRUNC, 0);
    assert.equal(received.name, undefined, 'a stream says no name');
    assert.equal(received.namelen, 0);
    const messages = received.controlMessages();
    assert.equal(messages.length, 1);
    const fds = readScmRights(messages);
    assert.equal(fds.length, 2);
    // They are the pipe, which is closed on this side: its other end is what was sent.
    for (const fd of fds) assert.equal(descriptorFlags(sockets.keep(fd)), FD_CLOEXEC);
    assert.equal(writeSync(fds[1], 'through'), 7);
    assert.equal(readSync(fds[0], data), 7);
    assert.equal(data.toString('utf8', 0, 7), 'through');
    assert.ok(fstatSync(fds[0]).isFIFO());
    for (const fd of fds) sockets.close(fd);
  }
});

live(
  ['sendmsg', 'recvmsg'],
  'too little room for control data: some descriptors, and MSG_CTRUNC',
  [none],
  () => {
    using open = openRing(4);
    using sockets = new Sockets();
    const [here, there] = sockets.pair(SOCK_SEQPACKET);
    const sent = new Msghdr({ buffers: [new Uint8Array(1)], control: [scmRights([here, here, here])] });
    const expected: [room: number, fds: number][] = [
      [cmsgSpace(12), 3],
      [16 + 12, 3],
      [16 + 11, 2],
      [16 + 4, 1],
      [16 + 3, 0],
      [15, 0],
      [0, 0],
    ];
    for (const [room, count] of expected) {
      does(open, 1, (sqe) => sendmsg(sqe, there, sent));
      const received = new Msghdr({ buffers: [new Uint8Array(4)], control: room });
      does(open, 1, (sqe) => recvmsg(sqe, here, received, MSG_CMSG_CLOEXEC));
      const fds = readScmRights(received.controlMessages());
      for (const fd of fds) closeSync(fd);
      assert.equal(fds.length, count, `in ${room} bytes`);
      assert.equal((received.flags & MSG_CTRUNC) !== 0, count < 3, `in ${room} bytes`);
      assert.ok(received.controllen <= room);
    }
  },
);

live(['sendmsg', 'recvmsg'], 'credentials, with the kernel’s word for them', [none], () => {
  using open = openRing(4);
  using sockets = new Sockets();
  const [here, there] = sockets.pair(SOCK_DGRAM);
  setOption(here, SOL_SOCKET, SO_PASSCRED, 1);
  const own = { pid: process.pid, uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 };
  const received = new Msghdr({ buffers: [new Uint8Array(4)], control: cmsgSpace(12) + cmsgSpace(4) });
  for (const control of [[scmCredentials(own)], [], [scmRights([here]), scmCredentials(own)]]) {
    const sent = new Msghdr({ buffers: [new Uint8Array(2)], control });
    received.reset();
    does(open, 2, (sqe) => sendmsg(sqe, there, sent));
    does(open, 2, (sqe) => recvmsg(sqe, here, received, MSG_CMSG_CLOEXEC));
    const messages = received.controlMessages();
    assert.deepEqual(readScmCredentials(messages), own);
    const fds = readScmRights(messages);
    for (const fd of fds) closeSync(fd);
    assert.equal(fds.length, control.length === 2 ? 1 : 0);
    assert.equal(received.flags & MSG_CTRUNC, 0);
  }
});

live(['sendmsg', 'recvmsg'], 'datagrams with the addresses of both sides', [none], () => {
  using open = openRing(4);
  using sockets = new Sockets();
  const [to, from] = udp(sockets);
  const parts = [Buffer.from('hello, '), Buffer.from('world')];
  const sent = new Msghdr({ name: to.address, buffers: parts });
  const [head, tail] = [Buffer.alloc(5), Buffer.alloc(5)];
  const received = new Msghdr({ name: SOCKADDR_STORAGE_BYTES, buffers: [head, tail] });
  for (let n = 0; n < 3; n++) {
    does(open, 12, (sqe) => sendmsg(sqe, from.fd, sent));
    does(open, 10, (sqe) => recvmsg(sqe, to.fd, received));
    assert.equal(received.flags & MSG_TRUNC, MSG_TRUNC, 'two bytes were lost');
    assert.deepEqual(received.name, from.address);
    assert.equal(received.namelen, 16);
    assert.equal(head.toString() + tail.toString(), 'hello, wor');
    received.reset();
    assert.equal(received.namelen, SOCKADDR_STORAGE_BYTES);
    // Other pieces in the same message: more room, and all of it arrives.
    received.iovecs?.set(1, Buffer.alloc(7));
    does(open, 12, (sqe) => sendmsg(sqe, from.fd, sent));
    does(open, 12, (sqe) => recvmsg(sqe, to.fd, received));
    assert.equal(received.flags & MSG_TRUNC, 0);
    received.iovecs?.set(1, tail);
    received.reset();
  }
});

live(['recvmsg'], 'an address that does not fit is cut, and says how long it was', [none], () => {
  using open = openRing(4);
  using sockets = new Sockets();
  const [to, from] = udp(sockets);
  sendNow(from.fd, 'abc', to);
  const received = new Msghdr({ name: 6, buffers: [Buffer.alloc(3)] });
  does(open, 3, (sqe) => recvmsg(sqe, to.fd, received));
  assert.equal(received.namelen, 16);
  assert.equal(received.nameBytes.length, 6);
  assert.equal(received.nameBytes[0], AF_INET);
  assert.throws(() => received.name, { code: 'ERR_INVALID_ARG_VALUE' });
});

live(['sendmsg', 'recvmsg'], 'Unix sockets with a path, an abstract name, and none', [none], () => {
  using open = openRing(4);
  using sockets = new Sockets();
  const to = sockets.bound(SOCK_DGRAM, { path: sockets.path() });
  const sent = new Msghdr({ name: to.address, buffers: [Buffer.from('x')] });
  const received = new Msghdr({ name: SOCKADDR_STORAGE_BYTES, buffers: [Buffer.alloc(3)] });
  const receives = () => {
    received.reset();
    does(open, 1, (sqe) => recvmsg(sqe, to.fd, received));
    return received.name;
  };
  for (const address of [{ path: sockets.path() }, { abstract: sockets.abstract() }]) {
    const from = sockets.bound(SOCK_DGRAM, address);
    does(open, 1, (sqe) => sendmsg(sqe, from.fd, sent));
    assert.deepEqual(receives(), address);
  }
  const nameless = sockets.socket(1, SOCK_DGRAM);
  does(open, 1, (sqe) => sendmsg(sqe, nameless, sent));
  assert.equal(receives(), undefined);
});

live(
  ['sendmsgZc'],
  'a message without copying, in pieces',
  [none, lacksOpcode('IORING_OP_SENDMSG_ZC')],
  () => {
    using open = openRing(4);
    using sockets = new Sockets();
    const [to, from] = udp(sockets);
    const parts = [Buffer.alloc(3000, 'a'), Buffer.alloc(5000, 'b'), Buffer.alloc(1, 'c')];
    const sent = new Msghdr({ name: to.address, buffers: new Iovecs(parts) });
    const userData = starts(open, (sqe) => sendmsgZc(sqe, from.fd, sent));
    const seen: [number, number][] = [];
    for (let more = true; more; ) {
      const cqe = open.ring.waitCqe({ timeout: timeLimit });
      assert.equal(cqe?.userData, userData);
      seen.push([cqe.res, cqe.flags & (IORING_CQE_F_MORE | IORING_CQE_F_NOTIF)]);
      more = cqe.more;
      open.ring.advanceCq();
    }
    assert.deepEqual(seen, [
      [8001, IORING_CQE_F_MORE],
      [0, IORING_CQE_F_NOTIF],
    ]);
    assert.deepEqual(receive(to.fd), Buffer.concat(parts));
  },
);

live(['accept'], 'SockaddrRoom: the peer’s address, one after the other', [none], () => {
  using open = openRing(4);
  using sockets = new Sockets();
  const room = new SockaddrRoom();
  for (const address of [loopback, { abstract: sockets.abstract() }, { path: sockets.path() }]) {
    const listener = sockets.listener(address);
    const named = 'address' in address;
    for (let n = 0; n < 2; n++) {
      const client = sockets.client(listener);
      room.reset();
      const userData = starts(open, (sqe) => accept(sqe, listener.fd, room, room.addressLength));
      sockets.keep(next(open, userData).res);
      assert.equal(room.addressLength[0], named ? 16 : 2);
      assert.deepEqual(room.name, named ? nameOf(client) : { unnamed: true });
    }
  }
});
