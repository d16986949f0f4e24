/**
 * Incremental groups (IOU_PBUF_RING_INC) with the real kernel: many completions to a buffer, each where the last one ended.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Msghdr, read, readMultishot, recv, recvMultishot, recvmsgMultishot, recvmsgValidate } from 'tsuring';
import {
  addressOf,
  EFAULT,
  ENOBUFS,
  IORING_CQE_F_BUF_MORE,
  IORING_CQE_F_MORE,
  IOSQE_ASYNC,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
} from 'tsuring/syscalls';
import type { Cqe } from '../lib/cqe.ts';
import {
  BufferScene,
  GROUP,
  lacksIncremental,
  lacksMinLeft,
  memories,
  pattern,
  ways,
} from './support/buffer-rings.ts';
import { live } from './support/live.ts';
import { sendNow } from './support/sockets.ts';
import { pipe } from './support/worker-pipes.ts';

const BUF_MORE = IORING_CQE_F_BUF_MORE;
const needsIncremental = lacksIncremental();
const incremental = true;

for (const { way, flags, lacks } of ways)
  for (const { memory, lacks: lacksMemory } of memories) {
    const kind = `${way}, ${memory}`;
    const needs = [needsIncremental, lacks, lacksMemory];

    live(['recv', 'registerBufRing'], `small receives share a buffer: ${kind}`, needs, () => {
      using s = new BufferScene({ entries: 2, bufferSize: 100, incremental, memory }, { flags });
      const [here, there] = s.sockets.pair(SOCK_SEQPACKET);
      const place = (length: number): [id: number, offset: number, length: number, more: boolean] => {
        sendNow(there, pattern(length, length));
        s.start(length, (sqe) => recv(sqe, here, 0, 0));
        return s.next(length, (cqe) => {
          const view = s.buffers.view(cqe);
          assert(view !== null);
          assert.deepEqual(Buffer.from(view), pattern(length, view.length), 'the bytes that were sent');
          const offset = addressOf(view) - addressOf(s.buffers.buffer(cqe.bufferId));
          return [cqe.bufferId, offset, view.length, (cqe.flags & BUF_MORE) !== 0];
        });
      };
      assert.deepEqual(place(10), [0, 0, 10, true]);
      assert.deepEqual(place(1), [0, 10, 1, true]);
      assert.deepEqual(place(50), [0, 11, 50, true]);
      assert.deepEqual([s.buffers.provided, s.buffers.pieces.usedUp], [2, 0]);
      assert.deepEqual(place(39), [0, 61, 39, false], 'to the very end');
      assert.deepEqual([s.buffers.provided, s.buffers.pieces.usedUp], [1, 1]);
      assert.deepEqual(place(99), [1, 0, 99, true]);
      s.buffers.recycle(0);
      s.buffers.publish();
      assert.deepEqual(place(30), [1, 99, 1, false], 'a message that is cut: it gets what is left');
      assert.deepEqual(place(100), [0, 0, 100, false], 'whole again');
      assert.equal(s.buffers.provided, 0);
      s.start(1, (sqe) => recv(sqe, here, 0, 0));
      sendNow(there, 'x');
      assert.equal(s.ended(1), -ENOBUFS);
      s.idle();
    });

    live(['recvMultishot', 'registerBufRing'], `one receive, a stream: ${kind}`, needs, () => {
      using s = new BufferScene({ entries: 4, bufferSize: 1000, incremental, memory }, { flags });
      const [here, there] = s.sockets.pair();
      s.start(1, (sqe) => recvMultishot(sqe, here));
      let got = 0;
      for (let sent = 0, length = 1; sent < 50_000; length = (length * 7 + 3) % 1500) {
        sendNow(there, pattern(sent, length));
        sent += length;
        while (got < sent)
          s.next(1, (cqe) => {
            assert.equal(cqe.flags & IORING_CQE_F_MORE, IORING_CQE_F_MORE, `res ${cqe.res}`);
            const view = s.buffers.view(cqe)!;
            assert.deepEqual(Buffer.from(view), pattern(got, view.length));
            got += view.length;
            s.buffers.recycleTaken();
            s.buffers.publish();
          });
      }
      assert.equal(s.buffers.provided, 4);
      s.cancel(1);
      s.idle();
    });
  }

live(['recvMultishot'], 'completions that wait in the queue together', [needsIncremental], () => {
  using s = new BufferScene({ entries: 2, bufferSize: 64, incremental });
  const [here, there] = s.sockets.pair(SOCK_SEQPACKET);
  s.start(1, (sqe) => recvMultishot(sqe, here));
  const texts = Array.from({ length: 16 }, (_, n) => `part ${String(n).padStart(3, '0')}`);
  for (const text of texts) sendNow(there, text);
  // All of the kernel's work is done, and its entries say so, before the first is looked at.
  assert.ok(s.ring.waitCqes(17, { timeout: 10_000 }));
  const seen: string[] = [];
  const usedUp: number[] = [];
  s.ring.forEachCqe((cqe) => {
    const view = s.buffers.view(cqe);
    if (view === null) assert.equal(cqe.res, -ENOBUFS);
    else seen.push(Buffer.from(view).toString());
    usedUp.push(s.buffers.pieces.usedUp);
  });
  assert.deepEqual(seen, texts);
  assert.deepEqual(usedUp, [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
});

live(['recvMultishot'], 'two sockets fill the same buffers', [needsIncremental], () => {
  using s = new BufferScene({ entries: 4, bufferSize: 64, incremental });
  const pairs = [s.sockets.pair(), s.sockets.pair()];
  for (const [n, [here]] of pairs.entries()) s.start(n, (sqe) => recvMultishot(sqe, here));
  const seen = ['', ''];
  const sent = ['', ''];
  for (let n = 0; n < 300; n++) {
    for (const [which, [, there]] of pairs.entries()) {
      const text = `${which}:${n},`.repeat(1 + ((n + which) % 3));
      sendNow(there, text);
      sent[which] += text;
    }
    while (seen[0].length + seen[1].length < sent[0].length + sent[1].length) {
      assert.ok(s.ring.waitCqe({ timeout: 10_000 }));
      s.ring.forEachCqe((cqe) => {
        const view = s.buffers.view(cqe);
        assert(view !== null, `res ${cqe.res}`);
        seen[Number(cqe.userData)] += Buffer.from(view);
        s.buffers.recycleTaken();
      });
      s.buffers.publish();
    }
  }
  assert.deepEqual(seen, sent);
});

live(['readMultishot'], 'a pipe, to its end', [needsIncremental], () => {
  using s = new BufferScene({ entries: 2, bufferSize: 32, incremental });
  const [readEnd, writeEnd] = pipe();
  s.sockets.keep(readEnd);
  s.sockets.keep(writeEnd);
  s.start(1, (sqe) => readMultishot(sqe, readEnd, 0, -1, GROUP));
  let text = '';
  for (let n = 0; n < 20; n++) {
    writeSync(writeEnd, `${n},`);
    for (let got = 0; got < `${n},`.length; )
      s.next(1, (cqe) => {
        const view = s.buffers.view(cqe);
        assert(view !== null, `res ${cqe.res}`);
        text += Buffer.from(view);
        got += view.length;
        s.buffers.recycleTaken();
        s.buffers.publish();
      });
  }
  assert.equal(text, Array.from({ length: 20 }, (_, n) => `${n},`).join(''));
  const before = s.buffers.provided;
  s.sockets.close(writeEnd);
  s.next(1, (cqe) => {
    assert.deepEqual([cqe.res, cqe.flags & IORING_CQE_F_MORE], [0, 0]);
    assert.equal(s.buffers.view(cqe)?.length ?? 0, 0);
  });
  assert.equal(s.buffers.provided, before, 'the end uses nothing');
  s.idle();
});

live(['read'], 'reads of a regular file use what they asked for', [needsIncremental], () => {
  using file = textFile('The quick brown fox jumps over the lazy dog');
  using s = new BufferScene({ entries: 2, bufferSize: 100, incremental });
  const fd = s.sockets.keep(openSync(file.path, 'r'));
  const part = (length: number, offset: number) => {
    s.start(1, (sqe) => read(sqe, fd, 0, length, offset));
    return s.next(1, (cqe): [string, number] => {
      const view = s.buffers.view(cqe, length);
      assert(view !== null);
      return [Buffer.from(view.subarray(0, cqe.res)).toString(), addressOf(view) - s.buffers.pages!.address];
    });
  };
  assert.deepEqual(part(9, 0), ['The quick', 0]);
  assert.deepEqual(part(50, 35), ['lazy dog', 9], 'only 8 bytes of them are there');
  assert.deepEqual(part(10, 10), ['brown fox ', 59]);
  assert.deepEqual(part(10, 100), ['', 69], 'beyond the end');
  assert.deepEqual(part(40, 4), ['quick brown fox jumps', 79], 'cut at the end of the buffer');
  assert.deepEqual([s.buffers.isProvided(0), s.buffers.isProvided(1)], [false, true]);
  assert.deepEqual(part(5, 4), ['quick', 100]);
});

live(['recv'], 'so do requests of worker threads', [needsIncremental], () => {
  using s = new BufferScene({ entries: 2, bufferSize: 100, incremental });
  const [here, there] = s.sockets.pair();
  const part = (text: string, length: number, flags: number) => {
    sendNow(there, text);
    s.start(1, (sqe) => {
      recv(sqe, here, 0, length);
      sqe.flags |= flags;
    });
    return s.next(1, (cqe): [string, number] => {
      const view = flags === 0 ? s.buffers.view(cqe) : s.buffers.view(cqe, length);
      assert(view !== null);
      return [Buffer.from(view.subarray(0, cqe.res)).toString(), addressOf(view) - s.buffers.pages!.address];
    });
  };
  assert.deepEqual(part('first', 30, IOSQE_ASYNC), ['first', 0]);
  assert.deepEqual(part('second', 60, IOSQE_ASYNC), ['second', 30]);
  assert.deepEqual(part('third', 60, 0), ['third', 90]);
  assert.deepEqual(part('last', 60, 0), ['last', 95]);
  assert.deepEqual([s.buffers.isProvided(0), s.buffers.isProvided(1)], [true, true]);
});

live(['recvmsgMultishot'], 'messages with their headers', [needsIncremental], () => {
  using s = new BufferScene({ entries: 4, bufferSize: 512, incremental });
  const here = s.sockets.bound(SOCK_DGRAM);
  const there = s.sockets.bound(SOCK_DGRAM);
  const message = new Msghdr({ name: 16 });
  s.start(1, (sqe) => recvmsgMultishot(sqe, here.fd, message));
  // 16 bytes of header, 16 for the name, 96: four to a buffer.
  const receive = (n: number, look: (cqe: Cqe) => void) => {
    sendNow(there.fd, pattern(n, 96), here);
    s.next(1, look);
  };
  for (let n = 0; n < 16; n++)
    receive(n, (cqe) => {
      assert.deepEqual([cqe.res, cqe.bufferId], [128, n >> 2]);
      const view = s.buffers.view(cqe)!;
      assert.equal(addressOf(view) - s.buffers.pages!.address, n * 128);
      const out = recvmsgValidate(view, message);
      assert(out !== null);
      assert.deepEqual([out.name, Buffer.from(out.payload)], [there.address, pattern(n, 96)]);
      s.buffers.recycleTaken();
      s.buffers.publish();
    });
  s.cancel(1);
  s.idle();
});

live(
  ['recvmsgMultishot'],
  'a rest too small for a header is in the way without minLeft',
  [needsIncremental],
  () => {
    using s = new BufferScene({ entries: 2, bufferSize: 128, incremental });
    const [here, there] = s.sockets.pair(SOCK_DGRAM);
    const message = new Msghdr();
    const start = () => s.start(1, (sqe) => recvmsgMultishot(sqe, here, message));
    start();
    sendNow(there, pattern(0, 100));
    s.next(1, (cqe) => assert.equal(s.buffers.view(cqe)?.length, 116));
    for (let n = 0; n < 2; n++) {
      sendNow(there, 'x');
      assert.equal(s.ended(1), -EFAULT);
      start();
    }
    s.ring.getEvents();
  },
);

live(['recvmsgMultishot'], 'minLeft: a small rest is left alone', [lacksMinLeft()], () => {
  using s = new BufferScene({ entries: 2, bufferSize: 128, incremental, minLeft: 16 });
  const [here, there] = s.sockets.pair(SOCK_DGRAM);
  const message = new Msghdr();
  s.start(1, (sqe) => recvmsgMultishot(sqe, here, message));
  for (let n = 0; n < 20; n++) {
    sendNow(there, pattern(n, 100));
    s.next(1, (cqe) => {
      assert.deepEqual([cqe.bufferId, cqe.flags & BUF_MORE], [n & 1, 0]);
      const out = recvmsgValidate(s.buffers.view(cqe)!, message);
      assert.deepEqual(Buffer.from(out!.payload), pattern(n, 100));
      assert.equal(s.buffers.recycleTaken(), 1);
      s.buffers.publish();
    });
  }
});

interface TextFile extends Disposable {
  readonly path: string;
}

function textFile(text: string): TextFile {
  const folder = mkdtempSync(join(tmpdir(), 'tsuring-buffer-ring-'));
  const path = join(folder, 'file');
  writeFileSync(path, text);
  return { path, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}
