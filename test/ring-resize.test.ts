/**
 * Other sizes for a living ring.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type IoUringOptions, IoUringState, nop } from 'tsuring';
import {
  EINVAL,
  ENOMEM,
  IORING_NOP_CQE32,
  IORING_NOP_INJECT_RESULT,
  IORING_SETUP_CQE_MIXED,
  IORING_SETUP_CQE32,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_REGISTERED_FD_ONLY,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQE128,
  type Kernel,
  linux,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { lacksRegister, lacksRing } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';
import { timeLimit } from './support/time-limit.ts';
import { fdCount, ringMappings } from './support/traces.ts';

const OWN = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
const lacksResize = lacksRegister('IORING_REGISTER_RESIZE_RINGS');
const without = { skip: lacksResize, timeout: timeLimit };

const sizes = {
  plain: 0,
  SQE128: IORING_SETUP_SQE128,
  CQE32: IORING_SETUP_CQE32,
  CQE_MIXED: IORING_SETUP_CQE_MIXED,
};
for (const memory of ['no_mmap', 'view'] as const)
  for (const sqArray of [false, true])
    for (const [size, flag] of Object.entries(sizes)) {
      const name = `${memory}, ${sqArray ? 'with' : 'without'} SQ array, ${size}`;
      const options: IoUringOptions = { flags: OWN | flag, memory, sqArray };
      live(
        ['resizeRings'],
        `larger and smaller with entries in it: ${name}`,
        [lacksResize, lacksRing(name, options)],
        () => throughSizes(options),
      );
    }

/** Numbered NOPs with results, some in every state there is, through rings of growing and shrinking sizes. */
function throughSizes(options: IoUringOptions): void {
  using open = openRing(8, options);
  const { ring } = open;
  let next = 0;
  let seen = 0;
  const put = (): void => {
    const sqe = ring.getSqe();
    assert.ok(sqe, 'there is room');
    nop(sqe);
    sqe.userData = next;
    sqe.len = next++ * 3;
    sqe.opFlags = IORING_NOP_INJECT_RESULT;
  };
  const stage = (count: number): void => {
    for (let n = 0; n < count; n++) {
      put();
      ring.stageSqe();
    }
  };
  const reap = (): void => {
    ring.forEachCqe((cqe) => {
      assert.deepEqual([cqe.userData, cqe.res], [seen, seen * 3]);
      seen++;
    });
  };
  for (const entries of [8, 64, 8, 1024, 16, 8]) {
    const before = ring.memory;
    stage(4);
    assert.equal(ring.submitAndWait(4), 4);
    ring.advanceCq(2);
    seen += 2;
    // Two completions stand, three entries are published, one is staged, and one is being filled.
    stage(3);
    ring.flush();
    stage(1);
    put();
    ring.resizeRings(entries);
    assert.deepEqual([ring.sqEntries, ring.cqEntries], [entries, 2 * entries]);
    assert.notEqual(ring.memory, before);
    assert.equal(ring.memory.kind, options.memory);
    assert.ok(ring.memory.sqes.byteLength >= entries * 64);
    assert.equal(ring.sqReady(), 4);
    assert.equal(ring.cqReady(), 2);
    ring.commitSqe();
    assert.equal(ring.submitAndWait(5), 5);
    reap();
    assert.equal(seen, next);
    // Full, and the queue's end is where it now is.
    stage(entries);
    assert.equal(ring.getSqe(), null);
    assert.equal(ring.submitAndWait(entries), entries);
    reap();
    assert.equal(seen, next);
  }
}

live(['resizeRings'], 'a completion queue of a size of its own', [lacksResize], () => {
  using ring = new IoUringState(8, { flags: OWN });
  ring.resizeRings(5, { cqEntries: 100 });
  assert.deepEqual([ring.sqEntries, ring.cqEntries], [8, 128]);
  ring.resizeRings(100_000, { clamp: true });
  assert.deepEqual([ring.sqEntries, ring.cqEntries], [32_768, 65_536]);
});

live(['resizeRings'], 'a ring that was made with cqEntries', [lacksResize], () => {
  using ring = new IoUringState(8, { flags: OWN, cqEntries: 16 });
  for (const entries of [64, 1024, 8]) {
    ring.resizeRings(entries);
    assert.deepEqual([ring.sqEntries, ring.cqEntries], [entries, 2 * entries]);
    let seen = 0;
    for (let round = 0; round < 2; round++) {
      for (let n = 0; n < entries; n++) {
        nop(ring.getSqe()!);
        ring.getSqe()!.userData = round * entries + n;
        ring.stageSqe();
      }
      assert.equal(ring.submit(), entries);
    }
    ring.getEvents();
    ring.forEachCqe((cqe) => assert.deepEqual([cqe.userData, cqe.res], [seen++, 0]));
    assert.equal(seen, 2 * entries);
  }
});

live(['resizeRings'], 'refused when it would drop what stands in the queues', [lacksResize], () => {
  using open = openRing(8, { flags: OWN });
  const { ring } = open;
  const refused = { code: 'EOVERFLOW', syscall: 'io_uring_register', fix: /reap/ };
  for (let n = 0; n < 6; n++) {
    nop(ring.getSqe()!);
    ring.getSqe()!.userData = n;
    ring.stageSqe();
  }
  assert.throws(() => ring.resizeRings(4), refused);
  ring.flush();
  assert.throws(() => ring.resizeRings(4), refused);
  open.expect({ sq: 6, cq: 0 });
  ring.submitAndWait(6);
  assert.throws(() => ring.resizeRings(4, { cqEntries: 4 }), refused);
  open.expect({ sq: 0, cq: 6 });
  // The one that is being filled needs a place, too.
  ring.advanceCq(6);
  nop(ring.getSqe()!);
  ring.stageSqe();
  assert.ok(ring.getSqe());
  assert.throws(() => ring.resizeRings(1), refused);
  ring.resizeRings(2);
  assert.equal(ring.sqReady(), 1);
});

live(['resizeRings'], 'completions that wait in the kernel come after it', [lacksResize], () => {
  using ring = new IoUringState(8, { flags: OWN, cqEntries: 8 });
  let next = 0;
  for (let round = 0; round < 4; round++) {
    for (let n = 0; n < 8; n++) {
      nop(ring.getSqe()!);
      ring.getSqe()!.userData = next++;
      ring.stageSqe();
    }
    assert.equal(ring.submit(), 8);
    ring.getEvents();
  }
  assert.ok(ring.cqHasOverflow);
  ring.resizeRings(8, { cqEntries: 64 });
  assert.ok(ring.cqHasOverflow);
  let seen = 0;
  while (seen < next) {
    assert.ok(ring.waitCqe({ timeout: timeLimit }));
    ring.forEachCqe((cqe) => assert.equal(cqe.userData, seen++));
  }
  assert.equal(ring.cqHasOverflow, false);
});

test('large completions of a mixed ring stay in one piece', {
  ...without,
  skip: lacksResize || lacksRing('CQE_MIXED', { flags: OWN | IORING_SETUP_CQE_MIXED }),
}, () => {
  using ring = new IoUringState(8, { flags: OWN | IORING_SETUP_CQE_MIXED, cqEntries: 16 });
  const put = (userData: number, large: boolean): void => {
    nop(ring.getSqe()!);
    ring.getSqe()!.userData = userData;
    if (large) ring.getSqe()!.opFlags = IORING_NOP_CQE32;
    ring.commitSqe();
    ring.submitAndWait(1);
  };
  put(0, false);
  put(1, false);
  put(2, false);
  put(3, true);
  ring.advanceCq(3);
  // Its two slots are 3 and 4: in a queue of four they would not follow each other.
  assert.throws(() => ring.resizeRings(2, { cqEntries: 4 }), { code: 'EOVERFLOW' });
  ring.resizeRings(2, { cqEntries: 8 });
  assert.equal(ring.peekCqe()?.userData, 3);
  assert.equal(ring.peekCqe()?.is32, true);
  ring.advanceCq();
  assert.equal(ring.peekCqe(), null);
});

live(['resizeRings'], 'what cannot be resized, and what is no size', [lacksResize], () => {
  using plain = new IoUringState(8, { flags: 0 });
  assert.throws(() => plain.resizeRings(16), { code: 'EINVAL', fix: /DEFER_TASKRUN/ });
  using ring = new IoUringState(8, { flags: OWN });
  assert.throws(() => ring.resizeRings(0), { code: 'EINVAL' });
  assert.throws(() => ring.resizeRings(32_769), { code: 'EINVAL' });
  assert.throws(() => ring.resizeRings(16, { cqEntries: 8 }), { code: 'EINVAL' });
  for (const bad of [-1, 0.5, 2 ** 32]) {
    assert.throws(() => ring.resizeRings(bad), { code: 'ERR_OUT_OF_RANGE' });
    assert.throws(() => ring.resizeRings(8, { cqEntries: bad }), { code: 'ERR_OUT_OF_RANGE' });
  }
  assert.throws(() => ring.resizeRings('8' as never), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => ring.resizeRings(8, 5 as never), { code: 'ERR_INVALID_ARG_TYPE' });
  nop(ring.getSqe()!);
  ring.commitSqe();
  ring.submitAndWait(1);
  ring.forEachCqe(() => assert.throws(() => ring.resizeRings(16), { code: 'ERR_INVALID_STATE' }));
  assert.equal(ring.sqEntries, 8);
});

live(
  ['resizeRings', 'registerRingFd', 'closeRingFd'],
  'rings known by their index only',
  [lacksResize, lacksRing('REGISTERED_FD_ONLY', { flags: OWN | IORING_SETUP_REGISTERED_FD_ONLY })],
  () => {
    const options = [{ flags: OWN | IORING_SETUP_REGISTERED_FD_ONLY }, { flags: OWN }];
    for (const [n, option] of options.entries()) {
      using ring = new IoUringState(4, option);
      if (n === 1) {
        ring.registerRingFd();
        ring.closeRingFd();
      }
      ring.resizeRings(32);
      assert.equal(ring.sqEntries, 32);
      for (let i = 0; i < 32; i++) {
        nop(ring.getSqe()!);
        ring.stageSqe();
      }
      assert.equal(ring.submitAndWait(32), 32);
      assert.equal(ring.cqReady(), 32);
    }
  },
);

test('the old memory goes back: a thousand resizes leave nothing', without, () => {
  for (const memory of ['no_mmap', 'view'] as const) {
    const fds = fdCount();
    const mappings = ringMappings();
    using ring = new IoUringState(8, { flags: OWN, memory });
    const own = ringMappings();
    for (let n = 0; n < 1000; n++) ring.resizeRings(n % 2 === 0 ? 64 : 8);
    assert.equal(ringMappings(), own);
    ring.close();
    assert.equal(ringMappings(), mappings);
    assert.equal(fdCount(), fds);
  }
});

test('no memory: tried again, then all stays as it was', without, () => {
  let refusals = 2;
  const kernel: Kernel = {
    ...linux,
    register: (...call) => (refusals-- > 0 ? -ENOMEM : linux.register(...call)),
  };
  using ring = new IoUringState(8, { flags: OWN, kernel });
  ring.resizeRings(16);
  assert.equal(ring.sqEntries, 16);
  refusals = Infinity;
  assert.throws(() => ring.resizeRings(32), { code: 'ENOMEM', fix: /RLIMIT_MEMLOCK/ });
  assert.equal(ring.sqEntries, 16);
  refusals = 0;
  nop(ring.getSqe()!);
  ring.commitSqe();
  assert.equal(ring.submitAndWait(1), 1);
});

test('a moved ring that cannot be mapped is closed, and says so', without, () => {
  const fds = fdCount();
  let maps = Infinity;
  const kernel: Kernel = {
    ...linux,
    mmap: (...call) => (call[4] >= 0 && maps-- <= 0 ? -EINVAL : linux.mmap(...call)),
  };
  const ring = new IoUringState(8, { flags: OWN, memory: 'view', kernel });
  maps = 1;
  assert.throws(() => ring.resizeRings(16), { code: 'EINVAL', syscall: 'mmap', fix: /closed/ });
  assert.equal(ring.closed, true);
  assert.throws(() => ring.submit(), { code: 'EBADF' });
  assert.equal(fdCount(), fds);
});
