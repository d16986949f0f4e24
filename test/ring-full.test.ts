/**
 * The submission queue holds exactly as many entries as it was made for, whatever the ring.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type IoUringState, nop } from 'tsuring';
import { lacksRing } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';
import { ringKinds } from './support/ring-kinds.ts';
import { timeLimit } from './support/time-limit.ts';

for (const { name, options, hinder, lacks } of ringKinds)
  for (const entries of [1, 4, 64])
    test(`full at exactly ${entries}: ${name}`, { skip: lacks, timeout: timeLimit }, () => {
      using open = openRing(entries, options, hinder);
      const { ring } = open;
      assert.equal(ring.sqEntries, entries);
      // Five times, from another place in the ring each time.
      for (let round = 0; round < 5; round++) {
        const before = round * (entries + 1);
        fillUp(ring, entries);
        open.expect({ sq: entries, cq: 0, staged: entries });
        assert.equal(ring.getSqe(), null);
        assert.equal(ring.getSqe(), null, 'and stays so');
        ring.submitAndWait(entries);
        open.expect({ sq: 0, cq: entries, sqHead: before + entries, cqTail: before + entries });
        assert.equal(ring.sqSpaceLeft(), entries);
        let n = 0;
        ring.forEachCqe((cqe) => assert.deepEqual([cqe.userData, cqe.res, cqe.flags], [n++, 0, 0]));
        assert.equal(n, entries);
        nop(ring.getSqe()!);
        ring.commitSqe();
        ring.submitAndWait(1);
        ring.advanceCq();
        open.expect({ sq: 0, cq: 0, sqHead: before + entries + 1, cqHead: before + entries + 1 });
      }
    });

test('entries are rounded up to a power of two', { skip: lacksRing('io_uring', {}) }, () => {
  for (const [asked, given] of [
    [3, 4],
    [5, 8],
    [33, 64],
    [129, 256],
  ]) {
    using open = openRing(asked);
    assert.deepEqual([open.ring.sqEntries, open.ring.cqEntries], [given, 2 * given]);
    fillUp(open.ring, given);
    assert.equal(open.ring.getSqe(), null);
  }
});

test('the largest ring takes 32,768', { skip: lacksRing('32,768 entries', {}, 32768) }, () => {
  using open = openRing(32768);
  fillUp(open.ring, 32768);
  open.expect({ sq: 32768, cq: 0, staged: 32768 });
  assert.equal(open.ring.getSqe(), null);
  assert.equal(open.ring.submitAndWait(32768), 32768);
  let n = 0;
  open.ring.forEachCqe((cqe) => assert.equal(cqe.userData, n++));
  assert.equal(n, 32768);
});

function fillUp(ring: IoUringState, entries: number): void {
  for (let n = 0; n < entries; n++) {
    const sqe = ring.getSqe();
    assert.ok(sqe, `entry ${n}`);
    nop(sqe);
    sqe.userData = n;
    ring.stageSqe();
  }
}
