/**
 * One ring seen by several threads.
 */
import assert from 'node:assert/strict';
import { closeSync, openSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { type IoUringOptions, IoUringState, nop, type SharedRing } from 'tsuring';
import {
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_REGISTERED_FD_ONLY,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  linux,
} from 'tsuring/syscalls';
import { collectUntil } from './support/collect.ts';
import { times } from './support/effort.ts';
import { lacksDefer, lacksRing } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';
import type { ShareTask } from './support/share-worker.ts';
import { timeLimit } from './support/time-limit.ts';
import { fdCount } from './support/traces.ts';
import { tsWorker } from './support/ts-worker.ts';

const without = { skip: lacksRing('io_uring', {}), timeout: timeLimit };
const MILLION = times(1_000_000);

const kinds: Record<string, IoUringOptions> = {
  'SQPOLL, as it comes': { flags: IORING_SETUP_SQPOLL },
  'SQPOLL, SINGLE_ISSUER': { flags: IORING_SETUP_SQPOLL | IORING_SETUP_SINGLE_ISSUER },
  'SQPOLL, view': { flags: IORING_SETUP_SQPOLL, memory: 'view' },
  'SQPOLL with SQ array': { flags: IORING_SETUP_SQPOLL, sqArray: true },
  plain: { flags: 0 },
};

for (const [name, options] of Object.entries(kinds)) {
  const conditions = { skip: lacksRing(name, options), timeout: timeLimit };
  const count = name === 'SQPOLL, as it comes' ? MILLION : MILLION / 10;

  test(`one thread submits, another reaps, ${count} times: ${name}`, conditions, async () => {
    using ring = new IoUringState(256, { ...options, cqEntries: 4096 });
    const reaper = share(ring, 'reap', { count });
    const result = answer(reaper);
    for (let next = 0; next < count; ) {
      const sqe = ring.getSqe();
      if (sqe === null) {
        ring.submit();
        ring.sqringWait();
        continue;
      }
      nop(sqe);
      sqe.userData = next++;
      ring.stageSqe();
      if (next % 64 === 0) ring.submit();
      // The event loop of this thread hears of the other's end.
      if (next % 65_536 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    ring.submit();
    assert.deepEqual(await result, { total: count, wrong: 0, left: 0 });
    assert.equal(ring.cqReady(), 0, 'this thread sees what the other has acknowledged');
  });
}

test('a Worker submits, this thread reaps', {
  ...without,
  skip: lacksRing('SQPOLL', kinds['SQPOLL, as it comes']),
}, async () => {
  using ring = new IoUringState(128, { flags: IORING_SETUP_SQPOLL });
  const count = times(50_000);
  const worker = share(ring, 'submit', { count });
  const submitted = answer(worker);
  const seen = new Set<number>();
  let total = 0;
  while (total < count) {
    total += ring.forEachCqe((cqe) => void seen.add(cqe.userDataLow));
    if (ring.cqReady() === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(await submitted, { submitted: count });
  assert.equal(seen.size, count);
});

for (const [name, options] of Object.entries(kinds))
  test(`the last that has it closes it: ${name}`, {
    skip: lacksRing(name, options),
    timeout: timeLimit,
  }, async () => {
    const ring = new IoUringState(8, options);
    const { setupFlags, memory } = ring;
    const worker = share(ring, 'hold');
    assert.deepEqual(await answer(worker), { kind: memory.kind, sqEntries: 8, flags: setupFlags });
    const { fd } = ring;
    ring.close();
    assert.equal(ring.fd, -1);
    assert.throws(() => ring.submitAndGetEvents(), { code: 'EBADF' });
    const kept = openSync('/dev/null', 'r');
    assert.notEqual(kept, fd, 'the number is still taken');
    closeSync(kept);
    worker.postMessage('go on');
    assert.deepEqual(await answer(worker), { userData: 77, fd });
    await ended(worker);
    const next = openSync('/dev/null', 'r');
    assert.ok(next <= fd, 'the number is free again');
    closeSync(next);
  });

test('a handle that was left reaches nothing', without, async () => {
  const ring = new IoUringState(8, { flags: 0 });
  const shared = ring.share();
  const { fd } = ring;
  ring.close();
  // Another ring gets the number.
  using other = new IoUringState(8, { flags: 0 });
  other.share();
  assert.throws(() => new IoUringState(shared), { code: 'EBADF', fix: /closed/ });
  const worker = tsWorker('share-worker', {
    role: 'stale',
    ring: shared,
    count: 0,
    limit: timeLimit,
  } satisfies ShareTask);
  assert.deepEqual(await answer(worker), { code: 'EBADF' });
  assert.ok(other.fd <= Math.max(fd, 64));
  assert.equal(other.submitAndWait(0), 0);
});

test('what the kernel refuses another thread is said clearly', {
  ...without,
  skip: lacksDefer(),
}, async () => {
  using ring = new IoUringState(8, { flags: IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN });
  nop(ring.getSqe()!);
  ring.getSqe()!.userData = 9;
  ring.commitSqe();
  ring.submitAndWait(1);
  const worker = share(ring, 'refused');
  const { codes, standing, userData } = (await answer(worker)) as Record<string, unknown>;
  assert.deepEqual(codes, ['EEXIST', 'EEXIST', 'ERR_INVALID_STATE', 'ERR_INVALID_STATE']);
  assert.deepEqual([standing, userData], [1, 9], 'what stands in its memory can be seen');
  assert.throws(() => ring.resizeRings(64), { code: 'ERR_INVALID_STATE' });
});

test('a ring without an fd cannot be shared', without, () => {
  const flags = IORING_SETUP_REGISTERED_FD_ONLY;
  if (lacksRing('REGISTERED_FD_ONLY', { flags }) === false) {
    using ring = new IoUringState(8, { flags });
    assert.throws(() => ring.share(), { code: 'ERR_INVALID_STATE', message: /belongs to its thread/ });
  }
  using closed = new IoUringState(8, { flags: 0 });
  closed.share();
  assert.throws(() => closed.closeRingFd(), { code: 'ERR_INVALID_STATE' });
});

test('wrong handles', without, () => {
  for (const wrong of [{}, [], new Map(), { control: new ArrayBuffer(4) }])
    assert.throws(() => new IoUringState(wrong as never), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => new IoUringState(null as never), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('no descriptor for sharing: the ring goes on as it was', without, () => {
  using open = openRing(4, {}, { fail: { disown: [0, 24] } });
  const { fd } = open.ring;
  assert.throws(() => open.ring.share(), { code: 'EMFILE', syscall: 'fcntl' });
  assert.equal(open.ring.fd, fd);
  nop(open.ring.getSqe()!);
  open.ring.commitSqe();
  assert.equal(open.ring.submitAndWait(1), 1);
  open.ring.share();
});

test('roles are handed over: either thread may submit, then reap', without, () => {
  using first = new IoUringState(4, { flags: 0 });
  using second = new IoUringState(first.share());
  for (let n = 0; n < 20; n++) {
    const [submitter, reaper] = n % 2 === 0 ? [first, second] : [second, first];
    for (let i = 0; i < 4; i++) {
      nop(submitter.getSqe()!);
      submitter.getSqe()!.userData = n * 4 + i;
      submitter.stageSqe();
    }
    assert.equal(submitter.getSqe(), null);
    assert.equal(submitter.submit(), 4);
    assert.equal(reaper.sqReady(), 0);
    assert.equal(submitter.cqReady(), 4);
    assert.equal(reaper.waitCqes(4)?.userData, n * 4);
    let next = n * 4;
    assert.equal(
      reaper.forEachCqe((cqe) => assert.equal(cqe.userData, next++)),
      4,
    );
    assert.equal(submitter.cqReady(), 0);
  }
});

test('a role handed over with entries staged: they are given up, and the queue stays whole', without, () => {
  using first = new IoUringState(8, { flags: 0 });
  using second = new IoUringState(first.share());
  const put = (ring: IoUringState, userData: number): void => {
    nop(ring.getSqe()!);
    ring.getSqe()!.userData = userData;
    ring.stageSqe();
  };
  put(first, 1);
  put(second, 2);
  put(second, 3);
  assert.equal(second.submit(), 2);
  assert.throws(() => first.submit(), { code: 'ERR_INVALID_STATE', message: /published/ });
  assert.equal(first.sqReady(), 0);
  put(first, 4);
  assert.equal(first.submit(), 1);
  const seen: unknown[] = [];
  second.forEachCqe((cqe) => void seen.push(cqe.userData));
  assert.deepEqual(seen, [2, 3, 4]);
  // Nor does an acknowledgement go back behind that of another.
  assert.throws(() => first.advanceCq(3), { code: 'ERR_OUT_OF_RANGE' });
  put(first, 5);
  first.submitAndWait(1);
  assert.equal(second.peekCqe()?.userData, 5);
});

test('what an operation points at is held by its submitter until it lets go', without, async () => {
  using submitter = new IoUringState(4, { flags: 0 });
  using reaper = new IoUringState(submitter.share());
  const held = (() => {
    const buffer = new Uint8Array(64);
    const sqe = submitter.getSqe()!;
    nop(sqe);
    sqe.point(buffer, 64);
    sqe.userData = 3;
    submitter.commitSqe();
    return new WeakRef<object>(buffer);
  })();
  submitter.submit();
  assert.equal(reaper.waitCqe()?.userData, 3);
  reaper.advanceCq();
  assert.equal(await collectUntil(() => !held.deref()), false);
  assert.equal(submitter.letGo(4), false);
  assert.equal(submitter.letGo(3), true);
  assert.ok(await collectUntil(() => !held.deref()));
  assert.equal(submitter.letGo(3), false);
  for (const [key, same] of [
    [7, 7n],
    [-1, 2n ** 64n - 1n],
  ] as const) {
    const sqe = submitter.getSqe()!;
    nop(sqe);
    sqe.point(new Uint8Array(8), 8);
    sqe.userData = key;
    submitter.commitSqe();
    submitter.submitAndWait(1);
    reaper.advanceCq();
    assert.equal(submitter.letGo(same), true);
  }
  assert.throws(() => submitter.letGo('7' as never), { code: 'ERR_INVALID_ARG_TYPE' });
});

for (const [name, options] of Object.entries(kinds))
  test(`a thread that is terminated leaves the ring to the others: ${name}`, {
    skip: lacksRing(name, options),
    timeout: timeLimit,
  }, async () => {
    const before = fdCount();
    using ring = new IoUringState(8, options);
    const event = linux.adopt(linux.eventfd(0, 0));
    const worker = share(ring, 'hang', { count: event });
    assert.equal(await answer(worker), 'ready');
    await worker.terminate();
    for (let n = 0; n < 100; n++) {
      nop(ring.getSqe()!);
      ring.getSqe()!.userData = 100 + n;
      ring.commitSqe();
      ring.submit();
      // Of the terminated thread's read there may come -ECANCELED.
      let userData: unknown = 5;
      while (userData === 5) {
        const cqe = ring.waitCqe({ timeout: timeLimit });
        assert.ok(cqe);
        userData = cqe.userData;
        ring.advanceCq();
      }
      assert.equal(userData, 100 + n);
    }
    writeSync(event, new BigUint64Array([1n]));
    linux.close(event);
    ring.close();
    assert.ok(fdCount() <= before + 1, 'the ring’s fd stays, and no other');
  });

function share(ring: IoUringState, role: ShareTask['role'], more: Partial<ShareTask> = {}): Worker {
  const shared: SharedRing = ring.share();
  return tsWorker('share-worker', {
    role,
    ring: shared,
    count: 0,
    limit: timeLimit,
    ...more,
  } satisfies ShareTask);
}

/** The next message, or the error that ended the Worker. */
function answer(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

function ended(worker: Worker): Promise<unknown> {
  return new Promise((resolve) => worker.once('exit', resolve));
}
