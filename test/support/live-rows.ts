/**
 * Several entries at once with user data of the test's choosing, and their completions as rows to compare.
 */
import assert from 'node:assert/strict';
import { type IoUringState, nop, type U64 } from 'tsuring';
import { type Encode, named } from './live-ring.ts';
import type { OpenRing } from './open-ring.ts';
import { timeLimit } from './time-limit.ts';

/** A completion: its user data, its result as a number or as '-EINVAL', its flags. */
export type Row = readonly [userData: U64, res: number | string, flags: number];

/** Stages an entry: what `encode` writes, with this user data and these IOSQE_… flags. */
export function stage(ring: IoUringState, userData: U64, encode: Encode, flags = 0): void {
  const sqe = ring.getSqe();
  assert.ok(sqe !== null, 'the queue has room');
  encode(sqe);
  sqe.userData = userData;
  sqe.flags |= flags;
  ring.stageSqe();
}

/**
 * Submits the `count` entries that are staged, and asserts by the ring and by its memory that the kernel took all of
 * them, or the first `taken`. With `cq`: that so many completions stand afterwards.
 */
export function submits(open: OpenRing, count: number, cq?: number, taken: number = count): void {
  const { ring } = open;
  const before = open.raw();
  assert.deepEqual([ring.sqReady(), before.sqTail - before.sqHead], [count, 0], 'staged, not published');
  const result = ring.submit();
  // The kernel's own thread may have taken some before they were counted.
  if (ring.usesSqpoll)
    for (const end = performance.now() + timeLimit; ring.sqReady() > 0; ) assert.ok(performance.now() < end);
  else assert.equal(result, taken, 'how many the kernel took');
  if (cq !== undefined) {
    open.expect({ sq: count - taken, cq, sqHead: before.sqHead + taken, sqTail: before.sqTail + count });
    return;
  }
  const after = open.raw();
  const moved = [after.sqHead - before.sqHead, after.sqTail - before.sqTail];
  assert.deepEqual(moved, [taken, count], 'head and tail');
}

/** Waits until `count` completions stand, takes them and asserts that the queue is empty then. */
export function rows(open: OpenRing, count: number): Row[] {
  const { ring } = open;
  const seen: Row[] = [];
  for (let some = someRows(open); some.length > 0; some = seen.length < count ? someRows(open) : [])
    seen.push(...some);
  assert.equal(seen.length, count, `completions: ${seen.join(' | ')}`);
  open.expect({ sq: ring.usesSqpoll ? 0 : ring.sqReady(), cq: 0 });
  return seen;
}

/** Waits for a completion and takes all that stand; none when the time in milliseconds ran out. */
export function someRows({ ring }: OpenRing, timeout: number = timeLimit): Row[] {
  const seen: Row[] = [];
  if (ring.waitCqe({ timeout }) !== null)
    ring.forEachCqe(({ userData, res, flags }) => seen.push([userData, res < 0 ? named(res) : res, flags]));
  return seen;
}

/** The same in the order of their user data: for completions whose order the kernel does not promise. */
export function sortedRows(open: OpenRing, count: number): Row[] {
  return rows(open, count).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/**
 * Asserts that nothing of what was submitted has completed, also nothing that the kernel holds back. A NOP that goes
 * through meanwhile shows that the ring is alive.
 */
export function nothingCompleted(open: OpenRing): void {
  const { ring } = open;
  stage(ring, PROBE, nop);
  submits(open, 1);
  assert.deepEqual(rows(open, 1), [[PROBE, 0, 0]], 'only the NOP completes');
}

const PROBE = 0xfeed_beef;
