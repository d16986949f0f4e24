/**
 * What the kernel refuses in the middle of work, on a scripted kernel: the ring tells it, keeps what was queued, and
 * goes on.
 */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { type IoUringState, nop, UringError } from 'tsuring';
import {
  EAGAIN,
  EBADR,
  EBUSY,
  EINTR,
  ENXIO,
  EOWNERDEAD,
  IORING_ENTER_GETEVENTS,
  IORING_FEAT_NODROP,
  IORING_FEAT_SINGLE_MMAP,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_SQ_REWIND,
  IORING_SETUP_SQPOLL,
} from 'tsuring/syscalls';
import { FakeKernel } from './support/fake-kernel.ts';
import { type OpenRing, openRing } from './support/open-ring.ts';

/** What a test opened and need not close by itself. */
const opened: OpenRing[] = [];
afterEach(() => {
  for (const { ring } of opened.splice(0)) ring.close();
});

const START = 0xffff_fff0;
const refusals = { EAGAIN, EBUSY, EINTR, EOWNERDEAD, ENXIO };
const submits: Record<string, (ring: IoUringState) => number> = {
  submit: (ring) => ring.submit(),
  submitAndWait: (ring) => ring.submitAndWait(1),
  submitAndGetEvents: (ring) => ring.submitAndGetEvents(),
  enter: (ring) => {
    ring.flush();
    return ring.enter(3, 0, 0);
  },
  'enter with a wait': (ring) => {
    ring.flush();
    return ring.enter(3, 3, IORING_ENTER_GETEVENTS);
  },
};

for (const [code, errno] of Object.entries(refusals))
  for (const [name, submit] of Object.entries(submits))
    test(`${code} at ${name}: the entries stay queued, and run later`, () => {
      const { fake, open, ring } = scripted();
      stage(ring, 3);
      for (let times = 1; times <= 2; times++) {
        fake.script.push({ errno });
        assert.throws(() => submit(ring), refused(code, errno));
        assert.equal(ring.counts.enters, times, 'not tried again by itself');
        open.expect({ sq: 3, cq: 0, sqHead: START, sqTail: START + 3 });
      }
      assert.equal(submit(ring), 3);
      assert.deepEqual(reap(ring), [1, 2, 3]);
      open.expect({ sq: 0, cq: 0, sqHead: START + 3, cqHead: START + 3 });
    });

test('what an operation points at is held through a refusal', () => {
  const { fake, ring } = scripted();
  const sqe = ring.getSqe()!;
  const buffer = new Uint8Array(64);
  nop(sqe);
  sqe.point(buffer, 64);
  ring.commitSqe();
  fake.script.push({ errno: EAGAIN });
  assert.throws(() => ring.submit(), { code: 'EAGAIN' });
  assert.equal(sqe.held, null, 'the ring took it over');
  assert.equal(ring.submit(), 1);
  ring.advanceCq();
});

test('a short submit: the rest goes with the next', () => {
  const { fake, open, ring } = scripted();
  stage(ring, 4);
  fake.script.push({ take: 1 }, { take: 0 });
  assert.equal(ring.submit(), 1);
  open.expect({ sq: 3, cq: 1, sqHead: START + 1 });
  assert.equal(ring.submit(), 0);
  open.expect({ sq: 3, cq: 1 });
  assert.equal(ring.submit(), 3);
  assert.deepEqual(
    fake.enters.map((call) => call.toSubmit),
    [4, 3, 3],
  );
  assert.deepEqual(reap(ring), [1, 2, 3, 4]);
});

test('a short submit is not waited on: what was left may be what would complete', () => {
  const { fake, open, ring } = scripted();
  stage(ring, 4);
  fake.script.push({ take: 2 });
  assert.equal(ring.submitAndWait(4), 2);
  open.expect({ sq: 2, cq: 2 });
  fake.script.push({ take: 1 });
  assert.equal(ring.enter(2, 4, IORING_ENTER_GETEVENTS), 1);
  open.expect({ sq: 1, cq: 3 });
});

test('EINTR in a wait surfaces, the next wait goes on', () => {
  const { fake, open, ring } = scripted();
  stage(ring, 1);
  fake.script.push({}, { errno: EINTR });
  assert.throws(() => ring.submitAndWait(2), refused('EINTR', EINTR));
  open.expect({ sq: 0, cq: 1, cqTail: START + 1 });
  fake.onWait = () => fake.post(9, 5);
  assert.equal(ring.waitCqes(2)?.userData, 1);
  assert.deepEqual(reap(ring), [1, 9]);
});

test('an error of a wait is none when the completions came with it', () => {
  const { fake, ring } = scripted();
  fake.script.push({ errno: EINTR, before: () => fake.post(5, 0) });
  assert.equal(ring.waitCqe()?.userData, 5);
});

test('lost completions (EBADR) are told', () => {
  const { fake, ring } = scripted();
  fake.script.push({ errno: EBADR });
  assert.throws(() => ring.waitCqe(), refused('EBADR', EBADR));
});

test('a refused flush of the overflow throws at the peek, and loses nothing', () => {
  const { fake, ring } = scripted({ cqEntries: 2 });
  for (let n = 0; n < 2; n++) {
    stage(ring, 2, 10 * n);
    ring.submit();
  }
  assert.equal(ring.cqHasOverflow, true);
  assert.deepEqual(reap(ring), [1, 2]);
  fake.script.push({ errno: EBUSY }, { errno: EBUSY });
  assert.throws(() => ring.peekCqe(), refused('EBUSY', EBUSY));
  assert.throws(() => ring.forEachCqe(() => assert.fail('nothing stands')), refused('EBUSY', EBUSY));
  assert.deepEqual(reap(ring), [11, 12]);
});

test('SQPOLL: a refused wakeup leaves the entries in the queue', () => {
  const fake = new FakeKernel({ start: START });
  using open = openRing(4, { kernel: fake, flags: IORING_SETUP_SQPOLL });
  const { ring } = open;
  fake.sleep();
  for (const wake of [() => ring.submit(), () => ring.wakeSqpoll(), () => ring.submitAndWait(1)]) {
    stage(ring, 1);
    ring.flush();
    fake.script.push({ errno: EOWNERDEAD });
    assert.throws(wake, refused('EOWNERDEAD', EOWNERDEAD));
  }
  open.expect({ sq: 3, cq: 0, sqHead: START });
  assert.equal(ring.submit(), 3);
  open.expect({ sq: 0, cq: 3 });
});

test('a kernel without NO_SQARRAY and SINGLE_MMAP, with an SQ array', () => {
  const fake = new FakeKernel({ features: IORING_FEAT_NODROP, flags: IORING_SETUP_SQPOLL });
  const open = openRing(4, { kernel: fake });
  assert.equal(open.ring.setupFlags & IORING_SETUP_NO_SQARRAY, 0);
  assert.equal(fake.mapped.size, 3);
  stage(open.ring, 2);
  assert.equal(open.ring.submitAndWait(2), 2);
  assert.deepEqual(reap(open.ring), [1, 2]);
  open.ring.close();
  assert.equal(fake.mapped.size, 0);
  assert.equal(fake.open.size, 0);
  assert.throws(() => openRing(4, { kernel: fake, sqArray: false }), refused('EINVAL', 22));
  assert.equal(fake.open.size, 0);
});

test('overlay: a kernel that maps over addresses of our choosing', () => {
  for (const features of [IORING_FEAT_NODROP | IORING_FEAT_SINGLE_MMAP, IORING_FEAT_NODROP]) {
    const fake = new FakeKernel({ features, overlay: true, start: START });
    const open = openRing(4, { kernel: fake, memory: 'overlay' });
    const { ring } = open;
    assert.equal(ring.memory.kind, 'overlay');
    assert.ok(ring.memory.buffer instanceof SharedArrayBuffer);
    for (let round = 0; round < 20; round++) {
      stage(ring, 4, round);
      assert.equal(ring.submit(), 4);
      assert.deepEqual(
        reap(ring),
        [1, 2, 3, 4].map((n) => n + round),
      );
    }
    open.expect({ sq: 0, cq: 0, sqHead: (START + 80) >>> 0, cqHead: (START + 80) >>> 0 });
    ring.close();
    assert.equal(fake.open.size, 0);
  }
});

test('SQ_REWIND: every batch from the first entry, what was left moves there', () => {
  const flags = IORING_SETUP_SQ_REWIND | IORING_SETUP_NO_SQARRAY;
  const fake = new FakeKernel({ flags, start: 0 });
  const open = openRing(4, { kernel: fake, flags: IORING_SETUP_SQ_REWIND });
  const { ring } = open;
  const sqes = new Int32Array(ring.memory.sqes.buffer);
  for (let round = 0; round < 10; round++) {
    stage(ring, 4, 100 * round);
    assert.equal(ring.getSqe(), null);
    assert.equal(sqes[8], 100 * round + 1, 'the first entry again');
    assert.equal(ring.submit(), 4);
    assert.equal(ring.sqSpaceLeft(), 4);
    assert.deepEqual(
      reap(ring),
      [1, 2, 3, 4].map((n) => n + 100 * round),
    );
  }
  assert.deepEqual([open.raw().sqHead, open.raw().sqTail], [0, 0], 'the indexes are not used');
  // Three staged, one of them taken, one being filled.
  stage(ring, 3);
  const sqe = ring.getSqe()!;
  nop(sqe);
  sqe.userData = 4;
  fake.script.push({ take: 1 });
  assert.equal(ring.submit(), 1);
  assert.equal(ring.sqReady(), 2);
  assert.equal(ring.getSqe(), sqe);
  assert.equal(sqe.userData, 4);
  ring.stageSqe();
  stage(ring, 1, 4);
  assert.equal(ring.getSqe(), null);
  assert.equal(ring.submitAndWait(4), 4);
  assert.deepEqual(reap(ring), [1, 2, 3, 4, 5]);
  // Refused: they stay.
  stage(ring, 2);
  fake.script.push({ errno: EBUSY });
  assert.throws(() => ring.submit(), { code: 'EBUSY' });
  assert.equal(ring.sqReady(), 2);
  assert.equal(ring.enter(2, 0, 0), 2);
  assert.deepEqual(reap(ring), [1, 2]);
  assert.equal(ring.sqReady(), 0);
  ring.close();
  assert.throws(() => ring.getSqe(), refused('EBADF', 9));
});

function scripted(options: { cqEntries?: number } = {}): {
  fake: FakeKernel;
  open: OpenRing;
  ring: IoUringState;
} {
  const fake = new FakeKernel({ start: START });
  const open = openRing(4, { kernel: fake, ...options });
  opened.push(open);
  return { fake, open, ring: open.ring };
}

/** `count` NOPs with the user data base + 1, base + 2 … */
function stage(ring: IoUringState, count: number, base = 0): void {
  for (let n = 1; n <= count; n++) {
    const sqe = ring.getSqe()!;
    nop(sqe);
    sqe.userData = base + n;
    ring.stageSqe();
  }
}

function reap(ring: IoUringState): unknown[] {
  const seen: unknown[] = [];
  ring.forEachCqe((cqe) => {
    seen.push(cqe.userData);
  });
  return seen;
}

function refused(code: string, errno: number): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof UringError);
    assert.deepEqual([error.code, error.errno], [code, -errno]);
    assert.ok(['io_uring_enter', 'io_uring_setup'].includes(error.syscall));
    assert.ok(error.fix.length > 20);
    assert.ok(error.message.startsWith(`${code}: `), error.message);
    return true;
  };
}
