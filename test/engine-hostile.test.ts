/**
 * What could make the engine lose a completion, or give it to another: code that runs in the midst of it, files that wake
 * it in unusual ways, a kernel that refuses.
 */
import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readFileSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { setImmediate as immediate, setTimeout as pause } from 'node:timers/promises';
import { IoUring, nop, read, sendZc, write } from 'tsuring';
import { EAGAIN, EBADR, IOSQE_ASYNC, IOSQE_IO_LINK, linux } from 'tsuring/syscalls';
import { without } from './support/engine-test.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksDefer, lacksOpcode } from './support/needs.ts';
import { Sockets, shutdownNow } from './support/sockets.ts';

/** The eventfd of eventfd(2): its fd. */
function eventfd(): number {
  return linux.eventfd(0, 0o2000000);
}

test('many who are woken in vain hide nobody who is not', without, async () => {
  using here = scratch();
  const [out, into] = here.pipe();
  const [other, intoOther] = here.pipe();
  await using ring = new IoUring();
  const reads = Array.from({ length: 100 }, () => ring.read(out, Buffer.alloc(1)));
  const settled = Promise.allSettled(reads);
  const waited = ring.read(other, Buffer.alloc(1));
  await immediate();
  for (let n = 0; n < 5; n++) {
    // One byte for a hundred: the others look, and find nothing.
    writeSync(into, 'x');
    await immediate();
  }
  writeSync(intoOther, 'y');
  assert.equal(await waited, 1);
  await ring.close();
  assert.equal((await settled).filter(({ status }) => status === 'fulfilled').length, 5);
});

test('files that wake as eventfds do', without, async () => {
  using here = scratch();
  const fd = here.adopt(eventfd());
  const [out, into] = here.pipe();
  await using ring = new IoUring();
  for (let n = 1; n <= 6; n++) {
    const bytes = Buffer.alloc(8);
    const reading = ring.read(fd, bytes);
    const beside = ring.read(out, Buffer.alloc(1));
    await immediate();
    writeSync(fd, Buffer.from(BigUint64Array.of(BigInt(n)).buffer));
    assert.equal(await reading, 8);
    assert.equal(bytes.readBigUInt64LE(), BigInt(n));
    writeSync(into, 'x');
    assert.equal(await beside, 1);
  }
});

test('a subscriber that flushes, starts, aborts and closes', without, async () => {
  using here = scratch();
  const path = here.file('file', 'abc');
  const [out] = here.pipe();
  for (const act of ['flush', 'start', 'abort', 'close'] as const) {
    const ring = new IoUring({ entries: 4 });
    const controller = new AbortController();
    const inner: Promise<unknown>[] = [];
    const listener = (): void => {
      unsubscribe('tsuring:op:start', listener);
      if (act === 'flush') ring.flush();
      if (act === 'start')
        inner.push(ring.run(nop), ring.run(nop), ring.run(nop), ring.run(nop), ring.run(nop));
      if (act === 'abort') controller.abort();
      if (act === 'close') inner.push(ring.close());
    };
    await ring.run(nop);
    subscribe('tsuring:op:start', listener);
    if (act === 'abort' || act === 'close') {
      const reading = ring.read(out, Buffer.alloc(1), { signal: controller.signal });
      await assert.rejects(reading, { code: act === 'abort' ? 'ABORT_ERR' : 'ECANCELED' });
    } else {
      const found = await ring.statx(path, { timeout: 60_000 });
      assert.equal(found.size, 3n);
      assert.equal(await ring.run(nop), 0);
    }
    await Promise.all(inner);
    await ring.close();
    assert.equal(ring.stats().inFlight, 0);
  }
});

test('a subscriber that closes while room is made', without, async () => {
  using here = scratch();
  const [out] = here.pipe();
  const ring = new IoUring({ entries: 1 });
  await ring.run(nop);
  const done: Promise<unknown>[] = [];
  const listener = (): void => void done.push(ring.close());
  subscribe('tsuring:op:end', listener);
  const first = ring.run(nop);
  const second = ring.read(out, Buffer.alloc(1));
  unsubscribe('tsuring:op:end', listener);
  assert.equal(await first, 0);
  await assert.rejects(second, { code: 'EBADF' });
  assert.equal(done.length, 1);
  await Promise.all(done);
});

test('hooks of promises that start operations', without, async () => {
  using here = scratch();
  const [out, into] = here.pipe();
  await using ring = new IoUring();
  await ring.run(nop);
  const inner: Promise<number>[] = [];
  let going = false;
  const hook = createHook({
    init: () => {
      if (!going) return;
      going = false;
      inner.push(ring.run(nop));
    },
  }).enable();
  going = true;
  const reading = ring.read(out, Buffer.alloc(1));
  going = false;
  hook.disable();
  await immediate();
  writeSync(into, 'x');
  assert.equal(await reading, 1);
  for (const result of await Promise.allSettled(inner))
    if (result.status === 'rejected') assert.equal(result.reason.code, 'ERR_INVALID_STATE');
    else assert.equal(result.value, 0);
});

test('an encoder that starts an operation, or throws half-way', without, async () => {
  using here = scratch();
  const fd = here.fileFd('file', 'abc');
  await using ring = new IoUring();
  let inner: Promise<number> | undefined;
  const outer = ring.run((sqe) => {
    inner = ring.run(nop);
    nop(sqe);
  });
  assert.equal(await outer, 0);
  await assert.rejects(inner!, { code: 'ERR_INVALID_STATE' });
  const aborted = new AbortController();
  const [out] = here.pipe();
  const reading = ring.read(out, Buffer.alloc(1), { signal: aborted.signal });
  assert.equal(
    await ring.run((sqe) => {
      aborted.abort();
      nop(sqe);
    }),
    0,
  );
  await assert.rejects(reading, { name: 'AbortError' });
  const mistake = new Error('half-way');
  await assert.rejects(
    ring.run((sqe) => {
      write(sqe, fd, Buffer.from('STALE'), 5, 0);
      throw mistake;
    }),
    mistake,
  );
  // An encoder that writes nothing finds nothing of the one before.
  assert.equal(await ring.run(() => {}), 0);
  assert.equal(readFileSync(here.at('file'), 'latin1'), 'abc');
});

test('flags that would tie operations together that do not belong together', without, async () => {
  using here = scratch();
  const fd = here.fileFd('file', 'abc');
  await using ring = new IoUring();
  await assert.rejects(ring.read(fd, Buffer.alloc(3), { sqeFlags: IOSQE_IO_LINK }), {
    code: 'ERR_INVALID_ARG_VALUE',
  });
  await assert.rejects(
    ring.run((sqe) => {
      nop(sqe);
      sqe.flags = IOSQE_IO_LINK;
    }),
    { code: 'ERR_INVALID_ARG_VALUE' },
  );
  assert.equal(await ring.read(fd, Buffer.alloc(3), { offset: 0, sqeFlags: IOSQE_ASYNC }), 3);
});

test('a drained chain keeps nobody from being cancelled', { ...without, skip: lacksDefer() }, async () => {
  using here = scratch();
  const [out] = here.pipe();
  const ring = new IoUring();
  const controller = new AbortController();
  const reading = ring.read(out, Buffer.alloc(1), { signal: controller.signal });
  const chain = ring.chain((link) => [link.unlinkat(here.file('file'))], { drain: true });
  await immediate();
  controller.abort();
  await assert.rejects(reading, { name: 'AbortError' });
  await chain;
  const again = assert.rejects(ring.read(out, Buffer.alloc(1)), { code: 'ECANCELED' });
  const drained = Promise.allSettled([
    ring.chain((link) => [link.unlinkat(here.file('file'))], { drain: true }),
  ]);
  await ring.close();
  await again;
  await drained;
});

test('a zero-copy send that fails, run without regard to its two completions', {
  ...without,
  skip: lacksOpcode('IORING_OP_SEND_ZC'),
}, async () => {
  using sockets = new Sockets();
  const [client, server] = sockets.tcp();
  await using ring = new IoUring();
  const bytes = Buffer.alloc(4096);
  assert.equal(await ring.run(sendZc, client, bytes, 4096, 0), 4096);
  shutdownNow(client, 1);
  await assert.rejects(ring.run(sendZc, client, bytes, 4096, 0x4000), { code: 'EPIPE', syscall: 'sendZc' });
  assert.equal(await ring.read(server, bytes), 4096);
});

test('a kernel that refuses for a while is not asked without end', without, async () => {
  let refuse = true;
  let refusals = 0;
  await using ring = new IoUring({
    entries: 2,
    kernel: {
      ...linux,
      enter: (fd, toSubmit, ...rest) => {
        if (toSubmit === 0 || !refuse) return linux.enter(fd, toSubmit, ...rest);
        refusals++;
        return -EAGAIN;
      },
    },
  });
  const started = Array.from({ length: 10 }, () => ring.run(nop));
  let ticks = 0;
  const turning = (async () => {
    for (; refuse; ticks++) await immediate();
  })();
  await pause(100);
  // It is not kept from turning: a slow machine takes longer for that.
  while (ticks <= 10) await immediate();
  refuse = false;
  await turning;
  assert.deepEqual(await Promise.all(started), Array(10).fill(0));
  assert.ok(refusals < 1000, `${refusals} refusals`);
});

test('a ring that breaks tells first what is complete', without, async () => {
  let breaking = false;
  const ring = new IoUring({
    entries: 8,
    // The kernel does it, and then there is no kernel any more.
    kernel: {
      ...linux,
      enter: (fd, toSubmit, ...rest) => {
        const taken = linux.enter(fd, toSubmit, ...rest);
        return breaking ? -EBADR : taken;
      },
    },
  });
  await ring.run(nop);
  breaking = true;
  const done = Array.from({ length: 3 }, () => ring.run(nop));
  const waiting = Array.from({ length: 4 }, () =>
    ring.chain((link) => Array.from({ length: 4 }, () => link.nop())),
  );
  const never = ring.run(nop);
  assert.deepEqual(await Promise.all(done), [0, 0, 0]);
  // Chains that wait for room are told, too.
  const ended = await Promise.allSettled([...waiting, never]);
  assert.deepEqual(
    ended.slice(1).map(({ status }) => status),
    ['rejected', 'rejected', 'rejected', 'rejected'],
  );
  await ring.close();
});

test('a ring that has lost completions is at its end, and says so to all', without, async () => {
  using here = scratch();
  const [out] = here.pipe();
  let broken = false;
  const ring = new IoUring({
    entries: 4,
    kernel: { ...linux, enter: (fd, ...rest) => (broken ? -EBADR : linux.enter(fd, ...rest)) },
  });
  const reading = ring.read(out, Buffer.alloc(1));
  const values = ring.readMultishot(out);
  const value = values.next();
  const chain = ring.chain((link) => [link.read(out, Buffer.alloc(1)), link.nop()]);
  await immediate();
  broken = true;
  const others = Array.from({ length: 10 }, () => ring.run(nop));
  for (const end of await Promise.allSettled([reading, value, chain, ...others]))
    assert.equal(end.status === 'rejected' && end.reason.code, 'EBADR');
  await assert.rejects(ring.run(read, out, Buffer.alloc(1), 1, 0), { code: 'EBADR' });
  await ring.close();
});

test('close while operations wait for room that does not come', without, async () => {
  let refuse = false;
  const ring = new IoUring({
    entries: 2,
    kernel: {
      ...linux,
      enter: (fd, toSubmit, ...rest) =>
        refuse && toSubmit > 0 ? -EAGAIN : linux.enter(fd, toSubmit, ...rest),
    },
  });
  await ring.run(nop);
  refuse = true;
  const started = Array.from({ length: 8 }, () => ring.run(nop));
  const ends = Promise.allSettled(started);
  const closing = ring.close();
  await pause(5);
  refuse = false;
  await closing;
  for (const end of await ends)
    if (end.status === 'rejected') assert.ok(['EBADF', 'ECANCELED'].includes(end.reason.code));
});

test('what is started in timers is submitted in one go, too', without, async () => {
  await using ring = new IoUring();
  await ring.run(nop);
  for (const way of [setTimeout, setImmediate, process.nextTick, queueMicrotask]) {
    const before = ring.stats().enters;
    await new Promise<void>((resolve) =>
      (way as (callback: () => void) => void)(() => {
        const late = Promise.resolve().then(() => ring.run(nop));
        Promise.all([ring.run(nop), late]).then(() => resolve());
      }),
    );
    assert.equal(ring.stats().enters - before, 1, way.name);
  }
});
