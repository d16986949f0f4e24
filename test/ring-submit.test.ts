/**
 * Filling, publishing and submitting entries, on every kind of ring: what is seen when, by the ring and in its memory.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IoUringState, nop } from 'tsuring';
import {
  IORING_ENTER_GETEVENTS,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_SUBMIT_ALL,
  IOSQE_IO_LINK,
} from 'tsuring/syscalls';
import { lacksRing } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';
import { plainKinds, ringKinds } from './support/ring-kinds.ts';
import { timeLimit } from './support/time-limit.ts';

const without = lacksRing('io_uring', {});
const DEFERRED = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;

for (const { name, options, hinder, lacks } of ringKinds)
  test(`batches of every size are taken whole and in order: ${name}`, {
    skip: lacks,
    timeout: timeLimit,
  }, () => {
    using open = openRing(8, options, hinder);
    const { ring } = open;
    let done = 0;
    for (let round = 0; round < 40; round++) {
      const count = 1 + (round % 8);
      for (let i = 0; i < count; i++) stageNop(ring, 1000 + done + i);
      if (!ring.usesSqpoll) assert.equal(ring.submit(), count);
      else ring.submit();
      assert.ok(ring.waitCqes(count));
      let n = done;
      const reaped = ring.forEachCqe((cqe) => {
        assert.deepEqual([cqe.userData, cqe.res, cqe.flags], [1000 + n, 0, 0]);
        n++;
      });
      assert.equal(reaped, count);
      done += count;
      open.expect({ sq: 0, cq: 0, sqHead: done, sqTail: done, cqHead: done, cqTail: done });
    }
    const { sqes, cqes } = ring.counts;
    assert.deepEqual([sqes, cqes], [done, done]);
  });

for (const { name, options, hinder, lacks } of plainKinds) {
  test(`getSqe gives the same zeroed entry until it is committed: ${name}`, { skip: lacks }, () => {
    using open = openRing(2, options, hinder);
    const { ring } = open;
    // Twice around, so that the entries were used before.
    for (let round = 0; round < 4; round++) {
      const sqe = ring.getSqe()!;
      const words = () => Array.from(sqe.words.subarray(sqe.at, sqe.at + 16));
      assert.deepEqual(words(), new Array(16).fill(0), 'zeroed');
      for (let i = 0; i < 16; i++) sqe.words[sqe.at + i] = -1 - i;
      const filled = words();
      assert.equal(ring.getSqe(), sqe);
      assert.deepEqual(words(), filled, 'a second getSqe erases nothing');
      const before = open.raw();
      assert.deepEqual([before.sqHead, before.sqTail], [round, round], 'nothing is published yet');
      nop(sqe);
      sqe.userData = 77;
      ring.commitSqe();
      open.expect({ sq: 1, cq: 0, sqHead: round, sqTail: round + 1 });
      assert.equal(ring.submitAndWait(1), 1);
      assert.equal(ring.peekCqe()?.userData, 77);
      ring.advanceCq();
      open.expect({ sq: 0, cq: 0, cqHead: round + 1, cqTail: round + 1 });
    }
  });

  test(`one store of the tail publishes all that is staged: ${name}`, { skip: lacks }, () => {
    using open = openRing(8, options, hinder);
    const { ring, probe } = open;
    const tails: number[] = [];
    for (let i = 0; i < 5; i++) {
      stageNop(ring, i);
      tails.push(open.raw().sqTail);
      open.expect({ sq: i + 1, cq: 0, staged: i + 1 });
    }
    assert.deepEqual(tails, [0, 0, 0, 0, 0]);
    ring.flush();
    open.expect({ sq: 5, cq: 0, sqHead: 0, sqTail: 5 });
    ring.flush();
    open.expect({ sq: 5, cq: 0, sqHead: 0, sqTail: 5 });
    // A commit publishes what was staged before it as well.
    stageNop(ring, 5);
    nop(ring.getSqe()!);
    ring.commitSqe();
    open.expect({ sq: 7, cq: 0, sqTail: 7 });
    // An entry that is being filled is not part of a submit.
    const open7 = ring.getSqe()!;
    nop(open7);
    assert.equal(probe.calls.enter, undefined, 'no system call so far');
    assert.equal(ring.submit(), 7);
    open.expect({ sq: 0, cq: 7, sqHead: 7, sqTail: 7, cqTail: 7 });
    assert.equal(ring.getSqe(), open7);
    ring.commitSqe();
    assert.equal(ring.submit(), 1);
    assert.equal(ring.counts.enters, 2);
    assert.deepEqual(
      probe.enters.map(({ toSubmit, result }) => [toSubmit, result]),
      [
        [7, 7],
        [1, 1],
      ],
    );
    open.expect({ sq: 0, cq: 8, cqHead: 0, cqTail: 8 });
  });
}

test('commit and stage without an entry', { skip: without }, () => {
  using open = openRing(2);
  const { ring } = open;
  const state = { code: 'ERR_INVALID_STATE', name: 'Error' };
  assert.throws(() => ring.commitSqe(), state);
  assert.throws(() => ring.stageSqe(), state);
  nop(ring.getSqe()!);
  ring.commitSqe();
  assert.throws(() => ring.commitSqe(), state, 'once per entry');
  stageNop(ring, 1);
  assert.equal(ring.getSqe(), null);
  assert.throws(() => ring.stageSqe(), state, 'getSqe gave null');
  open.expect({ sq: 2, cq: 0, staged: 1 });
  assert.deepEqual(ring.counts, { sqes: 2, cqes: 0, enters: 0, wakeups: 0 });
});

test('nothing to submit makes no system call', { skip: without }, () => {
  using open = openRing(2);
  assert.equal(open.ring.submit(), 0);
  assert.equal(open.ring.submitAndWait(0), 0);
  assert.equal(open.probe.calls.enter, undefined);
  open.ring.submitAndGetEvents();
  assert.deepEqual(open.probe.enters, [
    { toSubmit: 0, minComplete: 0, flags: IORING_ENTER_GETEVENTS, arg: 0, argSize: 0, result: 0 },
  ]);
  open.expect({ sq: 0, cq: 0 });
});

test('submitAndGetEvents submits, and gives what completed', { skip: without }, () => {
  using open = openRing(4);
  stageNop(open.ring, 1);
  stageNop(open.ring, 2);
  assert.equal(open.ring.submitAndGetEvents(), 2);
  open.expect({ sq: 0, cq: 2, sqHead: 2 });
});

test('a refused operation ends its batch; the rest stays queued', { skip: without }, () => {
  using open = openRing(8);
  const { ring } = open;
  stageNop(ring, 1);
  stageBad(ring, 2);
  stageNop(ring, 3);
  stageNop(ring, 4);
  // The refused one counts: it was consumed, and completes with what is wrong with it.
  assert.equal(ring.submit(), 2);
  open.expect({ sq: 2, cq: 2, sqHead: 2, sqTail: 4, cqTail: 2 });
  // Linux before 6.12 posts those of a batch at its end, but what it refuses at once.
  assert.deepEqual(reap(ring).sort(), [
    [1, 0],
    [2, -22],
  ]);
  assert.equal(ring.submit(), 2);
  assert.deepEqual(reap(ring), [
    [3, 0],
    [4, 0],
  ]);
  open.expect({ sq: 0, cq: 0, sqHead: 4, cqHead: 4 });
});

test('submitAndWait does not wait for what stayed queued', { skip: without, timeout: timeLimit }, () => {
  using open = openRing(8);
  const { ring } = open;
  stageBad(ring, 1);
  stageNop(ring, 2);
  stageNop(ring, 3);
  assert.equal(ring.submitAndWait(3), 1);
  open.expect({ sq: 2, cq: 1 });
  assert.equal(ring.submitAndWait(3), 2);
  assert.deepEqual(reap(ring), [
    [1, -22],
    [2, 0],
    [3, 0],
  ]);
});

const lacksAll = lacksRing('IORING_SETUP_SUBMIT_ALL (Linux 5.18)', { flags: IORING_SETUP_SUBMIT_ALL });
test('with SUBMIT_ALL the batch goes on after a refused operation', { skip: lacksAll }, () => {
  using open = openRing(8, { flags: IORING_SETUP_SUBMIT_ALL });
  const { ring } = open;
  stageNop(ring, 1);
  stageBad(ring, 2);
  stageNop(ring, 3);
  assert.equal(ring.submit(), 3);
  open.expect({ sq: 0, cq: 3, sqHead: 3, cqTail: 3 });
  assert.deepEqual(reap(ring).sort(), [
    [1, 0],
    [2, -22],
    [3, 0],
  ]);
});

const lacksThread = lacksRing('IORING_SETUP_SQPOLL', { flags: IORING_SETUP_SQPOLL });
test('a refused operation does not stop the SQPOLL thread', { skip: lacksThread, timeout: timeLimit }, () => {
  using open = openRing(8, { flags: IORING_SETUP_SQPOLL });
  const { ring } = open;
  stageBad(ring, 1);
  stageNop(ring, 2);
  stageNop(ring, 3);
  ring.submitAndWait(3);
  assert.deepEqual(reap(ring), [
    [1, -22],
    [2, 0],
    [3, 0],
  ]);
  open.expect({ sq: 0, cq: 0, sqHead: 3, cqHead: 3 });
});

test('user data of 64 bits comes back as it went', { skip: without }, () => {
  using open = openRing(8);
  const { ring } = open;
  const values = [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
  for (const value of values) {
    nop(ring.getSqe()!);
    ring.getSqe()!.userData = value;
    ring.stageSqe();
  }
  ring.submitAndWait(8);
  const seen: unknown[] = [];
  ring.forEachCqe((cqe) => {
    seen.push(cqe.userData);
    assert.equal(
      BigInt(cqe.userData),
      (BigInt(cqe.userDataHigh) << 32n) | BigInt(cqe.userDataLow),
      'the halves',
    );
  });
  assert.deepEqual(seen, values);
});

function stageNop(ring: IoUringState, userData: number): void {
  const sqe = ring.getSqe()!;
  nop(sqe);
  sqe.userData = userData;
  ring.stageSqe();
}

function stageBad(ring: IoUringState, userData: number): void {
  const sqe = ring.getSqe()!;
  sqe.opcode = 255;
  sqe.userData = userData;
  ring.stageSqe();
}

function reap(ring: IoUringState): [unknown, number][] {
  const seen: [unknown, number][] = [];
  ring.forEachCqe((cqe) => seen.push([cqe.userData, cqe.res]));
  return seen;
}

test('submitAndGetEvents runs all of a chain when that is hoped for', {
  skip: lacksRing('IORING_SETUP_DEFER_TASKRUN (Linux 6.1)', { flags: DEFERRED }),
}, () => {
  using ring = new IoUringState(8, { flags: DEFERRED });
  const chain = (): void => {
    for (let n = 0; n < 5; n++) {
      const sqe = ring.getSqe()!;
      nop(sqe);
      if (n < 4) sqe.flags |= IOSQE_IO_LINK;
      ring.commitSqe();
    }
  };
  chain();
  assert.equal(ring.submitAndGetEvents(5), 5);
  assert.equal(ring.cqReady(), 5);
  // More than there will ever be is not waited for.
  chain();
  assert.equal(ring.submitAndGetEvents(16), 5);
  assert.equal(ring.cqReady(), 10);
  assert.equal(ring.submitAndGetEvents(16), 0);
});
