/**
 * The three ways to have a ring's memory, and that a SharedArrayBuffer is really shared.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { IoUringState, nop } from 'tsuring';
import {
  addressOf,
  IORING_FEAT_SINGLE_MMAP,
  IORING_SETUP_NO_MMAP,
  IORING_SETUP_NO_SQARRAY,
  pageSize,
} from 'tsuring/syscalls';
import { FakeKernel } from './support/fake-kernel.ts';
import { lacksRing } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';
import { timeLimit } from './support/time-limit.ts';
import { tsWorker } from './support/ts-worker.ts';

const without = { skip: lacksRing('io_uring', {}), timeout: timeLimit };
const pinned = { skip: lacksRing('NO_MMAP (Linux 6.5)', { memory: 'no_mmap' }), timeout: timeLimit };
const noArray = lacksRing('NO_SQARRAY (Linux 6.6)', { sqArray: false });

test('the best memory to be had is chosen, and told', without, () => {
  using open = openRing(4);
  const { kind, buffer, sqRing, cqRing, sqes } = open.ring.memory;
  assert.equal(kind, !pinned.skip ? 'no_mmap' : kind);
  assert.equal(buffer instanceof SharedArrayBuffer, kind !== 'view');
  for (const part of [sqRing, cqRing, sqes]) assert.ok(part.byteLength >= 64);
  assert.ok(sqes.byteLength >= 4 * 64);
});

test('no_mmap: our SharedArrayBuffer, page aligned', pinned, () => {
  for (const entries of [1, 8, 64, 1024, 32768]) {
    if (lacksRing(`${entries} pinned entries`, { memory: 'no_mmap' }, entries)) continue;
    using open = openRing(entries, { memory: 'no_mmap' });
    const { kind, buffer, sqRing, cqRing, sqes } = open.ring.memory;
    assert.equal(kind, 'no_mmap');
    assert.notEqual(open.ring.setupFlags & IORING_SETUP_NO_MMAP, 0);
    assert.equal(open.probe.calls.mmap, undefined);
    assert.ok(buffer instanceof SharedArrayBuffer);
    assert.deepEqual([sqRing.buffer, cqRing.buffer, sqes.buffer], [buffer, buffer, buffer]);
    assert.equal(addressOf(sqRing) % pageSize(), 0);
    assert.equal(addressOf(sqes) % pageSize(), 0);
    assert.ok(addressOf(sqes) >= addressOf(sqRing) + sqRing.byteLength, 'the regions do not overlap');
    assert.ok(sqes.byteLength >= entries * 64);
    const cqEnd = open.params['cq_off.cqes'] + 16 * open.params.cq_entries;
    assert.ok(cqRing.byteLength >= cqEnd, 'the completions lie within');
  }
});

test('no_mmap: another thread sees the tails move', pinned, async () => {
  using open = openRing(4, { memory: 'no_mmap' });
  const { ring, params } = open;
  const { buffer, sqRing } = ring.memory;
  const indexes = [params['sq_off.tail'], params['cq_off.tail'], params['cq_off.head']].map(
    (offset) => (sqRing.byteOffset + offset) / 4,
  );
  const worker = tsWorker('tail-worker', { buffer, indexes });
  await once(worker, 'message');
  const seen = async () => {
    worker.postMessage('look');
    return (await once(worker, 'message'))[0];
  };
  assert.deepEqual(await seen(), [0, 0, 0]);
  for (let n = 0; n < 3; n++) {
    nop(ring.getSqe()!);
    ring.stageSqe();
  }
  assert.deepEqual(await seen(), [0, 0, 0]);
  ring.flush();
  assert.deepEqual(await seen(), [3, 0, 0]);
  ring.submitAndWait(3);
  assert.deepEqual(await seen(), [3, 3, 0]);
  ring.advanceCq(2);
  assert.deepEqual(await seen(), [3, 3, 2]);
  ring.close();
  assert.deepEqual(await seen(), [0, 0, 0], 'fresh pages after the close');
  await worker.terminate();
});

test('view: the pages of the kernel, behind an ordinary ArrayBuffer', without, () => {
  for (const hideFeatures of [0, IORING_FEAT_SINGLE_MMAP]) {
    using open = openRing(8, { memory: 'view' }, { hideFeatures });
    const { kind, buffer, sqRing, cqRing, sqes } = open.ring.memory;
    assert.equal(kind, 'view');
    assert.equal(open.ring.setupFlags & IORING_SETUP_NO_MMAP, 0);
    assert.ok(buffer instanceof ArrayBuffer);
    assert.equal(open.probe.calls.mmap, hideFeatures === 0 ? 2 : 3);
    assert.equal(sqRing.buffer === cqRing.buffer, hideFeatures === 0);
    assert.notEqual(sqes.buffer, sqRing.buffer);
    assert.equal(sqes.byteLength, 8 * 64);
  }
});

test('overlay: where the kernel refuses it, a clear error', without, () => {
  const skip = lacksRing('overlay', { memory: 'overlay' });
  if (skip === false) {
    using open = openRing(8, { memory: 'overlay' });
    assert.equal(open.ring.memory.kind, 'overlay');
    assert.ok(open.ring.memory.buffer instanceof SharedArrayBuffer);
    return;
  }
  assert.throws(
    () => openRing(8, { memory: 'overlay' }),
    (error) => {
      const { name, code, errno, fix } = error as Record<string, string | number>;
      assert.deepEqual([name, code, errno], ['UringError', 'EINVAL', -22]);
      assert.ok(String(fix).length > 20);
      return true;
    },
  );
});

test('overlay is chosen before the view where it can be had', () => {
  using open = openRing(8, { kernel: new FakeKernel({ overlay: true }) });
  assert.equal(open.ring.memory.kind, 'overlay');
  assert.equal(open.ring.setupFlags & IORING_SETUP_NO_MMAP, 0);
  const { sqRing, sqes } = open.ring.memory;
  assert.equal(addressOf(sqRing) % pageSize(), 0);
  assert.equal(addressOf(sqes) % pageSize(), 0);
});

test('a kernel that knows no NO_MMAP gives a view, or an overlay', without, () => {
  using open = openRing(8, {}, { refuseFlags: IORING_SETUP_NO_MMAP });
  assert.notEqual(open.ring.memory.kind, 'no_mmap');
  nop(open.ring.getSqe()!);
  open.ring.commitSqe();
  assert.equal(open.ring.submitAndWait(1), 1);
  const forced = { memory: 'no_mmap' } as const;
  assert.throws(() => openRing(8, forced, { refuseFlags: IORING_SETUP_NO_MMAP }), { code: 'EINVAL' });
});

test('the SQ array: none where the kernel can do without, one on demand', {
  ...without,
  skip: noArray,
}, () => {
  const identity = (sqArray?: boolean) => {
    using open = openRing(4, sqArray === undefined ? {} : { sqArray });
    const none = (open.ring.setupFlags & IORING_SETUP_NO_SQARRAY) !== 0;
    if (none) return null;
    const { buffer, byteOffset } = open.ring.memory.sqRing;
    return Array.from(new Uint32Array(buffer, byteOffset + open.params['sq_off.array'], 4));
  };
  assert.equal(identity(), null);
  assert.equal(identity(false), null);
  assert.deepEqual(identity(true), [0, 1, 2, 3]);
});

test('a kernel that knows no NO_SQARRAY gives one by itself', without, () => {
  using open = openRing(4, {}, { refuseFlags: IORING_SETUP_NO_SQARRAY });
  assert.equal(open.ring.setupFlags & IORING_SETUP_NO_SQARRAY, 0);
  nop(open.ring.getSqe()!);
  open.ring.commitSqe();
  assert.equal(open.ring.submitAndWait(1), 1);
  const none = { sqArray: false };
  assert.throws(() => openRing(4, none, { refuseFlags: IORING_SETUP_NO_SQARRAY }), { code: 'EINVAL' });
});

test('an index that names no entry is dropped and counted', without, () => {
  using open = openRing(4, { sqArray: true });
  const { ring } = open;
  const { buffer, byteOffset } = ring.memory.sqRing;
  new Uint32Array(buffer, byteOffset + open.params['sq_off.array'], 4)[1] = 99;
  for (let n = 0; n < 3; n++) {
    nop(ring.getSqe()!);
    ring.getSqe()!.userData = n;
    ring.stageSqe();
  }
  ring.submit();
  assert.equal(ring.sqDropped, 1);
  ring.submit();
  const seen: unknown[] = [];
  ring.forEachCqe((cqe) => {
    seen.push(cqe.userData);
  });
  assert.deepEqual(seen, [0, 2]);
});

test('Atomics work on either kind', without, () => {
  for (const memory of ['no_mmap', 'view'] as const) {
    if (lacksRing(memory, { memory })) continue;
    using ring = new IoUringState(4, { flags: 0, memory });
    const { sqRing } = ring.memory;
    assert.equal(Atomics.load(new Int32Array(sqRing.buffer, sqRing.byteOffset, 1), 0), 0);
  }
});
