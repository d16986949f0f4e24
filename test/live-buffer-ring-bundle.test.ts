/**
 * Bundles with the real kernel: completions that stand for many buffers, received and sent, in plain and in incremental
 * groups.
 */
import assert from 'node:assert/strict';
import { recv, recvMultishot, type Sqe, send, sendBundle } from 'tsuring';
import {
  addressOf,
  EAGAIN,
  ENOBUFS,
  EPIPE,
  IORING_CQE_F_BUFFER,
  IORING_CQE_F_MORE,
  IORING_RECVSEND_BUNDLE,
  MSG_DONTWAIT,
  SOCK_DGRAM,
} from 'tsuring/syscalls';
import {
  BufferScene,
  lacksBundles,
  lacksIncremental,
  lacksStatus,
  memories,
  pattern,
  ways,
} from './support/buffer-rings.ts';
import { live } from './support/live.ts';
import { receive, receiveAll, sendNow } from './support/sockets.ts';

const needsBundles = lacksBundles();

for (const { way, flags, lacks } of ways)
  for (const { memory, lacks: lacksMemory } of memories) {
    const kind = `${way}, ${memory}`;
    const needs = [needsBundles, lacks, lacksMemory];

    live(['recv', 'registerBufRing'], `a receive fills several buffers: ${kind}`, needs, () => {
      using s = new BufferScene({ entries: 8, bufferSize: 100, memory }, { flags });
      const [here, there] = s.sockets.tcp();
      let order = [0, 1, 2, 3, 4, 5, 6, 7];
      let most = 0;
      let got = 0;
      for (const length of [250, 800, 1, 100, 101, 799, 300]) {
        sendNow(there, pattern(got, length));
        // The kernel fills whole buffers by one completion, and may leave the rest for the next.
        for (const end = got + length; got < end; ) {
          s.start(length, bundle(here, 0));
          const ids = s.next(length, (cqe) => {
            const views = s.buffers.views(cqe);
            assert.equal(cqe.bufferId, order[0]);
            assert.deepEqual(Buffer.concat(views), pattern(got, cqe.res));
            const used = order.slice(0, Math.ceil(cqe.res / 100));
            assert.deepEqual(
              views.map(placeIn(s)),
              used.map((id) => id * 100),
            );
            assert.deepEqual([s.buffers.pieces.usedUp, s.buffers.provided], [used.length, 8 - used.length]);
            got += cqe.res;
            return used;
          });
          most = Math.max(most, ids.length);
          // Back in another order than they came.
          ids.reverse();
          for (const id of ids) s.buffers.recycle(id);
          assert.equal(s.buffers.publish(), ids.length);
          order = [...order.slice(ids.length), ...ids];
        }
      }
      assert.ok(most >= 2, 'there were bundles');
      assert.equal(s.buffers.provided, 8);
      s.idle();
    });

    live(['recvMultishot', 'registerBufRing'], `a receive that goes on in bundles: ${kind}`, needs, () => {
      using s = new BufferScene({ entries: 16, bufferSize: 64, memory }, { flags });
      const [here, there] = s.sockets.tcp();
      const arm = () =>
        s.start(1, (sqe) => {
          recvMultishot(sqe, here);
          sqe.ioprio |= IORING_RECVSEND_BUNDLE;
        });
      arm();
      let got = 0;
      for (let sent = 0, length = 1; sent < 60_000; length = (length * 5 + 7) % 1000) {
        sendNow(there, pattern(sent, length));
        sent += length;
        while (got < sent) {
          const again = s.next(1, (cqe) => {
            for (const view of s.buffers.views(cqe)) {
              assert.deepEqual(Buffer.from(view), pattern(got, view.length));
              got += view.length;
            }
            if (cqe.res < 0) assert.equal(cqe.res, -ENOBUFS);
            return (cqe.flags & IORING_CQE_F_MORE) === 0;
          });
          s.buffers.recycleTaken();
          s.buffers.publish();
          if (again) arm();
        }
        assert.equal(got, sent);
      }
      assert.equal(s.buffers.provided, 16);
    });

    live(['sendBundle', 'registerBufRing'], `one send of many buffers: ${kind}`, needs, () => {
      using s = new BufferScene({ entries: 8, bufferSize: 100, provide: false, memory }, { flags });
      const [here, there] = s.sockets.tcp();
      const filled: Buffer[] = [];
      for (const [id, length] of [
        [6, 100],
        [1, 1],
        [3, 50],
        [2, 99],
      ]) {
        const bytes = pattern(id * 1000, length);
        s.buffers.buffer(id).set(bytes);
        s.buffers.recycle(id, length);
        filled.push(bytes);
      }
      s.buffers.publish();
      s.start(1, (sqe) => sendBundle(sqe, here, 0));
      s.next(1, (cqe) => {
        assert.deepEqual([cqe.res, cqe.bufferId], [250, 6]);
        assert.deepEqual(s.buffers.views(cqe).map(placeIn(s)), [600, 100, 300, 200]);
        assert.deepEqual([s.buffers.pieces.usedUp, s.buffers.provided], [4, 0]);
      });
      assert.deepEqual(receiveAll(there, 250), Buffer.concat(filled));
      s.start(2, (sqe) => sendBundle(sqe, here, 0));
      assert.equal(s.ended(2), -ENOBUFS);
      s.idle();
    });
  }

live(['sendBundle'], 'sends over the end of the ring, again and again', [needsBundles], () => {
  using s = new BufferScene({ entries: 8, bufferSize: 64, provide: false });
  const [here, there] = s.sockets.tcp();
  let free = [0, 1, 2, 3, 4, 5, 6, 7];
  let sent = 0;
  for (let round = 0; round < 500; round++) {
    const ids = free.slice(0, 1 + ((round * 5) % 8));
    const start = sent;
    for (const id of ids) {
      const length = 1 + ((round * 13 + id * 7) % 64);
      s.buffers.buffer(id).set(pattern(sent, length));
      s.buffers.recycle(id, length);
      sent += length;
    }
    s.buffers.publish();
    s.start(round, (sqe) => sendBundle(sqe, here, 0));
    s.next(round, (cqe) => {
      assert.equal(cqe.res, sent - start);
      assert.equal(s.buffers.take(cqe), ids.length);
      assert.deepEqual(Array.from(s.buffers.pieces.ids.subarray(0, ids.length)), ids);
    });
    assert.deepEqual(receiveAll(there, sent - start), pattern(start, sent - start));
    free = [...free.slice(ids.length), ...ids.reverse()];
  }
  assert.equal(s.buffers.provided, 0);
});

live(['send'], 'a send of one provided buffer', [needsBundles], () => {
  using s = new BufferScene({ entries: 4, bufferSize: 64, provide: false });
  const [here, there] = s.sockets.pair();
  s.buffers.buffer(2).set(Buffer.from('from the group'));
  s.buffers.recycle(2, 14);
  s.buffers.publish();
  s.start(1, (sqe) => send(sqe, here, 0, 0));
  s.next(1, (cqe) => assert.equal(s.buffers.view(cqe)?.length, 14));
  assert.equal(receive(there).toString(), 'from the group');
  assert.equal(s.buffers.provided, 0);
});

live(
  ['sendBundle', 'bufRingHead'],
  'a failed send has taken more than it tells of: reclaim',
  [needsBundles, lacksStatus()],
  () => {
    using s = new BufferScene({ entries: 4, bufferSize: 64, provide: false });
    const [here, there] = s.sockets.pair();
    s.sockets.close(there);
    for (const id of [2, 0, 1]) s.buffers.recycle(id);
    s.buffers.publish();
    s.buffers.recycle(3);
    s.start(1, (sqe) => sendBundle(sqe, here, 0));
    s.next(1, (cqe) => {
      assert.deepEqual(
        [cqe.res, cqe.flags & IORING_CQE_F_BUFFER, cqe.bufferId],
        [-EPIPE, IORING_CQE_F_BUFFER, 2],
      );
      assert.equal(s.buffers.view(cqe)?.length, 0);
    });
    assert.equal(s.buffers.provided, 3);
    assert.equal(s.buffers.reclaim(), 2, 'what is staged stays so');
    assert.deepEqual(
      [0, 1, 2, 3].map((id) => s.buffers.isProvided(id)),
      [false, false, false, true],
    );
    assert.equal(s.buffers.publish(), 1);
    assert.equal(s.buffers.available(), 1);
  },
);

live(['recv'], 'bundles of limited length', [needsBundles], () => {
  using s = new BufferScene({ entries: 4, bufferSize: 64 });
  const [here, there] = s.sockets.tcp();
  sendNow(there, pattern(0, 200));
  // How much of it is received by one completion is the kernel's: older ones go beyond the 40 bytes.
  for (let got = 0; got < 200; ) {
    s.start(1, bundle(here, 40));
    s.next(1, (cqe) => {
      const views = s.buffers.views(cqe);
      assert.ok(cqe.res >= Math.min(40, 200 - got), `res ${cqe.res}`);
      assert.deepEqual(Buffer.concat(views), pattern(got, cqe.res));
      got += cqe.res;
      s.buffers.recycleTaken();
      s.buffers.publish();
    });
  }
  assert.equal(s.buffers.provided, 4);
});

live(['recv'], 'an entry that the kernel has cut for nothing', [needsBundles], () => {
  using s = new BufferScene({ entries: 4, bufferSize: 64 });
  const [dgram] = s.sockets.pair(SOCK_DGRAM);
  s.start(1, (sqe) => {
    recv(sqe, dgram, 0, 3, MSG_DONTWAIT);
    sqe.ioprio |= IORING_RECVSEND_BUNDLE;
  });
  s.next(1, (cqe) => {
    assert.equal(cqe.res, -EAGAIN);
    // Some kernels name the buffer that it would have been, and leave it where it is.
    assert.equal(s.buffers.views(cqe).length, cqe.flags & IORING_CQE_F_BUFFER);
  });
  assert.equal(s.buffers.provided, 4, 'none was used');
  // On kernels that were not mended in 2026 the first entry now ends after 3 bytes.
  const [here, there] = s.sockets.tcp();
  sendNow(there, pattern(0, 150));
  s.start(2, bundle(here, 0));
  let got = 0;
  s.next(2, (cqe) => {
    for (const view of s.buffers.views(cqe)) {
      assert.deepEqual(Buffer.from(view), pattern(got, view.length));
      got += view.length;
    }
    assert.equal(got, cqe.res);
    s.buffers.recycleTaken();
    s.buffers.publish();
  });
  assert.equal(s.buffers.provided, 4, 'and is whole again');
});

live(
  ['recv', 'registerBufRing'],
  'incremental bundles begin in the middle and end there',
  [needsBundles, lacksIncremental()],
  () => {
    using s = new BufferScene({ entries: 4, bufferSize: 100, incremental: true });
    const [here, there] = s.sockets.tcp();
    let got = 0;
    for (const length of [50, 200, 50, 250, 1, 399, 100, 350]) {
      sendNow(there, pattern(got, length));
      for (const end = got + length; got < end; ) {
        s.start(1, bundle(here, end - got));
        s.next(1, (cqe) => {
          const views = s.buffers.views(cqe);
          assert.deepEqual(Buffer.concat(views), pattern(got, cqe.res));
          for (const view of views) {
            // They are given again in turn: the stream goes round and round through their memory.
            assert.equal(placeIn(s)(view), got % 400);
            got += view.length;
          }
          const { usedUp } = s.buffers.pieces;
          assert.equal(usedUp, got % 100 === 0 ? views.length : views.length - 1);
          assert.equal(s.buffers.recycleTaken(), usedUp);
          s.buffers.publish();
        });
      }
    }
    assert.equal(s.buffers.provided, 4);
  },
);

function bundle(fd: number, length: number): (sqe: Sqe) => void {
  return (sqe) => {
    recv(sqe, fd, 0, length);
    sqe.ioprio |= IORING_RECVSEND_BUNDLE;
  };
}

/** Where a view begins within the memory of the scene's buffers. */
function placeIn({ buffers }: BufferScene): (view: Uint8Array) => number {
  return (view) => addressOf(view) - buffers.pages!.address;
}
