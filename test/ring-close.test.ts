/**
 * The end of a ring: closed, disposed, half-made; nothing is left, and nothing faults.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cqe, IoUringState, nop, type Sqe, UringError } from 'tsuring';
import {
  addressOf,
  EMFILE,
  ENOMEM,
  IORING_OP_POLL_ADD,
  IORING_SETUP_SQPOLL,
  type Kernel,
} from 'tsuring/syscalls';
import { runScript } from './support/child.ts';
import { collect } from './support/collect.ts';
import { times } from './support/effort.ts';
import { FakeKernel } from './support/fake-kernel.ts';
import { lacksRing } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';
import { type RingKind, ringKinds } from './support/ring-kinds.ts';
import { timeLimit } from './support/time-limit.ts';
import { fdCount, isMapped, ringMappings } from './support/traces.ts';

const without = { skip: lacksRing('io_uring', {}), timeout: timeLimit };
const mapped = { skip: lacksRing('a mapped view', { memory: 'view' }), timeout: timeLimit };

/** Every method, in every form. */
const methods: Record<string, (ring: IoUringState) => unknown> = {
  getSqe: (ring) => ring.getSqe(),
  commitSqe: (ring) => ring.commitSqe(),
  stageSqe: (ring) => ring.stageSqe(),
  flush: (ring) => ring.flush(),
  sqReady: (ring) => ring.sqReady(),
  sqSpaceLeft: (ring) => ring.sqSpaceLeft(),
  wakeSqpoll: (ring) => ring.wakeSqpoll(),
  submit: (ring) => ring.submit(),
  'submitAndWait(0)': (ring) => ring.submitAndWait(0),
  'submitAndWait(1)': (ring) => ring.submitAndWait(1, { timeout: 1 }),
  submitAndGetEvents: (ring) => ring.submitAndGetEvents(),
  getEvents: (ring) => ring.getEvents(),
  getSqe128: (ring) => ring.getSqe128(),
  sqringWait: (ring) => ring.sqringWait(),
  setIowait: (ring) => ring.setIowait(true),
  peekBatchCqe: (ring) => ring.peekBatchCqe([new Cqe()]),
  cqEventfdToggle: (ring) => ring.cqEventfdToggle(false),
  enableRings: (ring) => ring.enableRings(),
  share: (ring) => ring.share(),
  resizeRings: (ring) => ring.resizeRings(8),
  registerRingFd: (ring) => ring.registerRingFd(),
  unregisterRingFd: (ring) => ring.unregisterRingFd(),
  closeRingFd: (ring) => ring.closeRingFd(),
  registerRegion: (ring) => ring.registerRegion(4096),
  registerWaitRegion: (ring) => ring.registerWaitRegion(1),
  'enter(0, 0, 0)': (ring) => ring.enter(0, 0, 0),
  'enter(1, 1, GETEVENTS)': (ring) => ring.enter(1, 1, 1),
  'enter with memory': (ring) => ring.enter(0, 1, 1, new Uint8Array(8)),
  'enter with options': (ring) => ring.enter(0, 1, 1, { timeout: 1 }),
  peekCqe: (ring) => ring.peekCqe(),
  waitCqe: (ring) => ring.waitCqe(),
  'waitCqe with a time': (ring) => ring.waitCqe({ timeout: 1 }),
  'waitCqes(0)': (ring) => ring.waitCqes(0),
  'waitCqes(2)': (ring) => ring.waitCqes(2),
  advanceCq: (ring) => ring.advanceCq(),
  'advanceCq(0)': (ring) => ring.advanceCq(0),
  forEachCqe: (ring) => ring.forEachCqe(() => assert.fail('nothing stands')),
  cqReady: (ring) => ring.cqReady(),
  registerBuffers: (ring) => ring.registerBuffers([new Uint8Array(8)]),
  unregisterBuffers: (ring) => ring.unregisterBuffers(),
  registerFiles: (ring) => ring.registerFiles([0]),
  unregisterFiles: (ring) => ring.unregisterFiles(),
  register: (ring) => ring.register(0, 0, 0),
};

for (const kind of ringKinds)
  for (const state of ['fresh', 'worked', 'full'] as const)
    test(`every method of a closed ring throws EBADF: ${kind.name}, ${state}`, {
      skip: kind.lacks,
      timeout: timeLimit,
    }, () => {
      const { ring, sqe, cqe } = closedRing(kind, state);
      for (const [name, method] of Object.entries(methods))
        assert.throws(
          () => method(ring),
          (error) => {
            assert.ok(error instanceof UringError, `${name}: ${error}`);
            assert.deepEqual([error.code, error.errno], ['EBADF', -9], name);
            assert.match(error.fix, /closed/, name);
            return true;
          },
        );
      assert.deepEqual(
        [ring.closed, ring.fd, ring.sqNeedsWakeup, ring.cqHasOverflow],
        [true, -1, false, false],
      );
      assert.deepEqual([ring.cqOverflow, ring.sqDropped], [0, 0]);
      assert.equal(ring.sqEntries, 4);
      // Cursors that somebody kept lead nowhere.
      const fields = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(sqe));
      for (const [word, { set }] of Object.entries(fields))
        if (set !== undefined) (sqe as never as Record<string, unknown>)[word] = 1;
      assert.equal(sqe.cmd.length, 0);
      nop(sqe);
      sqe.words[sqe.at] = 1;
      assert.equal(cqe.words[cqe.at], undefined);
      assert.equal(ring.memory.kind, kind.options.memory);
      for (const part of [ring.memory.sqRing, ring.memory.cqRing, ring.memory.sqes])
        assert.ok(
          part.every((byte) => byte === 0),
          'detached, or fresh pages',
        );
      ring.close();
      ring[Symbol.dispose]();
    });

test('what was kept of the memory of a closed ring is harmless to write to', without, () => {
  for (const { options, hinder, lacks } of ringKinds) {
    if (lacks) continue;
    const { ring } = openRing(4, options, hinder);
    const sqe = ring.getSqe()!;
    const { words, doubles } = sqe;
    const { sqRing, cqRing, sqes } = ring.memory;
    ring.close();
    for (const kept of [words, doubles, sqRing, cqRing, sqes]) kept.fill(255);
    // The next ring is not met by it.
    const next = openRing(4, options, hinder);
    next.expect({ sq: 0, cq: 0, sqHead: 0, sqTail: 0, cqHead: 0, cqTail: 0 });
    next.ring.close();
  }
});

test('close inside of forEachCqe ends it', without, () => {
  for (const { options, hinder, lacks } of ringKinds) {
    if (lacks) continue;
    const { ring } = openRing(4, options, hinder);
    for (let n = 0; n < 3; n++) {
      nop(ring.getSqe()!);
      ring.stageSqe();
    }
    ring.submitAndWait(3);
    let calls = 0;
    ring.forEachCqe((cqe) => {
      assert.equal(cqe.res, 0);
      calls++;
      ring.close();
    });
    assert.equal(calls, 1);
    assert.throws(() => ring.peekCqe(), { code: 'EBADF' });
  }
});

test('using closes the ring', without, () => {
  const before = fdCount();
  let kept: IoUringState;
  {
    using ring = new IoUringState(4, { flags: 0 });
    kept = ring;
    assert.equal(ring.closed, false);
    assert.equal(fdCount(), before + 1);
  }
  assert.equal(kept.closed, true);
  assert.equal(fdCount(), before);
});

test('a closed ring does not touch another that got its number', without, () => {
  const { ring: first } = openRing(4, { flags: 0 });
  const { fd } = first;
  nop(first.getSqe()!);
  first.commitSqe();
  first.close();
  const others = Array.from({ length: 50 }, () => openRing(4));
  const second = others.find(({ ring }) => ring.fd === fd);
  assert.ok(second, 'the number is used again');
  assert.throws(() => first.submit(), { code: 'EBADF' });
  assert.throws(() => first.enter(1, 0, 0), { code: 'EBADF' });
  assert.throws(() => first.register(0, 0, 0), { code: 'EBADF' });
  first.close();
  nop(second.ring.getSqe()!);
  second.ring.commitSqe();
  assert.equal(second.ring.submit(), 1);
  second.expect({ sq: 0, cq: 1 });
  for (const { ring } of others) ring.close();
});

test('close with operations in flight', without, () => {
  for (const { options, hinder, lacks } of ringKinds) {
    if (lacks) continue;
    const { ring } = openRing(4, options, hinder);
    ring.getSqe()!.rw(IORING_OP_POLL_ADD, ring.fd, 0, 0, 0);
    ring.getSqe()!.opFlags = 1;
    ring.stageSqe();
    ring.submit();
    ring.close();
    assert.equal(ring.closed, true);
  }
});

/** What can fail while a ring is made. */
const failures: [
  name: string,
  options: object,
  fail: Partial<Record<keyof Kernel, readonly [number, number]>>,
][] = [
  ['setup', {}, { setup: [0, ENOMEM] }],
  ['adopt', { memory: 'view' }, { adopt: [0, EMFILE] }],
  ['adopt of a pinned ring', { memory: 'no_mmap' }, { adopt: [0, EMFILE] }],
  ['the first mmap', { memory: 'view' }, { mmap: [0, ENOMEM] }],
  ['the second mmap', { memory: 'view' }, { mmap: [1, ENOMEM] }],
  ['the third mmap', { memory: 'view', double: true }, { mmap: [2, ENOMEM] }],
  ['the first view', { memory: 'view' }, { view: [0, 1] }],
  ['the second view', { memory: 'view' }, { view: [1, 1] }],
  ['the third view', { memory: 'view', double: true }, { view: [2, 1] }],
];

for (const [name, { double, ...options }, fail] of failures as [string, { double?: boolean }, object][])
  test(`nothing stays behind when ${name} fails`, mapped, (t) => {
    const lacks = lacksRing('its memory', options);
    if (lacks) return t.skip(lacks);
    const before = [fdCount(), ringMappings()];
    // A failure that passes is met by another try, ENOMEM for instance: so what happens may also be a ring.
    try {
      openRing(4, options, { fail, hideFeatures: double ? 1 : 0 }).ring.close();
    } catch (error) {
      assert.ok(error instanceof UringError || error instanceof RangeError, `${error}`);
    }
    assert.deepEqual([fdCount(), ringMappings()], before);
    return undefined;
  });

test('nothing stays behind of a scripted kernel either', () => {
  const errors: Record<string, string> = { adopt: 'EMFILE', mmap: 'EMFILE' };
  for (const [call, code] of Object.entries(errors))
    for (let nth = 0; nth < (call === 'mmap' ? 3 : 1); nth++) {
      const fake = new FakeKernel({ features: 0, flags: 0 });
      const hinder = { fail: { [call]: [nth, EMFILE] } };
      assert.throws(() => openRing(4, { kernel: fake, memory: 'view', sqArray: true }, hinder), { code });
      assert.equal(fake.mapped.size, 0);
      // The fake's fds are closed by adopt's failure through its own adopt.
      assert.equal(fake.open.size, 0, `${call} ${nth}`);
    }
});

test('thousands of refused rings leave nothing', without, () => {
  const before = [fdCount(), ringMappings()];
  for (let n = 0; n < 300; n++) {
    assert.throws(() => new IoUringState(0, { flags: 0 }), { code: 'EINVAL' });
    assert.throws(() => openRing(4, { memory: 'view' }, { fail: { mmap: [1, EMFILE] } }), { code: 'EMFILE' });
  }
  assert.deepEqual([fdCount(), ringMappings()], before);
});

for (const memory of ['no_mmap', 'view'] as const)
  test(`10,000 rings made and closed: ${memory}`, {
    skip: lacksRing(memory, { memory }),
    timeout: timeLimit,
  }, () => {
    // In a process whose JavaScript heap does not grow by itself.
    const { status, stdout, stderr } = runScript(
      `
      import { readdirSync, readFileSync } from 'node:fs';
      import { IoUringState, nop } from 'tsuring';
      const churn = async (count) => {
        for (let n = 0; n < count; n++) {
          const ring = new IoUringState(4, { flags: 0, memory: '${memory}' });
          nop(ring.getSqe());
          ring.commitSqe();
          if (n % 10 === 0) ring.submitAndWait(1);
          ring.close();
        }
        for (let n = 0; n < 5; n++) {
          await new Promise((resolve) => setTimeout(resolve, 10));
          gc();
        }
      };
      // Has a spare fd opened with the first stream.
      const { stdout } = process;
      const now = () => ({
        fds: readdirSync('/proc/self/fd').length,
        rings: readFileSync('/proc/self/maps', 'latin1').split('[io_uring]').length,
        maps: readFileSync('/proc/self/maps', 'latin1').split('\\n').length,
        rss: process.memoryUsage.rss(),
      });
      await churn(${times(2000)});
      const before = now();
      const growths = [];
      for (let round = 0; round < 4; round++) {
        const { rss } = now();
        await churn(${times(2500)});
        growths.push(now().rss - rss);
      }
      stdout.write(JSON.stringify([before, now(), growths]));
      `,
      { node: ['--expose-gc', '--max-semi-space-size=1'] },
    );
    assert.equal(status, 0, stderr);
    const [before, after, growths] = JSON.parse(stdout);
    assert.ok(after.fds <= before.fds, `${after.fds - before.fds} fds more`);
    assert.equal(after.rings, before.rings);
    // One page of each ring would be 10 MB in every round. The heap grows too, but not in each.
    assert.ok(Math.min(...growths) < 5e6, `${growths} bytes more`);
    // One mapping of each would be 10,000.
    assert.ok(after.maps - before.maps < 3000, `${after.maps - before.maps} mappings more`);
  });

const lacksThread = lacksRing('SQPOLL', { flags: IORING_SETUP_SQPOLL });
test('200 rings with SQPOLL made and closed', { skip: lacksThread, timeout: timeLimit }, async () => {
  const before = [fdCount(), ringMappings()];
  churn(100, { flags: IORING_SETUP_SQPOLL });
  churn(100, { flags: IORING_SETUP_SQPOLL, memory: 'view' });
  assert.deepEqual([fdCount(), ringMappings()], before);
  await collect();
});

test('the address space of closed rings goes back', {
  skip: lacksRing('no_mmap', { memory: 'no_mmap' }),
}, async () => {
  const addresses: number[] = [];
  churn(50, { memory: 'no_mmap' }, addresses);
  assert.equal(addresses.length, 50);
  await collect();
  const left = addresses.filter(isMapped).length;
  // Few may be mapped again by somebody else, or be kept by the stack.
  assert.ok(left < 25, `${left} of 50 are still mapped`);
});

function churn(count: number, options: object, addresses?: number[]): void {
  for (let n = 0; n < count; n++) {
    const ring = new IoUringState(4, { flags: 0, ...options });
    nop(ring.getSqe()!);
    ring.commitSqe();
    if (n % 10 === 0) ring.submitAndWait(1);
    if (addresses) addresses.push(sqesAddress(ring));
    ring.close();
  }
}

function sqesAddress(ring: IoUringState): number {
  return addressOf(ring.memory.sqes);
}

/** A ring in some state, closed, with the cursors that it gave before. */
function closedRing(
  { options, hinder }: RingKind,
  state: 'fresh' | 'worked' | 'full',
): { ring: IoUringState; sqe: Sqe; cqe: Cqe } {
  const { ring } = openRing(4, options, hinder);
  nop(ring.getSqe()!);
  ring.commitSqe();
  ring.submitAndWait(1);
  const cqe = ring.peekCqe()!;
  if (state !== 'fresh') {
    ring.advanceCq();
    nop(ring.getSqe()!);
    ring.commitSqe();
    ring.submitAndWait(1);
  }
  const sqe = ring.getSqe()!;
  if (state === 'full')
    while (ring.getSqe() !== null) {
      nop(ring.getSqe()!);
      ring.stageSqe();
    }
  ring.close();
  return { ring, sqe, cqe };
}
