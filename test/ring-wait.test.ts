/**
 * Waiting for completions: for one, for many, with a time limit, with a minimum, and never without bound.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { type IoUringState, nop } from 'tsuring';
import { IORING_FEAT_EXT_ARG, IORING_FEAT_MIN_TIMEOUT, IORING_OP_TIMEOUT } from 'tsuring/syscalls';
import { lacksFeature, lacksRing, lacksSqpoll } from './support/needs.ts';
import { type OpenRing, openRing } from './support/open-ring.ts';
import { ringKinds } from './support/ring-kinds.ts';
import { timeLimit } from './support/time-limit.ts';
import { tsWorker } from './support/ts-worker.ts';

const without = { skip: lacksRing('io_uring', {}), timeout: timeLimit };
const extended = {
  skip: lacksFeature('IORING_FEAT_EXT_ARG (Linux 5.11)', IORING_FEAT_EXT_ARG),
  timeout: timeLimit,
};
const least = {
  skip: lacksFeature('IORING_FEAT_MIN_TIMEOUT (Linux 6.12)', IORING_FEAT_MIN_TIMEOUT),
  timeout: timeLimit,
};
const ETIME = -62;

for (const { name, options, hinder, lacks } of ringKinds)
  for (const way of ['with EXT_ARG', 'by poll'])
    test(`waits on completions to come, ${way}: ${name}`, { ...without, skip: lacks }, () => {
      using open = openRing(8, options, {
        hideFeatures: (hinder?.hideFeatures ?? 0) | (way === 'by poll' ? IORING_FEAT_EXT_ARG : 0),
      });
      const { ring } = open;
      assert.equal(ring.waitCqe({ timeout: 0 }), null, 'nothing to come');
      assert.equal(ring.waitCqe({ timeout: 2.5 }), null);
      timeoutOp(ring, 1, 20);
      assert.equal(ring.submit(), 1);
      assert.deepEqual(take(ring.waitCqe()), [1, ETIME]);
      ring.advanceCq();
      // Those that come first are no reason to end a wait for all.
      for (let n = 0; n < 3; n++) timeoutOp(ring, 10 + n, 10 * n + 1);
      timeoutOp(ring, 13, 120);
      assert.equal(ring.submitAndWait(4), 4);
      open.expect({ sq: 0, cq: 4, cqHead: 1, cqTail: 5 });
      const seen: [unknown, number][] = [];
      ring.forEachCqe((cqe) => seen.push([cqe.userData, cqe.res]));
      // On a slow machine two are up together, and then before Linux 6.12 the last one may complete first.
      seen.sort(([a], [b]) => Number(a) - Number(b));
      assert.deepEqual(
        seen,
        [10, 11, 12, 13].map((userData) => [userData, ETIME]),
      );
      assert.equal(ring.waitCqes(2, { timeout: 1 }), null);
      open.expect({ sq: 0, cq: 0, cqHead: 5 });
    });

test('what stands ready needs no system call', without, () => {
  using open = openRing(4);
  const { ring } = open;
  nops(ring, 3);
  ring.submit();
  const before = open.probe.calls.enter;
  assert.equal(ring.waitCqe()?.userData, 1);
  assert.equal(ring.waitCqes(3, { timeout: 5 })?.userData, 1);
  assert.equal(ring.waitCqes(0)?.userData, 1);
  assert.equal(ring.submitAndWait(3), 0);
  assert.equal(open.probe.calls.enter, before);
  open.expect({ sq: 0, cq: 3, cqHead: 0 });
});

test('waitCqes(0) gives what is there, or null', without, () => {
  using open = openRing(4);
  assert.equal(open.ring.waitCqes(0), null);
  assert.equal(open.probe.calls.enter, undefined);
});

test('a time limit with too few completions gives null, and they stay', without, () => {
  using open = openRing(4);
  const { ring } = open;
  nops(ring, 2);
  assert.equal(ring.submitAndWait(3, { timeout: 5 }), 2, 'submitted all the same');
  assert.equal(ring.waitCqes(3, { timeout: 5 }), null);
  open.expect({ sq: 0, cq: 2, cqTail: 2 });
  assert.equal(ring.waitCqes(2)?.userData, 1);
});

test('more than the queue holds is never waited for', without, () => {
  using open = openRing(4, { cqEntries: 4 });
  const { ring } = open;
  nops(ring, 4);
  ring.submit();
  nops(ring, 2);
  assert.equal(ring.submitAndWait(6), 2);
  assert.equal(ring.waitCqes(1000)?.userData, 1);
  open.expect({ sq: 0, cq: 4 });
});

test('a slice is at most 100 ms', extended, () => {
  using open = openRing(4);
  open.probe.noteLimits = true;
  assert.equal(open.ring.waitCqe({ timeout: 350 }), null);
  // Not how many there are: on a busy machine each takes longer.
  for (const { toSubmit, minComplete, result } of open.probe.enters)
    assert.deepEqual([toSubmit, minComplete, result], [0, 1, ETIME]);
  const { limits } = open.probe;
  for (const limit of limits) assert.ok(limit !== null && limit > 0 && limit <= 100, `${limit} ms`);
  assert.equal(limits[0], 100);
  assert.ok(limits.length > 1, `${limits.length} slices`);
});

test('a wait without limit is sliced as well', extended, () => {
  using open = openRing(4);
  timeoutOp(open.ring, 5, 350);
  open.ring.submit();
  open.probe.noteLimits = true;
  assert.equal(open.ring.waitCqe()?.userData, 5);
  const { limits } = open.probe;
  assert.ok(limits.length > 1, `${limits.length} slices`);
  for (const limit of limits) assert.equal(limit, 100);
});

test('deferred completions come with a wait of no time', without, () => {
  for (const { options, hinder, lacks } of ringKinds) {
    if (lacks) continue;
    using open = openRing(4, options, hinder);
    nops(open.ring, 1);
    open.ring.submit();
    let cqe = open.ring.waitCqe({ timeout: 0 });
    // The SQPOLL thread may need a moment.
    for (let n = 0; open.ring.usesSqpoll && cqe === null && n < timeLimit; n++)
      cqe = open.ring.waitCqe({ timeout: 0 });
    assert.equal(cqe?.userData, 1);
  }
});

test('after the minimum wait one completion is enough', least, () => {
  using open = openRing(8);
  const { ring } = open;
  const arrive = () => {
    nops(ring, 1);
    ring.submit();
  };
  arrive();
  assert.equal(ring.waitCqes(4, { minWait: 1000 })?.userData, 1);
  assert.equal(ring.cqReady(), 1, 'not four');
  assert.equal(ring.submitAndWait(4, { minWait: 1000, timeout: timeLimit }), 0);
  // Without any by then, the first to come ends the wait.
  ring.advanceCq();
  timeoutOp(ring, 7, 30);
  assert.equal(ring.submitAndWait(4, { minWait: 10 }), 1);
  assert.deepEqual(take(ring.peekCqe()), [7, ETIME]);
  ring.advanceCq();
  // A minimum beyond one slice.
  arrive();
  assert.equal(ring.waitCqes(2, { minWait: 250_000 })?.userData, 1);
  ring.advanceCq();
  assert.equal(ring.waitCqe({ minWait: 1000, timeout: 5 }), null);
  assert.equal(ring.waitCqe({ minWait: 0, timeout: 0 }), null);
  // Enough of them: it is not waited for the minimum.
  nops(ring, 3);
  assert.equal(ring.submitAndWait(3, { minWait: 2 ** 32 - 1 }), 3);
});

test('a wait without options does not inherit those of the wait before', least, () => {
  using open = openRing(8);
  const { ring } = open;
  nops(ring, 1);
  ring.submit();
  ring.waitCqes(2, { minWait: 1000, sigmask: 2n ** 64n - 1n });
  timeoutOp(ring, 2, 250);
  ring.submit();
  const before = open.probe.enters.length;
  ring.waitCqes(2);
  // With a minimum left over every slice would end at once, having one completion.
  assert.ok(open.probe.enters.length - before <= 6, `${open.probe.enters.length - before} calls`);
});

test('a kernel without the feature says what it lacks', without, () => {
  using open = openRing(4, {}, { hideFeatures: IORING_FEAT_EXT_ARG | IORING_FEAT_MIN_TIMEOUT });
  const { ring } = open;
  const { code, syscall } = { code: 'EINVAL', syscall: 'io_uring_enter' };
  assert.throws(() => ring.waitCqe({ minWait: 5 }), { code, syscall, fix: /6\.12/ });
  assert.throws(() => ring.waitCqe({ sigmask: 0n }), { code: 'EOPNOTSUPP', syscall, fix: /5\.11/ });
  assert.equal(open.probe.calls.enter, undefined);
});

test('by poll, a wait for more than stands ready does not spin', without, () => {
  using open = openRing(4, {}, { hideFeatures: IORING_FEAT_EXT_ARG });
  const { ring, probe } = open;
  nops(ring, 1);
  ring.submit();
  assert.equal(ring.waitCqes(2, { timeout: 50 }), null);
  assert.ok(probe.enters.length < 200, `${probe.enters.length} calls in 50 ms`);
});

const lacksThread = { skip: lacksSqpoll(), timeout: timeLimit };
test('by poll, a sleeping SQPOLL thread is woken first', lacksThread, () => {
  using open = openRing(4, { flags: 2, sqThreadIdle: 1 }, { hideFeatures: IORING_FEAT_EXT_ARG });
  const { ring, probe } = open;
  while (!ring.sqNeedsWakeup);
  nop(ring.getSqe()!);
  ring.commitSqe();
  assert.ok(ring.waitCqe());
  // Not after a poll of 100 ms for what cannot come.
  assert.equal(probe.enters[0].flags & 2, 2);
  assert.equal(ring.counts.wakeups, 1);
});

test('wrong options are told, also when nothing needs to be waited for', without, () => {
  using open = openRing(4);
  const { ring } = open;
  const bad: [unknown, string][] = [
    [{ timeout: -1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ timeout: Number.NaN }, 'ERR_INVALID_ARG_TYPE'],
    [{ timeout: '5' }, 'ERR_INVALID_ARG_TYPE'],
    [{ timeout: 5n }, 'ERR_INVALID_ARG_TYPE'],
    [{ minWait: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ minWait: 0.5 }, 'ERR_OUT_OF_RANGE'],
    [{ minWait: 2 ** 32 }, 'ERR_OUT_OF_RANGE'],
    [{ minWait: '1' }, 'ERR_INVALID_ARG_TYPE'],
    [{ sigmask: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ sigmask: -1n }, 'ERR_OUT_OF_RANGE'],
    [{ sigmask: 2n ** 64n }, 'ERR_OUT_OF_RANGE'],
  ];
  for (const [options, code] of bad)
    assert.throws(
      () => ring.waitCqe(options as object),
      { code },
      JSON.stringify(Object.keys(options as object)),
    );
  for (const count of [-1, 1.5, 2 ** 32, Number.NaN]) {
    assert.throws(() => ring.waitCqes(count), { code: 'ERR_OUT_OF_RANGE' });
    assert.throws(() => ring.submitAndWait(count), { code: 'ERR_OUT_OF_RANGE' });
  }
  assert.throws(() => ring.waitCqes('1' as never), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.equal(open.probe.calls.enter, undefined);
  open.expect({ sq: 0, cq: 0 });
});

for (const features of [0, IORING_FEAT_EXT_ARG])
  test(`a Worker in a wait can be terminated (${features === 0 ? 'EXT_ARG' : 'poll'})`, without, async () => {
    const worker = tsWorker('waiting-worker', { hideFeatures: features });
    await once(worker, 'message');
    assert.equal(await worker.terminate(), 1);
  });

/** NOPs with the user data 1, 2 …, staged. */
function nops(ring: IoUringState, count: number): void {
  for (let n = 1; n <= count; n++) {
    const sqe = ring.getSqe()!;
    nop(sqe);
    sqe.userData = n;
    ring.stageSqe();
  }
}

/** A completion -ETIME after so many milliseconds, staged. */
function timeoutOp(ring: IoUringState, userData: number, milliseconds: number): void {
  const timespec = new BigInt64Array([0n, BigInt(milliseconds) * 1_000_000n]);
  const sqe = ring.getSqe()!;
  sqe.rw(IORING_OP_TIMEOUT, -1, sqe.point(timespec, 16), 1, 0);
  sqe.userData = userData;
  ring.stageSqe();
}

function take(cqe: ReturnType<OpenRing['ring']['peekCqe']>): unknown {
  return cqe && [cqe.userData, cqe.res];
}
