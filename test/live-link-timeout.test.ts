/**
 * Link timeouts for real: what they limit and what they leave alone, wherever they stand in a chain.
 */
import assert from 'node:assert/strict';
import { writeSync } from 'node:fs';
import {
  cancel,
  linkTimeout,
  nop,
  read,
  type Sqe,
  timeout,
  timeoutRemove,
  timeoutUpdate,
  timespec,
} from 'tsuring';
import {
  IORING_FEAT_CQE_SKIP,
  IORING_FEAT_MIN_TIMEOUT,
  IORING_LINK_TIMEOUT_UPDATE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_TIMEOUT_ABS,
  IORING_TIMEOUT_BOOTTIME,
  IORING_TIMEOUT_REALTIME,
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { liveKinds } from './support/live-kinds.ts';
import { nothingCompleted, rows, sortedRows, stage, submits } from './support/live-rows.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksTrial } from './support/live-trial.ts';
import { lacksDefer, lacksFeature, lacksRing } from './support/needs.ts';

const LINK = IOSQE_IO_LINK;
const LONG_MS = 1e9;
const without = lacksRing('io_uring', {});
const lacksClocks = lacksTrial('IORING_TIMEOUT_REALTIME (Linux 5.15)', (sqe) =>
  timeout(sqe, timespec(0), 0, IORING_TIMEOUT_REALTIME),
);
const lacksUpdate = lacksTrial('IORING_LINK_TIMEOUT_UPDATE (Linux 5.15)', (sqe) =>
  timeoutUpdate(sqe, timespec(0), 1, IORING_LINK_TIMEOUT_UPDATE),
);
/** Since then a chain with an entry that cannot be read is refused as a whole. */
const lacksWhole = lacksFeature('chains that are refused as a whole (Linux 5.17)', IORING_FEAT_CQE_SKIP);

/** On 5.10 and 6.1 the second link timeout of a chain never fires; it does on 6.12. */
const lacksSecond = lacksFeature('a second link timeout that fires (Linux 6.12)', IORING_FEAT_MIN_TIMEOUT);

for (const { name, options, lacks } of liveKinds)
  live(['linkTimeout', 'read'], `cancels the request before it when the time is up: ${name}`, [lacks], () => {
    using here = scratch();
    const open = here.ring(8, options);
    const [readEnd, writeEnd] = here.pipe();
    const start = process.hrtime.bigint();
    stage(open.ring, 1, reading(readEnd), LINK);
    stage(open.ring, 2, within(20));
    submits(open, 2);
    assert.deepEqual(sortedRows(open, 2), [
      [1, '-ECANCELED', 0],
      [2, '-ETIME', 0],
    ]);
    assert.ok(process.hrtime.bigint() - start >= 20_000_000n);
    writeSync(writeEnd, 'a');
    stage(open.ring, 3, reading(readEnd));
    submits(open, 1);
    assert.deepEqual(rows(open, 1), [[3, 1, 0]], 'what was cancelled has read nothing');
  });

for (const { name, options, lacks } of liveKinds)
  live(['linkTimeout', 'read'], `is cancelled when the request is done in time: ${name}`, [lacks], () => {
    using here = scratch();
    const open = here.ring(8, options);
    const [readEnd, writeEnd] = here.pipe();
    stage(open.ring, 1, reading(readEnd), LINK);
    stage(open.ring, 2, within(LONG_MS));
    submits(open, 2);
    open.ring.getEvents();
    open.expect({ sq: 0, cq: 0 });
    writeSync(writeEnd, 'a');
    assert.deepEqual(sortedRows(open, 2), [
      [1, 1, 0],
      [2, '-ECANCELED', 0],
    ]);
  });

live(['linkTimeout'], 'is cancelled when the request is done at once, or fails', [without], () => {
  using here = scratch();
  const open = here.ring();
  for (const [encode, res] of [
    [nop, 0],
    [(sqe: Sqe) => timeoutRemove(sqe, 77), '-ENOENT'],
  ] as const) {
    stage(open.ring, 1, encode, LINK);
    stage(open.ring, 2, within(LONG_MS));
    submits(open, 2);
    assert.deepEqual(sortedRows(open, 2), [
      [1, res, 0],
      [2, '-ECANCELED', 0],
    ]);
  }
});

live(['linkTimeout', 'cancel'], 'ends with a request that is cancelled otherwise', [without], () => {
  using here = scratch();
  const open = here.ring();
  const [readEnd] = here.pipe();
  stage(open.ring, 1, reading(readEnd), LINK);
  stage(open.ring, 2, within(LONG_MS));
  submits(open, 2, 0);
  stage(open.ring, 3, (sqe) => cancel(sqe, 2));
  stage(open.ring, 4, (sqe) => timeoutRemove(sqe, 2));
  submits(open, 2);
  assert.deepEqual(
    sortedRows(open, 2),
    [
      [3, '-ENOENT', 0],
      [4, '-ENOENT', 0],
    ],
    'it cannot be taken back by itself',
  );
  stage(open.ring, 5, (sqe) => cancel(sqe, 1));
  submits(open, 1);
  assert.deepEqual(sortedRows(open, 3), [
    [1, '-ECANCELED', 0],
    [2, '-ECANCELED', 0],
    [5, 0, 0],
  ]);
});

live(['linkTimeout'], 'limits a timeout as any other request', [without], () => {
  using here = scratch();
  const open = here.ring();
  stage(open.ring, 1, (sqe) => timeout(sqe, timespec(LONG_MS)), LINK);
  stage(open.ring, 2, within(1));
  submits(open, 2);
  assert.deepEqual(sortedRows(open, 2), [
    [1, '-ECANCELED', 0],
    [2, '-ETIME', 0],
  ]);
});

live(
  ['linkTimeout'],
  'in the middle of a chain: the rest goes on in time, and falls otherwise',
  [without],
  () => {
    using here = scratch();
    const open = here.ring();
    const { ring } = open;
    const [readEnd, writeEnd] = here.pipe();
    stage(ring, 1, nop, LINK);
    stage(ring, 2, reading(readEnd), LINK);
    stage(ring, 3, within(LONG_MS), LINK);
    stage(ring, 4, nop, LINK);
    stage(ring, 5, nop);
    submits(open, 5);
    assert.deepEqual(rows(open, 1), [[1, 0, 0]]);
    writeSync(writeEnd, 'a');
    assert.deepEqual(sortedRows(open, 4), [
      [2, 1, 0],
      [3, '-ECANCELED', 0],
      [4, 0, 0],
      [5, 0, 0],
    ]);
    stage(ring, 1, nop, LINK);
    stage(ring, 2, reading(readEnd), LINK);
    stage(ring, 3, within(1), LINK);
    stage(ring, 4, nop, LINK);
    stage(ring, 5, nop);
    submits(open, 5);
    assert.deepEqual(sortedRows(open, 5), [
      [1, 0, 0],
      [2, '-ECANCELED', 0],
      [3, '-ETIME', 0],
      [4, '-ECANCELED', 0],
      [5, '-ECANCELED', 0],
    ]);
  },
);

live(['linkTimeout'], 'behind a hard link: the rest goes on, in time or not', [lacksWhole], () => {
  using here = scratch();
  const open = here.ring();
  const [readEnd] = here.pipe();
  stage(open.ring, 1, reading(readEnd), IOSQE_IO_HARDLINK);
  stage(open.ring, 2, within(1), LINK);
  stage(open.ring, 3, nop);
  submits(open, 3);
  assert.deepEqual(sortedRows(open, 3), [
    [1, '-ECANCELED', 0],
    [2, '-ETIME', 0],
    [3, 0, 0],
  ]);
});

live(
  ['linkTimeout'],
  'each request of a chain has its own, which counts from its own start',
  [lacksSecond],
  () => {
    using here = scratch();
    const open = here.ring();
    const { ring } = open;
    const [one, toOne] = here.pipe();
    const [other] = here.pipe();
    stage(ring, 1, reading(one), LINK);
    stage(ring, 2, within(LONG_MS), LINK);
    stage(ring, 3, reading(other), LINK);
    stage(ring, 4, within(1));
    submits(open, 4, 0);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    nothingCompleted(open);
    writeSync(toOne, 'a');
    assert.deepEqual(sortedRows(open, 4), [
      [1, 1, 0],
      [2, '-ECANCELED', 0],
      [3, '-ECANCELED', 0],
      [4, '-ETIME', 0],
    ]);
  },
);

live(['linkTimeout'], 'without a request before it is refused', [without], () => {
  using here = scratch();
  const open = here.ring();
  const { ring } = open;
  stage(ring, 1, within(1));
  submits(open, 1, 1);
  assert.deepEqual(rows(open, 1), [[1, '-EINVAL', 0]]);
  // One that is not linked is none.
  stage(ring, 1, nop);
  stage(ring, 2, within(1));
  submits(open, 2);
  assert.deepEqual(sortedRows(open, 2), [
    [1, 0, 0],
    [2, '-EINVAL', 0],
  ]);
});

live(
  ['linkTimeout'],
  'behind another one, or unreadable, is refused with its whole chain',
  [lacksWhole],
  () => {
    using here = scratch();
    const open = here.ring();
    const { ring } = open;
    const [readEnd] = here.pipe();
    stage(ring, 1, reading(readEnd), LINK);
    stage(ring, 2, within(1), LINK);
    stage(ring, 3, within(LONG_MS));
    submits(open, 3);
    assert.deepEqual(sortedRows(open, 3), [
      [1, '-ECANCELED', 0],
      [2, '-ECANCELED', 0],
      [3, '-EINVAL', 0],
    ]);
    const refused: [(sqe: Sqe) => void, string][] = [
      [(sqe) => linkTimeout(sqe, 8), '-EFAULT'],
      [within(1, 1 << 30), '-EINVAL'],
      [within(1, IORING_TIMEOUT_BOOTTIME | IORING_TIMEOUT_REALTIME), '-EINVAL'],
    ];
    for (const [encode, res] of refused) {
      stage(ring, 1, reading(readEnd), LINK);
      stage(ring, 2, encode);
      submits(open, 2);
      assert.deepEqual(sortedRows(open, 2), [
        [1, '-ECANCELED', 0],
        [2, res, 0],
      ]);
    }
  },
);

live(['linkTimeout'], 'waits for a moment, on each clock', [lacksClocks], () => {
  using here = scratch();
  const open = here.ring();
  const [readEnd] = here.pipe();
  const realtime = () => BigInt(Date.now()) * 1_000_000n;
  for (const [now, flags] of [
    [process.hrtime.bigint, IORING_TIMEOUT_ABS],
    [realtime, IORING_TIMEOUT_ABS | IORING_TIMEOUT_REALTIME],
  ] as const) {
    const moment = now() + 20_000_000n;
    stage(open.ring, 1, reading(readEnd), LINK);
    stage(open.ring, 2, (sqe) => linkTimeout(sqe, timespec(moment), flags));
    submits(open, 2);
    assert.deepEqual(sortedRows(open, 2), [
      [1, '-ECANCELED', 0],
      [2, '-ETIME', 0],
    ]);
    assert.ok(now() >= moment);
  }
});

live(
  ['linkTimeout', 'timeout'],
  'finds nothing when the request was just done: -ENOENT',
  [lacksDefer()],
  () => {
    using here = scratch();
    const flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    const open = here.ring(8, { flags });
    // Both times pass before this ring's completions are asked for: the request is done when its limit is looked at.
    stage(open.ring, 1, (sqe) => timeout(sqe, timespec(1)), LINK);
    stage(open.ring, 2, within(50));
    submits(open, 2, 0);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    assert.deepEqual(sortedRows(open, 2), [
      [1, '-ETIME', 0],
      [2, '-ENOENT', 0],
    ]);
  },
);

live(['linkTimeout'], 'posts nothing with IOSQE_CQE_SKIP_SUCCESS, in time or not', [lacksWhole], () => {
  using here = scratch();
  const open = here.ring();
  const [readEnd] = here.pipe();
  stage(open.ring, 1, reading(readEnd), LINK);
  stage(open.ring, 2, within(1), IOSQE_CQE_SKIP_SUCCESS);
  stage(open.ring, 3, nop, LINK);
  stage(open.ring, 4, within(LONG_MS), IOSQE_CQE_SKIP_SUCCESS);
  submits(open, 4);
  assert.deepEqual(sortedRows(open, 2), [
    [1, '-ECANCELED', 0],
    [3, 0, 0],
  ]);
  nothingCompleted(open);
});

live(['timeoutUpdate', 'linkTimeout'], 'gives a link timeout another time', [lacksUpdate], () => {
  using here = scratch();
  const open = here.ring();
  const { ring } = open;
  const [readEnd, writeEnd] = here.pipe();
  const update = (target: number, ms: number, flags = IORING_LINK_TIMEOUT_UPDATE) =>
    stage(ring, 3, (sqe) => timeoutUpdate(sqe, timespec(ms), target, flags));
  stage(ring, 1, reading(readEnd), LINK);
  stage(ring, 2, within(LONG_MS));
  submits(open, 2, 0);
  update(2, 1, 0);
  submits(open, 1);
  assert.deepEqual(rows(open, 1), [[3, '-ENOENT', 0]], 'it is no ordinary timeout');
  update(1, 1);
  submits(open, 1);
  assert.deepEqual(rows(open, 1), [[3, '-ENOENT', 0]], 'named is the timeout, not the request');
  update(2, LONG_MS / 2);
  submits(open, 1);
  assert.deepEqual(rows(open, 1), [[3, 0, 0]]);
  nothingCompleted(open);
  update(2, 1);
  submits(open, 1);
  assert.deepEqual(sortedRows(open, 3), [
    [1, '-ECANCELED', 0],
    [2, '-ETIME', 0],
    [3, 0, 0],
  ]);
  // From soon to late, before it fires.
  stage(ring, 1, reading(readEnd), LINK);
  stage(ring, 2, within(2000));
  update(2, LONG_MS);
  submits(open, 3);
  assert.deepEqual(rows(open, 1), [[3, 0, 0]]);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2500);
  nothingCompleted(open);
  writeSync(writeEnd, 'a');
  assert.deepEqual(sortedRows(open, 2), [
    [1, 1, 0],
    [2, '-ECANCELED', 0],
  ]);
});

function reading(fd: number): (sqe: Sqe) => void {
  return (sqe) => read(sqe, fd, Buffer.alloc(1), 1, fd < 0 ? 0 : -1);
}

function within(ms: number, flags = 0): (sqe: Sqe) => void {
  return (sqe) => linkTimeout(sqe, timespec(ms), flags);
}
