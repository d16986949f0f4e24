/**
 * Who keeps the memory of operations alive: the ring, from commit until the completion that ends the operation is
 * acknowledged.
 */
import assert from 'node:assert/strict';
import { writeSync } from 'node:fs';
import { test } from 'node:test';
import { allocatePages, type IoUringState, nop, read } from 'tsuring';
import {
  addressOf,
  IORING_CQE_F_MORE,
  IORING_OP_ASYNC_CANCEL,
  IORING_OP_POLL_ADD,
  IORING_POLL_ADD_MULTI,
  linux,
  POLLIN,
  type SharedPages,
} from 'tsuring/syscalls';
import type { Cqe } from '../lib/cqe.ts';
import { takeHold } from '../lib/hold.ts';
import { Holds } from '../lib/holds.ts';
import { collect, collectUntil } from './support/collect.ts';
import { lacksRing } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';
import { timeLimit } from './support/time-limit.ts';

const without = { skip: lacksRing('io_uring', {}), timeout: timeLimit };
type Held = WeakRef<object>;

test('a buffer lives from commit until its completion is acknowledged', without, async () => {
  using open = openRing(4);
  const { ring } = open;
  const held = pointing(ring, 1);
  await collect();
  assert.ok(held.deref(), 'committed');
  ring.submitAndWait(1);
  assert.equal(ring.peekCqe()?.userData, 1);
  await collect();
  assert.ok(held.deref(), 'completed');
  ring.advanceCq();
  assert.ok(await collectUntil(() => !held.deref()), 'acknowledged');
});

test('forEachCqe acknowledges as well, and only what it visited', without, async () => {
  using open = openRing(8);
  const { ring } = open;
  const held = [1, 2, 3].map((userData) => pointing(ring, userData));
  ring.submitAndWait(3);
  assert.throws(() =>
    ring.forEachCqe((cqe) => {
      if (cqe.userData === 2) throw new Error('stop');
    }),
  );
  assert.ok(await collectUntil(() => !held[0].deref() && !held[1].deref()));
  await collect();
  assert.ok(held[2].deref());
  ring.forEachCqe(() => {});
  assert.ok(await collectUntil(() => !held[2].deref()));
});

test('an advance that is refused lets nothing go', without, async () => {
  using open = openRing(8);
  const { ring } = open;
  const held = [1, 2].map((userData) => pointing(ring, userData));
  ring.submitAndWait(2);
  for (const count of [3, 1.5, -1, Number.NaN])
    assert.throws(() => ring.advanceCq(count), { code: 'ERR_OUT_OF_RANGE' }, String(count));
  await collect();
  assert.ok(held.every((ref) => ref.deref()));
  // Nor does one inside of forEachCqe, whose completions are acknowledged when it ends.
  let n = 0;
  ring.forEachCqe((cqe) => {
    assert.equal(cqe.userData, ++n);
    assert.throws(() => ring.advanceCq(), { code: 'ERR_INVALID_STATE' });
    assert.throws(() => ring.forEachCqe(() => {}), { code: 'ERR_INVALID_STATE' });
    assert.equal(cqe.userData, n, 'the cursor stays where it is');
  });
  assert.equal(n, 2);
  assert.ok(await collectUntil(() => held.every((ref) => !ref.deref())));
});

test('operations with the same user data let go together, when all are over', without, async () => {
  using open = openRing(8);
  const { ring } = open;
  const held = [5, 5, 5].map((userData) => pointing(ring, userData));
  ring.submitAndWait(3);
  ring.advanceCq(2);
  await collect();
  assert.ok(
    held.every((ref) => ref.deref()),
    'nobody knows which two these were',
  );
  ring.advanceCq();
  assert.ok(await collectUntil(() => held.every((ref) => !ref.deref())));
});

test('an operation that points at nothing lets nothing of another go', without, async () => {
  using open = openRing(8);
  const { ring } = open;
  const event = linux.eventfd(0, 0);
  // Both have the user data 0: a read that waits, and a NOP that is done at once.
  const held = (() => {
    const buffer = new Uint8Array(64);
    const sqe = ring.getSqe()!;
    read(sqe, event, buffer, 8, 0);
    ring.commitSqe();
    return new WeakRef<object>(buffer);
  })();
  nop(ring.getSqe()!);
  ring.commitSqe();
  ring.submitAndWait(1);
  ring.advanceCq();
  await collect();
  assert.ok(held.deref(), 'the read goes on');
  writeSync(event, new BigUint64Array([1n]));
  assert.equal(ring.waitCqe({ timeout: timeLimit })?.res, 8);
  ring.advanceCq();
  assert.ok(await collectUntil(() => !held.deref()));
  linux.close(linux.adopt(event));
});

test('a multishot operation holds until its last completion', without, async () => {
  using open = openRing(8);
  const { ring } = open;
  const event = linux.eventfd(0, 0);
  const bell = new BigUint64Array([1n]);
  const held = multishot(ring, event);
  ring.submit();
  for (let n = 0; n < 2; n++) {
    writeSync(event, bell);
    assert.ok(ring.waitCqe({ timeout: timeLimit }));
    assert.notEqual(ring.peekCqe()!.flags & IORING_CQE_F_MORE, 0);
    ring.advanceCq();
    await collect();
    assert.ok(held.deref(), 'more are to come');
  }
  ring.getSqe()!.rw(IORING_OP_ASYNC_CANCEL, -1, 9, 0, 0);
  ring.getSqe()!.userData = 10;
  ring.stageSqe();
  ring.submitAndWait(2, { timeout: timeLimit });
  const seen: unknown[] = [];
  ring.forEachCqe((cqe) => {
    seen.push([cqe.userData, cqe.more]);
  });
  assert.deepEqual(new Set(seen.map(String)), new Set(['9,false', '10,false']));
  assert.ok(await collectUntil(() => !held.deref()));
  linux.close(linux.adopt(event));
});

test('several buffers of one operation go together', without, async () => {
  using open = openRing(4);
  const { ring } = open;
  const held = (() => {
    const parts = [new Uint8Array(16), new ArrayBuffer(16), new DataView(new SharedArrayBuffer(16))];
    const sqe = ring.getSqe()!;
    nop(sqe);
    for (const part of parts) sqe.point(part, 16);
    ring.commitSqe();
    return parts.map((part) => new WeakRef<object>(part));
  })();
  ring.submitAndWait(1);
  await collect();
  assert.ok(held.every((ref) => ref.deref()));
  ring.advanceCq();
  assert.ok(await collectUntil(() => held.every((ref) => !ref.deref())));
});

test('an entry that was never committed holds as long as it stands', without, async () => {
  using open = openRing(2);
  const { ring } = open;
  const held = (() => {
    const buffer = new Uint8Array(64);
    ring.getSqe()!.point(buffer, 64);
    return new WeakRef<object>(buffer);
  })();
  await collect();
  assert.ok(held.deref());
  ring.close();
  assert.ok(await collectUntil(() => !held.deref()), 'nobody will use it any more');
});

test('addresses are held by nobody; lengths are checked', without, () => {
  using open = openRing(2);
  const sqe = open.ring.getSqe()!;
  const buffer = new Uint8Array(64);
  const pages = allocatePages(1);
  assert.equal(sqe.point(12345, 1e9), 12345);
  assert.equal(sqe.point(12345n, 1e9), 12345);
  assert.equal(sqe.held, null);
  assert.equal(sqe.point(buffer, 64), addressOf(buffer));
  assert.equal(sqe.point(buffer.subarray(10), 54), addressOf(buffer) + 10);
  assert.equal(sqe.point(pages, pages.byteLength), pages.address);
  const heldCount = () => sqe.held?.count;
  assert.equal(heldCount(), 3);
  assert.throws(() => sqe.point(buffer, 65), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => sqe.point(buffer.subarray(10), 55), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => sqe.point(pages, pages.byteLength + 1), { code: 'ERR_OUT_OF_RANGE' });
  for (const bad of [-1n, 2n ** 53n]) assert.throws(() => sqe.point(bad, 1), { code: 'ERR_OUT_OF_RANGE' });
  for (const bad of ['text', {}, null, undefined, true] as unknown as SharedPages[])
    assert.throws(() => sqe.point(bad, 1), { code: 'ERR_INVALID_ARG_TYPE' });
  structuredClone(buffer.buffer, { transfer: [buffer.buffer] });
  assert.throws(() => sqe.point(buffer, 1), { code: 'ERR_INVALID_ARG_VALUE' }, 'detached');
  assert.equal(heldCount(), 3, 'what was refused is not held');
});

test('registered buffers live as long as the ring', without, async () => {
  const { ring } = openRing(2);
  const held = (() => {
    const buffer = new Uint8Array(64);
    ring.registerBuffers([buffer]);
    return new WeakRef<object>(buffer);
  })();
  await collect();
  assert.ok(held.deref());
  ring.unregisterBuffers();
  await collect();
  assert.ok(held.deref(), 'an operation in flight may still use it');
  ring.close();
  await collect();
  assert.ok(held.deref(), 'for some seconds more');
});

test('Holds: keys of either type, and completions of nobody', () => {
  const holds = new Holds();
  const end = (userData: number | bigint, flags = 0) => holds.complete({ userData, flags } as Cqe);
  holds.add(1, takeHold());
  holds.add(2n ** 60n, takeHold());
  holds.add(2n ** 60n, takeHold());
  assert.equal(holds.size, 3);
  end(7);
  end(1, IORING_CQE_F_MORE);
  assert.equal(holds.size, 3);
  end(1);
  end(1);
  assert.equal(holds.size, 2);
  end(2n ** 60n);
  end(2n ** 60n);
  end(2n ** 60n);
  assert.equal(holds.size, 0);
});

/** Commits a NOP that names a buffer nobody else knows. */
function pointing(ring: IoUringState, userData: number): Held {
  const buffer = new Uint8Array(64);
  const sqe = ring.getSqe()!;
  nop(sqe);
  sqe.point(buffer, 64);
  sqe.userData = userData;
  ring.commitSqe();
  return new WeakRef<object>(buffer);
}

/** A multishot poll, with a buffer that it has no use for. */
function multishot(ring: IoUringState, fd: number): Held {
  const buffer = new Uint8Array(64);
  const sqe = ring.getSqe()!;
  sqe.rw(IORING_OP_POLL_ADD, fd, 0, IORING_POLL_ADD_MULTI, 0);
  sqe.opFlags = POLLIN;
  sqe.userData = 9;
  sqe.point(buffer, 64);
  ring.commitSqe();
  return new WeakRef<object>(buffer);
}
