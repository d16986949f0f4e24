/**
 * What the kernel promises of several rings and several threads: a ring's requests are its own, whatever another ring
 * does with the same user data, and a ring of one thread refuses the others.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import {
  cancel,
  cancelFd,
  type IoUringOptions,
  nop,
  pollAdd,
  pollRemove,
  read,
  timeout,
  timeoutRemove,
  timespec,
} from 'tsuring';
import {
  EBADFD,
  EEXIST,
  ENXIO,
  IORING_ASYNC_CANCEL_ALL,
  IORING_ASYNC_CANCEL_ANY,
  IORING_ENTER_GETEVENTS,
  IORING_REGISTER_ENABLE_RINGS,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_UNREGISTER_FILES,
  IOSQE_FIXED_FILE,
  POLLIN,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import type { ForeignCalls } from './support/live-enter-worker.ts';
import { deferKind, liveKinds } from './support/live-kinds.ts';
import { nothingCompleted, type Row, rows, sortedRows, stage, submits } from './support/live-rows.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksTrial } from './support/live-trial.ts';
import { lacksRing } from './support/needs.ts';
import { timeLimit } from './support/time-limit.ts';
import { tsWorker } from './support/ts-worker.ts';

const without = lacksRing('io_uring', {});
const lacksAny = lacksTrial('IORING_ASYNC_CANCEL_ANY (Linux 5.19)', (sqe) =>
  cancel(sqe, 0, IORING_ASYNC_CANCEL_ANY),
);
const SINGLE = IORING_SETUP_SINGLE_ISSUER;
const lacksSingle = lacksRing('IORING_SETUP_SINGLE_ISSUER (Linux 6.0)', { flags: SINGLE });

for (const { name, options, lacks } of liveKinds)
  live(['read', 'nop'], `two rings with the same user data do not mix: ${name}`, [lacks], () => {
    using here = scratch();
    const rings = [here.ring(16, options), here.ring(16, options)];
    const pipes = [here.pipe(), here.pipe()];
    const buffers = [Buffer.alloc(4), Buffer.alloc(4)];
    for (let round = 0; round < 50; round++) {
      for (const [n, open] of rings.entries()) {
        stage(open.ring, 1, (sqe) => read(sqe, pipes[n][0], buffers[n], 4, -1));
        stage(open.ring, 2, nop);
        submits(open, 2);
        assert.deepEqual(rows(open, 1), [[2, 0, 0]]);
      }
      const n = round % 2;
      writeSync(pipes[n][1], `${n}.`);
      assert.deepEqual(rows(rings[n], 1), [[1, 2, 0]]);
      rings[1 - n].ring.getEvents();
      rings[1 - n].expect({ sq: 0, cq: 0 });
      writeSync(pipes[1 - n][1], `${1 - n}.`);
      assert.deepEqual(rows(rings[1 - n], 1), [[1, 2, 0]]);
      assert.deepEqual(
        buffers.map((buffer) => buffer.toString('latin1', 0, 2)),
        ['0.', '1.'],
      );
    }
  });

live(['cancel', 'pollRemove', 'timeoutRemove'], 'a ring cancels nothing of another', [without], () => {
  using here = scratch();
  const [open, other] = [here.ring(), here.ring()];
  const [readEnd, writeEnd] = here.pipe();
  for (const { ring } of [open, other]) {
    stage(ring, 1, (sqe) => pollAdd(sqe, readEnd, POLLIN));
    stage(ring, 2, (sqe) => timeout(sqe, timespec(1e9)));
  }
  submits(open, 2, 0);
  submits(other, 2, 0);
  for (let round = 0; round < 2; round++) {
    const [poll, time]: [Row[1], Row[1]] = round === 0 ? [0, 0] : ['-ENOENT', '-ENOENT'];
    stage(open.ring, 3, (sqe) => pollRemove(sqe, 1));
    stage(open.ring, 4, (sqe) => timeoutRemove(sqe, 2));
    submits(open, 2);
    const seen = sortedRows(open, round === 0 ? 4 : 2);
    assert.deepEqual(seen.slice(-2), [
      [3, poll, 0],
      [4, time, 0],
    ]);
  }
  stage(open.ring, 5, (sqe) => cancel(sqe, 1));
  submits(open, 1);
  assert.deepEqual(rows(open, 1), [[5, '-ENOENT', 0]]);
  nothingCompleted(other);
  writeSync(writeEnd, 'a');
  assert.deepEqual(rows(other, 1), [[1, POLLIN, 0]]);
});

live(['cancel', 'cancelFd'], 'not even by file, or everything that there is', [lacksAny], () => {
  using here = scratch();
  const [open, other] = [here.ring(), here.ring()];
  const [readEnd, writeEnd] = here.pipe();
  for (const [tag, { ring }] of [open, other].entries())
    stage(ring, tag, (sqe) => pollAdd(sqe, readEnd, POLLIN));
  submits(open, 1, 0);
  submits(other, 1, 0);
  stage(open.ring, 2, (sqe) => cancelFd(sqe, readEnd, IORING_ASYNC_CANCEL_ALL));
  submits(open, 1);
  assert.deepEqual(sortedRows(open, 2), [
    [0, '-ECANCELED', 0],
    [2, 1, 0],
  ]);
  stage(open.ring, 3, (sqe) => cancel(sqe, 0, IORING_ASYNC_CANCEL_ANY));
  submits(open, 1);
  assert.deepEqual(rows(open, 1), [[3, 0, 0]]);
  nothingCompleted(other);
  writeSync(writeEnd, 'a');
  assert.deepEqual(rows(other, 1), [[1, POLLIN, 0]]);
});

live(['read'], 'registered files and closing are matters of one ring', [without], () => {
  using here = scratch();
  const [open, other] = [here.ring(), here.ring()];
  const [one, two] = [here.fileFd('one', '1'), here.fileFd('two', '2')];
  open.ring.registerFiles([one]);
  other.ring.registerFiles([two]);
  const seen: string[] = [];
  for (const { ring } of [open, other]) {
    const buffer = Buffer.alloc(1);
    stage(ring, 1, (sqe) => read(sqe, 0, buffer, 1, 0), IOSQE_FIXED_FILE);
    ring.submit();
    assert.equal(ring.waitCqe({ timeout: timeLimit })?.res, 1);
    ring.advanceCq();
    seen.push(buffer.toString());
  }
  assert.deepEqual(seen, ['1', '2']);
  stage(other.ring, 2, (sqe) => timeout(sqe, timespec(1e9)));
  submits(other, 1, 0);
  open.ring.close();
  nothingCompleted(other);
});

const GET = IORING_ENTER_GETEVENTS;

live(['nop'], 'another thread may submit to a ring that is not of one thread only', [without], async () => {
  using here = scratch();
  const open = here.ring();
  stage(open.ring, 1, nop);
  stage(open.ring, 2, nop);
  open.ring.flush();
  open.expect({ sq: 2, cq: 0 });
  const calls = await foreign({
    fd: open.ring.fd,
    enters: [
      [1, 0, 0],
      [1, 1, GET],
    ],
    registers: [IORING_UNREGISTER_FILES],
  });
  assert.deepEqual(calls, { enters: [1, 1], registers: [-ENXIO] });
  open.expect({ sq: 0, cq: 2 });
  assert.deepEqual(rows(open, 2), [
    [1, 0, 0],
    [2, 0, 0],
  ]);
});

for (const [name, flags, lacks, waiting] of [
  ['IORING_SETUP_SINGLE_ISSUER', SINGLE, lacksSingle, 0],
  ['IORING_SETUP_DEFER_TASKRUN', Number(deferKind.options.flags), deferKind.lacks, -EEXIST],
] as const)
  live(['nop'], `a ring of one thread refuses the others: ${name}`, [lacks], async () => {
    using here = scratch();
    const open = here.ring(8, { flags });
    stage(open.ring, 1, nop);
    open.ring.flush();
    const calls = await foreign({
      fd: open.ring.fd,
      enters: [
        [1, 0, 0],
        [0, 0, GET],
        [1, 0, 0],
      ],
      registers: [IORING_UNREGISTER_FILES],
    });
    assert.deepEqual(calls, { enters: [-EEXIST, waiting, -EEXIST], registers: [-EEXIST] });
    open.expect({ sq: 1, cq: 0 }, 'nothing was taken');
    assert.equal(open.ring.submit(), 1);
    assert.deepEqual(rows(open, 1), [[1, 0, 0]]);
  });

live(['nop'], 'a disabled ring belongs to the thread that enables it', [lacksSingle], async () => {
  using here = scratch();
  const open = here.ring(8, { flags: SINGLE | IORING_SETUP_R_DISABLED } satisfies IoUringOptions);
  stage(open.ring, 1, nop);
  open.ring.flush();
  const calls = await foreign({
    fd: open.ring.fd,
    enters: [[1, 0, 0]],
    registers: [IORING_REGISTER_ENABLE_RINGS],
  });
  assert.deepEqual(calls, { enters: [-EBADFD], registers: [0] });
  assert.throws(() => open.ring.submit(), { code: 'EEXIST' });
  open.expect({ sq: 1, cq: 0 });
});

/** What a Worker gets for its calls on the ring. */
async function foreign(work: ForeignCalls): Promise<unknown> {
  const worker = tsWorker('live-enter-worker', work);
  try {
    const [answer] = await once(worker, 'message');
    return answer;
  } finally {
    await worker.terminate();
  }
}
