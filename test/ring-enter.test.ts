/**
 * `enter` in all forms of its arguments, on the real kernel.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type IoUringState, nop, type UringError } from 'tsuring';
import {
  addressOf,
  allocatePages,
  IORING_ENTER_EXT_ARG,
  IORING_ENTER_EXT_ARG_REG,
  IORING_ENTER_GETEVENTS,
  IORING_ENTER_NO_IOWAIT,
  IORING_ENTER_REGISTERED_RING,
  IORING_FEAT_EXT_ARG,
  IORING_FEAT_NO_IOWAIT,
  IORING_MEM_REGION_REG_WAIT_ARG,
  IORING_MEM_REGION_TYPE_USER,
  IORING_REG_WAIT_TS,
  IORING_REGISTER_ENABLE_RINGS,
  IORING_REGISTER_MEM_REGION,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_SINGLE_ISSUER,
  io_uring_getevents_arg,
  io_uring_mem_region_reg,
  io_uring_reg_wait,
  io_uring_region_desc,
  makeStruct,
  pageSize,
} from 'tsuring/syscalls';
import { lacksFeature, lacksRing } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';
import { timeLimit } from './support/time-limit.ts';

const without = { skip: lacksRing('io_uring', {}), timeout: timeLimit };
const extended = {
  skip: lacksFeature('IORING_FEAT_EXT_ARG (Linux 5.11)', IORING_FEAT_EXT_ARG),
  timeout: timeLimit,
};
const GETEVENTS = IORING_ENTER_GETEVENTS;
const EXT = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;

test('submits as many as it is told', without, () => {
  using open = openRing(8);
  const { ring } = open;
  stage(ring, 5);
  assert.equal(ring.enter(2, 0, 0), 0, 'nothing is published yet');
  ring.flush();
  assert.equal(ring.enter(2, 0, 0), 2);
  open.expect({ sq: 3, cq: 2, sqHead: 2, sqTail: 5, cqTail: 2 });
  assert.equal(ring.enter(1, 3, GETEVENTS), 1);
  open.expect({ sq: 2, cq: 3 });
  assert.equal(ring.enter(100, 0, 0), 2, 'no more than there are');
  open.expect({ sq: 0, cq: 5, sqHead: 5 });
  assert.equal(ring.enter(0, 0, 0), 0);
  assert.equal(ring.enter(0, 5, GETEVENTS), 0, 'they stand ready');
});

test('fewer taken than told is not waited on, as in the kernel', without, () => {
  using open = openRing(8);
  stage(open.ring, 1);
  open.ring.flush();
  assert.equal(open.ring.enter(3, 8, GETEVENTS), 1);
});

test('WaitOptions: ETIME when nothing was submitted, else the number', without, () => {
  using open = openRing(8);
  const { ring } = open;
  assert.throws(() => ring.enter(0, 1, GETEVENTS, { timeout: 3 }), { code: 'ETIME', errno: -62 });
  assert.throws(() => ring.enter(0, 1, EXT, { timeout: 0 }), { code: 'ETIME' });
  stage(ring, 1);
  ring.flush();
  assert.equal(ring.enter(1, 2, GETEVENTS, { timeout: 3 }), 1);
  assert.equal(ring.enter(0, 1, GETEVENTS, { timeout: 3 }), 0);
  assert.equal(ring.enter(0, 0, GETEVENTS, { timeout: 3 }), 0, 'no wait at all');
  assert.equal(ring.enter(0, 1, GETEVENTS, {}), 0);
  open.expect({ sq: 0, cq: 1 });
});

test('a struct io_uring_getevents_arg of the caller', extended, () => {
  using open = openRing(8);
  const { ring } = open;
  const timespec = new BigInt64Array([0n, 2_000_000n]);
  const sigset = new BigUint64Array([0n]);
  const argument = makeStruct(io_uring_getevents_arg, {
    ts: addressOf(timespec),
    sigmask: addressOf(sigset),
    sigmask_sz: 8,
  });
  assert.throws(() => ring.enter(0, 1, EXT, argument), { code: 'ETIME' });
  assert.throws(() => ring.enter(0, 1, EXT, argument, 24), { code: 'ETIME' });
  assert.throws(() => ring.enter(0, 1, EXT, argument.buffer), { code: 'ETIME' });
  assert.throws(() => ring.enter(0, 1, EXT, addressOf(argument), 24), { code: 'ETIME' });
  assert.throws(() => ring.enter(0, 1, EXT, argument, 16), { code: 'EINVAL' }, 'of a wrong size');
  assert.throws(() => ring.enter(0, 1, EXT, addressOf(argument)), { code: 'EINVAL' }, '64 by default');
  assert.throws(() => ring.enter(0, 1, EXT, 16, 24), { code: 'EFAULT' }, 'unmapped');
  argument.set(makeStruct(io_uring_getevents_arg, { ts: 16 }));
  assert.throws(() => ring.enter(0, 1, EXT, argument), { code: 'EFAULT' });
  stage(ring, 1);
  ring.flush();
  assert.equal(ring.enter(1, 0, 0, argument), 1, 'not looked at without a wait');
  open.expect({ sq: 0, cq: 1 });
});

test('a sigset_t of the caller', without, () => {
  using open = openRing(8);
  const { ring } = open;
  const all = new BigUint64Array([2n ** 64n - 1n]);
  stage(ring, 1);
  ring.flush();
  assert.equal(ring.enter(1, 1, GETEVENTS, all), 1);
  ring.advanceCq();
  stage(ring, 1);
  ring.flush();
  assert.equal(ring.enter(1, 1, GETEVENTS, all, 8), 1);
  ring.advanceCq();
  assert.throws(() => ring.enter(0, 1, GETEVENTS, all, 4), { code: 'EINVAL' });
  assert.throws(() => ring.enter(0, 1, GETEVENTS, 16, 8), { code: 'EFAULT' });
});

test('a registered wait region', extended, (t) => {
  const flags = IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER;
  const lacks = lacksRing('R_DISABLED and SINGLE_ISSUER', { flags });
  if (lacks) return t.skip(lacks);
  using open = openRing(8, { flags });
  const { ring } = open;
  const pages = allocatePages(pageSize());
  const waits = pages.bytes();
  for (const [i, nanoseconds] of [1_000_000, 3_000_000].entries())
    waits.set(
      makeStruct(io_uring_reg_wait, { 'ts.tv_nsec': nanoseconds, flags: IORING_REG_WAIT_TS }),
      i * io_uring_reg_wait.size,
    );
  const region = makeStruct(io_uring_region_desc, {
    user_addr: pages.address,
    size: pages.byteLength,
    flags: IORING_MEM_REGION_TYPE_USER,
  });
  const registration = makeStruct(io_uring_mem_region_reg, {
    region_uptr: addressOf(region),
    flags: IORING_MEM_REGION_REG_WAIT_ARG,
  });
  try {
    ring.register(IORING_REGISTER_MEM_REGION, registration, 1);
  } catch (error) {
    if ((error as UringError).code === 'EINVAL')
      return t.skip('needs IORING_REGISTER_MEM_REGION (Linux 6.13)');
    throw error;
  }
  ring.register(IORING_REGISTER_ENABLE_RINGS, 0, 0);
  const registered = EXT | IORING_ENTER_EXT_ARG_REG;
  assert.throws(() => ring.enter(0, 1, registered, 0), { code: 'ETIME' });
  assert.throws(() => ring.enter(0, 1, registered, io_uring_reg_wait.size), { code: 'ETIME' });
  assert.throws(() => ring.enter(0, 1, registered, 0, 24), { code: 'EINVAL' }, 'of a wrong size');
  assert.throws(
    () => ring.enter(0, 1, registered, pages.byteLength),
    { code: 'EFAULT' },
    'beyond the region',
  );
  stage(ring, 1);
  ring.flush();
  assert.equal(ring.enter(1, 1, registered, 0), 1);
  open.expect({ sq: 0, cq: 1 });
  return undefined;
});

test('flags that the kernel does not know, or that do not go together', without, () => {
  using open = openRing(8);
  const { ring } = open;
  for (const flags of [0x8000_0000, 0xffff_ffff, 0x4000_0000]) {
    const refused = { code: 'EINVAL', syscall: 'io_uring_enter', errno: -22 };
    assert.throws(() => ring.enter(0, 0, flags), refused, flags.toString(16));
  }
  assert.equal(
    ring.enter(0, 0, IORING_ENTER_REGISTERED_RING),
    0,
    'how the ring is named is not the caller’s to say',
  );
  open.expect({ sq: 0, cq: 0 });
});

const noIowait = lacksFeature('IORING_FEAT_NO_IOWAIT (Linux 6.15)', IORING_FEAT_NO_IOWAIT);
test('NO_IOWAIT', { ...without, skip: noIowait }, () => {
  using open = openRing(8);
  stage(open.ring, 1);
  open.ring.flush();
  assert.equal(open.ring.enter(1, 1, GETEVENTS | IORING_ENTER_NO_IOWAIT), 1);
  const timeout = { timeout: 1 };
  assert.throws(() => open.ring.enter(0, 2, GETEVENTS | IORING_ENTER_NO_IOWAIT, timeout), { code: 'ETIME' });
});

test('wrong arguments', without, () => {
  using open = openRing(8);
  const { ring } = open;
  const range = { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' };
  const type = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
  for (const bad of [-1, 0.5, 2 ** 32, Number.NaN, Infinity]) {
    assert.throws(() => ring.enter(bad, 0, 0), range);
    assert.throws(() => ring.enter(0, bad, 0), range);
    assert.throws(() => ring.enter(0, 0, bad), range);
    assert.throws(() => ring.enter(0, 0, 0, 0, bad), range);
  }
  for (const bad of [-1, 0.5, 2 ** 53, Number.NaN]) assert.throws(() => ring.enter(0, 0, 0, bad), range);
  for (const bad of ['1', 1n, null, {}, undefined]) {
    assert.throws(() => ring.enter(bad as never, 0, 0), type);
    assert.throws(() => ring.enter(0, 0, bad as never), type);
  }
  for (const bad of ['1', 1n, null, true, () => 0])
    assert.throws(() => ring.enter(0, 0, 0, bad as never), type);
  const memory = new Uint8Array(8);
  assert.throws(() => ring.enter(0, 1, GETEVENTS, memory, 9), range, 'longer than the memory');
  structuredClone(memory.buffer, { transfer: [memory.buffer] });
  assert.throws(() => ring.enter(0, 1, GETEVENTS, memory, 8), range, 'detached');
  assert.equal(open.probe.calls.enter, undefined, 'the kernel heard of none');
});

function stage(ring: IoUringState, count: number): void {
  for (let n = 0; n < count; n++) {
    nop(ring.getSqe()!);
    ring.stageSqe();
  }
}
