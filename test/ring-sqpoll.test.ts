/**
 * The kernel's submission thread: awake it takes entries without a system call, after its idle time it sleeps, and is
 * woken.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IoUringState, nop } from 'tsuring';
import {
  IORING_ENTER_GETEVENTS,
  IORING_ENTER_SQ_WAIT,
  IORING_ENTER_SQ_WAKEUP,
  IORING_SETUP_SQPOLL,
} from 'tsuring/syscalls';
import { hasProgram, runScript } from './support/child.ts';
import { lacksSqpoll } from './support/needs.ts';
import { type OpenRing, openRing } from './support/open-ring.ts';
import { timeLimit } from './support/time-limit.ts';

const needs = { skip: lacksSqpoll(), timeout: timeLimit };
const flags = IORING_SETUP_SQPOLL;
/** Long enough never to be over within a test. */
const NEVER_MS = timeLimit;

test('SQPOLL with 2,000 ms is the default', needs, () => {
  using ring = new IoUringState(4);
  assert.equal(ring.usesSqpoll, true);
  assert.equal(ring.setupFlags & IORING_SETUP_SQPOLL, IORING_SETUP_SQPOLL);
  using open = openRing(4, { flags });
  assert.equal(open.params.sq_thread_idle, 2000);
  using other = openRing(4, { flags, sqThreadIdle: 50 });
  assert.equal(other.params.sq_thread_idle, 50);
});

test('an awake thread makes io_uring_enter needless', needs, () => {
  using open = openRing(8, { flags, sqThreadIdle: NEVER_MS });
  const { ring, probe } = open;
  awake(ring);
  const { enters, wakeups } = ring.counts;
  for (let n = 1; n < 5000; n++) {
    const sqe = ring.getSqe();
    assert.ok(sqe);
    nop(sqe);
    sqe.userData = n;
    ring.commitSqe();
    if (n % 2 === 0) ring.submit();
    else ring.wakeSqpoll();
    let cqe = ring.peekCqe();
    while (cqe === null) cqe = ring.peekCqe();
    assert.deepEqual([cqe.userData, cqe.res, cqe.flags], [n, 0, 0]);
    ring.advanceCq();
  }
  assert.equal(probe.enters.length, enters);
  assert.deepEqual(ring.counts, { sqes: 5000, cqes: 5000, enters, wakeups });
  open.expect({ sq: 0, cq: 0, sqHead: 5000, sqTail: 5000, cqHead: 5000, cqTail: 5000 });
});

const lacksStrace = hasProgram('strace') ? false : 'needs strace';
test('strace sees none either', { ...needs, skip: needs.skip || lacksStrace }, () => {
  const script = (last: string) => `
    import { IoUringState, nop } from 'tsuring';
    const ring = new IoUringState(8, { sqThreadIdle: ${NEVER_MS} });
    const once = () => {
      nop(ring.getSqe());
      ring.commitSqe();
      ring.submit();
      while (ring.peekCqe() === null);
      ring.advanceCq();
    };
    once();
    const before = ring.counts.enters;
    for (let n = 0; n < 300; n++) once();
    ${last}
    process.stdout.write(JSON.stringify([ring.fd, before, ring.counts.enters]));
    ring.close();`;
  const under = ['strace', '-f', '-qq', '-e', 'trace=io_uring_setup,io_uring_enter'];
  const run = (last: string) => {
    const ended = runScript(script(last), { under });
    assert.equal(ended.status, 0, ended.stderr);
    const [fd, before, after] = JSON.parse(ended.stdout);
    // Node may have rings of its own (UV_USE_IO_URING): ours by its fd.
    const seen = ended.stderr.match(new RegExp(`io_uring_enter\\(${fd},`, 'g'))?.length ?? 0;
    assert.equal(seen, after, ended.stderr);
    return after - before;
  };
  assert.equal(run(''), 0);
  // The proof proves something: one enter more is seen.
  assert.equal(run('ring.getEvents();'), 1);
});

/** What wakes a sleeping thread, an entry having been committed. Each is a single system call. */
const wakers: Record<string, (open: OpenRing) => void> = {
  wakeSqpoll: ({ ring }) => ring.wakeSqpoll(),
  submit: ({ ring }) => assert.equal(ring.submit(), 1),
  submitAndGetEvents: ({ ring }) => assert.equal(ring.submitAndGetEvents(), 1),
  'submitAndWait(0)': ({ ring }) => assert.equal(ring.submitAndWait(0), 1),
  waitCqe: ({ ring }) => assert.ok(ring.waitCqe()),
  'enter(1, 0, SQ_WAKEUP)': ({ ring }) => assert.equal(ring.enter(1, 0, IORING_ENTER_SQ_WAKEUP), 1),
  'enter(0, 0, SQ_WAKEUP)': ({ ring }) => assert.equal(ring.enter(0, 0, IORING_ENTER_SQ_WAKEUP), 0),
};

for (const [name, wake] of Object.entries(wakers))
  test(`after its idle time the thread sleeps until ${name}`, needs, () => {
    using open = openRing(4, { flags, sqThreadIdle: 1 });
    const { ring, probe } = open;
    for (let n = 0; n < 3; n++) {
      asleep(ring);
      nop(ring.getSqe()!);
      ring.getSqe()!.userData = 90 + n;
      ring.commitSqe();
      assert.equal(ring.peekCqe(), null);
      open.expect({ sq: 1, cq: 0, sqHead: n, sqTail: n + 1 }, 'it waits in the queue');
      const before = probe.calls.enter ?? 0;
      wake(open);
      const entered = probe.enters.slice(before);
      assert.deepEqual(
        entered.map((call) => call.flags & IORING_ENTER_SQ_WAKEUP),
        [IORING_ENTER_SQ_WAKEUP, ...new Array(entered.length - 1).fill(0)],
        'woken once, at first',
      );
      if (name !== 'waitCqe') assert.equal(entered.length, 1);
      let cqe = ring.peekCqe();
      while (cqe === null) cqe = ring.peekCqe();
      assert.deepEqual([cqe.userData, cqe.res], [90 + n, 0]);
      ring.advanceCq();
      open.expect({ sq: 0, cq: 0, sqHead: n + 1, cqHead: n + 1 });
    }
    assert.equal(ring.counts.wakeups, 3);
  });

test('enter with a wait wakes the thread, with and without a number of entries', needs, () => {
  using open = openRing(4, { flags, sqThreadIdle: 1 });
  const { ring } = open;
  for (const toSubmit of [1, 0]) {
    asleep(ring);
    nop(ring.getSqe()!);
    ring.commitSqe();
    const taken = ring.enter(toSubmit, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP);
    assert.equal(taken, toSubmit);
    assert.equal(ring.cqReady(), 1);
    ring.advanceCq();
  }
});

test('waking an awake thread makes no system call', needs, () => {
  using open = openRing(4, { flags, sqThreadIdle: NEVER_MS });
  awake(open.ring);
  const { enters } = open.ring.counts;
  open.ring.wakeSqpoll();
  assert.equal(open.ring.submit(), 0);
  assert.equal(open.ring.submitAndWait(0), 0);
  assert.equal(open.probe.enters.length, enters);
  assert.equal(open.ring.sqNeedsWakeup, false);
});

test('SQ_WAIT waits for room in a full queue', needs, () => {
  using open = openRing(4, { flags, sqThreadIdle: NEVER_MS });
  const { ring } = open;
  awake(ring);
  for (let round = 0; round < 50; round++) {
    while (ring.getSqe() !== null) {
      nop(ring.getSqe()!);
      ring.stageSqe();
    }
    ring.flush();
    // It may return early for the kernel's own work, such as the end of a ring that was closed before.
    do assert.equal(ring.enter(0, 0, IORING_ENTER_SQ_WAIT), 0);
    while (ring.getSqe() === null);
    ring.getEvents();
    ring.forEachCqe((cqe) => assert.equal(cqe.res, 0));
  }
});

test('submit tells what it handed over, whether the thread has taken it by then or not', needs, () => {
  using open = openRing(4, { flags, sqThreadIdle: NEVER_MS });
  const { ring } = open;
  awake(ring);
  for (let round = 0; round < 3000; round++) {
    for (let n = 0; n < 3; n++) {
      nop(ring.getSqe()!);
      ring.stageSqe();
    }
    assert.equal(round % 2 === 0 ? ring.submit() : ring.submitAndGetEvents(), 3);
    while (ring.cqReady() < 3 || ring.sqReady() > 0) ring.getEvents();
    ring.advanceCq(3);
  }
});

test('a ring without SQPOLL never needs a wakeup', { skip: needs.skip }, () => {
  using open = openRing(4);
  const { ring } = open;
  assert.deepEqual([ring.usesSqpoll, ring.sqNeedsWakeup], [false, false]);
  ring.wakeSqpoll();
  assert.equal(open.probe.calls.enter, undefined);
});

/** Has the thread awake from now on, with one operation: it begins asleep, or may fall asleep before its first work. */
function awake(ring: IoUringState): void {
  nop(ring.getSqe()!);
  ring.commitSqe();
  ring.submitAndWait(1);
  // The completion stands before the place of its entry is given back, and a submit tells of what has its place.
  while (ring.sqReady() > 0) ring.getEvents();
  ring.advanceCq();
  assert.equal(ring.sqNeedsWakeup, false);
}

/** Waits until the thread has gone to sleep. */
function asleep(ring: IoUringState): void {
  while (!ring.sqNeedsWakeup) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
}
