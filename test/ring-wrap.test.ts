/**
 * Indexes that wrap past 2^32, and past 2^31 where signed arithmetic would go wrong. A real ring begins at 0 and
 * cannot be brought there, so these run on a scripted kernel.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nop, type Sqe } from 'tsuring';
import {
  IORING_FEAT_EXT_ARG,
  IORING_FEAT_NODROP,
  IORING_FEAT_SINGLE_MMAP,
  IORING_NOP_INJECT_RESULT,
  IORING_SETUP_SQPOLL,
} from 'tsuring/syscalls';
import { FakeKernel } from './support/fake-kernel.ts';
import { openRing } from './support/open-ring.ts';

const starts = { 'past 2^32': 0xffff_fff0, 'past 2^31': 0x7fff_fff0, 'from 2^32 - 1': 0xffff_ffff };
const shapes = {
  'one mapping, no SQ array': { sqArray: false },
  'one mapping, SQ array': { sqArray: true },
  'two mappings, SQ array': { sqArray: true, features: IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG },
  'without EXT_ARG': { sqArray: true, features: IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP },
};

for (const [where, start] of Object.entries(starts))
  for (const [shape, { sqArray, ...fake }] of Object.entries(shapes))
    test(`both queues go on ${where}: ${shape}`, () => {
      using open = openRing(4, { sqArray, kernel: new FakeKernel({ start, ...fake }) });
      const { ring } = open;
      assert.equal(ring.memory.kind, 'view');
      open.expect({ sq: 0, cq: 0, sqHead: start, sqTail: start, cqHead: start, cqTail: start });
      let done = 0;
      for (let round = 0; round < 1500; round++) {
        const count = 1 + (round % 4);
        for (let i = 0; i < count; i++) fill(ring.getSqe()!, done + i);
        if (count === 4) assert.equal(ring.getSqe(), null, 'full at exactly its size');
        open.expect({ sq: count, cq: 0, staged: count });
        assert.equal(ring.submit(), count);
        const at = (start + done + count) >>> 0;
        open.expect({ sq: 0, cq: count, sqHead: at, sqTail: at, cqTail: at, cqHead: (start + done) >>> 0 });
        done = (round % 2 === 0 ? reapEach : reapAll)(done, count);
        open.expect({ sq: 0, cq: 0, cqHead: at, cqTail: at });
      }
      assert.ok(done > 3000, 'the indexes went a long way');
      assert.deepEqual([ring.counts.sqes, ring.counts.cqes], [done, done]);

      function fill(sqe: Sqe, n: number): void {
        nop(sqe);
        sqe.userData = 2 ** 40 + n;
        sqe.len = n * 3;
        sqe.opFlags = IORING_NOP_INJECT_RESULT;
        ring.stageSqe();
      }
      function reapEach(from: number, count: number): number {
        for (let n = from; n < from + count; n++) {
          const cqe = ring.waitCqe()!;
          assert.deepEqual([cqe.userData, cqe.res, cqe.flags], [2 ** 40 + n, n * 3, 0]);
          ring.advanceCq();
        }
        assert.equal(ring.peekCqe(), null);
        return from + count;
      }
      function reapAll(from: number, count: number): number {
        let n = from;
        const reaped = ring.forEachCqe((cqe) => {
          assert.deepEqual([cqe.userData, cqe.res, cqe.flags], [2 ** 40 + n, n * 3, 0]);
          n++;
        });
        assert.equal(reaped, count);
        return n;
      }
    });

test('overflow and a full queue across 2^32', () => {
  const fake = new FakeKernel({ start: 0xffff_fffe });
  using open = openRing(4, { cqEntries: 4, kernel: fake });
  const { ring } = open;
  for (let n = 0; n < 12; n++) {
    nop(ring.getSqe()!);
    ring.getSqe()!.userData = n;
    ring.commitSqe();
    if (n % 4 === 3) assert.equal(ring.submit(), 4);
  }
  open.expect({ sq: 0, cq: 4, sqHead: 10, sqTail: 10, cqHead: 0xffff_fffe, cqTail: 2 });
  assert.equal(ring.cqHasOverflow, true);
  const seen: unknown[] = [];
  while (ring.forEachCqe((cqe) => seen.push(cqe.userData)) > 0);
  assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  assert.equal(ring.cqHasOverflow, false);
  open.expect({ sq: 0, cq: 0, cqHead: 10, cqTail: 10 });
});

test('SQPOLL across 2^32: awake, asleep, and full until the thread has taken its part', () => {
  const fake = new FakeKernel({ start: 0xffff_fffd });
  using open = openRing(4, { flags: IORING_SETUP_SQPOLL, kernel: fake });
  const { ring, probe } = open;
  const stage = (n: number) => {
    nop(ring.getSqe()!);
    ring.getSqe()!.userData = n;
    ring.stageSqe();
  };
  for (let n = 0; n < 4; n++) stage(n);
  assert.equal(ring.getSqe(), null);
  assert.equal(ring.submit(), 4);
  assert.equal(probe.calls.enter, undefined, 'an awake thread needs no call');
  assert.equal(ring.getSqe(), null, 'entries are free only when the head has passed them');
  fake.turn();
  open.expect({ sq: 0, cq: 4, sqTail: 1, cqTail: 1 });
  fake.sleep();
  assert.equal(ring.sqNeedsWakeup, true);
  stage(4);
  assert.equal(ring.submit(), 1);
  assert.deepEqual([ring.counts.enters, ring.counts.wakeups, ring.sqNeedsWakeup], [1, 1, false]);
  const seen: unknown[] = [];
  assert.equal(
    ring.forEachCqe((cqe) => seen.push(cqe.userData)),
    5,
  );
  assert.deepEqual(seen, [0, 1, 2, 3, 4]);
});
