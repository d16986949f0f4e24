/**
 * Polls for real: once and again and again, taken back and changed while they wait.
 */
import assert from 'node:assert/strict';
import { closeSync, readSync, writeSync } from 'node:fs';
import { nop, pollAdd, pollMultishot, pollRemove, pollUpdate, type Sqe, timeout, timespec } from 'tsuring';
import {
  EPOLLEXCLUSIVE,
  IORING_CQE_F_MORE,
  IORING_FEAT_POLL_32BITS,
  IORING_POLL_ADD_LEVEL,
  IORING_POLL_ADD_MULTI,
  IORING_POLL_UPDATE_EVENTS,
  IORING_POLL_UPDATE_USER_DATA,
  IOSQE_FIXED_FILE,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { closedFd } from './support/live-closed-fd.ts';
import { liveKinds } from './support/live-kinds.ts';
import { nothingCompleted, rows, sortedRows, stage, submits } from './support/live-rows.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksTrial } from './support/live-trial.ts';
import { lacksFeature, lacksRing } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';
import { closePair, pipe } from './support/worker-pipes.ts';

const MORE = IORING_CQE_F_MORE;
const without = lacksRing('io_uring', {});
const trialPipe = pipe();
const lacksMultishot = lacksTrial('IORING_POLL_ADD_MULTI (Linux 5.13)', (sqe) =>
  pollMultishot(sqe, trialPipe[1], POLLOUT),
);
const lacksLevel = lacksTrial('IORING_POLL_ADD_LEVEL (taken by no release so far)', (sqe) => {
  pollAdd(sqe, trialPipe[1], POLLOUT);
  sqe.len = IORING_POLL_ADD_LEVEL;
});
const lacksUpdate = lacksTrial('IORING_POLL_UPDATE_EVENTS (Linux 5.13)', (sqe) =>
  pollUpdate(sqe, 1, 0, POLLIN, IORING_POLL_UPDATE_EVENTS),
);
closePair(trialPipe);

for (const { name, options, lacks } of liveKinds)
  live(['pollAdd'], `completes once, when the file is ready: ${name}`, [lacks], () => {
    using here = scratch();
    using open = openRing(8, options);
    const { ring } = open;
    const [readEnd, writeEnd] = here.pipe();
    stage(ring, 1, (sqe) => pollAdd(sqe, readEnd, POLLIN));
    submits(open, 1);
    ring.getEvents();
    open.expect({ sq: 0, cq: 0 });
    writeSync(writeEnd, 'a');
    assert.deepEqual(rows(open, 1), [[1, POLLIN, 0]]);
    writeSync(writeEnd, 'b');
    ring.getEvents();
    open.expect({ sq: 0, cq: 0 }, 'it was for once');
    stage(ring, 2, (sqe) => pollAdd(sqe, readEnd, POLLIN | POLLOUT));
    submits(open, 1);
    assert.deepEqual(rows(open, 1), [[2, POLLIN, 0]], 'ready already');
  });

live(
  ['pollAdd'],
  'gives all of the events that there are, and none that were not asked for',
  [without],
  () => {
    using here = scratch();
    const open = here.ring();
    const [one, other] = here.sockets();
    writeSync(other, 'a');
    stage(open.ring, 1, (sqe) => pollAdd(sqe, one, POLLIN | POLLOUT));
    stage(open.ring, 2, (sqe) => pollAdd(sqe, one, POLLOUT));
    stage(open.ring, 3, (sqe) => pollAdd(sqe, other, POLLOUT | POLLIN));
    submits(open, 3);
    assert.deepEqual(sortedRows(open, 3), [
      [1, POLLIN | POLLOUT, 0],
      [2, POLLOUT, 0],
      [3, POLLOUT, 0],
    ]);
  },
);

live(['pollAdd'], 'looks for POLLHUP and POLLERR always', [without], () => {
  using here = scratch();
  const open = here.ring();
  const [readEnd, writeEnd] = pipe();
  stage(open.ring, 1, (sqe) => pollAdd(sqe, readEnd, 0));
  submits(open, 1, 0);
  closeSync(writeEnd);
  assert.deepEqual(rows(open, 1), [[1, POLLHUP, 0]]);
  closeSync(readEnd);
  const [toRead, toWrite] = pipe();
  closeSync(toRead);
  stage(open.ring, 2, (sqe) => pollAdd(sqe, toWrite, 0));
  submits(open, 1);
  assert.deepEqual(rows(open, 1), [[2, POLLERR, 0]]);
  closeSync(toWrite);
});

live(['pollAdd', 'pollRemove'], 'takes a slot of the registered files', [without], () => {
  using here = scratch();
  const open = here.ring();
  const { ring } = open;
  const [readEnd, writeEnd] = here.pipe();
  ring.registerFiles([-1, readEnd]);
  stage(ring, 1, (sqe) => pollAdd(sqe, 1, POLLIN), IOSQE_FIXED_FILE);
  stage(ring, 2, (sqe) => pollAdd(sqe, 0, POLLIN), IOSQE_FIXED_FILE);
  submits(open, 2);
  assert.deepEqual(rows(open, 1), [[2, '-EBADF', 0]], 'an empty slot');
  writeSync(writeEnd, 'a');
  assert.deepEqual(rows(open, 1), [[1, POLLIN, 0]]);
});

live(['pollAdd'], 'refuses a descriptor that is not open, and fields that it has not', [without], () => {
  using here = scratch();
  const open = here.ring();
  const [readEnd] = here.pipe();
  stage(open.ring, 1, (sqe) => pollAdd(sqe, closedFd(), POLLIN));
  submits(open, 1);
  assert.deepEqual(rows(open, 1), [[1, '-EBADF', 0]]);
  stage(open.ring, 2, (sqe) => {
    pollAdd(sqe, readEnd, POLLIN);
    sqe.off = 1;
  });
  submits(open, 1);
  assert.deepEqual(rows(open, 1), [[2, '-EINVAL', 0]]);
});

const lacks32 = lacksFeature('IORING_FEAT_POLL_32BITS (Linux 5.9)', IORING_FEAT_POLL_32BITS);
live(['pollAdd', 'pollRemove'], 'with EPOLLEXCLUSIVE one event is for one poll', [lacks32], () => {
  using here = scratch();
  const open = here.ring();
  const { ring } = open;
  const [readEnd, writeEnd] = here.pipe();
  for (const tag of [1, 2]) stage(ring, tag, (sqe) => pollAdd(sqe, readEnd, POLLIN | EPOLLEXCLUSIVE));
  submits(open, 2, 0);
  writeSync(writeEnd, 'a');
  const [[first, ...rest]] = rows(open, 1);
  assert.deepEqual(rest, [POLLIN, 0]);
  const second = first === 1 ? 2 : 1;
  nothingCompleted(open);
  stage(ring, 3, (sqe) => pollRemove(sqe, second));
  submits(open, 1);
  assert.deepEqual(sortedRows(open, 2), [
    [second, '-ECANCELED', 0],
    [3, 0, 0],
  ]);
});

live(['pollRemove'], 'takes a poll back, by its user data', [without], () => {
  using here = scratch();
  const open = here.ring();
  const { ring } = open;
  const [readEnd, writeEnd] = here.pipe();
  const big = 2n ** 64n - 1n;
  stage(ring, 1, (sqe) => pollAdd(sqe, readEnd, POLLIN));
  stage(ring, big, (sqe) => pollAdd(sqe, readEnd, POLLIN));
  submits(open, 2, 0);
  stage(ring, 2, (sqe) => pollRemove(sqe, big));
  submits(open, 1);
  assert.deepEqual(sortedRows(open, 2), [
    [2, 0, 0],
    [big, '-ECANCELED', 0],
  ]);
  writeSync(writeEnd, 'a');
  assert.deepEqual(rows(open, 1), [[1, POLLIN, 0]], 'the other one goes on');
});

live(['pollRemove'], 'finds none that is gone, and nothing that is no poll', [without], () => {
  using here = scratch();
  const open = here.ring();
  const { ring } = open;
  const [readEnd] = here.pipe();
  stage(ring, 1, (sqe) => pollAdd(sqe, readEnd, POLLIN));
  stage(ring, 2, (sqe) => timeout(sqe, timespec(1e9)));
  submits(open, 2, 0);
  const remove = (tag: number, target: number) => stage(ring, tag, (sqe) => pollRemove(sqe, target));
  remove(3, 7);
  remove(4, 2);
  remove(5, 1);
  submits(open, 3);
  assert.deepEqual(sortedRows(open, 4), [
    [1, '-ECANCELED', 0],
    [3, '-ENOENT', 0],
    [4, '-ENOENT', 0],
    [5, 0, 0],
  ]);
  remove(6, 1);
  submits(open, 1);
  assert.deepEqual(rows(open, 1), [[6, '-ENOENT', 0]], 'once');
});

for (const { name, options, lacks } of liveKinds)
  live(
    ['pollMultishot', 'pollRemove'],
    `completes each time the file becomes ready: ${name}`,
    [lacks, lacksMultishot],
    () => {
      using here = scratch();
      using open = openRing(8, options);
      const { ring } = open;
      const [readEnd, writeEnd] = here.pipe();
      writeSync(writeEnd, 'a');
      stage(ring, 1, (sqe) => pollMultishot(sqe, readEnd, POLLIN));
      submits(open, 1);
      assert.deepEqual(rows(open, 1), [[1, POLLIN, MORE]], 'ready at the start');
      for (let n = 0; n < 20; n++) {
        writeSync(writeEnd, 'b');
        assert.deepEqual(rows(open, 1), [[1, POLLIN, MORE]]);
      }
      // Edge-triggered: what still stands in the pipe is nothing new.
      ring.getEvents();
      open.expect({ sq: 0, cq: 0 });
      readSync(readEnd, Buffer.alloc(5));
      ring.getEvents();
      open.expect({ sq: 0, cq: 0 });
      stage(ring, 2, (sqe) => pollRemove(sqe, 1));
      submits(open, 1);
      assert.deepEqual(sortedRows(open, 2), [
        [1, '-ECANCELED', 0],
        [2, 0, 0],
      ]);
      writeSync(writeEnd, 'c');
      ring.getEvents();
      open.expect({ sq: 0, cq: 0 });
      assert.deepEqual([ring.counts.sqes, ring.counts.cqes], [2, 23]);
    },
  );

live(['pollMultishot'], 'goes on after the other end hung up', [lacksMultishot], () => {
  using here = scratch();
  const open = here.ring();
  const { ring } = open;
  const [readEnd, writeEnd] = pipe();
  stage(ring, 1, (sqe) => pollMultishot(sqe, readEnd, POLLIN));
  submits(open, 1, 0);
  writeSync(writeEnd, 'a');
  assert.deepEqual(rows(open, 1), [[1, POLLIN, MORE]]);
  closeSync(writeEnd);
  assert.deepEqual(rows(open, 1), [[1, POLLIN | POLLHUP, MORE]]);
  stage(ring, 2, (sqe) => pollRemove(sqe, 1));
  submits(open, 1);
  assert.deepEqual(sortedRows(open, 2), [
    [1, '-ECANCELED', 0],
    [2, 0, 0],
  ]);
  closeSync(readEnd);
});

// Rings that watch each other could wake each other for ever, so most kernels end it with the first event (6.19 does not).
live(['pollMultishot'], 'of another ring may end with its first event, and says so', [lacksMultishot], () => {
  using here = scratch();
  const open = here.ring();
  const other = here.ring();
  stage(open.ring, 1, (sqe) => pollMultishot(sqe, other.ring.fd, POLLIN));
  submits(open, 1, 0);
  stage(other.ring, 9, nop);
  submits(other, 1, 1);
  const [[tag, res, flags]] = rows(open, 1);
  assert.deepEqual([tag, res], [1, POLLIN]);
  stage(open.ring, 2, (sqe) => pollRemove(sqe, 1));
  submits(open, 1);
  if (flags === 0) assert.deepEqual(rows(open, 1), [[2, '-ENOENT', 0]]);
  else
    assert.deepEqual(sortedRows(open, 2), [
      [1, '-ECANCELED', 0],
      [2, 0, 0],
    ]);
});

live(['pollAdd', 'pollMultishot'], 'level-triggered, completes as long as it is ready', [lacksLevel], () => {
  using here = scratch();
  const open = here.ring();
  const [readEnd, writeEnd] = here.pipe();
  writeSync(writeEnd, 'a');
  stage(open.ring, 1, (sqe) => {
    pollMultishot(sqe, readEnd, POLLIN);
    sqe.len |= IORING_POLL_ADD_LEVEL;
  });
  submits(open, 1);
  writeSync(writeEnd, 'b');
  const [[tag, res, flags]] = rows(open, 1);
  assert.deepEqual([tag, res, flags], [1, POLLIN, MORE]);
});

const EVENTS = IORING_POLL_UPDATE_EVENTS;
const USER_DATA = IORING_POLL_UPDATE_USER_DATA;

live(['pollUpdate', 'pollAdd'], 'changes what a poll looks for, and its user data', [lacksUpdate], () => {
  using here = scratch();
  const open = here.ring();
  const { ring } = open;
  const [one, other] = here.sockets();
  stage(ring, 1, (sqe) => pollAdd(sqe, one, POLLIN));
  submits(open, 1, 0);
  update(2, 1, 10, 0, USER_DATA);
  assert.deepEqual(rows(open, 1), [[2, 0, 0]], 'the poll itself does not complete');
  update(3, 1, 11, 0, USER_DATA);
  assert.deepEqual(rows(open, 1), [[3, '-ENOENT', 0]], 'under its old name it is gone');
  update(4, 10, 0, POLLOUT, EVENTS);
  assert.deepEqual(sortedRows(open, 2), [
    [4, 0, 0],
    [10, POLLOUT, 0],
  ]);
  writeSync(other, 'a');
  stage(ring, 5, (sqe) => pollAdd(sqe, other, POLLIN));
  submits(open, 1);
  update(6, 5, 2n ** 63n, POLLIN | POLLOUT, EVENTS | USER_DATA);
  assert.deepEqual(sortedRows(open, 2), [
    [6, 0, 0],
    [2n ** 63n, POLLOUT, 0],
  ]);

  function update(tag: number, old: number, to: number | bigint, events: number, flags: number): void {
    stage(ring, tag, (sqe) => pollUpdate(sqe, old, to, events, flags));
    submits(open, 1);
  }
});

live(
  ['pollUpdate', 'pollMultishot'],
  'a multishot poll stays one, with and without IORING_POLL_ADD_MULTI',
  [lacksUpdate, lacksMultishot],
  () => {
    using here = scratch();
    const open = here.ring();
    const { ring } = open;
    const [readEnd, writeEnd] = here.pipe();
    stage(ring, 1, (sqe) => pollMultishot(sqe, readEnd, POLLOUT));
    submits(open, 1, 0);
    for (const flags of [EVENTS, EVENTS | IORING_POLL_ADD_MULTI]) {
      stage(ring, 2, (sqe) => pollUpdate(sqe, 1, 0, POLLOUT, flags));
      submits(open, 1);
      assert.deepEqual(rows(open, 1), [[2, 0, 0]]);
      writeSync(writeEnd, 'a');
      nothingCompleted(open);
      stage(ring, 3, (sqe) => pollUpdate(sqe, 1, 0, POLLIN, flags));
      submits(open, 1);
      assert.deepEqual(sortedRows(open, 2), [
        [1, POLLIN, MORE],
        [3, 0, 0],
      ]);
      writeSync(writeEnd, 'b');
      assert.deepEqual(rows(open, 1), [[1, POLLIN, MORE]]);
    }
  },
);

live(['pollUpdate', 'pollAdd'], 'a poll for once stays one', [lacksUpdate], () => {
  using here = scratch();
  const open = here.ring();
  const { ring } = open;
  const [readEnd, writeEnd] = here.pipe();
  stage(ring, 1, (sqe) => pollAdd(sqe, readEnd, POLLOUT));
  stage(ring, 2, (sqe) => pollUpdate(sqe, 1, 0, POLLIN, EVENTS | IORING_POLL_ADD_MULTI));
  submits(open, 2);
  assert.deepEqual(rows(open, 1), [[2, 0, 0]]);
  writeSync(writeEnd, 'a');
  assert.deepEqual(rows(open, 1), [[1, POLLIN, 0]]);
  writeSync(writeEnd, 'b');
  nothingCompleted(open);
});

live(['pollUpdate'], 'refuses what it is not told to change, and finds only polls', [lacksUpdate], () => {
  using here = scratch();
  const open = here.ring();
  const { ring } = open;
  stage(ring, 9, (sqe) => timeout(sqe, timespec(1e9)));
  submits(open, 1, 0);
  const encoders: ((sqe: Sqe) => void)[] = [
    (sqe) => pollUpdate(sqe, 7, 8, 0, USER_DATA),
    (sqe) => pollUpdate(sqe, 9, 8, 0, USER_DATA),
    (sqe) => pollUpdate(sqe, 7, 0, POLLIN, EVENTS),
    (sqe) => pollUpdate(sqe, 7, 8, POLLIN, EVENTS),
    (sqe) => pollUpdate(sqe, 7, 8, POLLIN, USER_DATA),
    (sqe) => pollUpdate(sqe, 7, 0, 0, IORING_POLL_ADD_MULTI),
    (sqe) => pollUpdate(sqe, 7, 0, 0, 1 << 30),
  ];
  for (const [n, encode] of encoders.entries()) {
    stage(ring, n, encode);
    submits(open, 1);
    assert.deepEqual(rows(open, 1), [[n, n < 3 ? '-ENOENT' : '-EINVAL', 0]]);
  }
});
