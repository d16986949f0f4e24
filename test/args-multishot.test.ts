/**
 * Messages one after the other into provided buffers, and what recvmsgValidate makes of them.
 */
import assert from 'node:assert/strict';
import {
  type ControlMessage,
  cmsgSpace,
  Msghdr,
  provideBuffers,
  type RecvmsgOut,
  readScmRights,
  recvmsgMultishot,
  recvmsgValidate,
  SOCKADDR_STORAGE_BYTES,
  type SocketAddress,
  scmRights,
  sendmsg,
} from 'tsuring';
import {
  AF_INET,
  EFAULT,
  IORING_CQE_F_BUFFER,
  IORING_CQE_F_MORE,
  IOSQE_BUFFER_SELECT,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_TRUNC,
  SO_TIMESTAMP,
  SOCK_DGRAM,
  SOL_IP,
  SOL_SOCKET,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { does, next, starts } from './support/live-ring.ts';
import { lacksRing } from './support/needs.ts';
import { type OpenRing, openRing } from './support/open-ring.ts';
import { lacksRecvmsgMultishot } from './support/recvmsg-needs.ts';
import { type Bound, descriptorFlags, Sockets, sendNow, setOption } from './support/sockets.ts';
import { timeLimit } from './support/time-limit.ts';

const FD_CLOEXEC = 1;
const IP_PKTINFO = 8;
const none = lacksRing('io_uring', {});
const multishot = lacksRecvmsgMultishot();

/** A socket of UDP on the loopback device, and one that sends to it. */
function udp(sockets: Sockets): [to: Bound, from: Bound] {
  return [sockets.bound(SOCK_DGRAM, loopback), sockets.bound(SOCK_DGRAM, loopback)];
}
const loopback: SocketAddress = { address: '127.0.0.1', port: 0 };

/** A group of provided buffers, and what the CQEs of a multishot recvmsg into it deliver. */
class Group {
  readonly id = 7;
  readonly memory: Uint8Array;
  readonly open: OpenRing;
  readonly size: number;

  constructor(open: OpenRing, size: number, count: number) {
    this.open = open;
    this.size = size;
    this.memory = new Uint8Array(size * count);
    does(open, 0, (sqe) => provideBuffers(sqe, this.memory, size, count, this.id, 0));
  }

  receives(fd: number, message: Msghdr, flags = 0): number {
    return starts(this.open, (sqe) => {
      recvmsgMultishot(sqe, fd, message, flags);
      sqe.flags = IOSQE_BUFFER_SELECT;
      sqe.bufIndex = this.id;
    });
  }

  /** The message of the next completion, which must be there to `more` or not. */
  message(userData: number, rooms: Msghdr, more = true): RecvmsgOut {
    const { res, flags } = next(this.open, userData);
    assert.ok(res >= 0, `${res}`);
    assert.equal((flags & IORING_CQE_F_MORE) !== 0, more, 'IORING_CQE_F_MORE');
    assert.notEqual(flags & IORING_CQE_F_BUFFER, 0);
    const begin = (flags >>> 16) * this.size;
    const message = recvmsgValidate(this.memory.subarray(begin, begin + res), rooms);
    assert.ok(message !== null);
    return message;
  }
}

live(
  ['recvmsgMultishot', 'provideBuffers'],
  'datagrams one after the other, with where they went and when they came',
  [none, multishot],
  () => {
    using open = openRing(8);
    using sockets = new Sockets();
    const [to, from] = udp(sockets);
    setOption(to.fd, SOL_IP, IP_PKTINFO, 1);
    setOption(to.fd, SOL_SOCKET, SO_TIMESTAMP, 1);
    const rooms = new Msghdr({ name: SOCKADDR_STORAGE_BYTES, control: cmsgSpace(12) + cmsgSpace(16) });
    const group = new Group(open, 512, 8);
    const before = Date.now();
    const userData = group.receives(to.fd, rooms);
    for (const text of ['first', 'the second one', 'x'.repeat(240)]) {
      sendNow(from.fd, text, to);
      const message = group.message(userData, rooms);
      assert.equal(Buffer.from(message.payload).toString(), text);
      assert.equal(message.payloadLength, text.length);
      assert.equal(message.payloadlen, text.length);
      assert.equal(message.flags & (MSG_TRUNC | MSG_CTRUNC), 0);
      assert.deepEqual(message.name, from.address);
      assert.equal(message.namelen, 16);
      const messages = message.controlMessages();
      assert.equal(messages.length, 2);
      const at = timestampOf(messages);
      assert.ok(Math.abs(at - before) < timeLimit, `${at} is no time of today`);
      const info = messages.find(({ level, type }) => level === SOL_IP && type === IP_PKTINFO);
      assert.equal(info?.data.length, 12);
      assert.deepEqual([...(info?.data.subarray(8) ?? [])], [127, 0, 0, 1], 'the destination');
    }
    assert.equal(rooms.namelen, SOCKADDR_STORAGE_BYTES, 'the kernel leaves the struct alone');
  },
);

/** Milliseconds since 1970 of SO_TIMESTAMP's struct timeval. */
function timestampOf(messages: readonly ControlMessage[]): number {
  const found = messages.find(({ level, type }) => level === SOL_SOCKET && type === SO_TIMESTAMP);
  assert.equal(found?.data.length, 16);
  const data = Buffer.from(found.data);
  return Number(data.readBigInt64LE(0)) * 1000 + Number(data.readBigInt64LE(8)) / 1000;
}

live(['recvmsgMultishot'], 'what does not fit is cut, and the header says so', [none, multishot], () => {
  using open = openRing(8);
  using sockets = new Sockets();
  const [to, from] = udp(sockets);
  setOption(to.fd, SOL_SOCKET, SO_TIMESTAMP, 1);
  // Room for 10 of 32 bytes of control data, 4 of 16 of the address, 20 bytes of the datagram.
  const rooms = new Msghdr({ name: 4, control: 10 });
  const group = new Group(open, 16 + 4 + 10 + 20, 4);
  const userData = group.receives(to.fd, rooms);
  sendNow(from.fd, 'x'.repeat(50), to);
  const message = group.message(userData, rooms);
  assert.equal(message.payloadLength, 20);
  assert.equal(Buffer.from(message.payload).toString(), 'x'.repeat(20));
  assert.equal(message.flags & MSG_TRUNC, MSG_TRUNC);
  assert.equal(message.flags & MSG_CTRUNC, MSG_CTRUNC);
  assert.equal(message.namelen, 16);
  assert.equal(message.nameBytes.length, 4);
  assert.equal(message.nameBytes[0], AF_INET);
  assert.deepEqual(message.controlMessages(), []);
});

live(['recvmsgMultishot'], 'MSG_TRUNC: the header tells the whole length', [none, multishot], () => {
  using open = openRing(8);
  using sockets = new Sockets();
  const [to, from] = udp(sockets);
  const rooms = new Msghdr();
  const group = new Group(open, 16 + 20, 4);
  const userData = group.receives(to.fd, rooms, MSG_TRUNC);
  sendNow(from.fd, 'x'.repeat(50), to);
  const message = group.message(userData, rooms);
  assert.equal(message.payloadlen, 50);
  assert.equal(message.payloadLength, 20);
  assert.equal(message.payload.length, 20);
  assert.equal(message.name, undefined);
});

live(['recvmsgMultishot'], 'an empty datagram is the last one', [none, multishot], () => {
  using open = openRing(8);
  using sockets = new Sockets();
  const [to, from] = udp(sockets);
  const rooms = new Msghdr({ name: 16 });
  const group = new Group(open, 256, 4);
  const userData = group.receives(to.fd, rooms);
  sendNow(from.fd, 'some', to);
  assert.equal(group.message(userData, rooms).payloadLength, 4);
  sendNow(from.fd, '', to);
  const message = group.message(userData, rooms, false);
  assert.equal(message.payloadLength, 0);
  assert.deepEqual(message.name, from.address);
});

live(['recvmsgMultishot'], 'descriptors by multishot, and the end of the stream', [none, multishot], () => {
  using open = openRing(8);
  using sockets = new Sockets();
  const [here, there] = sockets.pair();
  const rooms = new Msghdr({ control: cmsgSpace(4) });
  const group = new Group(open, 256, 4);
  const userData = group.receives(here, rooms, MSG_CMSG_CLOEXEC);
  using other = openRing(4);
  const sent = new Msghdr({ buffers: [Buffer.from('fd')], control: [scmRights([there])] });
  for (let n = 0; n < 2; n++) {
    does(other, 2, (sqe) => sendmsg(sqe, there, sent));
    const message = group.message(userData, rooms);
    const [fd, ...more] = readScmRights(message.controlMessages());
    assert.deepEqual(more, []);
    assert.equal(descriptorFlags(sockets.keep(fd)), FD_CLOEXEC);
    sockets.close(fd);
    assert.equal(Buffer.from(message.payload).toString(), 'fd');
  }
  sockets.close(there);
  const end = group.message(userData, rooms, false);
  assert.equal(end.payloadLength, 0);
  assert.deepEqual(end.controlMessages(), []);
});

live(['recvmsgMultishot'], 'a buffer too small for struct and rooms', [none, multishot], () => {
  using open = openRing(8);
  using sockets = new Sockets();
  const [to, from] = udp(sockets);
  const rooms = new Msghdr({ name: 128, control: 64 });
  const group = new Group(open, 16 + 128 + 63, 4);
  const userData = group.receives(to.fd, rooms);
  sendNow(from.fd, 'some', to);
  const { res, flags } = next(open, userData);
  assert.equal(res, -EFAULT);
  assert.equal(flags & IORING_CQE_F_MORE, 0);
  assert.equal(group.memory.length, 4 * 207);
});
