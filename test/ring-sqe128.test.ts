/**
 * Entries of 128 bytes: among those of 64 (IORING_SETUP_SQE_MIXED, Linux 6.19), and alone (IORING_SETUP_SQE128).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IoUringState, nop, nop128, type Sqe, uringCmd128 } from 'tsuring';
import {
  EBADF,
  IORING_OP_NOP128,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_SQ_REWIND,
  IORING_SETUP_SQE_MIXED,
  IORING_SETUP_SQE128,
  IORING_SETUP_SUBMIT_ALL,
} from 'tsuring/syscalls';
import { FakeKernel, type FakeOptions } from './support/fake-kernel.ts';
import { live } from './support/live.ts';
import { lacksOpcode, lacksRing } from './support/needs.ts';
import { timeLimit } from './support/time-limit.ts';

const MIXED = IORING_SETUP_SQE_MIXED;

/** A ring of mixed sizes on the scripted kernel, and on this one where it has them. */
const rings: Record<string, [lacks: string | false, make: () => IoUringState]> = {
  'scripted, across 2^32': [false, () => scripted({})],
  'scripted with SQ array': [false, () => scripted({ flags: MIXED })],
  real: [
    lacksRing('IORING_SETUP_SQE_MIXED (Linux 6.19)', { flags: MIXED }),
    () => new IoUringState(8, { flags: MIXED }),
  ],
};

for (const [name, [lacks, make]] of Object.entries(rings)) {
  test(`entries of both sizes, in every place: ${name}`, { skip: lacks, timeout: timeLimit }, () => {
    using ring = make();
    let next = 0;
    // 3 + 1 slots a round: the large one comes to the queue's end in every other way.
    for (const pattern of ['LS', 'SL', 'SSL', 'LL', 'SLSL', 'L', 'S', 'LSL'])
      for (let round = 0; round < 9; round++) {
        const first = next;
        let entries = 0;
        for (const size of pattern) {
          const sqe = size === 'L' ? ring.getSqe128() : ring.getSqe();
          if (sqe === null) break;
          assert.equal(sqe.byteLength, size === 'L' ? 128 : 64);
          assert.equal(size === 'L' ? ring.getSqe128() : ring.getSqe(), sqe, 'asked twice');
          assert.ok(
            words(sqe).every((word) => word === 0),
            'zeroed',
          );
          words(sqe).fill(-1);
          if (size === 'L') nop128(sqe);
          else nop(sqe);
          sqe.userData = next++;
          ring.stageSqe();
          entries++;
        }
        assert.ok(entries > 0);
        ring.submitAndWait(entries);
        assert.equal(ring.sqReady(), 0);
        let seen = first;
        ring.forEachCqe((cqe) => assert.deepEqual([cqe.userData, cqe.res], [seen++, 0]));
        assert.equal(seen, next, 'filler has no completion');
      }
  });

  test(`full, for either size: ${name}`, { skip: lacks, timeout: timeLimit }, () => {
    using ring = make();
    for (let n = 0; n < 7; n++) stageNop(ring);
    assert.equal(ring.getSqe128(), null, 'one slot is left');
    assert.ok(ring.getSqe());
    ring.stageSqe();
    assert.equal(ring.getSqe(), null);
    ring.submitAndWait(8);
    ring.advanceCq(8);
    for (let n = 0; n < 4; n++) {
      nop128(ring.getSqe128()!);
      ring.stageSqe();
    }
    assert.deepEqual([ring.getSqe(), ring.getSqe128(), ring.sqSpaceLeft()], [null, null, 0]);
    ring.submitAndWait(4);
    assert.equal(ring.cqReady(), 4);
  });

  test(`the wrong size for an operation is refused before the kernel sees it: ${name}`, {
    skip: lacks,
    timeout: timeLimit,
  }, () => {
    using ring = make();
    const state = { code: 'ERR_INVALID_STATE' };
    nop128(ring.getSqe()!);
    assert.throws(() => ring.commitSqe(), { ...state, message: /getSqe128/ });
    assert.throws(() => ring.getSqe128(), { ...state, message: /open/ });
    nop(ring.getSqe()!);
    ring.commitSqe();
    nop(ring.getSqe128()!);
    assert.throws(() => ring.commitSqe(), { ...state, message: /64 bytes/ });
    assert.equal(ring.getSqe(), ring.getSqe128(), 'it stays open');
    nop128(ring.getSqe()!);
    ring.commitSqe();
    assert.equal(ring.submitAndWait(2), 3);
  });
}

test('SQ_REWIND: the queue ends where it ends', () => {
  using ring = scripted({ start: 0, flags: MIXED | IORING_SETUP_SQ_REWIND | IORING_SETUP_NO_SQARRAY });
  for (let n = 0; n < 7; n++) stageNop(ring);
  assert.equal(ring.getSqe128(), null, 'there is no wrap');
  assert.equal(ring.submitAndWait(7), 7);
  for (let n = 0; n < 4; n++) {
    nop128(ring.getSqe128()!);
    ring.stageSqe();
  }
  assert.equal(ring.submitAndWait(11), 8);
  assert.equal(ring.cqReady(), 11);
});

test('other rings have none', { skip: lacksRing('io_uring', {}), timeout: timeLimit }, () => {
  using ring = new IoUringState(4, { flags: 0 });
  assert.throws(() => ring.getSqe128(), { code: 'ERR_INVALID_STATE', message: /SQE_MIXED/ });
  assert.equal(ring.getSqe()!.byteLength, 64);
  assert.equal(ring.getSqe()!.cmd.length, 16);
});

test('SQE128: every entry', {
  skip: lacksRing('SQE128', { flags: IORING_SETUP_SQE128 }),
  timeout: timeLimit,
}, () => {
  using ring = new IoUringState(4, { flags: IORING_SETUP_SQE128 });
  for (let n = 0; n < 20; n++) {
    const sqe = n % 2 === 0 ? ring.getSqe128()! : ring.getSqe()!;
    assert.equal(sqe.byteLength, 128);
    assert.equal(sqe.cmd.length, 80);
    assert.ok(words(sqe).every((word) => word === 0));
    sqe.cmd.fill(255);
    assert.equal(words(sqe)[31], -1);
    nop(sqe);
    sqe.userData = n;
    ring.commitSqe();
    ring.submitAndWait(1);
    assert.equal(ring.peekCqe()?.userData, n);
    ring.advanceCq();
  }
});

live(
  ['nop128', 'uringCmd128'],
  'NOP128 and URING_CMD128 on a ring of mixed sizes',
  [lacksOpcode('IORING_OP_NOP128'), lacksRing('IORING_SETUP_SQE_MIXED (Linux 6.19)', { flags: MIXED })],
  () => {
    using ring = new IoUringState(8, { flags: MIXED | IORING_SETUP_SUBMIT_ALL });
    nop128(ring.getSqe128()!);
    ring.getSqe()!.userData = 1;
    ring.stageSqe();
    uringCmd128(ring.getSqe128()!, 1, -1);
    ring.getSqe()!.userData = 2;
    ring.stageSqe();
    stageNop(ring);
    ring.submitAndWait(3);
    const seen: unknown[] = [];
    ring.forEachCqe((cqe) => void seen.push([cqe.userData, cqe.res]));
    assert.deepEqual(seen, [
      [1, 0],
      [2, -EBADF],
      [0, 0],
    ]);
  },
);

function scripted(options: FakeOptions): IoUringState {
  const flags = options.flags ?? MIXED | IORING_SETUP_NO_SQARRAY;
  const kernel = new FakeKernel({ start: 0xffff_fff0, ...options, flags });
  return new IoUringState(8, { flags: flags & ~IORING_SETUP_NO_SQARRAY, kernel });
}

function stageNop(ring: IoUringState): void {
  nop(ring.getSqe()!);
  ring.stageSqe();
}

/** The entry's own words, but for the user data. */
function words(sqe: Sqe): Int32Array {
  assert.notEqual(sqe.opcode, IORING_OP_NOP128);
  return sqe.words.subarray(sqe.at, sqe.at + sqe.byteLength / 4);
}
