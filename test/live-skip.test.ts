/**
 * What the kernel promises of IOSQE_CQE_SKIP_SUCCESS: success posts nothing, failure does.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { nop, pollMultishot, read, type Sqe, timeout, timeoutRemove, timespec, write } from 'tsuring';
import {
  IORING_FEAT_CQE_SKIP,
  IORING_TIMEOUT_ETIME_SUCCESS,
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
  POLLIN,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { liveKinds } from './support/live-kinds.ts';
import { nothingCompleted, type Row, rows, sortedRows, stage, submits } from './support/live-rows.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksFeature } from './support/needs.ts';
import type { OpenRing } from './support/open-ring.ts';

const SKIP = IOSQE_CQE_SKIP_SUCCESS;
const LINK = IOSQE_IO_LINK;
const HARD = IOSQE_IO_HARDLINK;
const NOBODY = 999_999;
const lacksSkip = lacksFeature('IORING_FEAT_CQE_SKIP (Linux 5.17)', IORING_FEAT_CQE_SKIP);

for (const { name, options, lacks } of liveKinds)
  live(['nop', 'timeoutRemove'], `success posts nothing, failure does: ${name}`, [lacksSkip, lacks], () => {
    using here = scratch();
    const open = here.ring(8, options);
    for (let round = 0; round < 20; round++) {
      stage(open.ring, 1, nop, SKIP);
      stage(open.ring, 2, failing, SKIP);
      stage(open.ring, 3, nop, SKIP);
      stage(open.ring, 4, nop);
      submits(open, 4);
      assert.deepEqual(sortedRows(open, 2), [
        [2, '-ENOENT', 0],
        [4, 0, 0],
      ]);
    }
    assert.deepEqual([open.ring.counts.sqes, open.ring.counts.cqes], [80, 40]);
  });

live(['write'], 'what posts nothing is done all the same', [lacksSkip], () => {
  using here = scratch();
  const open = here.ring();
  const path = here.file('file');
  const fd = here.fd(path);
  const data = Buffer.from('written in silence');
  stage(open.ring, 1, (sqe) => write(sqe, fd, data, data.length, 0), SKIP | LINK);
  stage(open.ring, 2, nop);
  submits(open, 2);
  assert.deepEqual(rows(open, 1), [[2, 0, 0]]);
  assert.equal(readFileSync(path, 'utf8'), 'written in silence');
});

live(
  ['read', 'timeout'],
  'a short transfer is no success, and a time that is up neither',
  [lacksSkip],
  () => {
    using here = scratch();
    const open = here.ring();
    const fd = here.fileFd('file', '0123456789');
    const buffer = Buffer.alloc(16);
    stage(open.ring, 1, (sqe) => read(sqe, fd, buffer, 10, 0), SKIP);
    stage(open.ring, 2, (sqe) => read(sqe, fd, buffer, 11, 0), SKIP);
    stage(open.ring, 3, (sqe) => timeout(sqe, timespec(0)), SKIP);
    stage(open.ring, 4, (sqe) => timeout(sqe, timespec(0), 0, IORING_TIMEOUT_ETIME_SUCCESS), SKIP);
    submits(open, 4);
    assert.deepEqual(sortedRows(open, 2), [
      [2, 10, 0],
      [3, '-ETIME', 0],
    ]);
    nothingCompleted(open);
  },
);

/** A chain of three, which of them skip, and what is posted. */
const chains: [string, [encode: (sqe: Sqe) => void, flags: number][], Row[]][] = [
  [
    'only the last is heard of',
    [
      [nop, SKIP | LINK],
      [nop, SKIP | LINK],
      [nop, 0],
    ],
    [[3, 0, 0]],
  ],
  [
    'a failure is heard of, and those it cancels are not, if it skips',
    [
      [nop, SKIP | LINK],
      [failing, SKIP | LINK],
      [nop, 0],
    ],
    [[2, '-ENOENT', 0]],
  ],
  [
    'and they are, if it does not skip',
    [
      [nop, SKIP | LINK],
      [failing, LINK],
      [nop, SKIP],
    ],
    [
      [2, '-ENOENT', 0],
      [3, '-ECANCELED', 0],
    ],
  ],
  [
    'over a hard link each speaks for itself',
    [
      [failing, SKIP | HARD],
      [nop, SKIP | HARD],
      [failing, SKIP],
    ],
    [
      [1, '-ENOENT', 0],
      [3, '-ENOENT', 0],
    ],
  ],
];
for (const [what, chain, expected] of chains)
  live(['nop', 'timeoutRemove'], `in a chain: ${what}`, [lacksSkip], () => {
    using here = scratch();
    const open = here.ring();
    for (const [n, [encode, flags]] of chain.entries()) stage(open.ring, n + 1, encode, flags);
    submits(open, 3);
    assert.deepEqual(sortedRows(open, expected.length), expected);
    nothingMore(open);
  });

live(['pollMultishot'], 'a multishot request cannot skip', [lacksSkip], () => {
  using here = scratch();
  const open = here.ring();
  const [readEnd] = here.pipe();
  stage(open.ring, 1, (sqe) => pollMultishot(sqe, readEnd, POLLIN), SKIP);
  submits(open, 1, 1);
  assert.deepEqual(rows(open, 1), [[1, '-EINVAL', 0]]);
});

function failing(sqe: Sqe): void {
  timeoutRemove(sqe, NOBODY);
}

function nothingMore(open: OpenRing): void {
  nothingCompleted(open);
  nothingCompleted(open);
}
