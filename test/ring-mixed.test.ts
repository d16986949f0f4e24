/**
 * Rings with completions of both sizes (IORING_SETUP_CQE_MIXED): an entry takes one slot or two, and a slot at the end
 * of the queue may be filler.
 *
 * Nothing here overflows: in Linux 6.18 a big completion that overflows right after its filler leaves the kernel's own
 * bookkeeping wrong, the next small one overwrites the filler and the tail runs past the queue's size.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Cqe, type IoUringState, nop } from 'tsuring';
import {
  IORING_CQE_F_32,
  IORING_NOP_CQE32,
  IORING_NOP_INJECT_RESULT,
  IORING_SETUP_CQE_MIXED,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
} from 'tsuring/syscalls';
import { lacksRing } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';
import { timeLimit } from './support/time-limit.ts';

const MIXED = IORING_SETUP_CQE_MIXED;
const without = {
  skip: lacksRing('IORING_SETUP_CQE_MIXED (Linux 6.18)', { flags: MIXED }),
  timeout: timeLimit,
};
const kinds: Record<string, object> = {
  plain: { flags: MIXED },
  view: { flags: MIXED, memory: 'view' },
  DEFER_TASKRUN: { flags: MIXED | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN },
  SQPOLL: { flags: MIXED | IORING_SETUP_SQPOLL },
};
const reapers: Record<string, (ring: IoUringState, visit: (cqe: Cqe) => void) => void> = {
  forEachCqe: (ring, visit) => {
    ring.forEachCqe(visit);
  },
  'peekCqe, advanceCq': (ring, visit) => {
    for (let cqe = ring.peekCqe(); cqe !== null; cqe = ring.peekCqe()) {
      visit(cqe);
      ring.advanceCq();
    }
  },
  'waitCqe, advanceCq': (ring, visit) => {
    while (ring.cqReady() > 0) {
      const cqe = ring.waitCqe({ timeout: timeLimit });
      assert.ok(cqe, 'a wait gives a completion');
      visit(cqe);
      ring.advanceCq();
    }
  },
};

for (const [kind, options] of Object.entries(kinds))
  for (const [reaper, reap] of Object.entries(reapers))
    for (const cqEntries of [16, 32])
      test(`small and big ones through ${cqEntries} slots: ${kind}, ${reaper}`, without, () => {
        using open = openRing(4, { ...options, cqEntries });
        const { ring } = open;
        const random = generator(cqEntries);
        const expected: number[] = [];
        let next = 0;
        for (let round = 0; round < 400; round++) {
          const count = 1 + (random() % 4);
          for (let n = 0; n < count; n++) expected.push(stage(ring, next++, random() % 2 === 0));
          ring.submit();
          while (ring.sqReady() > 0) ring.wakeSqpoll();
          ring.getEvents();
          assert.equal(ring.cqHasOverflow, false);
          reap(ring, (cqe) => check(cqe, expected.shift()!));
        }
        assert.deepEqual(expected, []);
        assert.equal(ring.peekCqe(), null);
        assert.equal(ring.counts.cqes, next);
        open.expect({ sq: 0, cq: 0 });
      });

test('slots, filler and the head word', without, () => {
  using open = openRing(4, { flags: MIXED, cqEntries: 4 });
  const { ring } = open;
  const run = (...big: boolean[]) => {
    const ids = big.map((is, n) => stage(ring, n, is));
    ring.submit();
    return ids;
  };
  const [first, second] = run(true, false);
  open.expect({ sq: 0, cq: 3, cqTail: 3 }, 'two slots and one');
  check(ring.peekCqe()!, first);
  ring.advanceCq();
  open.expect({ sq: 0, cq: 1, cqHead: 2 });
  check(ring.peekCqe()!, second);
  ring.advanceCq();
  open.expect({ sq: 0, cq: 0, cqHead: 3, cqTail: 3 });
  // One slot is left before the end, too few for a big one: filler.
  const [wrapped] = run(true);
  open.expect({ sq: 0, cq: 3, cqHead: 3, cqTail: 6 });
  check(ring.peekCqe()!, wrapped);
  open.expect({ sq: 0, cq: 2, cqHead: 4 }, 'the filler was skipped');
  assert.throws(() => ring.advanceCq(2), { code: 'ERR_OUT_OF_RANGE' });
  for (const bad of [-1, 0.5, Number.NaN])
    assert.throws(() => ring.advanceCq(bad), { code: 'ERR_OUT_OF_RANGE' });
  open.expect({ sq: 0, cq: 2, cqHead: 4 });
  ring.advanceCq(1);
  open.expect({ sq: 0, cq: 0, cqHead: 6 });
  // Both at once, filler between.
  run(false, true);
  open.expect({ sq: 0, cq: 4, cqHead: 6, cqTail: 10 });
});

test('advanceCq(n) counts completions, not slots', without, () => {
  using open = openRing(8, { flags: MIXED, cqEntries: 16 });
  const { ring } = open;
  for (const [n, big] of [true, false, true, true, false].entries()) stage(ring, n, big);
  ring.submit();
  open.expect({ sq: 0, cq: 8 });
  ring.advanceCq(3);
  open.expect({ sq: 0, cq: 3, cqHead: 5 });
  check(ring.peekCqe()!, 3 * 2 + 1);
  ring.advanceCq(2);
  open.expect({ sq: 0, cq: 0, cqHead: 8 });
  assert.equal(ring.counts.cqes, 5);
});

/** A NOP with a result and, when big, 16 bytes more. Gives what `check` recognizes it by. */
function stage(ring: IoUringState, n: number, big: boolean): number {
  const sqe = ring.getSqe()!;
  nop(sqe);
  sqe.userData = n * 2 + (big ? 1 : 0);
  sqe.len = n;
  sqe.opFlags = IORING_NOP_INJECT_RESULT | (big ? IORING_NOP_CQE32 : 0);
  if (big) {
    sqe.off = BigInt(n) + 2n ** 60n;
    sqe.addr = BigInt(n) + 2n ** 61n;
  }
  ring.stageSqe();
  return n * 2 + (big ? 1 : 0);
}

function check(cqe: Cqe, id: number): void {
  const big = id % 2 === 1;
  const n = (id - (id % 2)) / 2;
  assert.deepEqual([cqe.userData, cqe.res, cqe.flags, cqe.is32], [id, n, big ? IORING_CQE_F_32 : 0, big]);
  if (big) assert.deepEqual(cqe.bigCqe, [BigInt(n) + 2n ** 60n, BigInt(n) + 2n ** 61n]);
}

/** Numbers that look random, the same ones every time. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 16;
  };
}
