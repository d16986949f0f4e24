/**
 * Busy-polling, the clock of waits, and zero-copy receive as far as there is a card for it.
 */
import assert from 'node:assert/strict';
import { closeSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { allocatePages, nop, SharedPages } from 'tsuring';
import {
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  IORING_SETUP_CQE32,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  pageSize,
  ZCRX_CTRL_EXPORT,
  ZCRX_CTRL_FLUSH_RQ,
  ZCRX_REG_NODEV,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { does, lacksCall, refusal } from './support/live-register.ts';
import { lacksDefer, lacksRegister, lacksRoot } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';
import { NOBODY } from './support/sandbox.ts';

const napi = lacksRegister('IORING_REGISTER_NAPI');

live(['registerNapi', 'unregisterNapi'], 'settings are given back as they were set', [napi], () => {
  using open = openRing(8);
  const first = open.ring.registerNapi({ busyPollTo: 60, preferBusyPoll: true });
  assert.equal(first.preferBusyPoll, false);
  const { tracking, ...second } = open.ring.registerNapi({ busyPollTo: 70 });
  assert.deepEqual(second, { busyPollTo: 60, preferBusyPoll: true });
  assert.equal(tracking, 'dynamic');
  assert.deepEqual(open.ring.unregisterNapi(), { busyPollTo: 70, preferBusyPoll: false });
  assert.deepEqual(open.ring.unregisterNapi(), { busyPollTo: 0, preferBusyPoll: false }, 'none is no error');
  assert.equal(does(open, nop), 0);
});

live(['registerNapi', 'unregisterNapi'], 'queues by their ID', [napi, lacksStatic()], () => {
  using open = openRing(8);
  assert.equal(open.ring.registerNapi({ tracking: 'static', busyPollTo: 20_000 }).tracking, 'inactive');
  const id = 12_345;
  const settings = open.ring.registerNapi({ addId: id });
  // At most 10 ms on kernels of 2026.
  const { busyPollTo } = settings;
  assert.ok(busyPollTo === 10_000 || busyPollTo === 20_000, `${busyPollTo}`);
  assert.deepEqual(settings, { busyPollTo, preferBusyPoll: false, tracking: 'static' });
  assert.throws(() => open.ring.registerNapi({ addId: id }), { ...refusal('EEXIST'), fix: /NAPI ID/ });
  assert.throws(() => open.ring.registerNapi({ addId: 0 }), refusal('EINVAL'));
  assert.deepEqual(open.ring.registerNapi({ deleteId: id }), settings);
  assert.throws(() => open.ring.registerNapi({ deleteId: id }), refusal('ENOENT'));
  assert.equal(open.ring.registerNapi({ tracking: 'dynamic' }).tracking, 'static');
  assert.throws(() => open.ring.registerNapi({ addId: id }), refusal('EINVAL'));
  open.ring.unregisterNapi();
  assert.equal(open.ring.registerNapi().tracking, 'inactive');
});

live(['registerClock'], 'the clock of waits', [lacksRegister('IORING_REGISTER_CLOCK')], () => {
  using open = openRing(8);
  for (const clock of [CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME]) {
    open.ring.registerClock(clock);
    assert.equal(open.ring.waitCqe({ timeout: 5 }), null, 'a wait ends');
    assert.equal(does(open, nop), 0);
  }
  for (const clock of [CLOCK_REALTIME, 2 ** 32 - 1])
    assert.throws(() => open.ring.registerClock(clock), refusal('EINVAL'));
});

const zcrx = lacksRegister('IORING_REGISTER_ZCRX_IFQ') || lacksDefer() || lacksRoot();
const flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQE32;
const NONE = 0x7fff_fff0;
const LOOPBACK = 1;

live(['registerIfq'], 'queues that are refused', [zcrx], () => {
  const area = allocatePages(16 * pageSize());
  const queue = { ifIdx: NONE, ifRxq: 0, rqEntries: 8, area };
  using open = openRing(8, { flags });
  const { ring } = open;
  assert.throws(() => ring.registerIfq(queue), { ...refusal('ENODEV'), fix: /network device/ });
  assert.throws(() => ring.registerIfq({ ...queue, ifIdx: LOOPBACK }), refusal('EOPNOTSUPP'));
  assert.throws(() => ring.registerIfq({ ...queue, flags: 0x4000_0000 }), refusal('EINVAL'));
  // Too small for the entries.
  const region = allocatePages(pageSize());
  assert.throws(() => ring.registerIfq({ ...queue, rqEntries: 32_768, region }), refusal('EINVAL'));
  for (const other of [0, flags & ~IORING_SETUP_CQE32]) {
    using wrong = openRing(8, { flags: other });
    assert.throws(() => wrong.ring.registerIfq(queue), refusal('EINVAL'), 'not on such a ring');
  }
  process.seteuid?.(NOBODY);
  try {
    assert.throws(() => ring.registerIfq(queue), { ...refusal('EPERM'), fix: /CAP_NET_ADMIN/ });
  } finally {
    process.seteuid?.(0);
  }
  assert.equal(does(open, nop), 0);
});

live(['registerIfq', 'registerZcrxCtrl'], 'a queue of a card', [zcrx, lacksQueue()], () => {
  using open = openRing(8, { flags });
  const made = open.ring.registerIfq({ ...usable(), rqEntries: 100 });
  assert.ok(made.region instanceof SharedPages);
  assert.equal(made.rqEntries, 128);
  const { head, tail, rqes } = made.offsets;
  assert.ok(head !== tail && rqes > Math.max(head, tail) && rqes + 128 * 16 <= made.region.byteLength);
});

const ctrl = lacksRegister('IORING_REGISTER_ZCRX_CTRL') || zcrx;

live(['registerZcrxCtrl'], 'control of a queue that there is not', [ctrl], () => {
  using open = openRing(8, { flags });
  for (const op of [ZCRX_CTRL_FLUSH_RQ, ZCRX_CTRL_EXPORT])
    assert.throws(() => open.ring.registerZcrxCtrl({ zcrxId: 3, op }), refusal('ENXIO'));
});

live(['registerIfq', 'registerZcrxCtrl'], 'a queue without a card', [ctrl, lacksNoDevice()], () => {
  using open = openRing(8, { flags });
  using other = openRing(8, { flags });
  const area = allocatePages(16 * pageSize());
  const made = open.ring.registerIfq({ rqEntries: 100, area, flags: ZCRX_REG_NODEV });
  assert.equal(made.rqEntries, 128);
  const { zcrxId } = made;
  assert.equal(open.ring.registerZcrxCtrl({ zcrxId, op: ZCRX_CTRL_FLUSH_RQ }), 0);
  const fd = open.ring.registerZcrxCtrl({ zcrxId, op: ZCRX_CTRL_EXPORT });
  const imported = other.ring.registerIfq({ importFd: fd });
  assert.equal(other.ring.registerZcrxCtrl({ zcrxId: imported.zcrxId, op: ZCRX_CTRL_FLUSH_RQ }), 0);
  closeSync(fd);
});

/** For queues that are told by their ID. */
function lacksStatic(): string | false {
  return (
    napi || lacksCall('static NAPI tracking (Linux 6.13)', (r) => r.registerNapi({ tracking: 'static' }))
  );
}

/** For a queue of a card that can do it. */
function lacksQueue(): string | false {
  return zcrx || lacksCall('a network card for zero-copy receive', (r) => r.registerIfq(usable()), { flags });
}

function lacksNoDevice(): string | false {
  const queue = () => ({ rqEntries: 8, area: allocatePages(16 * pageSize()), flags: ZCRX_REG_NODEV });
  return ctrl || lacksCall('ZCRX_REG_NODEV (Linux 7.1)', (r) => r.registerIfq(queue()), { flags });
}

/** The first interface that is not the loopback. */
function usable() {
  const name = Object.keys(networkInterfaces()).find((other) => other !== 'lo') ?? 'lo';
  const ifIdx = Number(readFileSync(`/sys/class/net/${name}/ifindex`, 'utf8'));
  return { ifIdx, ifRxq: 0, rqEntries: 8, area: allocatePages(16 * pageSize()) };
}
