/**
 * Futexes for real: waiting and waking within a ring, between rings and between Workers.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import type { Worker } from 'node:worker_threads';
import {
  cancel,
  futexWait,
  futexWaitv,
  futexWake,
  linkTimeout,
  type Pointer,
  type Sqe,
  timespec,
} from 'tsuring';
import {
  addressOf,
  FUTEX_BITSET_MATCH_ANY,
  FUTEX_WAITV_MAX,
  FUTEX2_PRIVATE,
  FUTEX2_SIZE_U8,
  FUTEX2_SIZE_U32,
  FUTEX2_SIZE_U64,
  futex_waitv,
  IOSQE_IO_LINK,
  writeStruct,
} from 'tsuring/syscalls';
import { times } from './support/effort.ts';
import { live } from './support/live.ts';
import type { FutexWork } from './support/live-futex-worker.ts';
import { liveKinds } from './support/live-kinds.ts';
import { nothingCompleted, rows, sortedRows, stage, submits } from './support/live-rows.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksOpcode } from './support/needs.ts';
import { type OpenRing, openRing } from './support/open-ring.ts';
import { tsWorker } from './support/ts-worker.ts';

const lacksFutex = lacksOpcode('IORING_OP_FUTEX_WAIT');
const ANY = FUTEX_BITSET_MATCH_ANY;
const PRIVATE = FUTEX2_SIZE_U32 | FUTEX2_PRIVATE;
/** The user data of wakings: behind all others when sorted. */
const WAKE = 1000;

for (const { name, options, lacks } of liveKinds)
  live(
    ['futexWait', 'futexWake'],
    `wakes who waits, in this ring and another: ${name}`,
    [lacksFutex, lacks],
    () => {
      using here = scratch();
      const open = here.ring(8, options);
      const other = here.ring(8, options);
      const word = futex();
      const wakes = (count: number) => {
        stage(open.ring, WAKE, (sqe) => futexWake(sqe, word, count, ANY, PRIVATE));
        submits(open, 1);
      };
      wait(open, 1, word, 0);
      wakes(1);
      assert.deepEqual(sortedRows(open, 2), [
        [1, 0, 0],
        [WAKE, 1, 0],
      ]);
      wakes(1);
      assert.deepEqual(rows(open, 1), [[WAKE, 0, 0]], 'nobody waits any more');
      wait(open, 2, word, 0);
      wait(other, 3, word, 0);
      wakes(10);
      assert.deepEqual(sortedRows(open, 2), [
        [2, 0, 0],
        [WAKE, 2, 0],
      ]);
      assert.deepEqual(rows(other, 1), [[3, 0, 0]]);
    },
  );

live(['futexWait'], 'waits only while the futex has the value', [lacksFutex], () => {
  using open = openRing(8);
  const word = futex();
  for (const [value, expected, res] of [
    [5, 5, undefined],
    [5, 4, '-EAGAIN'],
    [-1, 0xffff_ffff, undefined],
    [-1, 0, '-EAGAIN'],
  ] as const) {
    word[0] = value;
    wait(open, 1, word, expected);
    if (res !== undefined) assert.deepEqual(rows(open, 1), [[1, res, 0]]);
    else assert.equal(wake(word, 1), 1);
    if (res === undefined) assert.deepEqual(rows(open, 1), [[1, 0, 0]]);
  }
});

live(['futexWake'], 'wakes as many as it is told, the first first', [lacksFutex], () => {
  using open = openRing(8);
  const word = futex();
  for (const tag of [1, 2, 3, 4]) wait(open, tag, word, 0);
  assert.equal(wake(word, 0), 0);
  nothingCompleted(open);
  assert.equal(wake(word, 1), 1);
  assert.deepEqual(rows(open, 1), [[1, 0, 0]]);
  assert.equal(wake(word, 2), 2);
  assert.deepEqual(sortedRows(open, 2), [
    [2, 0, 0],
    [3, 0, 0],
  ]);
  assert.equal(wake(word, 2), 1);
  assert.deepEqual(rows(open, 1), [[4, 0, 0]]);
});

live(['futexWait', 'futexWake'], 'wakes only those whose mask has a bit in common', [lacksFutex], () => {
  using open = openRing(8);
  const word = futex();
  for (const mask of [1, 2, 4, 6, ANY]) wait(open, mask, word, 0, mask);
  assert.equal(wake(word, 10, 8), 1);
  assert.deepEqual(rows(open, 1), [[ANY, 0, 0]]);
  assert.equal(wake(word, 10, 2), 2);
  assert.deepEqual(sortedRows(open, 2), [
    [2, 0, 0],
    [6, 0, 0],
  ]);
  assert.equal(wake(word, 10, 5), 2);
  assert.deepEqual(sortedRows(open, 2), [
    [1, 0, 0],
    [4, 0, 0],
  ]);
});

live(
  ['futexWait', 'futexWake'],
  'does not mix private futexes with shared ones, nor neighbours',
  [lacksFutex],
  () => {
    using open = openRing(8);
    const word = futex();
    wait(open, 1, word, 0, ANY, FUTEX2_SIZE_U32);
    assert.equal(wake(word, 1, ANY, PRIVATE), 0);
    assert.equal(wake(word.subarray(1), 1, ANY, FUTEX2_SIZE_U32), 0);
    assert.equal(wake(word, 1, ANY, FUTEX2_SIZE_U32), 1);
    assert.deepEqual(rows(open, 1), [[1, 0, 0]]);
  },
);

live(['futexWait', 'futexWake', 'futexWaitv'], 'refuses what is no futex', [lacksFutex], () => {
  using open = openRing(8);
  const word = futex();
  const crooked = addressOf(word) + 2;
  const many = vector(word, FUTEX_WAITV_MAX + 1);
  const refused: [(sqe: Sqe) => void, string][] = [
    [(sqe) => futexWait(sqe, crooked, 0, ANY, PRIVATE), '-EINVAL'],
    [(sqe) => futexWake(sqe, crooked, 1, ANY, PRIVATE), '-EINVAL'],
    [(sqe) => futexWait(sqe, word, 0, 0, PRIVATE), '-EINVAL'],
    [(sqe) => futexWake(sqe, word, 1, 0, PRIVATE), '-EINVAL'],
    [(sqe) => futexWait(sqe, word, 2 ** 32, ANY, PRIVATE), '-EINVAL'],
    [(sqe) => futexWait(sqe, word, 0, 2 ** 32, PRIVATE), '-EINVAL'],
    [(sqe) => futexWait(sqe, word, 0, ANY, FUTEX2_SIZE_U8 | FUTEX2_PRIVATE), '-EINVAL'],
    [(sqe) => futexWait(sqe, word, 0, ANY, FUTEX2_SIZE_U64 | FUTEX2_PRIVATE), '-EINVAL'],
    [(sqe) => futexWait(sqe, word, 0, ANY, PRIVATE, 1), '-EINVAL'],
    [(sqe) => futexWake(sqe, word, 0, ANY, PRIVATE, 1), '-EINVAL'],
    [(sqe) => futexWait(sqe, 8, 0, ANY, PRIVATE), '-EFAULT'],
    [(sqe) => futexWaitv(sqe, many, 0), '-EINVAL'],
    [(sqe) => futexWaitv(sqe, many, FUTEX_WAITV_MAX + 1), '-EINVAL'],
    [(sqe) => futexWaitv(sqe, many, 1, 1), '-EINVAL'],
    [(sqe) => futexWaitv(sqe, 8, 1), '-EFAULT'],
  ];
  for (const [n, [encode, res]] of refused.entries()) {
    stage(open.ring, n, encode);
    submits(open, 1);
    assert.deepEqual(rows(open, 1), [[n, res, 0]]);
  }
  assert.equal(wake(word, 10), 0, 'none of them waits');
});

live(
  ['futexWait', 'futexWaitv', 'cancel', 'linkTimeout'],
  'can be cancelled, and limited in time',
  [lacksFutex],
  () => {
    using open = openRing(8);
    const word = futex();
    const waitings: ((sqe: Sqe) => void)[] = [
      (sqe) => futexWait(sqe, word, 0, ANY, PRIVATE),
      (sqe) => futexWaitv(sqe, vector(word, 2), 2),
    ];
    for (const encode of waitings) {
      stage(open.ring, 1, encode);
      submits(open, 1, 0);
      stage(open.ring, 2, (sqe) => cancel(sqe, 1));
      submits(open, 1);
      const [cancelled, [, cancels]] = sortedRows(open, 2);
      assert.deepEqual(cancelled, [1, '-ECANCELED', 0]);
      // Up to now the kernel gives the number of those it cancelled, and so does a link timeout.
      assert.ok(cancels === 0 || cancels === 1, `${cancels}`);
      stage(open.ring, 3, encode, IOSQE_IO_LINK);
      stage(open.ring, 4, (sqe) => linkTimeout(sqe, timespec(1)));
      submits(open, 2);
      const [limited, [, limits]] = sortedRows(open, 2);
      assert.deepEqual(limited, [3, '-ECANCELED', 0]);
      assert.ok(limits === '-ETIME' || limits === 1, `${limits}`);
    }
    assert.equal(wake(word, 10), 0);
  },
);

live(['futexWaitv', 'futexWake'], 'waits on several, and tells which was woken', [lacksFutex], () => {
  using open = openRing(8);
  const word = futex();
  for (const index of [0, 1, 2]) {
    stage(open.ring, 1, (sqe) => futexWaitv(sqe, vector(word, 3), 3));
    submits(open, 1, 0);
    assert.equal(wake(word.subarray(index), 5), 1);
    assert.deepEqual(rows(open, 1), [[1, index, 0]]);
    assert.equal(wake(word.subarray((index + 1) % 3), 5), 0, 'it waits on none of them any more');
  }
  word[2] = 9;
  stage(open.ring, 2, (sqe) => futexWaitv(sqe, vector(word, 3), 3));
  submits(open, 1);
  assert.deepEqual(rows(open, 1), [[2, '-EAGAIN', 0]], 'one has another value');
  word[2] = 0;
  stage(open.ring, 3, (sqe) => futexWaitv(sqe, vector(word, FUTEX_WAITV_MAX), FUTEX_WAITV_MAX));
  submits(open, 1, 0);
  assert.equal(wake(word.subarray(FUTEX_WAITV_MAX - 1), 1), 1);
  assert.deepEqual(rows(open, 1), [[3, FUTEX_WAITV_MAX - 1, 0]]);
});

for (const [task, result, at] of [
  ['wait', 0, 0],
  ['waitv', 1, 1],
] as const)
  live(
    ['futexWait', 'futexWaitv', 'futexWake'],
    `wakes a Worker out of its ${task}`,
    [lacksFutex],
    async (context) => {
      const word = futex();
      const { answer } = await start(context, { shared: word.buffer, task });
      await wakeOne(word.subarray(at));
      assert.equal(await answer, result);
    },
  );

live(
  ['futexWait', 'futexWake'],
  'a Worker that is terminated waits no more',
  [lacksFutex],
  async (context) => {
    const word = futex();
    // Woken out of the first, it certainly waits a second time: it submitted both at once.
    const { worker } = await start(context, { shared: word.buffer, task: 'wait twice' });
    await wakeOne(word);
    await worker.terminate();
    assert.equal(wake(word, 10), 0);
  },
);

live(
  ['futexWait', 'futexWake'],
  'two Workers take turns, thousands of them',
  [lacksFutex],
  async (context) => {
    const word = futex();
    const turns = times(3000);
    const workers = await Promise.all(
      [0, 1].map((me) => start(context, { shared: word.buffer, task: 'turns', me, turns })),
    );
    const answers = await Promise.all(workers.map(({ answer }) => answer as Promise<{ slept: number }>));
    assert.equal(Atomics.load(word, 0), turns * 2);
    assert.ok(answers[0].slept + answers[1].slept > 0, 'they slept, and were woken');
  },
);

live(
  ['futexWait', 'futexWake'],
  'does not meet with Atomics.wait and Atomics.notify',
  [lacksFutex],
  async (context) => {
    using open = openRing(8);
    const word = futex();
    wait(open, 1, word, 0);
    wait(open, 2, word, 0, ANY, FUTEX2_SIZE_U32);
    assert.equal(Atomics.notify(word, 0), 0);
    nothingCompleted(open);
    assert.equal(wake(word, 10), 1);
    assert.equal(wake(word, 10, ANY, FUTEX2_SIZE_U32), 1);
    sortedRows(open, 2);
    const { answer } = await start(context, { shared: word.buffer, task: 'Atomics.wait' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(wake(word, 10), 0);
    assert.equal(wake(word, 10, ANY, FUTEX2_SIZE_U32), 0);
    while (Atomics.notify(word, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.equal(await answer, 'ok');
  },
);

/** Futexes in memory that Workers can see. */
function futex(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(4 * (FUTEX_WAITV_MAX + 1)));
}

function vector(words: Int32Array, count: number): Uint8Array<ArrayBuffer> {
  const waiters = new Uint8Array(count * futex_waitv.size);
  for (let n = 0; n < count; n++) {
    const waiter = { val: 0, uaddr: addressOf(words) + 4 * n, flags: PRIVATE };
    writeStruct(waiters, futex_waitv, waiter, n * futex_waitv.size);
  }
  return waiters;
}

function wait(open: OpenRing, tag: number, at: Pointer, value: number, mask = ANY, flags = PRIVATE): void {
  stage(open.ring, tag, (sqe) => futexWait(sqe, at, value, mask, flags));
  submits(open, 1);
}

/** Wakes by a ring of its own, so that only those who were woken stand in the others. Gives how many. */
function wake(at: Pointer, count: number, mask = ANY, flags = PRIVATE): number | string {
  using waker = openRing(1);
  stage(waker.ring, WAKE, (sqe) => futexWake(sqe, at, count, mask, flags));
  submits(waker, 1, 1);
  const [[, res]] = rows(waker, 1);
  return res;
}

/** Wakes one, as soon as one waits. */
async function wakeOne(at: Pointer): Promise<void> {
  while (wake(at, 1) !== 1) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** A Worker that is at work, and the promise of what it will say. */
async function start(
  context: TestContext,
  work: FutexWork,
): Promise<{ worker: Worker; answer: Promise<unknown> }> {
  const worker = tsWorker('live-futex-worker', work);
  context.after(() => worker.terminate());
  const answers: unknown[] = [];
  const answer = new Promise((resolve, reject) => {
    worker.on('error', reject);
    worker.on('message', (message) => {
      if (answers.push(message) === 2) resolve(message);
    });
  });
  while (answers.length === 0) await Promise.race([once(worker, 'message'), answer]);
  return { worker, answer };
}
