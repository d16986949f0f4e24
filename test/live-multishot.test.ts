/**
 * What the kernel promises of requests that complete again and again: IORING_CQE_F_MORE is on every completion but the
 * last, and after the last nothing is left of the request.
 */
import assert from 'node:assert/strict';
import { writeSync } from 'node:fs';
import { cancel, nop, pollMultishot, pollRemove, type Sqe, timeout, timeoutRemove, timespec } from 'tsuring';
import {
  IORING_CQE_F_MORE,
  IORING_TIMEOUT_ETIME_SUCCESS,
  IORING_TIMEOUT_MULTISHOT,
  IOSQE_IO_LINK,
  libc,
  POLLERR,
  POLLIN,
  POLLOUT,
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
import type { OpenRing } from './support/open-ring.ts';
import { timeLimit } from './support/time-limit.ts';
import { closePair, pipe } from './support/worker-pipes.ts';

const MORE = IORING_CQE_F_MORE;
const trialPipe = pipe();
const lacksPoll = lacksTrial('IORING_POLL_ADD_MULTI (Linux 5.13)', (sqe) =>
  pollMultishot(sqe, trialPipe[1], POLLOUT),
);
closePair(trialPipe);
const lacksTimeout = lacksTrial('IORING_TIMEOUT_MULTISHOT (Linux 6.4)', (sqe) =>
  timeout(sqe, timespec(0), 1, IORING_TIMEOUT_MULTISHOT),
);

for (const { name, options, lacks } of liveKinds)
  live(
    ['pollMultishot', 'cancel'],
    `many at once, each until it is ended: ${name}`,
    [lacksPoll, lacks],
    () => {
      using here = scratch();
      const open = here.ring(8, options);
      const { ring } = open;
      const pipes = [1, 2, 3].map(() => here.pipe());
      for (const [n, [readEnd]] of pipes.entries())
        stage(ring, n, (sqe) => pollMultishot(sqe, readEnd, POLLIN));
      submits(open, 3);
      for (let round = 0; round < 30; round++) {
        const n = (round * 7) % 3;
        writeSync(pipes[n][1], 'a');
        assert.deepEqual(rows(open, 1), [[n, POLLIN, MORE]]);
      }
      for (const end of [pollRemove, cancel, pollRemove].entries()) {
        const [n, encode] = end;
        stage(ring, 9, (sqe) => encode(sqe, n));
        submits(open, 1);
        assert.deepEqual(sortedRows(open, 2), [
          [n, '-ECANCELED', 0],
          [9, 0, 0],
        ]);
        writeSync(pipes[n][1], 'a');
      }
      ring.getEvents();
      open.expect({ sq: 0, cq: 0 });
    },
  );

live(['pollMultishot'], 'two on one file both see what happens', [lacksPoll], () => {
  using here = scratch();
  const open = here.ring();
  const [readEnd, writeEnd] = here.pipe();
  for (const tag of [1, 2]) stage(open.ring, tag, (sqe) => pollMultishot(sqe, readEnd, POLLIN));
  submits(open, 2, 0);
  for (let round = 0; round < 3; round++) {
    writeSync(writeEnd, 'a');
    assert.deepEqual(sortedRows(open, 2), [
      [1, POLLIN, MORE],
      [2, POLLIN, MORE],
    ]);
  }
});

live(['pollMultishot'], 'holds its file, also when the descriptor is closed', [lacksPoll], () => {
  using here = scratch();
  const open = here.ring();
  const [readEnd, writeEnd] = pipe();
  stage(open.ring, 1, (sqe) => pollMultishot(sqe, readEnd, POLLIN));
  submits(open, 1, 0);
  libc().close(readEnd);
  writeSync(writeEnd, 'a');
  assert.deepEqual(rows(open, 1), [[1, POLLIN, MORE]]);
  stage(open.ring, 2, (sqe) => pollRemove(sqe, 1));
  submits(open, 1);
  assert.deepEqual(sortedRows(open, 2), [
    [1, '-ECANCELED', 0],
    [2, 0, 0],
  ]);
  assert.equal(
    libc().poll(writeEnd, POLLOUT, 0) & POLLERR,
    POLLERR,
    'with the last of them the file is gone',
  );
  libc().close(writeEnd);
});

live(
  ['pollMultishot', 'nop'],
  'what is linked to it waits for its end, and falls with it',
  [lacksPoll],
  () => {
    using here = scratch();
    const open = here.ring();
    const [readEnd, writeEnd] = here.pipe();
    stage(open.ring, 1, (sqe) => pollMultishot(sqe, readEnd, POLLIN), IOSQE_IO_LINK);
    stage(open.ring, 2, nop);
    submits(open, 2, 0);
    for (let round = 0; round < 3; round++) {
      writeSync(writeEnd, 'a');
      assert.deepEqual(rows(open, 1), [[1, POLLIN, MORE]]);
    }
    nothingCompleted(open);
    stage(open.ring, 3, (sqe) => pollRemove(sqe, 1));
    submits(open, 1);
    assert.deepEqual(sortedRows(open, 3), [
      [1, '-ECANCELED', 0],
      [2, '-ECANCELED', 0],
      [3, 0, 0],
    ]);
  },
);

live(['timeout', 'nop'], 'what is linked to it runs when it ends well', [lacksTimeout], () => {
  using here = scratch();
  const open = here.ring();
  const flags = IORING_TIMEOUT_MULTISHOT | IORING_TIMEOUT_ETIME_SUCCESS;
  stage(open.ring, 1, (sqe) => timeout(sqe, timespec(1), 3, flags), IOSQE_IO_LINK);
  stage(open.ring, 2, nop);
  submits(open, 2);
  assert.deepEqual(rows(open, 4), [
    [1, '-ETIME', MORE],
    [1, '-ETIME', MORE],
    [1, '-ETIME', 0],
    [2, 0, 0],
  ]);
});

// Some kernels keep an event that has no room in the queue and go on, others end the request with it: what matters is
// that F_MORE tells which, and that no event is lost without a word.
live(['pollMultishot', 'pollRemove'], 'tells the truth where the queue is full', [lacksPoll], () => {
  using here = scratch();
  const open = here.ring(2, { flags: 0, cqEntries: 2 });
  const [readEnd, writeEnd] = here.pipe();
  stage(open.ring, 1, (sqe) => pollMultishot(sqe, readEnd, POLLIN));
  submits(open, 1, 0);
  for (let n = 0; n < 8; n++) {
    writeSync(writeEnd, 'a');
    open.ring.submitAndGetEvents();
  }
  assert.equal(open.ring.cqHasOverflow, true);
  truthful(open, all(open), [1, POLLIN], (sqe) => pollRemove(sqe, 1));
});

live(
  ['timeout', 'timeoutRemove'],
  'tells the truth where the queue is full, with time',
  [lacksTimeout],
  () => {
    using here = scratch();
    const open = here.ring(2, { flags: 0, cqEntries: 2 });
    stage(open.ring, 1, (sqe) => timeout(sqe, timespec(1), 100, IORING_TIMEOUT_MULTISHOT));
    submits(open, 1);
    const end = performance.now() + timeLimit;
    while (!open.ring.cqHasOverflow && performance.now() < end)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    const seen = all(open);
    while (seen.at(-1)?.[2] === MORE && seen.length < 100) seen.push(...someRows(open));
    truthful(open, seen, [1, '-ETIME'], (sqe) => timeoutRemove(sqe, 1));
  },
);

/** Asserts that the last completion alone may be without F_MORE, and is exactly when the request is gone. */
function truthful(
  open: OpenRing,
  seen: readonly Row[],
  row: [Row[0], Row[1]],
  end: (sqe: Sqe) => void,
): void {
  assert.ok(seen.length > 2);
  for (const one of seen.slice(0, -1)) assert.deepEqual(one, [...row, MORE]);
  const last = seen[seen.length - 1];
  assert.deepEqual(last.slice(0, 2), row);
  const gone = last[2] === 0;
  stage(open.ring, 2, end);
  submits(open, 1);
  const answers = sortedRows(open, gone ? 1 : 2);
  assert.deepEqual(answers.at(-1), [2, gone ? '-ENOENT' : 0, 0]);
  if (!gone) assert.deepEqual(answers[0], [1, '-ECANCELED', 0]);
}

/** All completions that stand or wait behind. */
function all(open: OpenRing): Row[] {
  const seen: Row[] = [];
  for (let some = someRows(open, 0); some.length > 0; some = someRows(open, 0)) seen.push(...some);
  return seen;
}
