/**
 * Waits of every kind beside the plain ones: registered, until a moment, with the clock and the flags of
 * io_uring_enter; and what a ring can do without a system call.
 */
import assert from 'node:assert/strict';
import { readSync } from 'node:fs';
import { test } from 'node:test';
import { allocatePages, Cqe, IoUringState, nop, timeout, timespec } from 'tsuring';
import {
  addressOf,
  CLOCK_MONOTONIC,
  ETIME,
  IORING_ENTER_ABS_TIMER,
  IORING_ENTER_EXT_ARG,
  IORING_ENTER_GETEVENTS,
  IORING_ENTER_NO_IOWAIT,
  IORING_FEAT_MIN_TIMEOUT,
  IORING_FEAT_NO_IOWAIT,
  IORING_MEM_REGION_REG_WAIT_ARG,
  IORING_NOP_CQE32,
  IORING_SETUP_CQE_MIXED,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  io_uring_getevents_arg,
  io_uring_params,
  linux,
  makeStruct,
  pageSize,
  writeStruct,
} from 'tsuring/syscalls';
import { FakeKernel } from './support/fake-kernel.ts';
import { live } from './support/live.ts';
import { lacksFeature, lacksRegister, lacksRing } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';
import { timeLimit } from './support/time-limit.ts';

const without = { skip: lacksRing('io_uring', {}), timeout: timeLimit };
const lacksRegion = lacksRegister('IORING_REGISTER_MEM_REGION');

const ways = {
  plain: 0,
  DEFER_TASKRUN: IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
  SQPOLL: IORING_SETUP_SQPOLL,
};
for (const [name, flags] of Object.entries(ways))
  live(
    ['registerWaitRegion', 'registerRegion', 'enableRings'],
    `registered waits: ${name}`,
    [lacksRegion, lacksRing(name, { flags })],
    () => {
      using open = openRing(8, { flags: flags | IORING_SETUP_R_DISABLED });
      const { ring, probe } = open;
      const waits = ring.registerWaitRegion(70);
      ring.enableRings();
      waits.set(0, { timeout: 0 });
      waits.set(3, { timeout: 20 });
      waits.set(69, { timeout: timeLimit });
      assert.deepEqual(waits.get(3), { timeout: 20 });
      // What completes at once.
      stageNops(ring, 4);
      assert.equal(ring.submitAndWaitReg(4, 69), 4);
      assert.equal(ring.cqReady(), 4);
      ring.advanceCq(4);
      // What never does.
      assert.equal(ring.submitAndWaitReg(1, 0), 0);
      assert.equal(ring.submitAndWaitReg(1, 3), 0);
      stageNops(ring, 2);
      assert.equal(ring.submitAndWaitReg(3, 3), 2);
      assert.equal(ring.cqReady(), 2);
      ring.advanceCq(2);
      // What comes later, also later than the kernel waits at a time.
      stageTimeout(ring, 5);
      assert.equal(ring.submitAndWaitReg(1, 69), 1);
      assert.equal(ring.peekCqe()?.res, -ETIME);
      ring.advanceCq();
      stageTimeout(ring, 160);
      assert.equal(ring.submitAndWaitReg(1, 69), 1);
      assert.equal(ring.peekCqe()?.res, -ETIME);
      ring.advanceCq();
      if (flags === 0) {
        probe.enters.length = 0;
        stageNops(ring, 1);
        ring.submitAndWaitReg(1, 69);
        ring.advanceCq();
        assert.equal(probe.enters.length, 1, 'one system call for both');
      }
      open.expect({ sq: 0, cq: 0 });
    },
  );

live(
  ['registerWaitRegion'],
  'a registered wait with a minimum, and with a signal mask',
  [lacksRegion, lacksFeature('IORING_FEAT_MIN_TIMEOUT', IORING_FEAT_MIN_TIMEOUT)],
  () => {
    using ring = new IoUringState(8, { flags: IORING_SETUP_R_DISABLED });
    const waits = ring.registerWaitRegion(2);
    ring.enableRings();
    waits.set(0, { timeout: timeLimit, minWait: 2000 });
    waits.set(1, { timeout: timeLimit, sigmask: 2n ** 64n - 1n });
    stageNops(ring, 1);
    // One of two, after the minimum.
    assert.equal(ring.submitAndWaitReg(2, 0), 1);
    assert.equal(ring.cqReady(), 1);
    ring.advanceCq();
    stageTimeout(ring, 10);
    assert.equal(ring.submitAndWaitReg(1, 1), 1);
    assert.equal(ring.peekCqe()?.res, -ETIME);
  },
);

live(['registerWaitRegion'], 'a time-out that completes ends no registered wait', [lacksRegion], () => {
  using ring = new IoUringState(8, { flags: IORING_SETUP_R_DISABLED });
  const waits = ring.registerWaitRegion(1);
  ring.enableRings();
  waits.set(0, { timeout: timeLimit, minWait: 0 });
  stageTimeout(ring, 5);
  stageTimeout(ring, 40);
  assert.equal(ring.submitAndWaitReg(2, 0), 2);
  assert.equal(ring.cqReady(), 2);
  ring.advanceCq(2);
  stageTimeout(ring, 5);
  stageTimeout(ring, 40);
  assert.equal(ring.submitAndWait(2, { timeout: timeLimit, minWait: 0 }), 2);
  assert.equal(ring.cqReady(), 2);
});

test('a mistake in the options of a wait submits nothing', without, () => {
  using open = openRing(4);
  const { ring } = open;
  stageNops(ring, 2);
  for (const options of [{ timeout: 'x' }, 5, { until: 1 }])
    assert.throws(() => ring.submitAndWait(1, options as never), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => ring.enter(2, 0, IORING_ENTER_GETEVENTS, { timeout: 'x' } as never), {
    code: 'ERR_INVALID_ARG_TYPE',
  });
  assert.throws(() => ring.enter(2, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_ABS_TIMER, { timeout: 5 }), {
    code: 'ERR_INVALID_ARG_VALUE',
  });
  assert.throws(() => ring.forEachCqe(undefined as never), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.equal(ring.submitAndWait(2), 2);
  open.expect({ sq: 0, cq: 2 });
});

live(['registerWaitRegion', 'registerRegion'], 'regions that cannot be', [lacksRegion], () => {
  using ring = new IoUringState(4, { flags: 0 });
  assert.throws(() => ring.submitAndWaitReg(1, 0), { code: 'ERR_INVALID_STATE' });
  assert.throws(() => ring.registerWaitRegion(1), { code: 'EINVAL', fix: /R_DISABLED/ });
  for (const bad of [0, -1, 0.5, 65_537])
    assert.throws(() => ring.registerWaitRegion(bad), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => ring.registerRegion('x' as never), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => ring.registerRegion(100), { code: 'EINVAL' });
  assert.equal(ring.registerRegion(allocatePages(1)), 0n);
  assert.throws(() => ring.registerRegion(allocatePages(1)), { code: 'EBUSY' });
  using disabled = new IoUringState(4, { flags: IORING_SETUP_R_DISABLED });
  const waits = disabled.registerWaitRegion(2);
  assert.throws(() => disabled.registerWaitRegion(2), { code: 'EBUSY' });
  for (const index of [-1, 2, 0.5]) {
    assert.throws(() => waits.set(index, {}), { code: 'ERR_OUT_OF_RANGE' });
    assert.throws(() => disabled.submitAndWaitReg(1, index), { code: 'ERR_OUT_OF_RANGE' });
  }
  assert.throws(() => waits.set(0, { until: 5n }), { code: 'ERR_INVALID_ARG_VALUE' });
  assert.throws(() => waits.set(0, { timeout: -1 }), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => disabled.submitAndWaitReg(1, 0), { code: 'EBADFD' });
});

live(['registerRegion'], 'a region of the kernel’s memory can be mapped', [lacksRegion], () => {
  using ring = new IoUringState(4, { flags: IORING_SETUP_R_DISABLED });
  const offset = ring.registerRegion(pageSize(), IORING_MEM_REGION_REG_WAIT_ARG);
  assert.ok(offset > 0n);
  const at = linux.mmap(0, pageSize(), 3, 1, ring.fd, Number(offset));
  assert.ok(at > 0, `mmap gave ${at}`);
  assert.equal(linux.munmap(at, pageSize()), 0);
});

test('until a moment of the monotonic clock', without, () => {
  using ring = new IoUringState(4, { flags: 0 });
  const now = process.hrtime.bigint();
  assert.equal(ring.waitCqe({ until: now - 1_000_000n }), null, 'past');
  const until = now + 130_000_000n;
  assert.equal(ring.waitCqe({ until }), null);
  assert.ok(process.hrtime.bigint() >= until);
  stageTimeout(ring, 1);
  assert.equal(ring.submitAndWait(1, { until: now + 10n ** 12n }), 1);
  assert.equal(ring.cqReady(), 1);
  assert.throws(() => ring.waitCqes(2, { until: 5 as never }), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => ring.waitCqes(2, { until: 5n, timeout: 5 }), { code: 'ERR_INVALID_ARG_VALUE' });
});

live(['registerClock'], 'a raw enter with an absolute time', [lacksRegister('IORING_REGISTER_CLOCK')], () => {
  using ring = new IoUringState(4, { flags: 0 });
  ring.registerClock(CLOCK_MONOTONIC);
  const until = process.hrtime.bigint() + 20_000_000n;
  const ts = timespec(until);
  const argument = makeStruct(io_uring_getevents_arg, { ts: addressOf(ts) });
  const flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | IORING_ENTER_ABS_TIMER;
  assert.throws(() => ring.enter(0, 1, flags, argument), { code: 'ETIME' });
  assert.ok(process.hrtime.bigint() >= until);
});

test('setIowait: every call says so', {
  ...without,
  skip: lacksFeature('IORING_FEAT_NO_IOWAIT (Linux 6.15)', IORING_FEAT_NO_IOWAIT),
}, () => {
  using open = openRing(4);
  const { ring, probe } = open;
  const last = () => probe.enters.at(-1)!.flags & IORING_ENTER_NO_IOWAIT;
  ring.getEvents();
  assert.equal(last(), 0);
  ring.setIowait(false);
  ring.getEvents();
  assert.equal(last(), IORING_ENTER_NO_IOWAIT);
  assert.equal(ring.waitCqe({ timeout: 1 }), null);
  assert.equal(last(), IORING_ENTER_NO_IOWAIT);
  ring.setIowait(true);
  ring.getEvents();
  assert.equal(last(), 0);
  assert.throws(() => ring.setIowait(1 as never), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('setIowait on a kernel without it', without, () => {
  using open = openRing(4, {}, { hideFeatures: IORING_FEAT_NO_IOWAIT });
  assert.throws(() => open.ring.setIowait(false), { code: 'EOPNOTSUPP', fix: /6\.15/ });
});

test('the eventfd is signalled, or not, without a system call', without, () => {
  using open = openRing(8);
  const { ring, probe } = open;
  const event = linux.adopt(linux.eventfd(0, 0o4000));
  ring.registerEventfd(event);
  const value = new BigUint64Array(1);
  const signals = (): bigint => {
    stageNops(ring, 1);
    ring.submitAndWait(1);
    ring.advanceCq();
    try {
      readSync(event, value);
      return value[0];
    } catch (error) {
      assert.equal((error as { code: string }).code, 'EAGAIN');
      return 0n;
    }
  };
  assert.equal(ring.cqEventfdEnabled, true);
  assert.equal(signals(), 1n);
  const calls = probe.enters.length;
  ring.cqEventfdToggle(false);
  assert.equal(ring.cqEventfdEnabled, false);
  ring.cqEventfdToggle(false);
  assert.equal(probe.enters.length, calls);
  assert.equal(signals(), 0n);
  ring.cqEventfdToggle(true);
  assert.equal(signals(), 1n);
  assert.throws(() => ring.cqEventfdToggle(0 as never), { code: 'ERR_INVALID_ARG_TYPE' });
  linux.close(event);
});

test('the eventfd on a kernel without the flag', () => {
  class Old extends FakeKernel {
    override setup(entries: number, params: Uint8Array): number {
      const fd = super.setup(entries, params);
      writeStruct(params, io_uring_params, { 'cq_off.flags': 0 });
      return fd;
    }
  }
  using ring = new IoUringState(4, { flags: 0, kernel: new Old() });
  assert.equal(ring.cqEventfdEnabled, true);
  ring.cqEventfdToggle(true);
  assert.throws(() => ring.cqEventfdToggle(false), { code: 'EOPNOTSUPP', fix: /5\.8/ });
});

test('sqringWait: room in a full queue', {
  ...without,
  skip: lacksRing('SQPOLL', { flags: IORING_SETUP_SQPOLL }),
}, () => {
  using ring = new IoUringState(4, { flags: IORING_SETUP_SQPOLL, sqThreadIdle: 1 });
  let inVain = 0;
  for (let n = 0; n < 1000; n++) {
    while (ring.getSqe() === null) {
      ring.sqringWait();
      // The kernel's own work, such as the end of the rings of the tests before, ends a wait early.
      if (ring.sqSpaceLeft() === 0) inVain++;
    }
    nop(ring.getSqe()!);
    ring.stageSqe();
    ring.forEachCqe(() => {});
  }
  assert.ok(inVain < 50, `${inVain} waits in vain`);
  using plain = new IoUringState(1, { flags: 0 });
  stageNops(plain, 1);
  plain.sqringWait();
  assert.equal(plain.sqReady(), 1, 'nobody takes it but submit');
});

test('peekBatchCqe: a cursor on each completion', without, () => {
  using open = openRing(8);
  const { ring } = open;
  const cursors = Array.from({ length: 4 }, () => new Cqe());
  assert.equal(ring.peekBatchCqe(cursors), 0);
  for (let round = 0; round < 5; round++) {
    stageNops(ring, 7, 10);
    ring.submitAndWait(7);
    assert.equal(ring.peekBatchCqe(cursors), 4);
    assert.deepEqual(
      cursors.map((cqe) => cqe.userData),
      [10, 11, 12, 13],
    );
    assert.equal(ring.peekBatchCqe([]), 0);
    ring.advanceCq(4);
    assert.equal(ring.peekBatchCqe(cursors), 3);
    assert.deepEqual(
      cursors.slice(0, 3).map((cqe) => cqe.userData),
      [14, 15, 16],
    );
    ring.advanceCq(3);
  }
  assert.throws(() => ring.peekBatchCqe(4 as never), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('peekBatchCqe over both sizes and filler', {
  ...without,
  skip: lacksRing('CQE_MIXED', { flags: IORING_SETUP_CQE_MIXED }),
}, () => {
  using ring = new IoUringState(8, { flags: IORING_SETUP_CQE_MIXED, cqEntries: 8 });
  const cursors = Array.from({ length: 8 }, () => new Cqe());
  let next = 0;
  for (let round = 0; round < 30; round++) {
    for (const large of [false, true, round % 3 === 0]) {
      nop(ring.getSqe()!);
      ring.getSqe()!.userData = next++;
      if (large) ring.getSqe()!.opFlags = IORING_NOP_CQE32;
      ring.stageSqe();
    }
    ring.submitAndWait(3);
    assert.equal(ring.peekBatchCqe(cursors), 3);
    assert.deepEqual(
      cursors.slice(0, 3).map((cqe) => cqe.userData),
      [next - 3, next - 2, next - 1],
    );
    assert.equal(cursors[1].is32, true);
    ring.advanceCq(3);
  }
});

function stageNops(ring: IoUringState, count: number, from = 0): void {
  for (let n = 0; n < count; n++) {
    nop(ring.getSqe()!);
    ring.getSqe()!.userData = from + n;
    ring.stageSqe();
  }
}

function stageTimeout(ring: IoUringState, milliseconds: number): void {
  timeout(ring.getSqe()!, timespec(milliseconds));
  ring.getSqe()!.userData = 99;
  ring.stageSqe();
}
