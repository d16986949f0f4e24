/**
 * What the kernel promises of IOSQE_IO_DRAIN: it begins after all that was submitted before is done, and holds back all
 * that comes after.
 */
import assert from 'node:assert/strict';
import { writeSync } from 'node:fs';
import { msgRing, nop, pollAdd, type Sqe, timeout, timeoutRemove, timespec, write } from 'tsuring';
import {
  IORING_CQE_F_MORE,
  IORING_FEAT_CQE_SKIP,
  IORING_TIMEOUT_MULTISHOT,
  IOSQE_ASYNC,
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_IO_DRAIN,
  IOSQE_IO_LINK,
  libc,
  POLLIN,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { liveKinds } from './support/live-kinds.ts';
import { rows, stage, submits } from './support/live-rows.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksTrial } from './support/live-trial.ts';
import { lacksFeature, lacksOpcode, lacksRing } from './support/needs.ts';
import type { OpenRing } from './support/open-ring.ts';

const DRAIN = IOSQE_IO_DRAIN;
const LINK = IOSQE_IO_LINK;
const MORE = IORING_CQE_F_MORE;
const without = lacksRing('io_uring', {});
const lacksSkip = lacksFeature('IORING_FEAT_CQE_SKIP (Linux 5.17)', IORING_FEAT_CQE_SKIP);
const lacksMultishot = lacksTrial('IORING_TIMEOUT_MULTISHOT (Linux 6.4)', (sqe) =>
  timeout(sqe, timespec(0), 1, IORING_TIMEOUT_MULTISHOT),
);

/** Before, what is behind waits only until the drained one begins. Of the same release as IORING_OP_PIPE. */
const lacksStrict =
  lacksOpcode('IORING_OP_PIPE') && 'needs entries that wait for a drained one to end (Linux 6.16)';

for (const { name, options, lacks } of liveKinds)
  live(
    ['nop', 'pollAdd'],
    `waits for all before, and what comes after waits for it: ${name}`,
    [lacks],
    () => {
      using here = scratch();
      const open = here.ring(16, options);
      const { ring } = open;
      const [one, toOne] = here.pipe();
      const [other, toOther] = here.pipe();
      stage(ring, 1, polling(one));
      stage(ring, 2, polling(other));
      stage(ring, 3, nop, DRAIN);
      stage(ring, 4, nop);
      submits(open, 4);
      stage(ring, 5, nop);
      submits(open, 1);
      nothing(open);
      writeSync(toOther, 'a');
      assert.deepEqual(rows(open, 1), [[2, POLLIN, 0]]);
      nothing(open);
      writeSync(toOne, 'a');
      const [first, ...rest] = rows(open, 4);
      assert.deepEqual(first, [1, POLLIN, 0]);
      if (lacksStrict === false)
        assert.deepEqual(rest[0], [3, 0, 0], 'what comes after it waits for its end');
      assert.deepEqual(
        rest.sort(([a], [b]) => Number(a) - Number(b)),
        [
          [3, 0, 0],
          [4, 0, 0],
          [5, 0, 0],
        ],
      );
    },
  );

live(['nop', 'timeoutRemove'], 'runs at once where there is nothing to wait for', [without], () => {
  using here = scratch();
  const open = here.ring();
  stage(open.ring, 1, nop, DRAIN);
  submits(open, 1);
  assert.deepEqual(rows(open, 1), [[1, 0, 0]]);
  stage(open.ring, 2, (sqe) => timeoutRemove(sqe, 77), LINK);
  stage(open.ring, 3, nop);
  stage(open.ring, 4, nop, DRAIN);
  submits(open, 3);
  const seen = rows(open, 3);
  assert.deepEqual(seen.at(-1), [4, 0, 0], 'what failed or was cancelled is done, too');
  assert.deepEqual(seen.slice(0, 2).sort(), [
    [2, '-ENOENT', 0],
    [3, '-ECANCELED', 0],
  ]);
});

live(['nop'], 'several of them make an order of everything', [without], () => {
  using here = scratch();
  const open = here.ring(32);
  for (let round = 0; round < 10; round++) {
    const flags = (n: number) => DRAIN | (n % 3 === 0 ? IOSQE_ASYNC : 0);
    for (let n = 0; n < 32; n++) stage(open.ring, n, nop, flags(n));
    submits(open, 32);
    assert.deepEqual(
      rows(open, 32),
      Array.from({ length: 32 }, (_, n) => [n, 0, 0]),
    );
  }
});

live(['write', 'nop', 'pollAdd'], 'begins nothing before its time', [without], () => {
  using here = scratch();
  const open = here.ring();
  const [waited, toWaited] = here.pipe();
  const [written, toWritten] = here.pipe();
  stage(open.ring, 1, polling(waited));
  stage(open.ring, 2, nop, DRAIN);
  stage(open.ring, 3, (sqe) => write(sqe, toWritten, Buffer.from('x'), 1, -1));
  submits(open, 3, 0);
  assert.equal(libc().poll(written, POLLIN, 20), 0);
  writeSync(toWaited, 'a');
  const [first, ...others] = rows(open, 3);
  assert.deepEqual(first, [1, POLLIN, 0]);
  // What may begin then does so at the same time: on Linux 6.12 the second was once the last.
  assert.deepEqual(
    others.sort(([a], [b]) => Number(a) - Number(b)),
    [
      [2, 0, 0],
      [3, 1, 0],
    ],
  );
});

live(['nop', 'pollAdd'], 'anywhere in a chain, it is for the whole chain', [lacksStrict], () => {
  for (const drained of [2, 3, 4]) {
    using here = scratch();
    const open = here.ring();
    const { ring } = open;
    const [one, toOne] = here.pipe();
    const [other, toOther] = here.pipe();
    stage(ring, 1, polling(one));
    stage(ring, 2, nop, LINK | (drained === 2 ? DRAIN : 0));
    stage(ring, 3, polling(other), LINK | (drained === 3 ? DRAIN : 0));
    stage(ring, 4, nop, drained === 4 ? DRAIN : 0);
    stage(ring, 5, nop);
    submits(open, 5);
    nothing(open);
    writeSync(toOne, 'a');
    assert.deepEqual(rows(open, 2), [
      [1, POLLIN, 0],
      [2, 0, 0],
    ]);
    nothing(open);
    writeSync(toOther, 'a');
    assert.deepEqual(rows(open, 3), [
      [3, POLLIN, 0],
      [4, 0, 0],
      [5, 0, 0],
    ]);
  }
});

live(
  ['timeout', 'nop'],
  'waits for a timeout and for all that a multishot one fires',
  [lacksMultishot],
  () => {
    using here = scratch();
    const open = here.ring();
    stage(open.ring, 1, (sqe) => timeout(sqe, timespec(2), 3, IORING_TIMEOUT_MULTISHOT));
    stage(open.ring, 2, nop, DRAIN);
    stage(open.ring, 3, nop);
    submits(open, 3);
    assert.deepEqual(rows(open, 5), [
      [1, '-ETIME', MORE],
      [1, '-ETIME', MORE],
      [1, '-ETIME', 0],
      [2, 0, 0],
      [3, 0, 0],
    ]);
  },
);

live(
  ['msgRing', 'nop', 'pollAdd'],
  'messages of other rings count for nothing',
  [lacksOpcode('IORING_OP_MSG_RING')],
  () => {
    using here = scratch();
    const open = here.ring();
    const other = here.ring();
    const [readEnd, writeEnd] = here.pipe();
    stage(open.ring, 1, polling(readEnd));
    stage(open.ring, 2, nop, DRAIN);
    submits(open, 2);
    for (let n = 0; n < 3; n++) stage(other.ring, n, (sqe) => msgRing(sqe, open.ring.fd, n, 9));
    submits(other, 3);
    rows(other, 3);
    assert.deepEqual(rows(open, 3), [
      [9, 0, 0],
      [9, 1, 0],
      [9, 2, 0],
    ]);
    nothing(open);
    writeSync(writeEnd, 'a');
    assert.deepEqual(rows(open, 2), [
      [1, POLLIN, 0],
      [2, 0, 0],
    ]);
  },
);

live(['nop'], 'cannot be had once a ring has skipped completions', [lacksSkip], () => {
  using here = scratch();
  const open = here.ring();
  const { ring } = open;
  stage(ring, 1, nop, DRAIN);
  submits(open, 1);
  assert.deepEqual(rows(open, 1), [[1, 0, 0]]);
  stage(ring, 2, nop, IOSQE_CQE_SKIP_SUCCESS);
  submits(open, 1);
  for (let round = 0; round < 3; round++) {
    stage(ring, 3, nop, DRAIN);
    stage(ring, 4, nop);
    submits(open, 2, 1, 1);
    assert.deepEqual(rows(open, 1), [[3, '-EOPNOTSUPP', 0]], 'it ends its batch');
    assert.equal(ring.submit(), 1);
    assert.deepEqual(rows(open, 1), [[4, 0, 0]]);
  }
  const other = here.ring();
  stage(other.ring, 5, nop, DRAIN);
  submits(other, 1);
  assert.deepEqual(rows(other, 1), [[5, 0, 0]], 'another ring can');
});

function polling(fd: number): (sqe: Sqe) => void {
  return (sqe) => pollAdd(sqe, fd, POLLIN);
}

/** Nothing stands, and nothing is held back: a NOP would be held back here as well. */
function nothing(open: OpenRing): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  open.ring.getEvents();
  open.expect({ sq: 0, cq: 0 });
}
