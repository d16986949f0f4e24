/**
 * Groups of buffers and the real kernel: registering them, what the kernel says of them, and tails that wrap.
 */
import assert from 'node:assert/strict';
import { openSync } from 'node:fs';
import { test } from 'node:test';
import { allocatePages, BufferRing, provideBuffers, read, recv, recvMultishot } from 'tsuring';
import {
  EEXIST,
  EFAULT,
  EINVAL,
  ENOBUFS,
  ENOENT,
  IORING_FEAT_CQE_SKIP,
  IOSQE_BUFFER_SELECT,
  IOSQE_CQE_SKIP_SUCCESS,
  IOU_PBUF_RING_MMAP,
  SOCK_SEQPACKET,
} from 'tsuring/syscalls';
import {
  BufferScene,
  GROUP,
  lacksBufferRings,
  lacksRecvMultishot,
  lacksStatus,
} from './support/buffer-rings.ts';
import { live } from './support/live.ts';
import { lacksFeature } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';
import { Sockets, sendNow } from './support/sockets.ts';

const needsRings = lacksBufferRings();

live(
  ['read', 'registerBufRing'],
  'the tail wraps: 70,000 buffers through a small group',
  [needsRings],
  () => {
    const COUNT = 64;
    using sockets = new Sockets();
    using open = openRing(COUNT);
    const buffers = new BufferRing(open.ring, { group: GROUP, entries: COUNT, bufferSize: 16 });
    const zeros = sockets.keep(openSync('/dev/zero', 'r'));
    for (let id = 0; id < COUNT; id++) buffers.buffer(id).fill(1);
    let order = 0;
    for (let n = 0; n < 70_000 / COUNT; n++) {
      for (let i = 0; i < COUNT; i++) {
        const sqe = open.ring.getSqe();
        assert(sqe !== null);
        read(sqe, zeros, 0, 16, 0);
        sqe.flags |= IOSQE_BUFFER_SELECT;
        sqe.bufIndex = GROUP;
        open.ring.stageSqe();
      }
      assert.equal(open.ring.submitAndWait(COUNT, { timeout: 10_000 }), COUNT);
      const count = open.ring.forEachCqe((cqe) => {
        if (cqe.res !== 16 || cqe.bufferId !== order) assert.fail(`${n}: ${cqe.res} into ${cqe.bufferId}`);
        buffers.take(cqe);
        buffers.recycleTaken();
        order = (order + 1) % COUNT;
      });
      assert.equal(count, COUNT);
      assert.equal(buffers.publish(), COUNT);
    }
    assert.ok(buffers.pages!.bytes(0, COUNT * 16).every((byte) => byte === 0));
    assert.equal(buffers.provided, COUNT);
    buffers.close();
  },
);

live(['bufRingHead'], 'the kernel tells how far it is', [lacksStatus()], () => {
  using s = new BufferScene({ entries: 4, bufferSize: 32 });
  const [here, there] = s.sockets.pair(SOCK_SEQPACKET);
  const expect = (head: number, available: number) => {
    assert.deepEqual([s.buffers.head(), s.buffers.available()], [head, available]);
    assert.equal(s.ring.bufRingHead(GROUP), head);
  };
  expect(0, 4);
  for (let n = 1; n <= 3; n++) {
    sendNow(there, 'x');
    s.start(n, (sqe) => recv(sqe, here, 0, 32));
    s.text(n);
    expect(n, 4 - n);
  }
  s.buffers.recycle(1);
  expect(3, 1);
  s.buffers.publish();
  expect(3, 2);
  assert.throws(() => s.ring.bufRingHead(GROUP + 1), { code: 'ENOENT', syscall: 'io_uring_register' });
  assert.throws(() => s.ring.bufRingHead(65_536), { code: 'ERR_OUT_OF_RANGE' });
});

live(['bufRingHead'], 'head and tail wrap together', [lacksStatus()], () => {
  using s = new BufferScene({ entries: 2, bufferSize: 16 });
  const zeros = s.sockets.keep(openSync('/dev/zero', 'r'));
  for (let n = 0; n < 65_540; n++) {
    const sqe = s.ring.getSqe();
    assert(sqe !== null);
    read(sqe, zeros, 0, 1, 0);
    sqe.flags |= IOSQE_BUFFER_SELECT;
    sqe.bufIndex = GROUP;
    s.ring.commitSqe();
    s.ring.submitAndWait(1, { timeout: 10_000 });
    s.buffers.take(s.ring.peekCqe()!);
    s.buffers.recycleTaken();
    s.buffers.cqAdvance(1);
  }
  assert.deepEqual([s.buffers.head(), s.buffers.available(), s.buffers.provided], [4, 2, 2]);
});

live(
  ['bufRingHead', 'recv'],
  'reclaim finds buffers that no completion told of',
  [lacksStatus(), lacksFeature('IORING_FEAT_CQE_SKIP (Linux 5.17)', IORING_FEAT_CQE_SKIP)],
  () => {
    using s = new BufferScene({ entries: 4, bufferSize: 32 });
    const [here, there] = s.sockets.pair(SOCK_SEQPACKET);
    for (let n = 0; n < 3; n++) {
      sendNow(there, 'x');
      s.start(1, (sqe) => {
        recv(sqe, here, 0, 32);
        sqe.flags |= n === 1 ? 0 : IOSQE_CQE_SKIP_SUCCESS;
      });
    }
    s.next(1, (cqe) => assert.equal(s.buffers.take(cqe), 1));
    assert.deepEqual(
      [0, 1, 2, 3].map((id) => s.buffers.isProvided(id)),
      [true, false, true, true],
    );
    assert.equal(s.buffers.reclaim(), 2);
    assert.deepEqual(
      [0, 1, 2, 3].map((id) => s.buffers.isProvided(id)),
      [false, false, false, true],
    );
    assert.equal(s.buffers.reclaim(), 0);
    for (const id of [2, 1, 0]) s.buffers.recycle(id);
    s.buffers.publish();
    assert.equal(s.buffers.available(), 4);
    for (const expected of [3, 2, 1, 0]) {
      sendNow(there, `to ${expected}`);
      s.start(2, (sqe) => recv(sqe, here, 0, 32));
      s.next(2, (cqe) => assert.equal(cqe.bufferId, expected));
    }
  },
);

live(
  ['registerBufRing', 'unregisterBufRing'],
  'groups: taken ones, unknown ones, many at a time',
  [needsRings],
  () => {
    using s = new BufferScene({ entries: 4, bufferSize: 32 });
    const { ring } = s;
    const make = (group: number, more = {}) =>
      new BufferRing(ring, { group, entries: 2, bufferSize: 16, ...more });
    assert.throws(() => make(GROUP), {
      name: 'UringError',
      code: 'EEXIST',
      errno: -EEXIST,
      syscall: 'io_uring_register',
      fix: /the buffer group .*is taken, so choose another/,
    });
    assert.throws(() => ring.unregisterBufRing(1001), { code: 'ENOENT', errno: -ENOENT });
    assert.throws(() => ring.unregisterBufRing(-1), { code: 'ERR_OUT_OF_RANGE' });
    const groups = [0, 1, 63, 64, 1000, 65_535].map((group) => make(group));
    for (const { group } of groups) assert.throws(() => make(group), { code: 'EEXIST' });
    const [here, there] = s.sockets.pair();
    for (const buffers of groups) {
      sendNow(there, `for ${buffers.group}`);
      s.start(1, (sqe) => recv(sqe, here, 0, 16), buffers.group);
      s.next(1, (cqe) => assert.equal(Buffer.from(buffers.view(cqe)!).toString(), `for ${buffers.group}`));
    }
    for (const buffers of groups) buffers.close();
    // Those below 64 are there from the beginning, before 6.9: as empty groups of the other kind.
    for (const { group } of groups)
      assert.throws(() => ring.unregisterBufRing(group), {
        code: group < 64 ? /^(ENOENT|EINVAL)$/ : 'ENOENT',
      });
    for (const { group } of groups) make(group).close();
  },
);

live(
  ['registerBufRing', 'unregisterBufRing', 'provideBuffers'],
  'a group of the other kind',
  [needsRings],
  () => {
    using s = new BufferScene({ entries: 4, bufferSize: 32 });
    const { ring } = s;
    const memory = allocatePages(4096);
    const provide = (group: number) => {
      const sqe = ring.getSqe();
      assert(sqe !== null);
      provideBuffers(sqe, memory, 16, 4, group, 0);
      ring.commitSqe();
      ring.submitAndWait(1, { timeout: 10_000 });
      const { res } = ring.peekCqe()!;
      ring.advanceCq();
      return res;
    };
    assert.equal(provide(GROUP), -EINVAL, 'a ring takes no provided buffers');
    assert.equal(provide(GROUP + 1), 0);
    assert.throws(() => new BufferRing(ring, { group: GROUP + 1, entries: 2 }), { code: 'EEXIST' });
    assert.throws(() => ring.unregisterBufRing(GROUP + 1), { code: 'EINVAL' });
    if (lacksStatus() === false) assert.throws(() => ring.bufRingHead(GROUP + 1), { code: 'EINVAL' });
  },
);

live(['registerBufRing'], 'by hand, and what the kernel refuses', [needsRings], () => {
  using open = openRing(4);
  const { ring } = open;
  const memory = allocatePages(4096);
  ring.registerBufRing({ group: 1, entries: 256, memory });
  ring.registerBufRing({ group: 2, entries: 1, memory: allocatePages(4096).address });
  const refused = {
    name: 'UringError',
    errno: -EINVAL,
    syscall: 'io_uring_register',
    fix: /^Buffer rings need Linux/,
  };
  const off = memory.bytes(16, 64);
  assert.throws(() => ring.registerBufRing({ group: 3, entries: 4, memory: off }), refused, 'off the page');
  assert.throws(
    () => ring.registerBufRing({ group: 3, entries: 4, memory, flags: 0x8000 }),
    refused,
    'unknown flag',
  );
  const nowhere = { errno: -EFAULT, syscall: 'io_uring_register' };
  assert.throws(() => ring.registerBufRing({ group: 3, entries: 4, memory: 4096 }), nowhere);
  const range = { code: 'ERR_OUT_OF_RANGE' };
  const value = { code: 'ERR_INVALID_ARG_VALUE' };
  assert.throws(() => ring.registerBufRing({ group: 3, entries: 512, memory }), range, 'too small');
  assert.throws(() => ring.registerBufRing({ group: 3, entries: 3, memory }), range);
  assert.throws(() => ring.registerBufRing({ group: 3, entries: 4 }), value);
  assert.throws(
    () => ring.registerBufRing({ group: 3, entries: 4, memory, flags: IOU_PBUF_RING_MMAP }),
    value,
  );
  assert.throws(() => ring.registerBufRing({ group: 3, entries: 4, memory, minLeft: 1 }), value);
  assert.throws(() => ring.registerBufRing(null as never), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => ring.unregisterBufRing(3), { code: /^(ENOENT|EINVAL)$/ }, 'nothing was registered');
  ring.unregisterBufRing(1);
  ring.unregisterBufRing(2);
});

test('a kernel without it says so', {
  skip: needsRings === false && 'needs a kernel without IORING_REGISTER_PBUF_RING',
}, () => {
  using open = openRing(4);
  const error = { name: 'UringError', errno: -EINVAL, fix: /^Buffer rings need Linux 5\.19/ };
  assert.throws(() => new BufferRing(open.ring, { group: 0, entries: 4, bufferSize: 64 }), error);
});

live(
  ['recvMultishot', 'unregisterBufRing'],
  'a group that is unregistered while a receive lives of it',
  [needsRings, lacksRecvMultishot()],
  () => {
    using s = new BufferScene({ entries: 4, bufferSize: 32 });
    const [here, there] = s.sockets.pair(SOCK_SEQPACKET);
    s.start(1, (sqe) => recvMultishot(sqe, here));
    sendNow(there, 'before');
    assert.equal(s.text(1), 'before');
    sendNow(there, 'in the queue');
    s.ring.getEvents();
    s.buffers.close();
    sendNow(there, 'after');
    // What was received before can still be taken.
    assert.equal(s.text(1), 'in the queue');
    assert.equal(s.ended(1), -ENOBUFS);
    s.idle();
    using again = new BufferRing(s.ring, { group: GROUP, entries: 4, bufferSize: 32 });
    s.start(2, (sqe) => recv(sqe, here, 0, 32));
    s.next(2, (cqe) => assert.equal(Buffer.from(again.view(cqe)!).toString(), 'after'));
  },
);
