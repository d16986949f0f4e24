/**
 * Room in the queues: what finds none waits in order, and nothing is lost or doubled.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IoUring, nop } from 'tsuring';
import { EAGAIN, EBUSY, EINTR, IORING_NOP_INJECT_RESULT, linux } from 'tsuring/syscalls';
import { times } from './support/effort.ts';
import { without } from './support/engine-test.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksInjectedResults } from './support/needs.ts';

const withResults = { ...without, skip: lacksInjectedResults() };

/** A NOP that gives `result`. */
function said(ring: IoUring, result: number): Promise<number> {
  return ring.run((sqe) => {
    nop(sqe);
    sqe.len = result;
    sqe.opFlags = IORING_NOP_INJECT_RESULT;
  });
}

test('all that is started in one go is submitted in one go', without, async () => {
  await using ring = new IoUring({ entries: 64 });
  await ring.run(nop);
  const before = ring.stats().enters;
  const started = Array.from({ length: 64 }, () => ring.run(nop));
  assert.equal(ring.stats().enters, before, 'nothing yet');
  // Also what the microtasks start that stand in the queue by now.
  const later = Promise.resolve().then(() => undefined);
  await Promise.all([...started, later]);
  assert.equal(ring.stats().enters, before + 1);
});

test('what microtasks start, one after the other, is submitted in one go', without, async () => {
  await using ring = new IoUring({ entries: 64 });
  await ring.run(nop);
  const before = ring.stats().enters;
  const chain = async (hops: number) => {
    for (let n = 0; n < hops; n++) await undefined;
    return ring.run(nop);
  };
  await Promise.all(Array.from({ length: 20 }, (_, n) => chain(n)));
  assert.equal(ring.stats().enters, before + 1);
});

test('flush submits at once', without, async () => {
  await using ring = new IoUring();
  const started = ring.run(nop);
  assert.equal(ring.stats().enters, 0);
  ring.flush();
  assert.deepEqual([ring.stats().enters, ring.stats().completed], [1, 1]);
  assert.equal(await started, 0);
  ring.flush();
});

test('a million at once, each with its own result', withResults, async () => {
  await using ring = new IoUring();
  const count = times(1_000_000);
  const started = Array.from({ length: count }, (_, n) => said(ring, n & 0xffffff));
  let wrong = 0;
  for (let n = 0; n < count; n++) if ((await started[n]) !== (n & 0xffffff)) wrong++;
  assert.equal(wrong, 0);
  const { submitted, completed, inFlight, waiting, strays } = ring.stats();
  assert.deepEqual(
    { submitted, completed, inFlight, waiting, strays },
    {
      submitted: count,
      completed: count,
      inFlight: 0,
      waiting: 0,
      strays: 0,
    },
  );
});

test('more completions than the queue has room for', without, async () => {
  using here = scratch();
  const [out, into] = here.pipe();
  await using ring = new IoUring({ entries: 8, cqEntries: 8 });
  const buffers = Array.from({ length: 200 }, () => Buffer.alloc(1));
  const reads = buffers.map((buffer) => ring.read(out, buffer));
  ring.flush();
  assert.equal(await ring.write(into, Buffer.alloc(200, 'x')), 200);
  assert.deepEqual(await Promise.all(reads), Array(200).fill(1));
  assert.ok(buffers.every((buffer) => buffer.toString() === 'x'));
});

test('submissions that the kernel refuses for the moment', withResults, async () => {
  let hindrances = 0;
  let calls = 0;
  await using ring = new IoUring({
    entries: 16,
    kernel: {
      ...linux,
      enter: (fd, toSubmit, ...rest) => {
        // Three times in four it has no memory, no room, or a signal.
        const errno = [EAGAIN, EBUSY, EINTR, 0][calls++ % 4];
        if (errno === 0 || toSubmit === 0) return linux.enter(fd, toSubmit, ...rest);
        hindrances++;
        return -errno;
      },
    },
  });
  const order: number[] = [];
  const started = Array.from({ length: 500 }, async (_, n) => {
    assert.equal(await said(ring, n), n);
    order.push(n);
  });
  assert.ok(ring.stats().waiting > 400, `${ring.stats().waiting} wait`);
  await Promise.all(started);
  assert.deepEqual(
    order,
    Array.from({ length: 500 }, (_, n) => n),
  );
  assert.ok(hindrances > 20, `${hindrances} hindrances`);
});

test('what waits for room can be in error', without, async () => {
  let hinder = true;
  await using ring = new IoUring({
    entries: 2,
    kernel: {
      ...linux,
      enter: (fd, toSubmit, ...rest) => (hinder ? -EAGAIN : linux.enter(fd, toSubmit, ...rest)),
    },
  });
  const good = [ring.run(nop), ring.run(nop), ring.run(nop)];
  const bad = ring.read(3.5, Buffer.alloc(1));
  const after = ring.run(nop);
  assert.equal(ring.stats().waiting, 3);
  hinder = false;
  await assert.rejects(bad, { code: 'ERR_OUT_OF_RANGE' });
  assert.deepEqual(await Promise.all([...good, after]), [0, 0, 0, 0]);
});
