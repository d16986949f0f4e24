/**
 * sendmsg and recvmsg: several pieces of memory, addresses, control messages, and messages one after the other.
 */
import assert from 'node:assert/strict';
import { parseSockaddr, recvmsg, recvmsgMultishot, removeBuffers, sendmsg } from 'tsuring';
import {
  AF_INET,
  EAGAIN,
  EFAULT,
  EINVAL,
  EMSGSIZE,
  ENOBUFS,
  ENOTSOCK,
  EPIPE,
  IORING_FEAT_NATIVE_WORKERS,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_TRUNC,
  MSG_WAITALL,
  SCM_CREDENTIALS,
  SCM_RIGHTS,
  SHUT_WR,
  SO_PASSCRED,
  SO_TIMESTAMP,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOL_IP,
  SOL_SOCKET,
} from 'tsuring/syscalls';
import { lacksFeature } from './support/needs.ts';
import {
  type Bound,
  descriptorFlags,
  fill,
  lacksIpv6,
  receive,
  sendNow,
  setOption,
  shutdownNow,
} from './support/sockets.ts';
import { type Control, controlOf, controlSpace, Message, parseOut } from './support/sockets-messages.ts';
import { Buffers, lacksWith, liveOnRings, MORE, NONEMPTY, type Scene, took } from './support/sockets-ring.ts';

const lacksControl = lacksFeature('control messages by io_uring (Linux 5.12)', IORING_FEAT_NATIVE_WORKERS);
const lacksMultishot = lacksWith('multishot receives (Linux 6.0)', 'IORING_OP_SEND_ZC');
const IP_PKTINFO = 8;

/** Room of several sizes, filled with dots. */
function room(...sizes: number[]): Buffer[] {
  return sizes.map((size) => Buffer.alloc(size, '.'));
}

function texts(...parts: string[]): Buffer[] {
  return parts.map((part) => Buffer.from(part));
}

function shown(pieces: readonly Uint8Array[]): string[] {
  return pieces.map((piece) => Buffer.from(piece).toString());
}

function rights(...fds: number[]): Control {
  return { level: SOL_SOCKET, type: SCM_RIGHTS, data: new Uint8Array(Int32Array.from(fds).buffer) };
}

liveOnRings(['sendmsg', 'recvmsg'], 'sendmsg gathers pieces, recvmsg scatters them', [], (scene) => {
  for (const [a, b] of [scene.sockets.pair(), scene.sockets.tcp()]) {
    const out = new Message(texts('one ', 'two ', 'three'));
    const into = new Message(room(5, 3, 8));
    const waiting = scene.start((sqe) => recvmsg(sqe, b, into.header));
    scene.ring.getEvents();
    assert.equal(scene.ring.peekCqe(), null);
    const sending = scene.start((sqe) => sendmsg(sqe, a, out.header));
    const done = scene.all(2);
    assert.deepEqual(done.get(sending), { userData: sending, res: 13, flags: 0 });
    assert.deepEqual(done.get(waiting), { userData: waiting, res: 13, flags: 0 });
    assert.deepEqual(shown(into.pieces), ['one t', 'wo ', 'three...']);
    assert.deepEqual(into.written, { nameLength: 0, controlLength: 0, flags: 0 });
    shutdownNow(a, SHUT_WR);
    const [res, flags] = scene.ended(scene.start((sqe) => recvmsg(sqe, b, into.header)));
    assert.deepEqual([res, flags & ~NONEMPTY], [0, 0], 'the end');
  }
});

/** A message from here to there and back, by the address that came with it. */
function addressed(scene: Scene, from: Bound, to: Bound): void {
  const out = new Message(texts('ping'), to.bytes);
  scene.gives((sqe) => sendmsg(sqe, from.fd, out.header), 4);
  const into = new Message(room(8), new Uint8Array(128));
  scene.gives((sqe) => recvmsg(sqe, to.fd, into.header), 4);
  assert.deepEqual(into.written, { nameLength: from.bytes.length, controlLength: 0, flags: 0 });
  const source = into.name!.subarray(0, into.written.nameLength);
  assert.deepEqual(parseSockaddr(source), from.address);
  const answer = new Message(texts('pong'), source);
  scene.gives((sqe) => sendmsg(sqe, to.fd, answer.header), 4);
  assert.equal(receive(from.fd).toString(), 'pong');
}

liveOnRings(
  ['sendmsg', 'recvmsg'],
  'a message has an address: IPv4, Unix path, abstract name',
  [],
  (scene) => {
    const { sockets } = scene;
    addressed(scene, sockets.bound(SOCK_DGRAM), sockets.bound(SOCK_DGRAM));
    const [from, to] = [sockets.path(), sockets.abstract()];
    addressed(scene, sockets.bound(SOCK_DGRAM, { path: from }), sockets.bound(SOCK_DGRAM, { abstract: to }));
  },
);

liveOnRings(['sendmsg', 'recvmsg'], 'a message has an address: IPv6', [lacksIpv6()], (scene) => {
  const { sockets } = scene;
  const here = { address: '::1', port: 0 };
  addressed(scene, sockets.bound(SOCK_DGRAM, here), sockets.bound(SOCK_DGRAM, here));
});

liveOnRings(
  ['recvmsg'],
  'recvmsg with too little room: MSG_TRUNC, and how long the address is',
  [],
  (scene) => {
    const { sockets } = scene;
    const from = sockets.bound(SOCK_DGRAM);
    const to = sockets.bound(SOCK_DGRAM);
    const attempt = (flags: number) => {
      sendNow(from.fd, 'a datagram', to);
      const into = new Message(room(2, 3), new Uint8Array(4).fill(0xee));
      return { res: scene.once((sqe) => recvmsg(sqe, to.fd, into.header, flags)), into };
    };
    const { res, into } = attempt(0);
    assert.equal(res, 5);
    assert.deepEqual(shown(into.pieces), ['a ', 'dat']);
    assert.deepEqual(into.written, { nameLength: 16, controlLength: 0, flags: MSG_TRUNC });
    assert.deepEqual(into.name, new Uint8Array(from.bytes.subarray(0, 4)));
    assert.equal(attempt(MSG_TRUNC).res, 10, 'the real length');
  },
);

liveOnRings(['sendmsg', 'recvmsg'], 'SCM_RIGHTS passes an open file on', [lacksControl], (scene) => {
  const { sockets } = scene;
  const [a, b] = sockets.pair();
  const [passed, peer] = sockets.pair();
  for (const [flags, closeOnExec] of [
    [0, 0],
    [MSG_CMSG_CLOEXEC, 1],
  ]) {
    const out = new Message(texts('x'), undefined, controlOf(rights(passed)));
    scene.gives((sqe) => sendmsg(sqe, a, out.header), 1);
    const into = new Message(room(1), undefined, new Uint8Array(controlSpace(4)));
    scene.gives((sqe) => recvmsg(sqe, b, into.header, flags), 1);
    assert.deepEqual(into.written, { nameLength: 0, controlLength: controlSpace(4), flags });
    const [control] = into.controls;
    const fd = sockets.keep(new DataView(control.data.buffer).getInt32(0, true));
    assert.deepEqual(control, rights(fd));
    assert.equal(descriptorFlags(fd) & 1, closeOnExec);
    sendNow(fd, 'through the copy');
    assert.equal(receive(peer).toString(), 'through the copy');
  }
});

liveOnRings(
  ['recvmsg'],
  'recvmsg with too little room for control messages: MSG_CTRUNC',
  [lacksControl],
  (scene) => {
    const { sockets } = scene;
    const [a, b] = sockets.pair();
    const [first, second] = sockets.pair();
    const attempt = (bytes: number) => {
      const out = new Message(texts('x'), undefined, controlOf(rights(first, second)));
      scene.gives((sqe) => sendmsg(sqe, a, out.header), 1);
      const into = new Message(room(1), undefined, new Uint8Array(bytes));
      scene.gives((sqe) => recvmsg(sqe, b, into.header), 1);
      for (const { data } of into.controls)
        for (const fd of new Int32Array(data.buffer, 0, data.length >> 2)) sockets.keep(fd);
      return [into.controls.map(({ data }) => data.length), into.written.flags];
    };
    assert.deepEqual(attempt(controlSpace(8)), [[8], 0], 'two descriptors');
    assert.deepEqual(attempt(20), [[4], MSG_CTRUNC], 'room for one');
    assert.deepEqual(attempt(1), [[], MSG_CTRUNC], 'room for none');
  },
);

liveOnRings(['recvmsg'], 'SCM_CREDENTIALS tells who sends', [lacksControl], (scene) => {
  const [a, b] = scene.sockets.pair();
  setOption(b, SOL_SOCKET, SO_PASSCRED, 1);
  sendNow(a, 'it is me');
  const into = new Message(room(8), undefined, new Uint8Array(controlSpace(12)));
  scene.gives((sqe) => recvmsg(sqe, b, into.header), 8);
  assert.equal(into.written.flags, 0);
  const ids = Uint32Array.of(process.pid, process.getuid!(), process.getgid!());
  assert.deepEqual(into.controls, [
    { level: SOL_SOCKET, type: SCM_CREDENTIALS, data: new Uint8Array(ids.buffer) },
  ]);
});

liveOnRings(['sendmsg', 'recvmsg'], 'sendmsg and recvmsg fail with -errno', [], (scene) => {
  const { sockets } = scene;
  const [a, b] = sockets.pair();
  const empty = new Message(room(8));
  scene.gives((sqe) => recvmsg(sqe, a, empty.header, MSG_DONTWAIT), -EAGAIN);
  scene.gives((sqe) => recvmsg(sqe, sockets.file(), empty.header), -ENOTSOCK);
  scene.gives((sqe) => sendmsg(sqe, sockets.file(), empty.header), -ENOTSOCK);
  scene.gives((sqe) => recvmsg(sqe, a, 1), -EFAULT, 'no header there');
  scene.gives((sqe) => sendmsg(sqe, a, 1), -EFAULT, 'no header there');
  const pieces = new Message(Array.from({ length: 1025 }, () => new Uint8Array(1)));
  const res = scene.once((sqe) => sendmsg(sqe, a, pieces.header));
  // EINVAL of Linux 6.1 to 6.12.
  assert.ok([-EMSGSIZE, -EINVAL].includes(res), `more than UIO_MAXIOV pieces: ${res}`);
  const to = sockets.bound(SOCK_DGRAM);
  const huge = new Message([Buffer.alloc(65536)], to.bytes);
  scene.gives((sqe) => sendmsg(sqe, sockets.socket(AF_INET, SOCK_DGRAM), huge.header), -EMSGSIZE);
  sockets.close(b);
  scene.gives((sqe) => sendmsg(sqe, a, empty.header), -EPIPE);
});

liveOnRings(['sendmsg', 'recvmsg', 'cancel'], 'recvmsg and sendmsg that wait are cancelled', [], (scene) => {
  const [a, b] = scene.sockets.pair();
  const into = new Message(room(8));
  scene.stop(scene.start((sqe) => recvmsg(sqe, a, into.header)));
  sendNow(b, 'late');
  scene.idle();
  assert.equal(receive(a).toString(), 'late', 'it was left alone');
  fill(a);
  const out = new Message(texts('more'));
  scene.gives((sqe) => sendmsg(sqe, a, out.header, MSG_DONTWAIT), -EAGAIN);
  scene.stop(scene.start((sqe) => sendmsg(sqe, a, out.header)));
});

liveOnRings(['recvmsg', 'provideBuffers'], 'recvmsg into a provided buffer', [], (scene) => {
  const { sockets } = scene;
  const [a, b] = sockets.pair(SOCK_DGRAM);
  const buffers = new Buffers(scene, 5, 1, 8);
  const attempt = (pieces: Buffer[]) => {
    sendNow(a, 'a datagram');
    const into = new Message(pieces);
    const receiving = scene.start((sqe) => {
      recvmsg(sqe, b, into.header);
      buffers.choose(sqe);
    });
    return { done: scene.ended(receiving), into };
  };
  const { done, into } = attempt(room(4));
  assert.deepEqual(done, [4, took(0)]);
  assert.equal(buffers.text(done), 'a da');
  assert.equal(into.written.flags, MSG_TRUNC);
  assert.deepEqual(shown(into.pieces), ['....'], 'of the piece only the length counts');
  assert.deepEqual(attempt(room(4)).done, [-ENOBUFS, 0]);
  buffers.give(0);
  assert.deepEqual(attempt(room(4, 4)).done, [-EINVAL, 0], 'two pieces');
});

/** A UDP socket that receives again and again: room for an address and for control messages in each buffer. */
function arm(scene: Scene, fd: number, buffers: Buffers, nameRoom: number, controlRoom: number, flags = 0) {
  const message = new Message([], new Uint8Array(nameRoom), new Uint8Array(controlRoom));
  const receiving = scene.start((sqe) => {
    recvmsgMultishot(sqe, fd, message.header, flags);
    buffers.choose(sqe);
  });
  return { receiving, message };
}

liveOnRings(
  ['recvmsgMultishot'],
  'recvmsgMultishot: name, control messages and bytes',
  [lacksMultishot],
  (scene) => {
    const { sockets } = scene;
    const to = sockets.bound(SOCK_DGRAM);
    setOption(to.fd, SOL_IP, IP_PKTINFO, 1);
    setOption(to.fd, SOL_SOCKET, SO_TIMESTAMP, 1);
    const [nameRoom, controlRoom] = [16, controlSpace(12) + controlSpace(16)];
    const before = 16 + nameRoom + controlRoom;
    const buffers = new Buffers(scene, 9, 2, before + 16);
    const { receiving } = arm(scene, to.fd, buffers, nameRoom, controlRoom);
    for (const [id, text] of ['first', 'the second'].entries()) {
      const from = sockets.bound(SOCK_DGRAM);
      scene.idle();
      sendNow(from.fd, text, to);
      assert.deepEqual(scene.ended(receiving), [before + text.length, took(id, MORE)]);
      const out = parseOut(buffers.bytes(id, before + text.length), nameRoom, controlRoom);
      assert.deepEqual([out.nameLength, out.payloadLength, out.flags], [16, text.length, 0]);
      assert.deepEqual(parseSockaddr(out.name), from.address);
      assert.equal(out.payload.toString(), text);
      const [stamp, info] = out.controls;
      assert.deepEqual([stamp.level, stamp.type, stamp.data.length], [SOL_SOCKET, SO_TIMESTAMP, 16]);
      const seconds = Number(new DataView(stamp.data.buffer).getBigInt64(0, true));
      assert(Math.abs(seconds - Date.now() / 1000) < 3600, 'a moment of these days');
      assert.deepEqual([info.level, info.type, info.data.length], [SOL_IP, IP_PKTINFO, 12]);
      assert.equal(info.data.subarray(8).join('.'), '127.0.0.1', 'where it was sent to');
      assert.equal(out.controls.length, 2);
    }
    // It ends with the last buffer: this kind of socket does not tell whether there is more.
    const last = sockets.bound(SOCK_DGRAM);
    sendNow(last.fd, 'third', to);
    assert.deepEqual(scene.ended(receiving), [-ENOBUFS, 0], 'the last one');
    buffers.give(0, 2);
    const anew = arm(scene, to.fd, buffers, nameRoom, controlRoom).receiving;
    assert.deepEqual(scene.ended(anew), [before + 5, took(0, MORE)], 'the message is not lost');
    const out = parseOut(buffers.bytes(0, before + 5), nameRoom, controlRoom);
    assert.deepEqual([parseSockaddr(out.name), out.payload.toString()], [last.address, 'third']);
    scene.stop(anew);
  },
);

liveOnRings(['recvmsgMultishot'], 'recvmsgMultishot with too little room', [lacksMultishot], (scene) => {
  const { sockets } = scene;
  const from = sockets.bound(SOCK_DGRAM);
  const to = sockets.bound(SOCK_DGRAM);
  setOption(to.fd, SOL_SOCKET, SO_TIMESTAMP, 1);
  const before = 16 + 4 + 20;
  const buffers = new Buffers(scene, 9, 3, before + 3);
  for (const [id, flags] of [0, MSG_TRUNC].entries()) {
    const { receiving } = arm(scene, to.fd, buffers, 4, 20, flags);
    sendNow(from.fd, 'a datagram', to);
    assert.deepEqual(scene.ended(receiving), [before + 3, took(id, MORE)]);
    const out = parseOut(buffers.bytes(id, before + 3), 4, 20);
    assert.equal(out.payload.toString(), 'a d');
    assert.equal(out.payloadLength, flags === 0 ? 3 : 10, 'with MSG_TRUNC, as it was sent');
    assert.equal(out.flags, MSG_TRUNC | MSG_CTRUNC);
    assert.equal(out.nameLength, 16);
    assert.deepEqual(out.name, new Uint8Array(from.bytes.subarray(0, 4)));
    assert.deepEqual([out.controls.length, out.controls[0].data.length], [1, 4]);
    scene.stop(receiving);
  }
});

liveOnRings(
  ['recvmsgMultishot'],
  'recvmsgMultishot at the end of a connection',
  [lacksMultishot],
  (scene) => {
    const [a, b] = scene.sockets.pair(SOCK_SEQPACKET);
    const buffers = new Buffers(scene, 9, 2, 64);
    const { receiving } = arm(scene, b, buffers, 0, 0);
    sendNow(a, 'record');
    assert.deepEqual(scene.ended(receiving), [16 + 6, took(0, MORE)]);
    assert.equal(parseOut(buffers.bytes(0, 22), 0, 0).payload.toString(), 'record');
    shutdownNow(a, SHUT_WR);
    assert.deepEqual(scene.ended(receiving), [16, took(1)], 'a header without bytes, and no more');
    assert.equal(parseOut(buffers.bytes(1, 16), 0, 0).payloadLength, 0);
  },
);

liveOnRings(['recvmsgMultishot'], 'recvmsgMultishot fails with -errno', [lacksMultishot], (scene) => {
  const { sockets } = scene;
  const to = sockets.bound(SOCK_DGRAM);
  const message = new Message([], new Uint8Array(16));
  scene.gives((sqe) => recvmsgMultishot(sqe, to.fd, message.header), -EINVAL, 'without IOSQE_BUFFER_SELECT');
  const buffers = new Buffers(scene, 9, 1, 31);
  const attempt = (fd: number, { header }: Message, flags = 0) =>
    scene.once((sqe) => {
      recvmsgMultishot(sqe, fd, header, flags);
      buffers.choose(sqe);
    });
  assert.equal(attempt(to.fd, message, MSG_WAITALL), -EINVAL);
  assert.equal(attempt(to.fd, new Message(room(1, 1))), -EINVAL, 'two pieces');
  assert.equal(attempt(sockets.file(), message), -ENOTSOCK);
  assert.equal(attempt(to.fd, message), -EFAULT, 'no room in the buffer for header and name');
  scene.gives((sqe) => removeBuffers(sqe, 9, 9), 1, 'failing took no buffer');
});
