/**
 * send, sendto and recv, once and again and again: what is sent, what arrives, and what the flags say of it.
 */
import assert from 'node:assert/strict';
import { recv, recvMultishot, removeBuffers, type Sqe, send, sendSetAddr, sendto } from 'tsuring';
import {
  AF_INET,
  AF_UNIX,
  EAGAIN,
  EBADF,
  ECONNRESET,
  EDESTADDRREQ,
  EFAULT,
  EINVAL,
  EMSGSIZE,
  ENOBUFS,
  ENOTCONN,
  ENOTSOCK,
  EPIPE,
  IORING_RECVSEND_POLL_FIRST,
  MSG_DONTWAIT,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  SHUT_WR,
  SO_LINGER,
  SO_RCVBUF,
  SO_SNDBUF,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} from 'tsuring/syscalls';
import { arrives, fill, receive, receiveAll, sendNow, setOption, shutdownNow } from './support/sockets.ts';
import { Buffers, lacksWith, liveOnRings, MORE, NONEMPTY, Scene, took } from './support/sockets-ring.ts';
import { timeLimit } from './support/time-limit.ts';

const lacksWaitAll = lacksWith('MSG_WAITALL for streams (Linux 5.19)', 'IORING_OP_SOCKET');
const lacksPollFirst = lacksWith('IORING_RECVSEND_POLL_FIRST (Linux 5.19)', 'IORING_OP_SOCKET');
const lacksNonempty = lacksWith('IORING_CQE_F_SOCK_NONEMPTY (Linux 5.19)', 'IORING_OP_SOCKET');
const lacksSendAddress = lacksWith('addresses of IORING_OP_SEND (Linux 6.1)', 'IORING_OP_SENDMSG_ZC');
const lacksMultishot = lacksWith('multishot receives (Linux 6.0)', 'IORING_OP_SEND_ZC');
const hello = Buffer.from('hello');

liveOnRings(['send', 'recv'], 'send and recv carry bytes both ways', [], (scene) => {
  for (const [a, b] of [scene.sockets.pair(), scene.sockets.tcp()]) {
    scene.gives((sqe) => send(sqe, a, hello, hello.length), 5);
    assert.equal(receive(b).toString(), 'hello');
    const to = Buffer.alloc(8, '.');
    const waiting = scene.start((sqe) => recv(sqe, a, to, to.length));
    scene.ring.getEvents();
    assert.equal(scene.ring.peekCqe(), null);
    sendNow(b, 'answer');
    assert.deepEqual(scene.ended(waiting), [6, 0]);
    assert.equal(to.toString(), 'answer..');
    shutdownNow(b, SHUT_WR);
    const [res, flags] = scene.ended(scene.start((sqe) => recv(sqe, a, to, to.length)));
    assert.deepEqual([res, flags & ~NONEMPTY], [0, 0], 'the end');
    assert.equal(to.toString(), 'answer..');
  }
});

liveOnRings(['send'], 'send fails with -errno, and no signal comes', [], (scene) => {
  const { sockets } = scene;
  const on = (fd: number) => scene.once((sqe) => send(sqe, fd, hello, hello.length));
  const [a, b] = sockets.pair();
  sockets.close(b);
  assert.equal(on(a), -EPIPE);
  assert.equal(on(sockets.socket(AF_INET)), -EPIPE, 'never connected');
  assert.equal(on(sockets.socket(AF_UNIX)), -ENOTCONN);
  assert.equal(on(sockets.socket(AF_INET, SOCK_DGRAM)), -EDESTADDRREQ);
  assert.equal(on(sockets.file()), -ENOTSOCK);
  assert.equal(on(0x7fff_fff0), -EBADF);
  const [c] = sockets.pair();
  scene.gives((sqe) => send(sqe, c, 1, 5), -EFAULT, 'no memory there');
  fill(c);
  scene.gives((sqe) => send(sqe, c, hello, 5, MSG_DONTWAIT), -EAGAIN);
});

liveOnRings(['recv'], 'recv fails with -errno', [], (scene) => {
  const { sockets } = scene;
  const to = Buffer.alloc(8);
  const on = (fd: number, flags = 0) => scene.once((sqe) => recv(sqe, fd, to, to.length, flags));
  assert.equal(on(sockets.socket(AF_INET)), -ENOTCONN);
  assert.equal(on(sockets.file()), -ENOTSOCK);
  assert.equal(on(0x7fff_fff0), -EBADF);
  const [a, b] = sockets.tcp();
  assert.equal(on(a, MSG_DONTWAIT), -EAGAIN);
  const waiting = scene.start((sqe) => recv(sqe, a, to, to.length));
  // Linger for no time: closing resets the connection.
  setOption(b, SOL_SOCKET, SO_LINGER, Int32Array.of(1, 0));
  sockets.close(b);
  assert.deepEqual(scene.ended(waiting), [-ECONNRESET, 0]);
});

liveOnRings(['recv', 'send', 'cancel'], 'recv and send that wait are cancelled', [], (scene) => {
  const [a, b] = scene.sockets.pair();
  const to = Buffer.alloc(8);
  scene.stop(scene.start((sqe) => recv(sqe, a, to, to.length)));
  sendNow(b, 'late');
  scene.idle();
  assert.equal(receive(a).toString(), 'late', 'it was left alone');
  fill(a);
  scene.stop(scene.start((sqe) => send(sqe, a, hello, hello.length)));
});

liveOnRings(['recv'], 'recv waits on a socket with O_NONBLOCK too', [], (scene) => {
  const [a, b] = scene.sockets.pair(SOCK_STREAM | SOCK_NONBLOCK);
  const to = Buffer.alloc(8);
  const waiting = scene.start((sqe) => recv(sqe, a, to, to.length));
  scene.ring.getEvents();
  assert.equal(scene.ring.peekCqe(), null);
  sendNow(b, 'x');
  assert.deepEqual(scene.ended(waiting), [1, 0]);
});

liveOnRings(['recv'], 'recv with MSG_WAITALL waits until the buffer is full', [lacksWaitAll], (scene) => {
  const [a, b] = scene.sockets.tcp();
  const to = Buffer.alloc(9);
  const waiting = scene.start((sqe) => recv(sqe, a, to, to.length, MSG_WAITALL));
  for (const part of ['one', 'two']) {
    sendNow(b, part);
    scene.idle();
  }
  sendNow(b, 'six');
  assert.deepEqual(scene.ended(waiting), [9, 0]);
  assert.equal(to.toString(), 'onetwosix');
  const cut = scene.start((sqe) => recv(sqe, a, to, to.length, MSG_WAITALL));
  sendNow(b, 'end');
  shutdownNow(b, SHUT_WR);
  const [res, flags] = scene.ended(cut);
  assert.deepEqual([res, flags & ~NONEMPTY], [3, 0], 'what there was before the end');
});

liveOnRings(
  ['recv'],
  'recv with MSG_PEEK leaves the bytes, with MSG_TRUNC tells the real length',
  [],
  (scene) => {
    const { sockets } = scene;
    const receiver = sockets.bound(SOCK_DGRAM);
    const sender = sockets.socket(AF_INET, SOCK_DGRAM);
    sendNow(sender, 'a datagram', receiver);
    sendNow(sender, 'next', receiver);
    const to = Buffer.alloc(4, '.');
    const gives = (flags: number, res: number) =>
      scene.gives((sqe) => recv(sqe, receiver.fd, to, to.length, flags), res);
    gives(MSG_PEEK, 4);
    assert.equal(to.toString(), 'a da');
    gives(MSG_PEEK | MSG_TRUNC, 10);
    gives(MSG_TRUNC, 10);
    gives(0, 4);
    assert.equal(to.toString(), 'next', 'the rest of a datagram is gone');
  },
);

liveOnRings(['recv'], 'IORING_CQE_F_SOCK_NONEMPTY: a TCP socket has more', [lacksNonempty], (scene) => {
  const [a, b] = scene.sockets.tcp();
  sendNow(b, 'hello');
  const to = Buffer.alloc(3);
  const again = () => scene.ended(scene.start((sqe) => recv(sqe, a, to, to.length)));
  assert.deepEqual(again(), [3, NONEMPTY]);
  assert.deepEqual(again(), [2, 0]);
});

liveOnRings(['send'], 'send without MSG_WAITALL sends what there is room for', [], (scene) => {
  const [a, b] = scene.sockets.tcp();
  setOption(a, SOL_SOCKET, SO_SNDBUF, 16384);
  setOption(b, SOL_SOCKET, SO_RCVBUF, 16384);
  const much = Buffer.alloc(2 ** 23, 'much');
  const res = scene.once((sqe) => send(sqe, a, much, much.length));
  assert(res > 0 && res < much.length, `${res}`);
  assert.deepEqual(receiveAll(b, res), much.subarray(0, res));
});

liveOnRings(['send'], 'send with MSG_WAITALL sends everything', [lacksWaitAll], (scene) => {
  const { ring } = scene;
  const [a, b] = scene.sockets.tcp();
  setOption(a, SOL_SOCKET, SO_SNDBUF, 16384);
  const much = Buffer.alloc(2 ** 22, 'much');
  const sending = scene.start((sqe) => send(sqe, a, much, much.length, MSG_WAITALL));
  const parts: Buffer[] = [];
  const end = performance.now() + timeLimit;
  for (let rest = much.length; rest > 0; ) {
    // The next part is sent in this thread's task work.
    ring.getEvents();
    assert(performance.now() < end);
    if (!arrives(b, 10)) continue;
    const part = receive(b, rest);
    parts.push(part);
    rest -= part.length;
  }
  assert.deepEqual(scene.ended(sending), [much.length, 0]);
  assert(Buffer.concat(parts).equals(much));
});

liveOnRings(
  ['send', 'recv'],
  'IORING_RECVSEND_POLL_FIRST: asks before it tries',
  [lacksPollFirst],
  (scene) => {
    const [a, b] = scene.sockets.pair();
    const to = Buffer.alloc(8);
    const first = (encode: (sqe: Sqe) => void) =>
      scene.start((sqe) => {
        encode(sqe);
        sqe.ioprio |= IORING_RECVSEND_POLL_FIRST;
      });
    const waiting = first((sqe) => recv(sqe, b, to, to.length));
    const sending = first((sqe) => send(sqe, a, hello, hello.length));
    // Without it the bytes would be sent within the submitting call.
    if (scene.defers) assert.equal(scene.ring.cqReady(), 0);
    const done = scene.all(2);
    assert.equal(done.get(sending)?.res, 5);
    assert.equal(done.get(waiting)?.res, 5);
    assert.equal(to.toString('utf8', 0, 5), 'hello');
    sendNow(a, 'more');
    const ready = first((sqe) => recv(sqe, b, to, to.length));
    if (scene.defers) assert.equal(scene.ring.cqReady(), 0);
    assert.deepEqual(scene.ended(ready), [4, 0]);
  },
);

liveOnRings(
  ['sendto', 'sendSetAddr'],
  'sendto and sendSetAddr name the receiver',
  [lacksSendAddress],
  (scene) => {
    const { sockets } = scene;
    const receivers = [sockets.bound(SOCK_DGRAM), sockets.bound(SOCK_DGRAM)];
    const sender = sockets.socket(AF_INET, SOCK_DGRAM);
    for (const { fd, bytes } of receivers) {
      scene.gives((sqe) => sendto(sqe, sender, hello, hello.length, 0, bytes, bytes.length), 5);
      assert.equal(receive(fd).toString(), 'hello');
      scene.gives((sqe) => {
        send(sqe, sender, hello, 4);
        sendSetAddr(sqe, bytes, bytes.length);
      }, 4);
      assert.equal(receive(fd).toString(), 'hell');
    }
    const [{ bytes }] = receivers;
    const huge = Buffer.alloc(65536);
    scene.gives((sqe) => sendto(sqe, sender, huge, huge.length, 0, bytes, bytes.length), -EMSGSIZE);
    scene.gives((sqe) => sendto(sqe, sender, hello, 5, 0, bytes, 8), -EINVAL, 'half an address');
    scene.gives((sqe) => sendto(sqe, sender, hello, 5, 0, 1, 16), -EFAULT);
  },
);

liveOnRings(['recv', 'provideBuffers'], 'recv into a provided buffer', [], (scene) => {
  const [a, b] = scene.sockets.tcp();
  const buffers = new Buffers(scene, 7, 2, 8);
  const again = (fd = a, length = 8) =>
    scene.ended(
      scene.start((sqe) => {
        recv(sqe, fd, 0, length);
        buffers.choose(sqe);
      }),
    );
  sendNow(b, 'hello');
  const first = again(a, 3);
  const second = again();
  assert.deepEqual([first[0], second[0]], [3, 2]);
  assert.deepEqual([buffers.text(first), buffers.text(second)], ['hel', 'lo']);
  sendNow(b, 'more');
  const [none, flags] = again();
  assert.deepEqual([none, flags & ~NONEMPTY], [-ENOBUFS, 0]);
  buffers.give(1);
  const third = again();
  assert.equal(third[0], 4);
  assert.equal(buffers.text(third), 'more');
});

liveOnRings(
  ['recvMultishot'],
  'recvMultishot gives piece after piece in a buffer of its own',
  [lacksMultishot],
  (scene) => {
    const [a, b] = scene.sockets.tcp();
    const buffers = new Buffers(scene, 1, 3, 16);
    const arm = () =>
      scene.start((sqe) => {
        recvMultishot(sqe, a);
        buffers.choose(sqe);
      });
    const receiving = arm();
    for (const [id, text] of ['first', 'second', 'third'].entries()) {
      scene.idle();
      sendNow(b, text);
      const done = scene.ended(receiving);
      assert.deepEqual(done, [text.length, took(id, MORE)]);
      assert.equal(buffers.text(done), text);
    }
    sendNow(b, 'fourth');
    const [res, flags] = scene.ended(receiving);
    assert.deepEqual([res, flags & ~NONEMPTY], [-ENOBUFS, 0], 'the last one');
    buffers.give(1);
    buffers.give(0);
    const anew = arm();
    const done = scene.ended(anew);
    assert.deepEqual(done, [6, took(1, MORE)], 'what came meanwhile is not lost');
    assert.equal(buffers.text(done), 'fourth');
    shutdownNow(b, SHUT_WR);
    const [none, last] = scene.ended(anew);
    assert.deepEqual([none, last & ~NONEMPTY], [0, 0], 'the end');
    scene.gives((sqe) => removeBuffers(sqe, 9, 1), 1, 'the end took no buffer');
  },
);

liveOnRings(
  ['recvMultishot', 'cancel'],
  'recvMultishot spreads what is long, until it is cancelled',
  [lacksMultishot],
  (scene) => {
    const [a, b] = scene.sockets.tcp();
    const buffers = new Buffers(scene, 2, 4, 4);
    sendNow(b, 'ten bytes.');
    const receiving = scene.start((sqe) => {
      recvMultishot(sqe, a);
      buffers.choose(sqe);
    });
    const done = [0, 1, 2].map(() => scene.ended(receiving));
    assert.deepEqual(done, [
      [4, took(0, MORE | NONEMPTY)],
      [4, took(1, MORE | NONEMPTY)],
      [2, took(2, MORE)],
    ]);
    assert.equal(done.map((one) => buffers.text(one)).join(''), 'ten bytes.');
    scene.stop(receiving);
    sendNow(b, 'late');
    scene.idle();
    assert.equal(receive(a).toString(), 'late', 'it was left alone');
    scene.gives((sqe) => removeBuffers(sqe, 9, 2), 1, 'cancelling took no buffer');
  },
);

liveOnRings(['recvMultishot'], 'recvMultishot fails with -errno', [lacksMultishot], (scene) => {
  const { sockets } = scene;
  const [a] = sockets.pair();
  const buffers = new Buffers(scene, 3, 1, 16);
  const attempt = (fd: number, flags: number, group: number | undefined) =>
    scene.once((sqe) => {
      recvMultishot(sqe, fd, 0, 0, flags);
      if (group === undefined) return;
      buffers.choose(sqe);
      sqe.bufIndex = group;
    });
  assert.equal(attempt(a, 0, undefined), -EINVAL, 'without IOSQE_BUFFER_SELECT');
  assert.equal(attempt(a, MSG_WAITALL, 3), -EINVAL);
  assert.equal(attempt(a, 0, 4), -ENOBUFS, 'no such group');
  assert.equal(attempt(sockets.file(), 0, 3), -ENOTSOCK);
  assert.equal(attempt(sockets.socket(AF_INET), 0, 3), -ENOTCONN);
  scene.gives((sqe) => removeBuffers(sqe, 9, 3), 1, 'failing took no buffer');
});

liveOnRings(
  ['recvMultishot'],
  'recvMultishot of at most so many bytes each time, and in all',
  [lacksMultishot, lacksLimit()],
  (scene) => {
    const [a, b] = scene.sockets.tcp();
    const buffers = new Buffers(scene, 2, 4, 16);
    sendNow(b, 'ten bytes.');
    const receiving = scene.start((sqe) => {
      recvMultishot(sqe, a, 0, 3);
      buffers.choose(sqe);
      // sqe.optlen: the limit of all together.
      sqe.fileIndex = 8;
    });
    const done = [0, 1, 2].map(() => scene.ended(receiving));
    assert.deepEqual(done, [
      [3, took(0, MORE | NONEMPTY)],
      [3, took(1, MORE | NONEMPTY)],
      [3, took(2, NONEMPTY)],
    ]);
    assert.equal(done.map((one) => buffers.text(one)).join(''), 'ten bytes');
    scene.idle();
    assert.equal(receive(a).toString(), '.');
  },
);

/** For limits of a multishot receive: before, a length was refused. */
function lacksLimit(): string | false {
  if (lacksMultishot) return lacksMultishot;
  using scene = new Scene(0);
  const buffers = new Buffers(scene, 0, 1, 1);
  const refused = scene.once((sqe) => {
    recvMultishot(sqe, scene.sockets.file(), 0, 1);
    buffers.choose(sqe);
  });
  return refused === -EINVAL && 'needs limits of multishot receives (Linux 6.17)';
}
