/**
 * Timeouts for real: by time, by count, on every clock, again and again; taken back and changed while they wait.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type Duration, nop, type Sqe, timeout, timeoutRemove, timeoutUpdate, timespec } from 'tsuring';
import {
  IORING_CQE_F_MORE,
  IORING_TIMEOUT_ABS,
  IORING_TIMEOUT_BOOTTIME,
  IORING_TIMEOUT_ETIME_SUCCESS,
  IORING_TIMEOUT_IMMEDIATE_ARG,
  IORING_TIMEOUT_MULTISHOT,
  IORING_TIMEOUT_REALTIME,
  IOSQE_IO_LINK,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { liveKinds } from './support/live-kinds.ts';
import {
  nothingCompleted,
  type Row,
  rows,
  someRows,
  sortedRows,
  stage,
  submits,
} from './support/live-rows.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksTrial } from './support/live-trial.ts';
import { lacksRing } from './support/needs.ts';
import { type OpenRing, openRing } from './support/open-ring.ts';

const MORE = IORING_CQE_F_MORE;
const LONG_MS = 1e9;
const without = lacksRing('io_uring', {});
const lacksFlag = (what: string, flags: number): string | false =>
  lacksTrial(what, (sqe) => timeout(sqe, timespec(0), 1, flags));
const lacksClocks = lacksFlag('IORING_TIMEOUT_BOOTTIME (Linux 5.15)', IORING_TIMEOUT_BOOTTIME);
const lacksSuccess = lacksFlag('IORING_TIMEOUT_ETIME_SUCCESS (Linux 5.16)', IORING_TIMEOUT_ETIME_SUCCESS);
const lacksMultishot = lacksFlag('IORING_TIMEOUT_MULTISHOT (Linux 6.4)', IORING_TIMEOUT_MULTISHOT);
const lacksImmediate = lacksTrial('IORING_TIMEOUT_IMMEDIATE_ARG (Linux 7.1)', (sqe) =>
  timeout(sqe, 1, 0, IORING_TIMEOUT_IMMEDIATE_ARG),
);
const lacksUpdate = lacksTrial('IORING_TIMEOUT_UPDATE (Linux 5.11)', (sqe) =>
  timeoutUpdate(sqe, timespec(0), 1),
);

for (const { name, options, lacks } of liveKinds)
  live(['timeout'], `completes with -ETIME when the time is up, not before: ${name}`, [lacks], () => {
    using open = openRing(8, options);
    const { ring } = open;
    const start = process.hrtime.bigint();
    stage(ring, 1, (sqe) => timeout(sqe, timespec(30)));
    stage(ring, 2, (sqe) => timeout(sqe, timespec(20_000_001n)));
    stage(ring, 3, (sqe) => timeout(sqe, timespec(0)));
    submits(open, 3);
    const seen = sortedRows(open, 3);
    assert.ok(process.hrtime.bigint() - start >= 30_000_000n, 'the longest took its time');
    assert.deepEqual(seen, [
      [1, '-ETIME', 0],
      [2, '-ETIME', 0],
      [3, '-ETIME', 0],
    ]);
  });

/** Nanoseconds on each clock. */
const clocks: [string, number, () => bigint, string | false][] = [
  ['CLOCK_MONOTONIC', 0, () => process.hrtime.bigint(), without],
  ['CLOCK_REALTIME', IORING_TIMEOUT_REALTIME, () => BigInt(Date.now()) * 1_000_000n, lacksClocks],
  ['CLOCK_BOOTTIME', IORING_TIMEOUT_BOOTTIME, uptime, lacksClocks],
];
for (const [clock, flag, now, lacks] of clocks)
  live(['timeout'], `waits for a moment of ${clock}, and for a duration on it`, [lacks], () => {
    using open = openRing(8);
    const { ring } = open;
    const moment = now() + 30_000_000n;
    stage(ring, 1, (sqe) => timeout(sqe, timespec(moment), 0, flag | IORING_TIMEOUT_ABS));
    submits(open, 1);
    assert.deepEqual(rows(open, 1), [[1, '-ETIME', 0]]);
    assert.ok(now() >= moment, 'the moment has come');
    stage(ring, 2, (sqe) => timeout(sqe, timespec(1), 0, flag | IORING_TIMEOUT_ABS));
    submits(open, 1);
    assert.deepEqual(rows(open, 1), [[2, '-ETIME', 0]], 'a moment long gone is at once');
    const start = now();
    stage(ring, 3, (sqe) => timeout(sqe, timespec(25), 0, flag));
    // A moment of another clock would be decades away, or long gone.
    stage(ring, 4, (sqe) => timeout(sqe, timespec(now() + 10n ** 18n), 0, flag | IORING_TIMEOUT_ABS));
    submits(open, 2);
    assert.deepEqual(rows(open, 1), [[3, '-ETIME', 0]]);
    assert.ok(now() - start >= 14_000_000n, 'uptime tells hundredths of seconds');
    nothingCompleted(open);
  });

live(['timeout'], 'completes with 0 when so many others have completed', [without], () => {
  using here = scratch();
  const open = here.ring();
  const { ring } = open;
  stage(ring, 1, (sqe) => timeout(sqe, timespec(LONG_MS), 3));
  submits(open, 1, 0);
  stage(ring, 2, nop);
  stage(ring, 3, nop);
  submits(open, 2);
  assert.deepEqual(rows(open, 2), [
    [2, 0, 0],
    [3, 0, 0],
  ]);
  // One failed operation counts as well as a good one.
  stage(ring, 4, (sqe) => timeoutRemove(sqe, 77));
  submits(open, 1);
  assert.deepEqual(sortedRows(open, 2), [
    [1, 0, 0],
    [4, '-ENOENT', 0],
  ]);
});

live(['timeout'], 'with a count still ends by its time', [without], () => {
  using open = openRing(4);
  stage(open.ring, 1, (sqe) => timeout(sqe, timespec(1), 5));
  stage(open.ring, 2, nop);
  submits(open, 2);
  assert.deepEqual(sortedRows(open, 2), [
    [1, '-ETIME', 0],
    [2, 0, 0],
  ]);
});

live(['timeout'], 'refuses what makes no sense', [without], () => {
  using open = openRing(8);
  const { ring } = open;
  const encoders: ((sqe: Sqe) => void)[] = [
    (sqe) => timeout(sqe, 8),
    (sqe) => timeout(sqe, timespec(1), 0, 1 << 30),
    (sqe) => timeout(sqe, timespec(1), 0, IORING_TIMEOUT_BOOTTIME | IORING_TIMEOUT_REALTIME),
    (sqe) => timeout(sqe, timespec(1), 0, IORING_TIMEOUT_MULTISHOT | IORING_TIMEOUT_ABS),
    (sqe) => {
      timeout(sqe, timespec(1));
      sqe.len = 2;
    },
  ];
  for (const [n, encode] of encoders.entries()) {
    stage(ring, n, encode);
    submits(open, 1);
    assert.deepEqual(rows(open, 1), [[n, n === 0 ? '-EFAULT' : '-EINVAL', 0]]);
  }
});

live(['timeout'], 'breaks a chain, but not with IORING_TIMEOUT_ETIME_SUCCESS', [lacksSuccess], () => {
  using open = openRing(8);
  const { ring } = open;
  for (const flags of [0, IORING_TIMEOUT_ETIME_SUCCESS]) {
    stage(ring, 1, (sqe) => timeout(sqe, timespec(1), 0, flags), IOSQE_IO_LINK);
    stage(ring, 2, nop);
    submits(open, 2);
    assert.deepEqual(rows(open, 2), [
      [1, '-ETIME', 0],
      [2, flags === 0 ? '-ECANCELED' : 0, 0],
    ]);
  }
});

live(['timeout'], 'fires as often as it is told, with F_MORE until the last', [lacksMultishot], () => {
  using open = openRing(8);
  const start = process.hrtime.bigint();
  stage(open.ring, 1, (sqe) => timeout(sqe, timespec(4), 5, IORING_TIMEOUT_MULTISHOT));
  submits(open, 1);
  const seen = rows(open, 5);
  assert.ok(process.hrtime.bigint() - start >= 20_000_000n);
  assert.deepEqual(
    seen,
    [MORE, MORE, MORE, MORE, 0].map((flags) => [1, '-ETIME', flags]),
  );
  nothingCompleted(open);
});

live(['timeout', 'timeoutRemove'], 'fires until it is taken back', [lacksMultishot], () => {
  using open = openRing(64);
  const { ring } = open;
  stage(ring, 1, (sqe) => timeout(sqe, timespec(1), 0, IORING_TIMEOUT_MULTISHOT));
  submits(open, 1);
  const fired: Row[] = [];
  while (fired.length < 10) fired.push(...someRows(open));
  const last = takeBack(open, fired);
  for (const row of fired) assert.deepEqual(row, [1, '-ETIME', MORE]);
  assert.deepEqual(
    last.sort(([a], [b]) => Number(a) - Number(b)),
    [
      [1, '-ECANCELED', 0],
      [2, 0, 0],
    ],
  );
  nothingCompleted(open);
});

live(['timeout', 'timeoutUpdate'], 'takes nanoseconds in place of a pointer', [lacksImmediate], () => {
  using open = openRing(8);
  const { ring } = open;
  const start = process.hrtime.bigint();
  stage(ring, 1, (sqe) => timeout(sqe, 20_000_000, 0, IORING_TIMEOUT_IMMEDIATE_ARG));
  stage(ring, 2, (sqe) => timeout(sqe, 10n ** 15n, 0, IORING_TIMEOUT_IMMEDIATE_ARG));
  submits(open, 2);
  assert.deepEqual(rows(open, 1), [[1, '-ETIME', 0]]);
  assert.ok(process.hrtime.bigint() - start >= 20_000_000n);
  stage(ring, 3, (sqe) => timeoutUpdate(sqe, 1, 2, IORING_TIMEOUT_IMMEDIATE_ARG));
  submits(open, 1);
  assert.deepEqual(sortedRows(open, 2), [
    [2, '-ETIME', 0],
    [3, 0, 0],
  ]);
});

live(['timeoutRemove'], 'takes a timeout back, by its user data', [without], () => {
  using open = openRing(8);
  const { ring } = open;
  const big = 2n ** 64n - 1n;
  wait(1, LONG_MS);
  wait(big, LONG_MS);
  wait(2, LONG_MS, 7);
  submits(open, 3, 0);
  for (const target of [big, 2]) {
    stage(ring, 3, (sqe) => timeoutRemove(sqe, target));
    submits(open, 1);
    assert.deepEqual(
      new Set(rows(open, 2)),
      new Set([
        [3, 0, 0],
        [target, '-ECANCELED', 0],
      ]),
    );
    stage(ring, 4, (sqe) => timeoutRemove(sqe, target));
    submits(open, 1);
    assert.deepEqual(rows(open, 1), [[4, '-ENOENT', 0]], 'once');
  }
  nothingCompleted(open);
  stage(ring, 5, (sqe) => timeoutRemove(sqe, 1, 1 << 30));
  submits(open, 1);
  assert.deepEqual(rows(open, 1), [[5, '-EINVAL', 0]], 'no flags');

  function wait(tag: number | bigint, duration: Duration, count = 0): void {
    stage(ring, tag, (sqe) => timeout(sqe, timespec(duration), count));
  }
});

live(['timeoutUpdate'], 'gives a timeout another time, counted from now or absolute', [lacksUpdate], () => {
  using open = openRing(8);
  const { ring } = open;
  for (const flags of [0, IORING_TIMEOUT_ABS]) {
    stage(ring, 1, (sqe) => timeout(sqe, timespec(LONG_MS)));
    submits(open, 1, 0);
    const end = process.hrtime.bigint() + 20_000_000n;
    const time = timespec(flags === 0 ? 20 : end);
    stage(ring, 2, (sqe) => timeoutUpdate(sqe, time, 1, flags));
    submits(open, 1);
    assert.deepEqual(sortedRows(open, 2), [
      [1, '-ETIME', 0],
      [2, 0, 0],
    ]);
    assert.ok(process.hrtime.bigint() >= end);
    stage(ring, 3, (sqe) => timeoutUpdate(sqe, time, 1, flags));
    submits(open, 1);
    assert.deepEqual(rows(open, 1), [[3, '-ENOENT', 0]]);
  }
});

live(['timeoutUpdate'], 'delays a timeout, and ends its count', [lacksUpdate], () => {
  using open = openRing(8);
  const { ring } = open;
  stage(ring, 1, (sqe) => timeout(sqe, timespec(LONG_MS), 2));
  stage(ring, 2, (sqe) => timeoutUpdate(sqe, timespec(LONG_MS * 2), 1));
  submits(open, 2);
  assert.deepEqual(rows(open, 1), [[2, 0, 0]]);
  for (let n = 0; n < 5; n++) nothingCompleted(open);
  stage(ring, 3, (sqe) => timeoutRemove(sqe, 1));
  submits(open, 1);
  assert.deepEqual(sortedRows(open, 2), [
    [1, '-ECANCELED', 0],
    [3, 0, 0],
  ]);
});

live(
  ['timeoutUpdate', 'timeoutRemove'],
  'a multishot timeout stays one, and forgets its count or not',
  [lacksMultishot],
  () => {
    using open = openRing(64);
    const { ring } = open;
    stage(ring, 1, (sqe) => timeout(sqe, timespec(LONG_MS), 3, IORING_TIMEOUT_MULTISHOT));
    stage(ring, 3, (sqe) => timeoutUpdate(sqe, timespec(1), 1));
    submits(open, 2);
    const seen: Row[] = [];
    const ended = () => seen.some(([tag, , flags]) => tag === 1 && flags === 0);
    while (seen.length < 10 && !ended()) seen.push(...someRows(open));
    const fired = [1, '-ETIME', MORE];
    if (ended()) {
      // Linux 6.12.118 keeps to it.
      assert.deepEqual(seen, [[3, 0, 0], fired, fired, [1, '-ETIME', 0]]);
      return nothingCompleted(open);
    }
    const last = takeBack(open, seen);
    assert.deepEqual(seen[0], [3, 0, 0]);
    for (const row of seen.slice(1)) assert.deepEqual(row, fired);
    assert.equal(last.length, 2);
  },
);

live(['timeoutUpdate'], 'refuses bad times and flags', [lacksUpdate], () => {
  using open = openRing(8);
  const { ring } = open;
  stage(ring, 9, (sqe) => timeout(sqe, timespec(LONG_MS)));
  submits(open, 1, 0);
  const encoders: ((sqe: Sqe) => void)[] = [
    (sqe) => timeoutUpdate(sqe, 8, 9),
    (sqe) => timeoutUpdate(sqe, timespec(1), 9, 1 << 30),
  ];
  for (const [n, encode] of encoders.entries()) {
    stage(ring, n, encode);
    submits(open, 1);
    assert.deepEqual(rows(open, 1), [[n, n === 0 ? '-EFAULT' : '-EINVAL', 0]]);
  }
  nothingCompleted(open);
});

live(['timeout', 'timeoutUpdate'], 'refuses times below zero', [lacksMultishot], () => {
  using open = openRing(8);
  stage(open.ring, 1, (sqe) => timeout(sqe, timespec(-1)));
  stage(open.ring, 2, (sqe) => timeoutUpdate(sqe, timespec(-1n), 1));
  submits(open, 2, 1, 1);
  assert.deepEqual(rows(open, 1), [[1, '-EINVAL', 0]]);
  assert.equal(open.ring.submit(), 1);
  assert.deepEqual(rows(open, 1), [[2, '-EINVAL', 0]]);
});

/**
 * Takes back timeout 1. While it just fires there is nothing to take back (-ENOENT or -EALREADY), and it goes on. Gives
 * the last completions of both; what fired meanwhile goes to `fired`.
 */
function takeBack(open: OpenRing, fired: Row[]): Row[] {
  for (let tries = 0; tries < 100; tries++) {
    stage(open.ring, 2, (sqe) => timeoutRemove(sqe, 1));
    submits(open, 1);
    const last: Row[] = [];
    while (!last.some(([tag, res]) => tag === 2 && (res !== 0 || last.length === 2)))
      for (const row of someRows(open)) (row[1] === '-ETIME' ? fired : last).push(row);
    if (last.length === 2) return last;
  }
  throw new Error('It fires whenever it is to be taken back');
}

/** CLOCK_BOOTTIME, to a hundredth of a second, in nanoseconds. */
function uptime(): bigint {
  const [seconds] = readFileSync('/proc/uptime', 'utf8').split(' ');
  return BigInt(seconds.replace('.', '')) * 10_000_000n;
}
