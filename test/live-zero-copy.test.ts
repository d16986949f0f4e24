/**
 * Sends and receives without copying, and other sends of a special kind: of several pieces, of whole buffer groups.
 */
import assert from 'node:assert/strict';
import {
  allocatePages,
  Iovecs,
  recvZc,
  type Sqe,
  send,
  sendBundle,
  sendmsg,
  sendmsgZc,
  sendmsgZcFixed,
  sendSetAddr,
  sendZc,
  sendZcFixed,
} from 'tsuring';
import {
  AF_INET,
  EAGAIN,
  EFAULT,
  EINVAL,
  EMSGSIZE,
  ENOBUFS,
  ENOENT,
  ENOTSOCK,
  EOPNOTSUPP,
  EPIPE,
  IORING_FEAT_RECVSEND_BUNDLE,
  IORING_NOTIF_USAGE_ZC_COPIED,
  IORING_RECVSEND_BUNDLE,
  IORING_RECVSEND_POLL_FIRST,
  IORING_SEND_VECTORIZED,
  IORING_SEND_ZC_REPORT_USAGE,
  IORING_SETUP_CQE32,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IOSQE_BUFFER_SELECT,
  IOSQE_CQE_SKIP_SUCCESS,
  MSG_DONTWAIT,
  SOCK_DGRAM,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { lacksFeature, lacksOpcode } from './support/needs.ts';
import { arrives, fill, receive, receiveAll } from './support/sockets.ts';
import { Message } from './support/sockets-messages.ts';
import {
  Buffers,
  lacksSendFlag,
  lacksWith,
  liveOnRings,
  MORE,
  NOTIF,
  Scene,
  took,
} from './support/sockets-ring.ts';

const lacksZc = lacksOpcode('IORING_OP_SEND_ZC');
const lacksMessageZc = lacksOpcode('IORING_OP_SENDMSG_ZC');
const lacksMessageFixed = lacksWith(
  'IORING_RECVSEND_FIXED_BUF of SENDMSG_ZC (Linux 6.15)',
  'IORING_OP_READV_FIXED',
);
const lacksUsage = lacksSendFlag(
  'IORING_SEND_ZC_REPORT_USAGE (Linux 6.2)',
  IORING_SEND_ZC_REPORT_USAGE,
  sendZc,
);
const lacksVectors = lacksSendFlag('IORING_SEND_VECTORIZED (Linux 6.17)', IORING_SEND_VECTORIZED);
const lacksSendSelect = lacksFeature('sends of provided buffers (Linux 6.10)', IORING_FEAT_RECVSEND_BUNDLE);
/** As a completion has it: with the sign of the highest bit. */
const COPIED = IORING_NOTIF_USAGE_ZC_COPIED | 0;

/** Does a zero-copy send: the result, and what the second completion says, if the first promised one. */
function zc(scene: Scene, encode: (sqe: Sqe) => void): [res: number, notice?: number] {
  const sending = scene.start(encode);
  const [res, flags] = scene.ended(sending);
  if (flags === 0) return [res];
  assert.equal(flags, MORE);
  const [notice, last] = scene.ended(sending);
  assert.equal(last, NOTIF, 'the last one');
  scene.idle();
  return [res, notice];
}

liveOnRings(
  ['sendZc'],
  'sendZc completes twice: the bytes, and that the memory is free',
  [lacksZc],
  (scene) => {
    const [a, b] = scene.sockets.tcp();
    for (const length of [5, 20_000]) {
      const data = Buffer.alloc(length, 'hello');
      const before = Buffer.from(data);
      const flags = length === 5 ? 0 : IORING_RECVSEND_POLL_FIRST;
      assert.deepEqual(
        zc(scene, (sqe) => sendZc(sqe, a, data, length, 0, flags)),
        [length, 0],
      );
      data.fill('!');
      assert.deepEqual(receiveAll(b, length), before, 'as it was until the second completion');
    }
  },
);

liveOnRings(['sendZc'], 'sendZc keeps the memory until the peer has taken the bytes', [lacksZc], (scene) => {
  const [a, b] = scene.sockets.tcp();
  // More than the receiver takes while nobody reads, and far less than the 8 MiB that a user may lock: what other
  // rings have locked may not be given back yet.
  const pages = allocatePages(2 * 2 ** 20);
  pages.bytes().fill(7);
  const sending = scene.start((sqe) => sendZc(sqe, a, pages, pages.byteLength));
  const [res, flags] = scene.ended(sending);
  assert(res > 2 ** 18, `${res}`);
  assert.equal(flags, MORE);
  scene.idle();
  assert(receiveAll(b, res).every((byte) => byte === 7));
  assert.deepEqual(scene.ended(sending), [0, NOTIF]);
});

liveOnRings(
  ['sendZc'],
  'IORING_SEND_ZC_REPORT_USAGE: whether it was copied after all',
  [lacksZc, lacksUsage],
  (scene) => {
    const [a, b] = scene.sockets.tcp();
    const data = Buffer.alloc(20_000, 'hello');
    const report = (sqe: Sqe) => sendZc(sqe, a, data, data.length, 0, IORING_SEND_ZC_REPORT_USAGE);
    const [res, notice] = zc(scene, report);
    assert.equal(res, data.length);
    // The loopback device copies; that it always will is not promised.
    assert(notice === COPIED || notice === 0, `${notice}`);
    assert.deepEqual(receiveAll(b, res), data);
  },
);

liveOnRings(['sendZc', 'sendSetAddr'], 'sendZc to an address', [lacksZc], (scene) => {
  const { sockets } = scene;
  const to = sockets.bound(SOCK_DGRAM);
  const from = sockets.socket(AF_INET, SOCK_DGRAM);
  const attempt = (data: Buffer) =>
    zc(scene, (sqe) => {
      sendZc(sqe, from, data, data.length);
      sendSetAddr(sqe, to.bytes, to.bytes.length);
    });
  assert.deepEqual(attempt(Buffer.from('a datagram')), [10, 0]);
  assert.equal(receive(to.fd).toString(), 'a datagram');
  assert.equal(attempt(Buffer.alloc(65536))[0], -EMSGSIZE);
});

liveOnRings(['sendZc'], 'sendZc fails with -errno', [lacksZc], (scene) => {
  const { sockets } = scene;
  const data = Buffer.from('hello');
  const on = (fd: number, zcFlags = 0) => zc(scene, (sqe) => sendZc(sqe, fd, data, 5, 0, zcFlags))[0];
  assert.equal(on(sockets.pair()[0]), -EOPNOTSUPP, 'Unix sockets copy');
  assert.equal(on(sockets.file()), -ENOTSOCK);
  assert.equal(on(sockets.socket(AF_INET)), -EPIPE);
  const [a, b] = sockets.tcp();
  assert.equal(on(a, 0x8000), -EINVAL, 'no such flag');
  assert.equal(zc(scene, (sqe) => sendZc(sqe, a, 1, 5))[0], -EFAULT, 'no memory there');
  const silent = zc(scene, (sqe) => {
    sendZc(sqe, a, data, 5);
    sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
  });
  assert.deepEqual(silent, [-EINVAL], 'its completions cannot be left out, and there is no second one');
  assert(!arrives(b, 0));
  fill(a);
  assert.equal(zc(scene, (sqe) => sendZc(sqe, a, data, 5, MSG_DONTWAIT))[0], -EAGAIN);
});

liveOnRings(
  ['sendZcFixed', 'registerBuffers'],
  'sendZcFixed sends a part of a registered buffer',
  [lacksZc],
  (scene) => {
    const { ring, sockets } = scene;
    const [a, b] = sockets.tcp();
    const pages = allocatePages(16384);
    const attempt = (address: number, length: number, index: number) =>
      zc(scene, (sqe) => sendZcFixed(sqe, a, address, length, 0, 0, index));
    assert.equal(attempt(pages.address, 8, 0)[0], -EFAULT, 'nothing is registered');
    const other = Buffer.alloc(64);
    ring.registerBuffers([other, pages]);
    pages.bytes().forEach((_, n, bytes) => {
      bytes[n] = n % 251;
    });
    assert.deepEqual(attempt(pages.address + 100, 10_000, 1), [10_000, 0]);
    assert.deepEqual(receiveAll(b, 10_000), Buffer.from(pages.bytes(100, 10_000)));
    assert.equal(attempt(pages.address + 16380, 5, 1)[0], -EFAULT, 'beyond its end');
    assert.equal(attempt(pages.address - 1, 5, 1)[0], -EFAULT, 'before its start');
    assert.equal(attempt(pages.address, 5, 0)[0], -EFAULT, 'in another buffer');
    assert.equal(attempt(pages.address, 5, 2)[0], -EFAULT, 'no such buffer');
    assert(!arrives(b, 0));
    assert.deepEqual(attempt(pages.address + 16380, 4, 1), [4, 0], 'up to its end');
  },
);

liveOnRings(['sendmsgZc'], 'sendmsgZc sends several pieces', [lacksMessageZc], (scene) => {
  const { sockets } = scene;
  const [a, b] = sockets.tcp();
  const long = Buffer.alloc(10_000, 'long ');
  const pieces = new Message([Buffer.from('first '), long, Buffer.from('last')]);
  assert.deepEqual(
    zc(scene, (sqe) => sendmsgZc(sqe, a, pieces.header)),
    [10_010, 0],
  );
  assert.equal(receiveAll(b, 10_010).toString(), `first ${long}last`);
  const to = sockets.bound(SOCK_DGRAM);
  const addressed = new Message([Buffer.from('a data'), Buffer.from('gram')], to.bytes);
  const from = sockets.socket(AF_INET, SOCK_DGRAM);
  assert.deepEqual(
    zc(scene, (sqe) => sendmsgZc(sqe, from, addressed.header)),
    [10, 0],
  );
  assert.equal(receive(to.fd).toString(), 'a datagram');
  assert.equal(zc(scene, (sqe) => sendmsgZc(sqe, sockets.pair()[0], pieces.header))[0], -EOPNOTSUPP);
  assert.equal(zc(scene, (sqe) => sendmsgZc(sqe, a, 1))[0], -EFAULT, 'no header there');
  fill(a);
  assert.equal(zc(scene, (sqe) => sendmsgZc(sqe, a, pieces.header, MSG_DONTWAIT))[0], -EAGAIN);
});

liveOnRings(
  ['sendmsgZcFixed', 'registerBuffers'],
  'sendmsgZcFixed sends parts of a registered buffer',
  [lacksMessageFixed],
  (scene) => {
    const [a, b] = scene.sockets.tcp();
    const pages = allocatePages(16384);
    pages.bytes().fill(1, 0, 8192).fill(2, 8192);
    scene.ring.registerBuffers([pages]);
    const attempt = (message: Message, index = 0) =>
      zc(scene, (sqe) => sendmsgZcFixed(sqe, a, message.header, 0, index));
    const parts = new Message([pages.bytes(8190, 4), pages.bytes(0, 2)]);
    assert.deepEqual(attempt(parts), [6, 0]);
    assert.deepEqual([...receiveAll(b, 6)], [1, 1, 2, 2, 1, 1]);
    assert.equal(attempt(parts, 1)[0], -EFAULT, 'no such buffer');
    const outside = new Message([pages.bytes(0, 4), Buffer.from('elsewhere')]);
    assert.equal(attempt(outside)[0], -EFAULT);
    assert(!arrives(b, 0));
  },
);

liveOnRings(['send', 'sendZc'], 'IORING_SEND_VECTORIZED: several pieces', [lacksVectors], (scene) => {
  const [a, b] = scene.sockets.tcp();
  const pieces = ['one ', 'two ', 'three'].map((text) => Buffer.from(text));
  const iovecs = new Iovecs(pieces);
  scene.gives((sqe) => {
    send(sqe, a, iovecs, 3);
    sqe.ioprio |= IORING_SEND_VECTORIZED;
  }, 13);
  assert.equal(receiveAll(b, 13).toString(), 'one two three');
  assert.deepEqual(
    zc(scene, (sqe) => sendZc(sqe, a, iovecs, 2, 0, IORING_SEND_VECTORIZED)),
    [8, 0],
  );
  assert.equal(receiveAll(b, 8).toString(), 'one two ');
  scene.ring.registerBuffers(pieces);
  const both = zc(scene, (sqe) => sendZcFixed(sqe, a, iovecs, 1, 0, IORING_SEND_VECTORIZED, 0));
  // Linux 7.3 takes several pieces of a registered buffer; 6.18 does not, sendmsgZcFixed does.
  assert.ok([-EINVAL, -EFAULT, 4].includes(both[0]), `${both}`);
  if (both[0] === 4) assert.equal(receiveAll(b, 4).toString(), 'one ');
});

liveOnRings(['send', 'provideBuffers'], 'send takes a provided buffer', [lacksSendSelect], (scene) => {
  const [a, b] = scene.sockets.pair();
  const buffers = new Buffers(scene, 5, 2, 4);
  buffers.bytes(0, 4).write('abcd');
  buffers.bytes(1, 4).write('efgh');
  const again = () =>
    scene.ended(
      scene.start((sqe) => {
        send(sqe, a, 0, 0);
        buffers.choose(sqe);
      }),
    );
  assert.deepEqual(
    [again(), again()],
    [
      [4, took(0)],
      [4, took(1)],
    ],
  );
  assert.equal(receiveAll(b, 8).toString(), 'abcdefgh');
  assert.deepEqual(again(), [-ENOBUFS, 0]);
});

liveOnRings(
  ['sendBundle', 'provideBuffers'],
  'sendBundle sends the buffers of a group',
  [lacksSendSelect],
  (scene) => {
    const [a, b] = scene.sockets.pair();
    const buffers = new Buffers(scene, 5, 3, 4);
    buffers.bytes(0, 12).write('abcdefghijkl');
    const sending = scene.start((sqe) => {
      sendBundle(sqe, a, 0);
      buffers.choose(sqe);
    });
    // Not a buffer ring: one at a time.
    assert.deepEqual(scene.ended(sending), [4, took(0, MORE)]);
    assert.deepEqual(scene.ended(sending), [4, took(1, MORE)]);
    assert.deepEqual(scene.ended(sending), [4, took(2)], 'the last one');
    assert.equal(receiveAll(b, 12).toString(), 'abcdefghijkl');
  },
);

liveOnRings(['sendBundle'], 'sendBundle fails with -errno', [lacksSendSelect], (scene) => {
  const { sockets } = scene;
  const [a, b] = sockets.pair();
  const buffers = new Buffers(scene, 5, 1, 4);
  const attempt = (fd: number, group: number) =>
    scene.ended(
      scene.start((sqe) => {
        sendBundle(sqe, fd, 0);
        sqe.flags |= IOSQE_BUFFER_SELECT;
        sqe.bufIndex = group;
      }),
    );
  assert.deepEqual(attempt(a, 6), [-ENOENT, 0], 'no such group');
  assert.deepEqual(attempt(sockets.file(), 5), [-ENOTSOCK, 0]);
  assert.deepEqual(attempt(a, 5), [4, took(0)]);
  assert.deepEqual(attempt(a, 5), [-ENOBUFS, 0], 'the group is empty');
  receiveAll(b, 4);
  buffers.give(0);
  const message = new Message([Buffer.from('x')]);
  scene.gives((sqe) => {
    sendmsg(sqe, a, message.header);
    sqe.ioprio |= IORING_RECVSEND_BUNDLE;
  }, -EINVAL);
  // Newer kernels send nothing where older ones refuse.
  const without = scene.once((sqe) => sendBundle(sqe, a, 0));
  assert(without === -EINVAL || without === 0, `without IOSQE_BUFFER_SELECT: ${without}`);
  assert(!arrives(b, 0));
});

live(
  ['recvZc'],
  'recvZc fails without a registered receive queue',
  [lacksOpcode('IORING_OP_RECV_ZC')],
  () => {
    using scene = new Scene(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQE32);
    const [a] = scene.sockets.tcp();
    scene.gives((sqe) => recvZc(sqe, a, 0), -EINVAL);
  },
);

live(
  ['recvZc'],
  'recvZc receives into memory that the card fills',
  [
    lacksOpcode('IORING_OP_RECV_ZC'),
    'needs a network card that splits headers from data (zero-copy receive)',
  ],
  () => assert.fail('no such card here'),
);
