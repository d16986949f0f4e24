/**
 * Every setup flag and parameter, on the real kernel; and options that cannot be.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type IoUringOptions, IoUringState, nop, UringError } from 'tsuring';
import {
  IORING_REGISTER_ENABLE_RINGS,
  IORING_SETUP_ATTACH_WQ,
  IORING_SETUP_CLAMP,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_CQE32,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_HYBRID_IOPOLL,
  IORING_SETUP_IOPOLL,
  IORING_SETUP_NO_MMAP,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_REGISTERED_FD_ONLY,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQ_AFF,
  IORING_SETUP_SQE128,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_SUBMIT_ALL,
  IORING_SETUP_TASKRUN_FLAG,
} from 'tsuring/syscalls';
import { lacksRing } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';
import { timeLimit } from './support/time-limit.ts';

const without = { skip: lacksRing('io_uring', {}), timeout: timeLimit };

/** Flags with which NOPs run as ever. */
const usable: Record<string, number> = {
  none: 0,
  SQPOLL: IORING_SETUP_SQPOLL,
  'SQPOLL|SINGLE_ISSUER': IORING_SETUP_SQPOLL | IORING_SETUP_SINGLE_ISSUER,
  CLAMP: IORING_SETUP_CLAMP,
  SUBMIT_ALL: IORING_SETUP_SUBMIT_ALL,
  COOP_TASKRUN: IORING_SETUP_COOP_TASKRUN,
  'COOP_TASKRUN|TASKRUN_FLAG': IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
  SQE128: IORING_SETUP_SQE128,
  CQE32: IORING_SETUP_CQE32,
  'SQE128|CQE32': IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
  'SQE128|CQE32|SQPOLL': IORING_SETUP_SQE128 | IORING_SETUP_CQE32 | IORING_SETUP_SQPOLL,
  SINGLE_ISSUER: IORING_SETUP_SINGLE_ISSUER,
  'SINGLE_ISSUER|DEFER_TASKRUN': IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
  'SINGLE_ISSUER|DEFER_TASKRUN|TASKRUN_FLAG':
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
  NO_SQARRAY: IORING_SETUP_NO_SQARRAY,
  NO_MMAP: IORING_SETUP_NO_MMAP,
  'REGISTERED_FD_ONLY|NO_MMAP': IORING_SETUP_REGISTERED_FD_ONLY | IORING_SETUP_NO_MMAP,
  'REGISTERED_FD_ONLY|NO_MMAP|SQPOLL':
    IORING_SETUP_REGISTERED_FD_ONLY | IORING_SETUP_NO_MMAP | IORING_SETUP_SQPOLL,
  'REGISTERED_FD_ONLY|NO_MMAP|DEFER_TASKRUN':
    IORING_SETUP_REGISTERED_FD_ONLY |
    IORING_SETUP_NO_MMAP |
    IORING_SETUP_SINGLE_ISSUER |
    IORING_SETUP_DEFER_TASKRUN,
};

for (const [name, flags] of Object.entries(usable))
  for (const memory of [undefined, 'view'] as const) {
    // Those flags ask for our memory.
    if (memory === 'view' && (flags & IORING_SETUP_NO_MMAP) !== 0) continue;
    const options: IoUringOptions = memory ? { flags, memory } : { flags };
    const skip = lacksRing(name, options);
    test(`flags ${name}, memory ${memory ?? 'as it comes'}`, { skip, timeout: timeLimit }, () => {
      using open = openRing(4, options);
      const { ring } = open;
      assert.equal(ring.setupFlags & flags, flags);
      assert.equal(ring.setupFlags, open.params.flags);
      assert.equal(ring.features, open.params.features);
      let done = 0;
      for (let round = 0; round < 30; round++) {
        const count = 1 + (round % 4);
        for (let n = 0; n < count; n++) {
          const sqe = ring.getSqe()!;
          // In an entry of 128 bytes also the second half was zeroed.
          const words = Array.from(sqe.words.subarray(sqe.at, sqe.at + wordsOf(flags)));
          assert.deepEqual(words, new Array(wordsOf(flags)).fill(0));
          sqe.words.fill(-1, sqe.at + 16, sqe.at + wordsOf(flags));
          nop(sqe);
          sqe.userData = done + n;
          ring.stageSqe();
        }
        ring.submitAndWait(count);
        const seen: unknown[] = [];
        ring.forEachCqe((cqe) => {
          seen.push(cqe.userData, cqe.res, cqe.flags);
          if ((flags & IORING_SETUP_CQE32) !== 0) assert.deepEqual(cqe.bigCqe, [0n, 0n]);
        });
        const wanted = Array.from({ length: count }, (_, n) => [done + n, 0, 0]).flat();
        assert.deepEqual(seen, wanted);
        done += count;
        open.expect({ sq: 0, cq: 0, sqHead: done, sqTail: done, cqHead: done, cqTail: done });
      }
    });
  }

for (const [name, flags] of Object.entries({
  IOPOLL: IORING_SETUP_IOPOLL,
  'IOPOLL|HYBRID_IOPOLL': IORING_SETUP_IOPOLL | IORING_SETUP_HYBRID_IOPOLL,
  'IOPOLL|SQPOLL': IORING_SETUP_IOPOLL | IORING_SETUP_SQPOLL,
}))
  test(`flags ${name} are taken`, { skip: lacksRing(name, { flags }) }, () => {
    using open = openRing(4, { flags });
    assert.equal(open.ring.setupFlags & flags, flags);
    open.expect({ sq: 0, cq: 0 });
  });

test('cqEntries', without, () => {
  for (const [asked, given] of [
    [4, 4],
    [5, 8],
    [100, 128],
    [65536, 65536],
  ]) {
    using open = openRing(4, { cqEntries: asked });
    assert.deepEqual([open.ring.sqEntries, open.ring.cqEntries], [4, given]);
    assert.notEqual(open.ring.setupFlags & IORING_SETUP_CQSIZE, 0);
  }
  for (const cqEntries of [0, 2, 65537, 2 ** 32 - 1])
    assert.throws(
      () => openRing(4, { cqEntries }),
      { code: 'EINVAL', syscall: 'io_uring_setup' },
      `${cqEntries}`,
    );
});

test('entries: zero and too many are refused, CLAMP cuts down', without, () => {
  for (const entries of [0, 32769, 65536, 2 ** 31, 2 ** 32 - 1])
    for (const memory of [undefined, 'no_mmap', 'view'] as const) {
      const options = memory ? { memory } : {};
      const refused = { name: 'UringError', code: 'EINVAL', errno: -22, syscall: 'io_uring_setup' };
      assert.throws(() => openRing(entries, options), refused, `${entries} ${memory}`);
    }
  using open = openRing(2 ** 32 - 1, { flags: IORING_SETUP_CLAMP });
  assert.deepEqual([open.ring.sqEntries, open.ring.cqEntries], [32768, 65536]);
  using both = openRing(100_000, { flags: IORING_SETUP_CLAMP, cqEntries: 1_000_000 });
  assert.deepEqual([both.ring.sqEntries, both.ring.cqEntries], [32768, 65536]);
});

const sqpoll = lacksRing('SQPOLL', { flags: IORING_SETUP_SQPOLL });
const affine = { flags: IORING_SETUP_SQPOLL, sqThreadCpu: 0 };
test('sqThreadCpu binds the thread', { skip: lacksRing('CPU 0', affine), timeout: timeLimit }, () => {
  using open = openRing(4, affine);
  assert.notEqual(open.ring.setupFlags & IORING_SETUP_SQ_AFF, 0);
  assert.equal(open.params.sq_thread_cpu, 0);
  nop(open.ring.getSqe()!);
  open.ring.commitSqe();
  open.ring.submitAndWait(1, { timeout: timeLimit });
  open.expect({ sq: 0, cq: 1, sqHead: 1 });
  const einval = { code: 'EINVAL', syscall: 'io_uring_setup' };
  assert.throws(() => openRing(4, { ...affine, sqThreadCpu: 100_000 }), einval);
  assert.throws(() => openRing(4, { sqThreadCpu: 0 }), einval, 'without SQPOLL');
});

test('wqFd: two rings share one SQPOLL thread', { skip: sqpoll, timeout: timeLimit }, () => {
  using first = openRing(4, { flags: IORING_SETUP_SQPOLL });
  const sqThread = (open: typeof first) =>
    /SqThread:\t(-?\d+)/.exec(readFileSync(`/proc/self/fdinfo/${open.ring.fd}`, 'utf8'))?.[1];
  using second = openRing(4, { flags: IORING_SETUP_SQPOLL, wqFd: first.ring.fd });
  assert.notEqual(second.ring.setupFlags & IORING_SETUP_ATTACH_WQ, 0);
  for (const { ring } of [first, second, second, first]) {
    nop(ring.getSqe()!);
    ring.commitSqe();
    ring.submitAndWait(1);
    assert.equal(ring.peekCqe()?.res, 0);
    ring.advanceCq();
  }
  assert.equal(sqThread(first), sqThread(second));
  // The thread stays as long as one of them does.
  first.ring.close();
  nop(second.ring.getSqe()!);
  second.ring.commitSqe();
  second.ring.submitAndWait(1, { timeout: timeLimit });
  assert.equal(second.ring.cqReady(), 1);
  assert.throws(() => openRing(4, { wqFd: 0x7fff_ffff }), { syscall: 'io_uring_setup' }, 'not open');
  assert.throws(() => openRing(4, { wqFd: 1 }), { code: 'EINVAL', syscall: 'io_uring_setup' }, 'no ring');
});

const disabled = lacksRing('R_DISABLED (Linux 5.10)', { flags: IORING_SETUP_R_DISABLED });
test('R_DISABLED until it is enabled', { skip: disabled, timeout: timeLimit }, () => {
  for (const flags of [0, IORING_SETUP_SQPOLL]) {
    using open = openRing(4, { flags: flags | IORING_SETUP_R_DISABLED });
    const { ring } = open;
    nop(ring.getSqe()!);
    ring.commitSqe();
    assert.throws(() => ring.enter(1, 0, 0), { code: 'EBADFD', syscall: 'io_uring_enter' });
    if (flags === 0) assert.throws(() => ring.submit(), { code: 'EBADFD' });
    open.expect({ sq: 1, cq: 0, sqHead: 0, sqTail: 1 });
    ring.register(IORING_REGISTER_ENABLE_RINGS, 0, 0);
    ring.submitAndWait(1);
    open.expect({ sq: 0, cq: 1, sqHead: 1 });
    assert.throws(() => ring.register(IORING_REGISTER_ENABLE_RINGS, 0, 0), {
      code: 'EBADFD',
      syscall: 'io_uring_register',
    });
  }
});

const index = { flags: IORING_SETUP_REGISTERED_FD_ONLY | IORING_SETUP_NO_MMAP };
test('REGISTERED_FD_ONLY: no fd, an index that close gives back', {
  skip: lacksRing('REGISTERED_FD_ONLY', index),
}, () => {
  // Sixteen of them are all that a thread has.
  for (let round = 0; round < 3; round++) {
    const rings = Array.from({ length: 16 }, () => new IoUringState(4, index));
    assert.deepEqual(
      rings.map((ring) => ring.fd).sort((a, b) => a - b),
      Array.from({ length: 16 }, (_, n) => n),
    );
    assert.throws(() => new IoUringState(4, index), { code: 'EBUSY', syscall: 'io_uring_setup' });
    for (const ring of rings) {
      nop(ring.getSqe()!);
      ring.commitSqe();
      assert.equal(ring.submitAndWait(1), 1);
      ring.registerFiles([0]);
      ring.unregisterFiles();
      ring.close();
      assert.equal(ring.fd, -1);
      ring.close();
    }
  }
});

/** What no kernel takes together, or does not know. */
const refused: Record<string, IoUringOptions> = {
  'an unknown flag': { flags: 0x8000_0000 },
  'every flag': { flags: 0xffff_ffff },
  'DEFER_TASKRUN without SINGLE_ISSUER': { flags: IORING_SETUP_DEFER_TASKRUN },
  'COOP_TASKRUN with SQPOLL': { flags: IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SQPOLL },
  'TASKRUN_FLAG alone': { flags: IORING_SETUP_TASKRUN_FLAG },
  'DEFER_TASKRUN with SQPOLL': {
    flags: IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_SQPOLL,
  },
  'SQ_AFF without SQPOLL': { flags: IORING_SETUP_SQ_AFF },
};

for (const [name, options] of Object.entries(refused))
  test(`refused: ${name}`, without, () => {
    for (const memory of [undefined, 'no_mmap', 'overlay', 'view'] as const) {
      // Those ask for our memory.
      if ((options.flags! & IORING_SETUP_NO_MMAP) !== 0 && memory?.match(/overlay|view/)) continue;
      assert.throws(
        () => openRing(4, memory ? { ...options, memory } : options),
        (error) => {
          assert.ok(error instanceof UringError);
          assert.deepEqual([error.code, error.syscall, error.errno], ['EINVAL', 'io_uring_setup', -22]);
          assert.ok(error.fix.length > 20);
          return true;
        },
      );
    }
  });

test('options of wrong types and ranges', () => {
  const type = 'ERR_INVALID_ARG_TYPE';
  const range = 'ERR_OUT_OF_RANGE';
  const bad: [unknown, unknown, string][] = [
    ['4', {}, type],
    [4n, {}, type],
    [undefined, {}, type],
    [-1, {}, range],
    [1.5, {}, range],
    [2 ** 32, {}, range],
    [Number.NaN, {}, range],
    [4, null, type],
    [4, 'SQPOLL', type],
    [4, 5, type],
    [4, { flags: '2' }, type],
    [4, { flags: -1 }, range],
    [4, { flags: 2 ** 32 }, range],
    [4, { sqThreadIdle: -1 }, range],
    [4, { sqThreadIdle: 0.5 }, range],
    [4, { sqThreadIdle: '5' }, type],
    [4, { sqThreadCpu: -1 }, range],
    [4, { sqThreadCpu: 'any' }, type],
    [4, { cqEntries: -1 }, range],
    [4, { cqEntries: 8n }, type],
    [4, { wqFd: -1 }, range],
    [4, { wqFd: 2 ** 31 }, range],
    [4, { memory: 'heap' }, 'ERR_INVALID_ARG_VALUE'],
    [4, { memory: 1 }, 'ERR_INVALID_ARG_VALUE'],
    [4, { memory: null }, 'ERR_INVALID_ARG_VALUE'],
    [4, { memory: 'view', flags: IORING_SETUP_NO_MMAP }, 'ERR_INVALID_ARG_VALUE'],
    [4, { memory: 'overlay', flags: IORING_SETUP_REGISTERED_FD_ONLY }, 'ERR_INVALID_ARG_VALUE'],
    [4, { sqArray: 1 }, type],
    [4, { sqArray: null }, type],
  ];
  for (const [entries, options, code] of bad)
    assert.throws(() => new IoUringState(entries as number, options as IoUringOptions), { code });
});

function wordsOf(flags: number): number {
  return (flags & IORING_SETUP_SQE128) !== 0 ? 32 : 16;
}
