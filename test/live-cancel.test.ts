/**
 * Cancelling for real: by user data, by file, by operation, all of them; what was running, and what was not there.
 */
import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import {
  cancel,
  cancel64,
  cancelFd,
  nop,
  openat,
  pollAdd,
  read,
  type Sqe,
  timeout,
  timespec,
  type U64,
} from 'tsuring';
import {
  AT_FDCWD,
  ECANCELED,
  IORING_ASYNC_CANCEL_ALL,
  IORING_ASYNC_CANCEL_ANY,
  IORING_ASYNC_CANCEL_FD_FIXED,
  IORING_ASYNC_CANCEL_OP,
  IORING_ASYNC_CANCEL_USERDATA,
  IORING_OP_NOP,
  IORING_OP_POLL_ADD,
  IORING_OP_READ,
  IORING_OP_TIMEOUT,
  IOSQE_ASYNC,
  IOSQE_FIXED_FILE,
  IOSQE_IO_LINK,
  POLLIN,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { closedFd } from './support/live-closed-fd.ts';
import { makeFifo } from './support/live-fifo.ts';
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
import { type Scratch, scratch } from './support/live-scratch.ts';
import { lacksTrial } from './support/live-trial.ts';
import { lacksRing } from './support/needs.ts';
import { type OpenRing, openRing } from './support/open-ring.ts';
import { timeLimit } from './support/time-limit.ts';

const ALL = IORING_ASYNC_CANCEL_ALL;
const ANY = IORING_ASYNC_CANCEL_ANY;
const OP = IORING_ASYNC_CANCEL_OP;
const USERDATA = IORING_ASYNC_CANCEL_USERDATA;
const without = lacksRing('io_uring', {});
const lacksAny = lacksTrial('IORING_ASYNC_CANCEL_ANY (Linux 5.19)', (sqe) =>
  cancel(sqe, 0, IORING_ASYNC_CANCEL_ANY),
);
const lacksFixed = lacksTrial('IORING_ASYNC_CANCEL_FD_FIXED (Linux 6.0)', (sqe) =>
  cancelFd(sqe, 0, IORING_ASYNC_CANCEL_FD_FIXED),
);
const lacksOp = lacksCancelOp();
const lacksBoth = lacksOp || lacksFdWithUserData();

/** The user data of the cancellations themselves: behind all others when sorted. */
const ASK = 2n ** 64n - 1n;

for (const { name, options, lacks } of liveKinds)
  live(['cancel', 'cancel64'], `cancels a request by its user data: ${name}`, [lacks], () => {
    using here = scratch();
    const open = here.ring(8, options);
    const { ring } = open;
    const [readEnd] = here.pipe();
    const buffer = Buffer.alloc(8);
    const waiting: ((sqe: Sqe) => void)[] = [
      (sqe) => read(sqe, readEnd, buffer, 8, -1),
      (sqe) => pollAdd(sqe, readEnd, POLLIN),
      (sqe) => timeout(sqe, timespec(1e9)),
    ];
    const tags: U64[] = [1, 0, 2n ** 63n];
    for (const [n, encode] of waiting.entries()) stage(ring, tags[n], encode);
    submits(open, 3);
    for (const [n, tag] of tags.entries()) {
      stage(ring, ASK, (sqe) => (n === 1 ? cancel64(sqe, tag) : cancel(sqe, tag)));
      submits(open, 1);
      assert.deepEqual(sortedRows(open, 2), [
        [tag, '-ECANCELED', 0],
        [ASK, 0, 0],
      ]);
      stage(ring, ASK, (sqe) => cancel(sqe, tag));
      submits(open, 1);
      assert.deepEqual(rows(open, 1), [[ASK, '-ENOENT', 0]], 'once');
    }
  });

live(['cancel'], 'cancels one, when several have the user data', [without], () => {
  using here = scratch();
  const open = here.ring();
  wait(open, here, 1, 1, 2);
  for (let left = 2; left > 0; left--) asks(open, (sqe) => cancel(sqe, 1), 0, [1]);
  asks(open, (sqe) => cancel(sqe, 1), '-ENOENT', []);
  asks(open, (sqe) => cancel(sqe, 2), 0, [2]);
});

live(['cancel'], 'finds nothing that is done or not begun', [without], () => {
  using here = scratch();
  const open = here.ring();
  const { ring } = open;
  stage(ring, 1, nop);
  submits(open, 1, 1);
  assert.deepEqual(rows(open, 1), [[1, 0, 0]]);
  asks(open, (sqe) => cancel(sqe, 1), '-ENOENT', []);
  // The second of a chain is not there before the first is done, and falls with it.
  const [readEnd] = here.pipe();
  stage(ring, 1, (sqe) => pollAdd(sqe, readEnd, POLLIN), IOSQE_IO_LINK);
  stage(ring, 2, (sqe) => timeout(sqe, timespec(1e9)));
  submits(open, 2, 0);
  asks(open, (sqe) => cancel(sqe, 2), '-ENOENT', []);
  asks(open, (sqe) => cancel(sqe, 1), 0, [1, 2]);
});

live(['cancel'], 'refuses flags that nobody knows', [without], () => {
  using here = scratch();
  const open = here.ring();
  asks(open, (sqe) => cancel(sqe, 1, 1 << 30), '-EINVAL', []);
});

live(
  ['cancel', 'openat'],
  'of one that a worker thread runs says -EALREADY and interrupts it',
  [without],
  () => {
    using here = scratch();
    const open = here.ring();
    const { ring } = open;
    const path = here.at('fifo');
    makeFifo(path);
    const answers = new Set<unknown>();
    for (let tries = 1; tries <= 100 && !answers.has('-EALREADY'); tries++) {
      stage(ring, 1, (sqe) => openat(sqe, AT_FDCWD, path, constants.O_RDONLY, 0), IOSQE_ASYNC);
      submits(open, 1, 0);
      // Before the thread has taken it, it is simply not begun. Nothing tells when it has: wait longer and longer.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, tries);
      for (const answer of cancelUntilDone(open)) answers.add(answer);
    }
    assert.ok(answers.has('-EALREADY'), 'the thread had begun');
  },
);

live(['cancel'], 'with IORING_ASYNC_CANCEL_ALL takes all of them, and tells how many', [lacksAny], () => {
  using here = scratch();
  const open = here.ring();
  wait(open, here, 1, 1, 1, 2);
  asks(open, (sqe) => cancel(sqe, 1, ALL), 3, [1, 1, 1]);
  asks(open, (sqe) => cancel(sqe, 1, ALL), 0, []);
  asks(open, (sqe) => cancel(sqe, 2, ALL), 1, [2]);
});

live(['cancel'], 'with IORING_ASYNC_CANCEL_ANY takes whatever there is', [lacksAny], () => {
  using here = scratch();
  const open = here.ring();
  const { ring } = open;
  wait(open, here, 1, 2);
  stage(ring, 3, (sqe) => timeout(sqe, timespec(1e9)));
  stage(ring, 4, (sqe) => timeout(sqe, timespec(1e9), 100));
  submits(open, 2, 0);
  asks(open, (sqe) => cancel(sqe, 77, ANY), 4, [1, 2, 3, 4]);
  asks(open, (sqe) => cancel(sqe, 77, ANY), 0, []);
});

live(['cancelFd'], 'cancels what waits on a file', [lacksAny], () => {
  using here = scratch();
  const open = here.ring();
  const { ring } = open;
  const [one] = here.pipe();
  const [other] = here.pipe();
  const poll = (tag: number, fd: number) => stage(ring, tag, (sqe) => pollAdd(sqe, fd, POLLIN));
  poll(1, one);
  poll(2, other);
  poll(3, other);
  poll(4, other);
  stage(ring, 5, (sqe) => timeout(sqe, timespec(1e9)));
  submits(open, 5, 0);
  asks(open, (sqe) => cancelFd(sqe, one), 0, [1]);
  asks(open, (sqe) => cancelFd(sqe, one), '-ENOENT', []);
  asks(open, (sqe) => cancelFd(sqe, one, ALL), 0, []);
  asks(open, (sqe) => cancelFd(sqe, other, ALL), 3, [2, 3, 4]);
  asks(open, (sqe) => cancelFd(sqe, closedFd()), '-EBADF', []);
  asks(open, (sqe) => cancelFd(sqe, other, ANY), '-EINVAL', [], 'any request, or those of a file');
  nothingCompleted(open);
});

live(['cancelFd'], 'takes one of several on a file at a time', [lacksAny], () => {
  using here = scratch();
  const open = here.ring();
  const [readEnd] = here.pipe();
  for (const tag of [1, 1, 1]) stage(open.ring, tag, (sqe) => pollAdd(sqe, readEnd, POLLIN));
  submits(open, 3, 0);
  for (let left = 3; left > 0; left--) asks(open, (sqe) => cancelFd(sqe, readEnd), 0, [1]);
  asks(open, (sqe) => cancelFd(sqe, readEnd), '-ENOENT', []);
});

live(['cancelFd'], 'names the file by its slot', [lacksFixed], () => {
  using here = scratch();
  const open = here.ring();
  const { ring } = open;
  const [one] = here.pipe();
  const [other] = here.pipe();
  asks(open, (sqe) => cancelFd(sqe, 0, IORING_ASYNC_CANCEL_FD_FIXED), '-EBADF', [], 'no table');
  ring.registerFiles([one, -1, other]);
  const buffer = Buffer.alloc(8);
  stage(ring, 1, (sqe) => read(sqe, 0, buffer, 8, -1), IOSQE_FIXED_FILE);
  stage(ring, 2, (sqe) => pollAdd(sqe, 2, POLLIN), IOSQE_FIXED_FILE);
  stage(ring, 3, (sqe) => pollAdd(sqe, 0, POLLIN), IOSQE_FIXED_FILE);
  submits(open, 3, 0);
  const fixed = IORING_ASYNC_CANCEL_FD_FIXED;
  asks(open, (sqe) => cancelFd(sqe, 1, fixed), '-EBADF', [], 'an empty slot');
  asks(open, (sqe) => cancelFd(sqe, 3, fixed), '-EBADF', [], 'beyond the table');
  asks(open, (sqe) => cancelFd(sqe, 0, fixed | ALL), 2, [1, 3]);
  asks(open, (sqe) => cancelFd(sqe, 2, fixed), 0, [2]);
  asks(open, (sqe) => cancelFd(sqe, 2, fixed), '-ENOENT', []);
});

live(['cancel'], 'cancels by operation, alone and with the user data', [lacksOp], () => {
  using here = scratch();
  const open = here.ring(16);
  const { ring } = open;
  wait(open, here, 1, 1, 2, 3);
  stage(ring, 1, (sqe) => timeout(sqe, timespec(1e9)));
  submits(open, 1, 0);
  const byOp =
    (op: number, flags: number, tag = 0) =>
    (sqe: Sqe) => {
      cancel(sqe, tag, OP | flags);
      sqe.len = op;
    };
  asks(open, byOp(IORING_OP_NOP, 0), '-ENOENT', []);
  asks(open, byOp(IORING_OP_NOP, ALL), 0, []);
  asks(open, byOp(IORING_OP_POLL_ADD, USERDATA, 7), '-ENOENT', []);
  asks(open, byOp(IORING_OP_POLL_ADD, USERDATA, 2), 0, [2]);
  asks(open, byOp(IORING_OP_POLL_ADD, USERDATA | ALL, 1), 2, [1, 1]);
  asks(open, byOp(IORING_OP_POLL_ADD, 0), 0, [3]);
  asks(open, byOp(IORING_OP_TIMEOUT, ALL), 1, [1]);
  asks(open, byOp(IORING_OP_TIMEOUT, ANY), '-EINVAL', [], 'any request, or those of an operation');
});

live(['cancelFd'], 'narrows a file down by operation', [lacksOp], () => {
  using here = scratch();
  const open = here.ring(16);
  const fd = waitOnTwo(open, here, 1, 2);
  const reads = (sqe: Sqe) => {
    cancelFd(sqe, fd, OP | ALL);
    sqe.len = IORING_OP_READ;
  };
  asks(open, reads, 2, [1, 2]);
  asks(open, reads, 0, []);
  asks(open, (sqe) => cancelFd(sqe, fd, ALL), 2, [1, 2]);
  asks(open, (sqe) => cancel(sqe, 1), 0, [1], 'what waits on another file');
});

live(['cancelFd'], 'narrows a file down by user data, and by the operation too', [lacksBoth], () => {
  using here = scratch();
  const open = here.ring(16);
  const fd = waitOnTwo(open, here, 1, 2);
  const narrow =
    (flags: number, tag: number, op = 0) =>
    (sqe: Sqe) => {
      cancelFd(sqe, fd, USERDATA | flags);
      sqe.len = op;
      sqe.addr = tag;
    };
  asks(open, narrow(OP | ALL, 2, IORING_OP_READ), 1, [2]);
  asks(open, narrow(OP, 2, IORING_OP_READ), '-ENOENT', []);
  asks(open, narrow(ALL, 1), 2, [1, 1]);
  asks(open, narrow(0, 1), '-ENOENT', []);
  asks(open, narrow(0, 2), 0, [2]);
  asks(open, (sqe) => cancel(sqe, 1), 0, [1], 'what waits on another file');
});

/** Cancels request 1 until it has completed: where it was just beginning, one time is not always enough. */
function cancelUntilDone(open: OpenRing): unknown[] {
  const answers: unknown[] = [];
  const ended: Row[] = [];
  for (let tries = 0; tries < 100 && ended.length === 0; tries++) {
    stage(open.ring, ASK, (sqe) => cancel(sqe, 1));
    submits(open, 1);
    const seen = someRows(open);
    while (!seen.some(([tag]) => tag === ASK)) seen.push(...someRows(open));
    if (seen.length === 1) seen.push(...someRows(open, 50));
    for (const row of seen)
      if (row[0] === ASK) answers.push(row[1]);
      else ended.push(row);
  }
  const [[, res, flags]] = ended;
  if (answers.includes(0)) assert.deepEqual([res, flags], ['-ECANCELED', 0]);
  else assert.match(`${answers[0]} ${res} ${flags}`, /^-EALREADY -(ERESTARTSYS|EINTR|ECANCELED) 0$/);
  return answers;
}

/** A poll and a read on one file under each of the tags, and a poll on another under the first. Gives the one file. */
function waitOnTwo(open: OpenRing, here: Scratch, ...tags: number[]): number {
  const [readEnd] = here.pipe();
  const [elsewhere] = here.pipe();
  for (const tag of tags) {
    stage(open.ring, tag, (sqe) => pollAdd(sqe, readEnd, POLLIN));
    stage(open.ring, tag, (sqe) => read(sqe, readEnd, Buffer.alloc(8), 8, -1));
  }
  stage(open.ring, tags[0], (sqe) => pollAdd(sqe, elsewhere, POLLIN));
  submits(open, 2 * tags.length + 1, 0);
  return readEnd;
}

/** For both keys at once: until a repair of 2026 they shared a place in the kernel, and nothing matched. */
function lacksFdWithUserData(): string | false {
  using here = scratch();
  const open = here.ring(4);
  const [readEnd] = here.pipe();
  stage(open.ring, 1, (sqe) => pollAdd(sqe, readEnd, POLLIN));
  stage(open.ring, 2, (sqe) => {
    cancelFd(sqe, readEnd, USERDATA);
    sqe.addr = 1;
  });
  open.ring.submit();
  const res = open.ring.waitCqe({ timeout: timeLimit })?.res;
  return res === 0 || res === -ECANCELED ? false : 'needs IORING_ASYNC_CANCEL_FD with USERDATA (Linux 7.0)';
}

/** For cancelling by operation. Linux 6.1 takes the flag and does not look at it. */
function lacksCancelOp(): string | false {
  if (without) return without;
  using open = openRing(4);
  stage(open.ring, 1, (sqe) => timeout(sqe, timespec(1e9)));
  stage(open.ring, 2, (sqe) => {
    cancel(sqe, 3, OP);
    sqe.len = IORING_OP_TIMEOUT;
  });
  open.ring.submit();
  const res = open.ring.waitCqe({ timeout: timeLimit })?.res;
  return res === 0 || res === -ECANCELED ? false : 'needs IORING_ASYNC_CANCEL_OP (Linux 6.6)';
}

/** Polls of pipes that nothing is written to, one for each tag. */
function wait(open: OpenRing, here: Scratch, ...tags: number[]): void {
  for (const tag of tags) {
    const [readEnd] = here.pipe();
    stage(open.ring, tag, (sqe) => pollAdd(sqe, readEnd, POLLIN));
  }
  submits(open, tags.length, 0);
}

/** Asserts what a cancellation answers, and which requests end by it. */
function asks(
  open: OpenRing,
  encode: (sqe: Sqe) => void,
  answer: number | string,
  ended: readonly number[],
  message?: string,
): void {
  stage(open.ring, ASK, encode);
  submits(open, 1);
  const expected: Row[] = ended.map((tag) => [tag, '-ECANCELED', 0]);
  assert.deepEqual(sortedRows(open, ended.length + 1), [...expected, [ASK, answer, 0]], message);
}
