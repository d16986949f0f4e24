/**
 * Completions beyond the queue's size: the kernel keeps them, and every way to reap gets them, in order, none lost.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type IoUringState, nop } from 'tsuring';
import { IORING_FEAT_NODROP, IORING_SETUP_SQPOLL } from 'tsuring/syscalls';
import { FakeKernel } from './support/fake-kernel.ts';
import { lacksFeature } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';
import { ringKinds } from './support/ring-kinds.ts';
import { timeLimit } from './support/time-limit.ts';

const without = lacksFeature('IORING_FEAT_NODROP (Linux 5.5)', IORING_FEAT_NODROP);
const TOTAL = 40;

/** Each reaps at most what it finds in one go, and gives the user data. */
const ways: Record<string, (ring: IoUringState) => unknown[]> = {
  peekCqe: (ring) => {
    const cqe = ring.peekCqe();
    if (cqe === null) return [];
    const seen = [cqe.userData];
    ring.advanceCq();
    return seen;
  },
  'peekCqe, advanceCq(n)': (ring) => {
    if (ring.peekCqe() === null) return [];
    const seen: unknown[] = [];
    for (let left = ring.cqReady(); left > 0; left--) {
      seen.push(ring.peekCqe()!.userData);
      ring.advanceCq(1);
    }
    return seen;
  },
  forEachCqe: (ring) => {
    const seen: unknown[] = [];
    const count = ring.forEachCqe((cqe) => seen.push(cqe.userData));
    assert.equal(count, seen.length);
    return seen;
  },
  waitCqe: (ring) => {
    const cqe = ring.waitCqe({ timeout: 0 });
    if (cqe === null) return [];
    const seen = [cqe.userData];
    ring.advanceCq();
    return seen;
  },
  'waitCqes(4)': (ring) => {
    const seen: unknown[] = [];
    if (ring.waitCqes(4, { timeout: 0 }) !== null) ring.forEachCqe((cqe) => seen.push(cqe.userData));
    return seen;
  },
  'submitAndWait(4)': (ring) => {
    const seen: unknown[] = [];
    ring.submitAndWait(4, { timeout: 0 });
    while (ring.cqReady() > 0) {
      seen.push(ring.peekCqe()!.userData);
      ring.advanceCq();
    }
    return seen;
  },
  'getEvents, cqReady': (ring) => {
    const seen: unknown[] = [];
    ring.getEvents();
    while (ring.cqReady() > 0) {
      seen.push(ring.peekCqe()!.userData);
      ring.advanceCq();
    }
    return seen;
  },
};

for (const { name, options, hinder, lacks } of ringKinds)
  test(`four slots, ${TOTAL} completions, every way to reap: ${name}`, {
    skip: without || lacks,
    timeout: timeLimit,
  }, () => {
    for (const [way, reap] of Object.entries(ways)) {
      using open = openRing(4, { ...options, cqEntries: 4 }, hinder);
      const { ring } = open;
      assert.equal(ring.cqEntries, 4);
      overflow(ring);
      open.expect({ sq: 0, cq: 4, sqHead: TOTAL, cqHead: 0, cqTail: 4 }, way);
      assert.equal(ring.cqHasOverflow, true, way);
      const seen: unknown[] = [];
      // A way that finds nothing gives [] for ever: bounded, so that it fails instead of hanging.
      for (let rounds = 0; seen.length < TOTAL && rounds < 10 * TOTAL; rounds++) seen.push(...reap(ring));
      assert.deepEqual(
        seen,
        Array.from({ length: TOTAL }, (_, n) => n),
        way,
      );
      assert.equal(ring.cqHasOverflow, false, way);
      assert.equal(ring.peekCqe(), null, way);
      assert.equal(ring.cqOverflow, 0, 'none lost for good');
      open.expect({ sq: 0, cq: 0, cqHead: TOTAL, cqTail: TOTAL }, way);
      assert.equal(ring.counts.cqes, TOTAL, way);
    }
  });

test('a peek at a standing completion makes no system call in spite of the overflow', {
  skip: without,
}, () => {
  using open = openRing(4, { cqEntries: 4 });
  overflow(open.ring);
  const before = open.probe.calls.enter;
  for (let n = 0; n < 4; n++) {
    assert.equal(open.ring.peekCqe()?.userData, n);
    open.ring.advanceCq();
  }
  assert.equal(open.probe.calls.enter, before);
  assert.equal(open.ring.peekCqe()?.userData, 4);
  assert.equal(open.probe.calls.enter, before! + 1, 'one call fetches the next four');
  open.expect({ sq: 0, cq: 4, cqHead: 4, cqTail: 8 });
});

test('a kernel without IORING_FEAT_EXT_ARG gives its overflow to a wait', () => {
  const fake = new FakeKernel({ features: IORING_FEAT_NODROP });
  using open = openRing(4, { cqEntries: 4, kernel: fake });
  overflow(open.ring);
  const seen: unknown[] = [];
  while (open.ring.waitCqe({ timeout: 0 }) !== null) open.ring.forEachCqe((cqe) => seen.push(cqe.userData));
  assert.equal(seen.length, TOTAL);
});

/** Submits TOTAL NOPs without reaping one. */
function overflow(ring: IoUringState): void {
  for (let n = 0; n < TOTAL; n++) {
    const sqe = ring.getSqe();
    assert.ok(sqe, `entry ${n}`);
    nop(sqe);
    sqe.userData = n;
    ring.stageSqe();
    if (n % 4 !== 3) continue;
    ring.submit();
    if ((ring.setupFlags & IORING_SETUP_SQPOLL) !== 0) while (ring.sqReady() > 0) ring.wakeSqpoll();
    // Deferred work is done here; plain rings have nothing to do.
    ring.getEvents();
  }
}
