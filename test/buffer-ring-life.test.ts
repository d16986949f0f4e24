/**
 * How buffer rings end: closed, dropped, with the ring or before it; and that their memory is there as long as the kernel
 * may write to it.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { BufferRing, type IoUringState, read, recv, recvMultishot, type SharedPages } from 'tsuring';
import {
  EMFILE,
  ENOMEM,
  IORING_SETUP_NO_MMAP,
  IORING_SETUP_REGISTERED_FD_ONLY,
  IORING_SETUP_SQPOLL,
  IOSQE_ASYNC,
  IOSQE_BUFFER_SELECT,
} from 'tsuring/syscalls';
import {
  BufferScene,
  GROUP,
  lacksBufferRings,
  lacksRecvMultishot,
  lacksStatus,
  memories,
} from './support/buffer-rings.ts';
import { runScript } from './support/child.ts';
import { collect, collectUntil } from './support/collect.ts';
import { lacksRing, lacksSqpoll } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';
import { Sockets, sendNow } from './support/sockets.ts';
import { timeLimit } from './support/time-limit.ts';
import { tsWorker } from './support/ts-worker.ts';
import { pipe } from './support/worker-pipes.ts';

const without = lacksBufferRings();
const mmap = memories[1].lacks;

for (const { memory, lacks } of memories) {
  const skip = without || lacks;
  test(`closed: the entries show nothing that faults: ${memory}`, { skip, timeout: timeLimit }, () => {
    const before = mappings();
    using open = openRing(4);
    const own = mappings() - before;
    const buffers = new BufferRing(open.ring, { group: 0, entries: 1024, bufferSize: 64, memory });
    const { bytes, kind } = buffers.memory;
    assert.equal(kind, memory);
    assert.equal(mappings() - before - own, memory === 'mmap' ? 1 : 0);
    buffers.close();
    assert.equal(mappings() - before - own, 0, 'nothing of the kernel is mapped');
    // The same memory, or none: detached where Node can do that.
    if (memory === 'mmap') assert.ok(bytes.length === 0 || bytes.every((byte) => byte === 0));
    bytes[0] = bytes[1] = 255;
    using again = new BufferRing(open.ring, { group: 0, entries: 1024, bufferSize: 64, memory });
    assert.equal(again.provided, 1024);
  });

  test(`the ring is closed with a group and a receive under way: ${memory}`, {
    skip: skip || lacksRecvMultishot(),
    timeout: timeLimit,
  }, async () => {
    const before = mappings();
    using sockets = new Sockets();
    const [here, there] = sockets.pair();
    const open = openRing(4);
    const { ring } = open;
    const buffers = new BufferRing(ring, { group: GROUP, entries: 4, bufferSize: 64, memory });
    const { pages } = buffers;
    assert(pages !== null);
    arm(ring, here);
    sendNow(there, 'in time');
    ring.getEvents();
    ring.close();
    assert.equal(mappings(), before, 'no mapping keeps the ring alive');
    await untilAlone(sockets, here, there);
    assert.equal(Buffer.from(pages.bytes(0, 8)).toString(), 'in time\0');
    assert.ok(
      pages.bytes(64).every((byte) => byte === 0),
      'nothing came late',
    );
    assert.throws(() => buffers.publish(), { code: 'EBADF' });
    assert.throws(() => buffers.available(), { code: 'EBADF' });
    buffers.memory.bytes[0] = 1;
    buffers.close();
    buffers.close();
  });

  test(`dropped with their rings: ${memory}`, { skip, timeout: timeLimit }, () => {
    const { status, stdout, stderr } = runScript(
      `
      import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
      import { BufferRing, IoUringState } from 'tsuring';
      const isRing = (fd) => { try { return readlinkSync('/proc/self/fd/' + fd).includes('[io_uring]'); } catch { return false; } };
      const fds = () => readdirSync('/proc/self/fd').filter(isRing).length;
      const mappings = () => readFileSync('/proc/self/maps', 'latin1').split('io_uring').length - 1;
      const before = [fds(), mappings()];
      const make = () => {
        const ring = new IoUringState(4, { flags: 0 });
        return new BufferRing(ring, { group: 0, entries: 4, bufferSize: 64, memory: '${memory}' }).memory.bytes;
      };
      const kept = Array.from({ length: 20 }, make);
      const made = fds() - before[0];
      for (let n = 0; n < 200 && fds() > before[0]; n++) { gc(); await new Promise((resolve) => setTimeout(resolve, 5)); }
      process.stdout.write(JSON.stringify({ made, left: [fds() - before[0], mappings() - before[1]] }));
      for (const bytes of kept) bytes[0] = 1;
      `,
      { node: ['--expose-gc'] },
    );
    assert.equal(status, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), { made: 20, left: [0, 0] });
  });
}

test('a group that nobody refers to works on, and its memory is there', {
  skip: without || lacksRecvMultishot(),
  timeout: timeLimit,
}, async () => {
  using sockets = new Sockets();
  const [here, there] = sockets.pair();
  const open = openRing(4);
  const { ring } = open;
  const [buffers, pages] = dropped(ring);
  arm(ring, here);
  assert.ok(await collectUntil(() => buffers.deref() === undefined), 'the object itself is gone');
  assert.equal(textAt(pages, 1), '\0');
  sendNow(there, 'hello');
  assert.equal(ring.waitCqe({ timeout: timeLimit })?.res, 5);
  assert.equal(textAt(pages, 5), 'hello');
  const passTime = catchTimers(() => ring.close());
  await collect();
  assert.equal(textAt(pages, 5), 'hello', 'for some seconds more');
  passTime();
  assert.ok(await collectUntil(() => pages.deref() === undefined));
});

test('memory that was added is held until it is replaced', {
  skip: without,
  timeout: timeLimit,
}, async () => {
  using s = new BufferScene({ entries: 4 });
  const [here, there] = s.sockets.pair();
  const first = added(s.buffers, 0);
  const second = added(s.buffers, 1);
  s.buffers.publish();
  await collect();
  assert.ok(first.deref() && second.deref());
  sendNow(there, 'x');
  s.start(1, (sqe) => recv(sqe, here, 0, 10));
  assert.equal(s.text(1), 'x');
  await collect();
  assert.ok(first.deref(), 'taken, and perhaps recycled');
  const third = added(s.buffers, 0);
  assert.ok(await collectUntil(() => first.deref() === undefined), 'replaced');
  s.buffers.close();
  await collect();
  assert.ok(second.deref() && third.deref(), 'also when the group is closed');
});

for (const { memory, lacks } of memories)
  test(`a request that has chosen its buffer goes on after close: ${memory}`, {
    skip: without || lacks || lacksStatus(),
    timeout: timeLimit,
  }, async () => {
    using s = new BufferScene({ entries: 4, bufferSize: 64, memory });
    const [readEnd, writeEnd] = pipe();
    s.sockets.keep(readEnd);
    s.sockets.keep(writeEnd);
    s.start(1, (sqe) => {
      read(sqe, readEnd, 0, 64, -1);
      sqe.flags |= IOSQE_ASYNC;
    });
    while (s.buffers.head() === 0) await sleep(1);
    s.buffers.close();
    writeSync(writeEnd, 'late');
    assert.equal(s.text(1), 'late');
    assert.throws(() => s.buffers.recycle(0), { code: 'EBADF' });
  });

test('taken back by hand', { skip: without, timeout: timeLimit }, () => {
  using open = openRing(4);
  const buffers = new BufferRing(open.ring, { group: 300, entries: 4, bufferSize: 64 });
  open.ring.unregisterBufRing(300);
  buffers.close();
  assert.throws(() => open.ring.unregisterBufRing(300), { code: 'ENOENT' });
});

test('what cannot be mapped is not registered', { skip: without || mmap, timeout: timeLimit }, () => {
  using plain = openRing(4);
  const { mmap: maps = 0, view: views = 0 } = plain.probe.calls;
  for (const fail of [{ mmap: [maps, ENOMEM] }, { view: [views, EMFILE] }] as const) {
    const before = mappings();
    using open = openRing(4, {}, { fail });
    const own = mappings() - before;
    const make = () => new BufferRing(open.ring, { group: 0, entries: 4, bufferSize: 64, memory: 'mmap' });
    assert.throws(make, (error: Error) => !/EEXIST/.test(error.message));
    assert.equal(mappings() - before - own, 0);
    // The next call succeeds: the group is free.
    make().close();
    assert.equal(mappings() - before - own, 0);
  }
});

const indexOnly = IORING_SETUP_NO_MMAP | IORING_SETUP_REGISTERED_FD_ONLY;
test('a ring without an fd has groups, but none that is mapped', {
  skip: without || lacksRing('IORING_SETUP_REGISTERED_FD_ONLY', { flags: indexOnly }),
  timeout: timeLimit,
}, () => {
  using open = openRing(4, { flags: indexOnly });
  const make = (memory: 'user' | 'mmap') =>
    new BufferRing(open.ring, { group: 0, entries: 4, bufferSize: 64, memory });
  assert.throws(() => make('mmap'), {
    code: 'ERR_INVALID_ARG_VALUE',
    message: /needs a ring with a descriptor/,
  });
  assert.equal(make('user').provided, 4);
});

test('in a Worker no mapped group is on a ring with SQPOLL', {
  skip: without || mmap || lacksSqpoll(),
  timeout: timeLimit,
}, async () => {
  const worker = tsWorker('buffer-ring-worker', [
    { flags: IORING_SETUP_SQPOLL, memory: 'mmap' },
    { flags: IORING_SETUP_SQPOLL, memory: 'user' },
    { flags: 0, memory: 'mmap' },
  ]);
  const [[refused, user, mapped]] = await once(worker, 'message');
  assert.match(
    refused,
    /^TypeError: The argument 'options.memory' cannot be had in a Worker for a ring with SQPOLL/,
  );
  assert.deepEqual([user, mapped], ['user', 'mmap']);
});

/** Mappings of rings in this process. */
function mappings(): number {
  return readFileSync('/proc/self/maps', 'latin1').split('[io_uring]').length - 1;
}

function arm(ring: IoUringState, fd: number): void {
  const sqe = ring.getSqe();
  assert(sqe !== null);
  recvMultishot(sqe, fd);
  sqe.flags |= IOSQE_BUFFER_SELECT;
  sqe.bufIndex = GROUP;
  ring.commitSqe();
  ring.submit();
}

/** Until the closed ring has let go of the socket: then the peer finds nobody at the other end. */
async function untilAlone(sockets: Sockets, here: number, there: number): Promise<void> {
  sockets.close(here);
  for (const end = performance.now() + timeLimit / 10; ; await sleep(1)) {
    assert.ok(performance.now() < end, 'the ring lives on');
    try {
      sendNow(there, 'too late');
    } catch {
      return;
    }
  }
}

function dropped(ring: IoUringState): [WeakRef<BufferRing>, WeakRef<SharedPages>] {
  const buffers = new BufferRing(ring, { group: GROUP, entries: 4, bufferSize: 64 });
  assert(buffers.pages !== null);
  return [new WeakRef(buffers), new WeakRef(buffers.pages)];
}

/** A function of its own: what it looks at is not held by the test's. */
function textAt(pages: WeakRef<SharedPages>, length: number): string {
  const alive = pages.deref();
  assert(alive !== undefined);
  return Buffer.from(alive.bytes(0, length)).toString();
}

function added(buffers: BufferRing, id: number): WeakRef<Uint8Array> {
  const memory = new Uint8Array(100_000);
  buffers.add(memory, 10, id);
  return new WeakRef(memory);
}

/** Runs `body`, and gives what runs the timers that it set. */
function catchTimers(body: () => void): () => void {
  const { setTimeout } = globalThis;
  const callbacks: (() => void)[] = [];
  globalThis.setTimeout = ((callback: () => void) => {
    callbacks.push(callback);
    return { unref: () => {} };
  }) as unknown as typeof setTimeout;
  try {
    body();
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  return () => {
    for (const callback of callbacks.splice(0)) callback();
  };
}
