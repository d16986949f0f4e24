/**
 * A ring with SQPOLL makes no system call while the kernel's thread is awake, and says when it must be woken.
 */
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { IoUringState, nop } from 'tsuring';

using ring = new IoUringState(8, { sqThreadIdle: 100 }); // the thread sleeps after 100 ms without work

function roundTrip(userData: number): void {
  const sqe = ring.getSqe();
  assert(sqe !== null);
  nop(sqe);
  sqe.userData = userData;
  ring.commitSqe();
  if (ring.sqNeedsWakeup) ring.wakeSqpoll();
  while (ring.peekCqe() === null); // a look at memory, no system call
  assert.equal(ring.peekCqe()?.userData, userData);
  ring.advanceCq();
}

for (let i = 0; i < 1000; i++) roundTrip(i);
// Now and then the thread may have fallen asleep, if this one was kept from running.
assert(ring.counts.enters <= 1 + ring.counts.wakeups, 'only waking takes a system call');

while (!ring.sqNeedsWakeup) await setTimeout(50);
const { wakeups } = ring.counts;
roundTrip(1000);
assert(ring.counts.wakeups > wakeups, 'the sleeping thread was woken');
