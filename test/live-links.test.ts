/**
 * What the kernel promises of chains (IOSQE_IO_LINK, IOSQE_IO_HARDLINK): what waits for what, what breaks a chain, and
 * where a chain ends.
 */
import assert from 'node:assert/strict';
import { readSync, writeSync } from 'node:fs';
import { fsync, nop, pollAdd, read, type Sqe, timeout, timeoutRemove, timespec, write } from 'tsuring';
import {
  IORING_FEAT_CQE_SKIP,
  IOSQE_ASYNC,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
  libc,
  POLLIN,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { liveKinds } from './support/live-kinds.ts';
import { nothingCompleted, type Row, rows, sortedRows, stage, submits } from './support/live-rows.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksFeature, lacksRing } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';

const LINK = IOSQE_IO_LINK;
const HARD = IOSQE_IO_HARDLINK;
const NOBODY = 999_999;
const without = lacksRing('io_uring', {});
const lacksWhole = lacksFeature('chains that are refused as a whole (Linux 5.17)', IORING_FEAT_CQE_SKIP);

for (const { name, options, lacks } of liveKinds) {
  live(['nop'], `a chain runs in its order, beside others: ${name}`, [lacks], () => {
    using open = openRing(16, options);
    const { ring } = open;
    for (let n = 1; n <= 5; n++) stage(ring, n, nop, n < 5 ? LINK | (n % 2 ? IOSQE_ASYNC : 0) : 0);
    for (let n = 11; n <= 15; n++) stage(ring, n, nop, n < 15 ? HARD : 0);
    stage(ring, 20, nop);
    submits(open, 11);
    const seen = rows(open, 11);
    for (const row of seen) assert.deepEqual(row.slice(1), [0, 0]);
    const order = seen.map(([tag]) => tag as number);
    assert.deepEqual(
      order.filter((tag) => tag < 10),
      [1, 2, 3, 4, 5],
    );
    assert.deepEqual(
      order.filter((tag) => tag > 10 && tag < 20),
      [11, 12, 13, 14, 15],
    );
    assert.ok(order.includes(20));
  });

  live(
    ['timeoutRemove', 'nop'],
    `a failure cancels the rest of its chain, in order: ${name}`,
    [lacks],
    () => {
      using open = openRing(16, options);
      const { ring } = open;
      stage(ring, 1, nop, LINK);
      stage(ring, 2, failing, LINK);
      stage(ring, 3, nop, LINK);
      stage(ring, 4, failing, LINK);
      stage(ring, 5, nop);
      stage(ring, 11, nop, LINK);
      stage(ring, 12, nop);
      submits(open, 7);
      const seen = rows(open, 7);
      assert.deepEqual(
        seen.filter(([tag]) => Number(tag) < 10),
        [
          [1, 0, 0],
          [2, '-ENOENT', 0],
          [3, '-ECANCELED', 0],
          [4, '-ECANCELED', 0],
          [5, '-ECANCELED', 0],
        ],
      );
      assert.deepEqual(
        seen.filter(([tag]) => Number(tag) > 10),
        [
          [11, 0, 0],
          [12, 0, 0],
        ],
      );
    },
  );
}

live(['read', 'write', 'nop'], 'a short transfer breaks a chain; a whole one does not', [without], () => {
  using here = scratch();
  const open = here.ring();
  const { ring } = open;
  const fd = here.fileFd('file', '0123456789');
  const buffer = Buffer.alloc(16);
  for (const [length, rest] of [
    [10, 0],
    [11, '-ECANCELED'],
  ] as const) {
    stage(ring, 1, (sqe) => read(sqe, fd, buffer, length, 0), LINK);
    stage(ring, 2, nop, LINK);
    stage(ring, 3, nop);
    submits(open, 3);
    assert.deepEqual(rows(open, 3), [
      [1, 10, 0],
      [2, rest, 0],
      [3, rest, 0],
    ]);
  }
  // At the end of the file, even reading nothing is short.
  stage(ring, 1, (sqe) => read(sqe, fd, buffer, 16, 10), LINK);
  stage(ring, 2, nop);
  submits(open, 2);
  assert.deepEqual(rows(open, 2), [
    [1, 0, 0],
    [2, '-ECANCELED', 0],
  ]);
});

live(['read', 'nop'], 'neither a failure nor a short transfer breaks a hard link', [without], () => {
  using here = scratch();
  const open = here.ring();
  const { ring } = open;
  const fd = here.fileFd('file', '0123456789');
  const buffer = Buffer.alloc(16);
  stage(ring, 1, (sqe) => read(sqe, fd, buffer, 16, 0), HARD);
  stage(ring, 2, failing, HARD);
  stage(ring, 3, (sqe) => timeout(sqe, timespec(0)), HARD);
  stage(ring, 4, nop);
  submits(open, 4);
  assert.deepEqual(rows(open, 4), [
    [1, 10, 0],
    [2, '-ENOENT', 0],
    [3, '-ETIME', 0],
    [4, 0, 0],
  ]);
});

live(['timeoutRemove', 'nop'], 'each entry says how hard the link to its successor is', [without], () => {
  using open = openRing(8);
  const { ring } = open;
  stage(ring, 1, failing, HARD);
  stage(ring, 2, failing, LINK);
  stage(ring, 3, nop, HARD);
  stage(ring, 4, nop);
  submits(open, 4);
  assert.deepEqual(rows(open, 4), [
    [1, '-ENOENT', 0],
    [2, '-ENOENT', 0],
    [3, '-ECANCELED', 0],
    [4, '-ECANCELED', 0],
  ]);
});

live(['pollAdd', 'write'], 'nothing of a chain begins before what it waits for is done', [without], () => {
  using here = scratch();
  const open = here.ring();
  const { ring } = open;
  const [waited, toWaited] = here.pipe();
  const [written, toWritten] = here.pipe();
  stage(ring, 1, (sqe) => pollAdd(sqe, waited, POLLIN), LINK);
  stage(ring, 2, (sqe) => write(sqe, toWritten, Buffer.from('one'), 3, -1), LINK);
  stage(ring, 3, (sqe) => write(sqe, toWritten, Buffer.from('two'), 3, -1));
  submits(open, 3, 0);
  nothingCompleted(open);
  assert.equal(libc().poll(written, POLLIN, 0), 0, 'nothing was written');
  writeSync(toWaited, 'go');
  assert.deepEqual(rows(open, 3), [
    [1, POLLIN, 0],
    [2, 3, 0],
    [3, 3, 0],
  ]);
  const text = Buffer.alloc(10);
  assert.equal(text.toString('utf8', 0, readSync(written, text)), 'onetwo');
});

live(['write', 'fsync', 'read'], 'a chain of work on a file', [without], () => {
  using here = scratch();
  const open = here.ring();
  const { ring } = open;
  const fd = here.fileFd('file');
  const buffer = Buffer.alloc(11);
  for (let round = 0; round < 20; round++) {
    const text = `round ${round}`.padEnd(11, '.');
    stage(ring, 1, (sqe) => write(sqe, fd, Buffer.from(text), 11, 0), LINK);
    stage(ring, 2, (sqe) => fsync(sqe, fd), LINK);
    stage(ring, 3, (sqe) => read(sqe, fd, buffer, 11, 0));
    submits(open, 3);
    assert.deepEqual(rows(open, 3), [
      [1, 11, 0],
      [2, 0, 0],
      [3, 11, 0],
    ]);
    assert.equal(buffer.toString(), text);
  }
});

live(['nop', 'timeoutRemove'], 'a chain ends where its submit ends', [without], () => {
  using open = openRing(8);
  const { ring } = open;
  const expected: Row[] = [
    [1, '-ENOENT', 0],
    [2, 0, 0],
  ];
  stage(ring, 1, failing, LINK);
  submits(open, 1);
  stage(ring, 2, nop);
  submits(open, 1);
  assert.deepEqual(sortedRows(open, 2), expected);
  // The same for a submit of less than what is published.
  stage(ring, 1, failing, LINK);
  stage(ring, 2, nop);
  ring.flush();
  open.expect({ sq: 2, cq: 0 });
  assert.equal(ring.enter(1, 0, 0), 1);
  assert.equal(ring.sqReady(), 1);
  assert.equal(ring.enter(1, 0, 0), 1);
  assert.deepEqual(sortedRows(open, 2), expected);
});

live(['nop', 'timeoutRemove'], 'a link to nothing does no harm', [without], () => {
  using open = openRing(8);
  for (const flag of [LINK, HARD]) {
    stage(open.ring, 1, nop, flag);
    submits(open, 1);
    stage(open.ring, 2, failing, flag);
    submits(open, 1);
    assert.deepEqual(sortedRows(open, 2), [
      [1, 0, 0],
      [2, '-ENOENT', 0],
    ]);
  }
});

live(['nop'], 'an entry that cannot be read cancels its whole chain, hard or not', [lacksWhole], () => {
  using open = openRing(8);
  const { ring } = open;
  for (const flag of [LINK, HARD]) {
    stage(ring, 1, nop, flag);
    stage(ring, 2, unreadable, flag);
    stage(ring, 3, nop);
    stage(ring, 4, nop);
    // Linked on, it does not stop the batch.
    submits(open, 4);
    assert.deepEqual(sortedRows(open, 4), [
      [1, '-ECANCELED', 0],
      [2, '-EINVAL', 0],
      [3, '-ECANCELED', 0],
      [4, 0, 0],
    ]);
    // At the end of its chain, it does.
    stage(ring, 1, nop, flag);
    stage(ring, 2, unreadable);
    stage(ring, 3, nop);
    submits(open, 3, undefined, 2);
    assert.deepEqual(sortedRows(open, 2), [
      [1, '-ECANCELED', 0],
      [2, '-EINVAL', 0],
    ]);
    open.expect({ sq: 1, cq: 0 });
    assert.equal(ring.submit(), 1);
    assert.deepEqual(rows(open, 1), [[3, 0, 0]]);
  }
});

/** Fails when it is run. */
function failing(sqe: Sqe): void {
  timeoutRemove(sqe, NOBODY);
}

/** Fails when it is taken. */
function unreadable(sqe: Sqe): void {
  nop(sqe);
  sqe.opcode = 255;
}
