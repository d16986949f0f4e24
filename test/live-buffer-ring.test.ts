/**
 * Buffer rings with the real kernel: every operation that takes its buffers from one, on each kind of ring and with the
 * entries in either place, until the group is empty and on.
 */
import assert from 'node:assert/strict';
import { writeSync } from 'node:fs';
import {
  allocatePages,
  Msghdr,
  read,
  readMultishot,
  readv,
  recv,
  recvMultishot,
  recvmsg,
  recvmsgMultishot,
  recvmsgValidate,
} from 'tsuring';
import {
  addressOf,
  ENOBUFS,
  IORING_CQE_F_MORE,
  MSG_TRUNC,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
} from 'tsuring/syscalls';
import {
  BufferScene,
  GROUP,
  lacksBufferRings,
  lacksRecvMultishot,
  memories,
  pattern,
  ways,
} from './support/buffer-rings.ts';
import { live } from './support/live.ts';
import { lacksOpcode } from './support/needs.ts';
import { sendNow } from './support/sockets.ts';
import { pipe } from './support/worker-pipes.ts';

const MORE = IORING_CQE_F_MORE;
const needsRings = lacksBufferRings();

for (const { way, flags, lacks } of ways)
  for (const { memory, lacks: lacksMemory } of memories) {
    const kind = `${way}, ${memory}`;
    const needs = [needsRings, lacks, lacksMemory];
    const scene = () => new BufferScene({ entries: 4, bufferSize: 64, memory }, { flags });

    live(
      ['registerBufRing', 'unregisterBufRing', 'recv'],
      `receives, one buffer each: ${kind}`,
      needs,
      () => {
        using s = scene();
        const [here, there] = s.sockets.pair(SOCK_SEQPACKET);
        // Four times round.
        for (let n = 0; n < 16; n++) {
          const text = `message ${n}`;
          s.start(n, (sqe) => recv(sqe, here, 0, 64));
          sendNow(there, text);
          s.next(n, (cqe) => {
            assert.equal(cqe.res, text.length);
            assert.equal(cqe.bufferId, n & 3, 'in the order in which they were given');
            const view = s.buffers.view(cqe);
            assert(view !== null);
            assert.equal(Buffer.from(view).toString(), text);
            assert.equal(view.byteOffset, s.buffers.buffer(n & 3).byteOffset);
          });
          s.buffers.recycle(n & 3);
          assert.equal(s.buffers.publish(), 1);
        }
        assert.equal(s.buffers.provided, 4);
        s.idle();
      },
    );

    live(
      ['recvMultishot', 'registerBufRing'],
      `a receive that goes on until the group is empty, and again: ${kind}`,
      [...needs, lacksRecvMultishot()],
      () => {
        using s = scene();
        const [here, there] = s.sockets.pair(SOCK_SEQPACKET);
        let order = [0, 1, 2, 3];
        let sent = 0;
        let received = 0;
        for (let round = 0; round < 6; round++) {
          s.start(round, (sqe) => recvMultishot(sqe, here));
          // One more than there are buffers: it is received in the next round.
          while (sent <= received + 4) sendNow(there, `message ${sent++}`);
          for (const id of order)
            s.next(round, (cqe) => {
              assert.deepEqual([cqe.bufferId, cqe.flags & MORE], [id, MORE]);
              assert.equal(Buffer.from(s.buffers.view(cqe)!).toString(), `message ${received++}`);
            });
          assert.equal(s.ended(round), -ENOBUFS, 'and it is over');
          assert.equal(s.buffers.provided, 0);
          order = [order[2], order[0], order[3], order[1]];
          for (const id of order) s.buffers.recycle(id);
          assert.equal(s.buffers.publish(), 4);
        }
        s.idle();
      },
    );

    live(
      ['readMultishot', 'registerBufRing'],
      `a read that goes on until the pipe ends: ${kind}`,
      [...needs, lacksOpcode('IORING_OP_READ_MULTISHOT')],
      () => {
        using s = scene();
        const [readEnd, writeEnd] = pipe();
        s.sockets.keep(readEnd);
        s.sockets.keep(writeEnd);
        s.start(1, (sqe) => readMultishot(sqe, readEnd, 0, -1, GROUP));
        for (let n = 0; n < 12; n++) {
          writeSync(writeEnd, `line ${n}`);
          s.next(1, (cqe) => {
            assert.equal(cqe.flags & MORE, MORE);
            assert.equal(Buffer.from(s.buffers.view(cqe)!).toString(), `line ${n}`);
            assert.equal(s.buffers.recycleTaken(), 1);
            s.buffers.publish();
          });
        }
        s.sockets.close(writeEnd);
        s.next(1, (cqe) => {
          assert.deepEqual([cqe.res, cqe.flags & MORE], [0, 0]);
          // With a buffer or without: kernels differ.
          assert.equal(s.buffers.view(cqe)?.length ?? 0, 0);
        });
        s.idle();
      },
    );

    live(
      ['recvmsgMultishot', 'registerBufRing'],
      `messages with their senders: ${kind}`,
      [...needs, lacksRecvMultishot()],
      () => {
        using s = new BufferScene({ entries: 4, bufferSize: 256, memory }, { flags });
        const here = s.sockets.bound(SOCK_DGRAM);
        const there = s.sockets.bound(SOCK_DGRAM);
        const message = new Msghdr({ name: 16 });
        s.start(1, (sqe) => recvmsgMultishot(sqe, here.fd, message));
        for (let n = 0; n < 8; n++) {
          sendNow(there.fd, pattern(n, 100 + n), here);
          s.next(1, (cqe) => {
            assert.equal(cqe.flags & MORE, MORE);
            const out = recvmsgValidate(s.buffers.view(cqe)!, message);
            assert(out !== null);
            assert.deepEqual(out.name, there.address);
            assert.deepEqual(Buffer.from(out.payload), pattern(n, 100 + n));
          });
          s.buffers.recycleTaken();
          s.buffers.publish();
        }
        s.cancel(1);
        s.idle();
      },
    );
  }

live(['read', 'readv', 'recvmsg'], 'other operations that take a buffer', [needsRings], () => {
  using s = new BufferScene({ entries: 8, bufferSize: 64 });
  const [readEnd, writeEnd] = pipe();
  s.sockets.keep(readEnd);
  s.sockets.keep(writeEnd);
  writeSync(writeEnd, 'from a pipe');
  s.start(1, (sqe) => read(sqe, readEnd, 0, 6, -1));
  assert.equal(s.text(1), 'from a');
  // The iovec says how much at most; its address does not count.
  const iovecs = BigUint64Array.of(0n, 3n);
  s.start(2, (sqe) => readv(sqe, readEnd, iovecs, 1, -1));
  assert.equal(s.text(2), ' pi');
  const [here, there] = s.sockets.pair();
  sendNow(there, 'by recvmsg');
  const message = Buffer.alloc(56);
  const room = BigUint64Array.of(0n, 5n);
  message.writeBigUInt64LE(BigInt(addressOf(room)), 16);
  message.writeBigUInt64LE(1n, 24);
  s.start(3, (sqe) => recvmsg(sqe, here, message));
  assert.equal(s.text(3), 'by re');
  assert.deepEqual(
    [0, 1, 2, 3].map((id) => s.buffers.isProvided(id)),
    [false, false, false, true],
  );
  s.idle();
});

live(['recv'], 'a datagram that is longer than its buffer', [needsRings], () => {
  using s = new BufferScene({ entries: 4, bufferSize: 16 });
  const [here, there] = s.sockets.pair(SOCK_DGRAM);
  sendNow(there, 'a datagram of more than 16 bytes');
  sendNow(there, 'another one');
  s.start(1, (sqe) => recv(sqe, here, 0, 16, MSG_TRUNC));
  s.next(1, (cqe) => {
    assert.equal(cqe.res, 32, 'its true length');
    assert.throws(() => s.buffers.view(cqe), { code: 'ERR_INVALID_STATE' });
    assert.equal(Buffer.from(s.buffers.view(cqe, cqe.res)!).toString(), 'a datagram of mo');
  });
  s.start(2, (sqe) => recv(sqe, here, 0, 16, MSG_TRUNC));
  s.next(2, (cqe) => {
    assert.equal(cqe.bufferId, 1, 'one buffer was used');
    assert.equal(Buffer.from(s.buffers.view(cqe)!).toString(), 'another one');
  });
});

live(['recv'], 'memory of many kinds, each its own buffer', [needsRings], () => {
  using s = new BufferScene({ entries: 8 });
  const [here, there] = s.sockets.pair();
  const pages = allocatePages(4096);
  const plain = Buffer.alloc(100, '.');
  const words = new Uint16Array(20);
  s.buffers.add(plain.subarray(10, 20), 10, 40_000);
  s.buffers.add(words, 8, 3);
  s.buffers.add(pages.address + 100, 6, 65_535);
  s.buffers.add(pages, 4, 0);
  assert.equal(s.buffers.publish(), 4);
  for (const text of ['0123456789', 'abcdefgh', 'ABCDEF', '!"$%']) {
    sendNow(there, text);
    s.start(1, (sqe) => recv(sqe, here, 0, 100));
    s.next(1, (cqe) => assert.deepEqual([cqe.res, s.buffers.take(cqe)], [text.length, 1]));
  }
  assert.equal(plain.subarray(8, 22).toString(), '..0123456789..');
  assert.equal(Buffer.from(words.buffer, words.byteOffset, 9).toString(), 'abcdefgh\0');
  assert.equal(Buffer.from(pages.bytes(100, 7)).toString(), 'ABCDEF\0');
  assert.equal(Buffer.from(pages.bytes(0, 5)).toString(), '!"$%\0');
  assert.equal(s.buffers.provided, 0);
  s.start(2, (sqe) => recv(sqe, here, 0, 100));
  sendNow(there, 'nowhere to go');
  assert.equal(s.ended(2), -ENOBUFS);
});

live(['recv'], 'what is staged is not there before it is published', [needsRings], () => {
  using s = new BufferScene({ entries: 4, bufferSize: 32, provide: false });
  const [here, there] = s.sockets.pair();
  sendNow(there, 'waiting');
  const attempt = () => s.start(1, (sqe) => recv(sqe, here, 0, 32));
  s.buffers.recycle(3);
  s.buffers.recycle(1);
  attempt();
  assert.equal(s.ended(1), -ENOBUFS);
  s.buffers.advance(1);
  attempt();
  assert.equal(s.text(1), 'waiting');
  sendNow(there, 'more');
  attempt();
  assert.equal(s.ended(1), -ENOBUFS);
  assert.equal(s.buffers.publish(), 1);
  attempt();
  assert.equal(s.text(1), 'more');
  assert.deepEqual([s.buffers.isProvided(3), s.buffers.isProvided(1)], [false, false]);
});

live(['recv', 'registerBufRing'], 'cqAdvance: completions and buffers in one go', [needsRings], () => {
  using s = new BufferScene({ entries: 4, bufferSize: 32 });
  const [here, there] = s.sockets.pair(SOCK_SEQPACKET);
  for (let round = 0; round < 5; round++) {
    for (const text of ['a', 'bb', 'ccc']) {
      sendNow(there, text);
      s.start(1, (sqe) => recv(sqe, here, 0, 32));
    }
    assert.ok(s.ring.waitCqes(3, { timeout: 10_000 }));
    s.open.expect({ sq: 0, cq: 3 });
    // Seen, and not acknowledged: the ring's own iteration would do that.
    const cqe = s.ring.peekCqe();
    assert(cqe !== null);
    assert.equal(Buffer.from(s.buffers.view(cqe)!).toString(), 'a');
    s.buffers.recycleTaken();
    s.buffers.cqAdvance(1);
    s.open.expect({ sq: 0, cq: 2 });
    assert.equal(s.text(1), 'bb');
    s.buffers.recycleTaken();
    assert.equal(s.text(1), 'ccc');
    s.buffers.recycleTaken();
    assert.equal(s.buffers.staged, 2);
    s.buffers.cqAdvance(0, 2);
    assert.deepEqual([s.buffers.staged, s.buffers.provided], [0, 4]);
  }
  s.idle();
});
