/**
 * NOPs for real: results of the caller's choosing, completions of 32 bytes, entries of 128 bytes.
 */
import assert from 'node:assert/strict';
import { writeSync } from 'node:fs';
import { type Cqe, type IoUringState, nop, nop128, type Sqe, uringCmd128 } from 'tsuring';
import {
  IORING_CQE_F_32,
  IORING_NOP_CQE32,
  IORING_NOP_INJECT_RESULT,
  IORING_SETUP_CQE_MIXED,
  IORING_SETUP_CQE32,
  IORING_SETUP_SQE_MIXED,
  IORING_SETUP_SQE128,
  SOCKET_URING_OP_SIOCINQ,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { rows, stage, submits } from './support/live-rows.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksTrial } from './support/live-trial.ts';
import { lacksInjectedResults, lacksOpcode, lacksRing } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';
import { ringKinds } from './support/ring-kinds.ts';
import { timeLimit } from './support/time-limit.ts';

const lacksNop32 = (flags: number) => lacksTrial('IORING_NOP_CQE32 (Linux 6.18)', big(0, 0n, 0n), { flags });

for (const { name, options, hinder, lacks } of ringKinds)
  live(['nop'], `completes with 0 and its user data: ${name}`, [lacks], () => {
    using open = openRing(4, options, hinder);
    const { ring } = open;
    for (const userData of [0, 1, 2n ** 64n - 1n]) stage(ring, userData, nop);
    open.expect({ sq: 3, cq: 0, staged: 3, sqTail: 0 });
    submits(open, 3);
    assert.deepEqual(rows(open, 3), [
      [0, 0, 0],
      [1, 0, 0],
      [2n ** 64n - 1n, 0, 0],
    ]);
    open.expect({ sq: 0, cq: 0, sqHead: 3, sqTail: 3, cqHead: 3, cqTail: 3 });
  });

live(['nop'], 'gives the result that it is told to give', [lacksInjectedResults()], () => {
  using open = openRing(8);
  const { ring } = open;
  const results = [0, 7, 0x7fff_ffff, -1, -125, -4095, -0x8000_0000];
  for (const [n, result] of results.entries()) stage(ring, n, injected(result));
  submits(open, results.length, results.length);
  const seen: number[] = [];
  ring.forEachCqe((cqe) => {
    assert.deepEqual([cqe.userData, cqe.flags], [seen.length, 0]);
    seen.push(cqe.res);
  });
  assert.deepEqual(seen, results);
  open.expect({ sq: 0, cq: 0 });
});

live(['nop'], 'refuses flags that nobody knows', [lacksInjectedResults()], () => {
  using open = openRing(4);
  stage(open.ring, 1, (sqe) => {
    nop(sqe);
    sqe.opFlags = 0x8000_0000;
  });
  submits(open, 1, 1);
  assert.deepEqual(rows(open, 1), [[1, '-EINVAL', 0]]);
});

const halves: [bigint, bigint] = [0x0123_4567_89ab_cdefn, 0xfedc_ba98_7654_3210n];

live(['nop'], 'fills both halves of a completion of 32 bytes', [lacksNop32(IORING_SETUP_CQE32)], () => {
  using open = openRing(4, { flags: IORING_SETUP_CQE32 });
  const { ring } = open;
  stage(ring, 1, big(-5, ...halves));
  // In a ring of big completions only, one without anything to say has halves of zero.
  stage(ring, 2, injected(3));
  submits(open, 2, 2);
  assert.deepEqual(described(ring.peekCqe()), [1, -5, 0, ...halves]);
  assert.equal(ring.peekCqe()?.is32, false, 'all are: no flag says so');
  ring.advanceCq();
  open.expect({ sq: 0, cq: 1 });
  assert.deepEqual(described(ring.peekCqe()), [2, 3, 0, 0n, 0n]);
  ring.advanceCq();
  open.expect({ sq: 0, cq: 0 });
});

live(
  ['nop'],
  'completes with 32 bytes where it is told to, in a ring of both sizes',
  [lacksNop32(IORING_SETUP_CQE_MIXED)],
  () => {
    using open = openRing(8, { flags: IORING_SETUP_CQE_MIXED });
    const { ring } = open;
    stage(ring, 1, big(-5, ...halves));
    stage(ring, 2, injected(3));
    stage(ring, 3, big(4, halves[1], halves[0]));
    submits(open, 3);
    open.expect({ sq: 0, cq: 5 }, 'two slots, one, two');
    assert.deepEqual(described(ring.waitCqe({ timeout: timeLimit })), [1, -5, IORING_CQE_F_32, ...halves]);
    assert.equal(ring.peekCqe()?.is32, true);
    ring.advanceCq();
    open.expect({ sq: 0, cq: 3 });
    const small = ring.peekCqe();
    assert.deepEqual([small?.userData, small?.res, small?.flags, small?.is32], [2, 3, 0, false]);
    ring.advanceCq();
    open.expect({ sq: 0, cq: 2 });
    assert.deepEqual(described(ring.peekCqe()), [3, 4, IORING_CQE_F_32, halves[1], halves[0]]);
    ring.advanceCq();
    open.expect({ sq: 0, cq: 0 });
  },
);

live(
  ['nop'],
  'has no 32 bytes to give in a ring of small completions',
  [lacksNop32(IORING_SETUP_CQE32), lacksRing('io_uring', {})],
  () => {
    using open = openRing(4);
    stage(open.ring, 1, big(0, ...halves));
    submits(open, 1, 1);
    assert.deepEqual(rows(open, 1), [[1, '-EINVAL', 0]]);
  },
);

const lacks128 = lacksOpcode('IORING_OP_NOP128');
const sizes: [string, number][] = [
  ['IORING_SETUP_SQE_MIXED', IORING_SETUP_SQE_MIXED],
  ['IORING_SETUP_SQE128', IORING_SETUP_SQE128],
];
for (const [name, flags] of sizes) {
  const lacks = [lacks128, lacksRing(name, { flags })];
  const slots = flags === IORING_SETUP_SQE_MIXED ? 2 : 1;

  live(
    ['nop128', 'nop'],
    `entries of 128 bytes among others, over the end of the queue: ${name}`,
    lacks,
    () => {
      using open = openRing(8, { flags });
      const { ring } = open;
      let tag = 0;
      for (let round = 0; round < 40; round++) {
        stage(ring, tag, nop);
        stage128(ring, tag + 1, nop128);
        assert.ok(ring.sqReady() >= 1 + slots);
        stage(ring, tag + 2, nop);
        ring.submit();
        assert.deepEqual(
          rows(open, 3),
          [0, 1, 2].map((n) => [tag + n, 0, 0]),
        );
        open.expect({ sq: 0, cq: 0 });
        tag += 3;
      }
    },
  );

  live(['uringCmd128'], `gives a command of 128 bytes to a file: ${name}`, lacks, () => {
    using here = scratch();
    using open = openRing(8, { flags });
    const { ring } = open;
    const [one, other] = here.sockets();
    writeSync(other, 'four');
    stage128(ring, 1, (sqe) => uringCmd128(sqe, SOCKET_URING_OP_SIOCINQ, one));
    ring.submit();
    const [[tag, res]] = rows(open, 1);
    assert.equal(tag, 1);
    // A socket of AF_UNIX has no such command for a ring on every kernel.
    assert.ok(res === 4 || res === '-EOPNOTSUPP', `${res}`);
    stage128(ring, 2, (sqe) => uringCmd128(sqe, 1, here.fileFd('file')));
    ring.submit();
    assert.deepEqual(rows(open, 1), [[2, '-EOPNOTSUPP', 0]]);
    stage128(ring, 3, (sqe) => uringCmd128(sqe, 1, -1));
    ring.submit();
    assert.deepEqual(rows(open, 1), [[3, '-EBADF', 0]]);
  });
}

live(['nop128'], 'is refused in a ring of small entries', [lacks128], () => {
  using open = openRing(8);
  stage(open.ring, 1, nop128);
  submits(open, 1, 1);
  assert.deepEqual(rows(open, 1), [[1, '-EINVAL', 0]]);
});

function stage128(ring: IoUringState, userData: number, encode: (sqe: Sqe) => void): void {
  const sqe = ring.getSqe128();
  assert.ok(sqe !== null);
  encode(sqe);
  sqe.userData = userData;
  ring.stageSqe();
}

function injected(result: number): (sqe: Sqe) => void {
  return (sqe) => {
    nop(sqe);
    sqe.len = result;
    sqe.opFlags = IORING_NOP_INJECT_RESULT;
  };
}

/** A NOP whose completion has two more values. */
function big(result: number, first: bigint, second: bigint): (sqe: Sqe) => void {
  return (sqe) => {
    injected(result)(sqe);
    sqe.opFlags |= IORING_NOP_CQE32;
    sqe.off = first;
    sqe.addr = second;
  };
}

function described(cqe: Cqe | null): unknown[] {
  assert.ok(cqe !== null);
  return [cqe.userData, cqe.res, cqe.flags, ...cqe.bigCqe];
}
