/**
 * Rings that calls name by index: registered, with and without their fd.
 */
import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { IoUringState, nop } from 'tsuring';
import {
  IORING_ENTER_REGISTERED_RING,
  IORING_FEAT_REG_REG_RING,
  IORING_REGISTER_ENABLE_RINGS,
  IORING_REGISTER_RING_FDS,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_REGISTERED_FD_ONLY,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { lacksFeature, lacksRegister, lacksRing } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';
import { timeLimit } from './support/time-limit.ts';
import { fdCount } from './support/traces.ts';

const lacksIndex = lacksRegister('IORING_REGISTER_RING_FDS');
const lacksNoFd = lacksFeature('IORING_FEAT_REG_REG_RING (Linux 6.3)', IORING_FEAT_REG_REG_RING);

live(
  ['registerRingFd', 'unregisterRingFd'],
  'calls name the ring by its index, then by its fd again',
  [lacksIndex],
  () => {
    using open = openRing(4);
    const { ring, probe } = open;
    const { fd } = ring;
    const by = () => probe.enters.at(-1)!.flags & IORING_ENTER_REGISTERED_RING;
    work(ring);
    assert.equal(by(), 0);
    const index = ring.registerRingFd();
    assert.ok(index >= 0 && index < 16);
    assert.equal(ring.fd, fd);
    work(ring);
    assert.equal(by(), IORING_ENTER_REGISTERED_RING);
    ring.registerFiles([-1]);
    assert.throws(() => ring.registerRingFd(), { code: 'ERR_INVALID_STATE' });
    ring.unregisterRingFd();
    work(ring);
    assert.equal(by(), 0);
    assert.throws(() => ring.unregisterRingFd(), { code: 'ERR_INVALID_STATE' });
    assert.throws(() => ring.closeRingFd(), { code: 'ERR_INVALID_STATE' });
  },
);

live(
  ['closeRingFd', 'registerRingFd'],
  'a ring without an fd works on, and is closed by its index',
  [lacksIndex, lacksNoFd],
  () => {
    const fds = fdCount();
    // Sixteen places: if one stayed taken, the last rings would not get any.
    for (let n = 0; n < 40; n++) {
      using ring = new IoUringState(4, { flags: 0 });
      const { fd } = ring;
      const index = ring.registerRingFd();
      ring.closeRingFd();
      assert.equal(fdCount(), fds);
      assert.equal(ring.fd, index);
      // Another file gets the number: nothing of the ring's goes there.
      const other = openSync('/dev/null', 'r');
      assert.equal(other, fd);
      work(ring);
      ring.registerFiles([other]);
      assert.throws(() => ring.unregisterRingFd(), { code: 'ERR_INVALID_STATE', message: /no fd/ });
      assert.throws(() => ring.closeRingFd(), { code: 'ERR_INVALID_STATE' });
      assert.throws(() => ring.share(), { code: 'ERR_INVALID_STATE' });
      ring.close();
      closeSync(other);
    }
    assert.equal(fdCount(), fds);
  },
);

live(['registerRingFd'], 'sixteen places, and what close gives back', [lacksIndex], () => {
  const rings = Array.from({ length: 17 }, () => new IoUringState(1, { flags: 0 }));
  const taken: IoUringState[] = [];
  assert.throws(
    () => {
      for (const ring of rings) {
        ring.registerRingFd();
        taken.push(ring);
      }
    },
    { code: 'EBUSY', fix: /16/ },
  );
  assert.ok(taken.length > 0);
  taken[0].close();
  const last = rings[taken.length];
  last.registerRingFd();
  work(last);
  for (const ring of rings) ring.close();
});

live(
  ['registerRingFd', 'registerRestrictions'],
  'a ring that may not unregister itself goes all the same',
  [lacksIndex],
  () => {
    const fds = fdCount();
    for (let n = 0; n < 40; n++) {
      using ring = new IoUringState(4, { flags: IORING_SETUP_R_DISABLED });
      ring.registerRestrictions([
        { registerOp: IORING_REGISTER_ENABLE_RINGS },
        { registerOp: IORING_REGISTER_RING_FDS },
      ]);
      ring.enableRings();
      ring.registerRingFd();
    }
    assert.equal(fdCount(), fds);
  },
);

test('the calls that change how a ring is named have methods', {
  skip: lacksIndex,
  timeout: timeLimit,
}, () => {
  using ring = new IoUringState(4, { flags: 0 });
  for (const opcode of [20, 21, 33])
    assert.throws(() => ring.register(opcode, 0, 1), { code: 'ERR_INVALID_ARG_VALUE' });
});

test('REGISTERED_FD_ONLY is an index from the beginning', {
  skip: lacksRing('REGISTERED_FD_ONLY', { flags: IORING_SETUP_REGISTERED_FD_ONLY }),
  timeout: timeLimit,
}, () => {
  using ring = new IoUringState(4, { flags: IORING_SETUP_REGISTERED_FD_ONLY });
  work(ring);
  assert.throws(() => ring.registerRingFd(), { code: 'ERR_INVALID_STATE' });
  assert.throws(() => ring.unregisterRingFd(), { code: 'ERR_INVALID_STATE' });
  assert.throws(() => ring.closeRingFd(), { code: 'ERR_INVALID_STATE' });
});

test('a kernel that cannot do without the fd', { skip: lacksIndex, timeout: timeLimit }, () => {
  using open = openRing(4, {}, { hideFeatures: IORING_FEAT_REG_REG_RING });
  open.ring.registerRingFd();
  assert.throws(() => open.ring.closeRingFd(), { code: 'EOPNOTSUPP', fix: /6\.3/ });
  open.ring.registerFiles([-1]);
  work(open.ring);
});

function work(ring: IoUringState): void {
  nop(ring.getSqe()!);
  ring.getSqe()!.userData = 8;
  ring.commitSqe();
  assert.equal(ring.submitAndWait(1, { timeout: timeLimit }), 1);
  assert.equal(ring.peekCqe()?.userData, 8);
  ring.advanceCq();
}
