/**
 * Eventfds that count completions, and messages posted without a ring.
 */
import assert from 'node:assert/strict';
import { closeSync, readSync, writeSync } from 'node:fs';
import { msgRing, msgRingCqeFlags, nop, read, registerSyncMsg } from 'tsuring';
import {
  EAGAIN,
  IORING_REGISTER_ENABLE_RINGS,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_SINGLE_ISSUER,
  IOSQE_ASYNC,
  IOSQE_FIXED_FILE,
  linux,
  O_CLOEXEC,
  O_NONBLOCK,
  POLLIN,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { does, next, refusal, start } from './support/live-register.ts';
import { lacksDefer, lacksRegister, lacksRing } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';
import { ringKinds } from './support/ring-kinds.ts';
import { timeLimit } from './support/time-limit.ts';
import { closePair, pipe } from './support/worker-pipes.ts';

const ring = lacksRing('io_uring', {});

/** An eventfd: its count is taken, and 0 when there is none. */
class Eventfd implements Disposable {
  readonly fd: number;

  constructor() {
    const fd = linux.eventfd(0, O_CLOEXEC | O_NONBLOCK);
    assert.ok(fd >= 0);
    this.fd = linux.adopt(fd);
  }

  take(): bigint {
    const count = new BigUint64Array(1);
    try {
      assert.equal(readSync(this.fd, count), 8);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).errno, -EAGAIN);
    }
    return count[0];
  }

  /** Waits until there is one. */
  wait(): bigint {
    assert.equal(linux.poll(this.fd, POLLIN, timeLimit) & POLLIN, POLLIN, 'it is signalled');
    return this.take();
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}

for (const { name, options, lacks } of ringKinds.filter((kind) => kind.name.endsWith('view with SQ array')))
  live(['registerEventfd', 'unregisterEventfd'], `an eventfd tells of completions: ${name}`, [lacks], () => {
    using open = openRing(8, options);
    using event = new Eventfd();
    open.ring.registerEventfd(event.fd);
    assert.equal(event.take(), 0n);
    const pair = pipe();
    const bytes = new Uint8Array(8);
    start(open, (sqe) => read(sqe, pair[0], bytes, 8, -1), 7);
    writeSync(pair[1], 'x');
    // At once, or (DEFER_TASKRUN) when somebody asks: both tell.
    open.ring.waitCqe({ timeout: timeLimit });
    assert.ok(event.wait() >= 1n);
    assert.deepEqual(next(open), [7, 1]);
    open.ring.unregisterEventfd();
    assert.equal(does(open, nop), 0);
    closePair(pair);
    // Of deferred work it tells twice, the second time perhaps a little later.
    if (!name.startsWith('DEFER_TASKRUN')) assert.equal(event.take(), 0n, 'of nothing else');
  });

live(['registerEventfd'], 'the kernel holds the eventfd, one to a ring', [ring], () => {
  using open = openRing(8);
  using event = new Eventfd();
  using other = new Eventfd();
  assert.throws(() => open.ring.unregisterEventfd(), refusal('ENXIO'));
  assert.throws(() => open.ring.registerEventfd(0x7fff_ffff), refusal('EBADF'));
  const pair = pipe();
  assert.throws(() => open.ring.registerEventfd(pair[0]), refusal('EINVAL'));
  closePair(pair);
  open.ring.registerEventfd(event.fd);
  assert.throws(() => open.ring.registerEventfd(other.fd), refusal('EBUSY'));
  assert.throws(() => open.ring.registerEventfdAsync(other.fd), refusal('EBUSY'));
  for (let n = 1; n <= 3; n++) {
    assert.equal(does(open, nop), 0);
    assert.ok(event.wait() >= 1n);
  }
  assert.equal(other.take(), 0n);
  open.ring.unregisterEventfd();
  open.ring.registerEventfd(other.fd);
  assert.equal(does(open, nop), 0);
  assert.equal(other.wait(), 1n);
  assert.equal(event.take(), 0n);
});

live(
  ['registerEventfdAsync', 'unregisterEventfd'],
  'the other kind tells only of what worker threads complete',
  [ring],
  () => {
    using open = openRing(8);
    using event = new Eventfd();
    open.ring.registerEventfdAsync(event.fd);
    for (let n = 0; n < 3; n++) assert.equal(does(open, nop), 0);
    assert.equal(event.take(), 0n, 'they completed while they were submitted');
    const async = (sqe: Parameters<typeof nop>[0]) => {
      nop(sqe);
      sqe.flags = IOSQE_ASYNC;
    };
    assert.equal(does(open, async), 0);
    assert.ok(event.wait() >= 1n);
    open.ring.unregisterEventfd();
    assert.equal(does(open, async), 0);
    assert.equal(event.take(), 0n);
  },
);

const messages = lacksRegister('IORING_REGISTER_SEND_MSG_RING');

for (const [name, flags, lacks] of [
  ['plain', 0, ring],
  ['DEFER_TASKRUN', IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, lacksDefer()],
] as const)
  live(
    ['registerSyncMsg', 'msgRing', 'msgRingCqeFlags'],
    `messages to a ring: ${name}`,
    [messages, lacks],
    () => {
      using open = openRing(8, { flags });
      const { fd } = open.ring;
      const data = 2n ** 64n - 3n;
      registerSyncMsg((sqe) => msgRing(sqe, fd, -5, data));
      registerSyncMsg((sqe) => msgRing(sqe, fd, 6, 1));
      assert.deepEqual(
        [next(open), next(open)],
        [
          [data, -5],
          [1, 6],
        ],
      );
      registerSyncMsg((sqe) => msgRingCqeFlags(sqe, fd, 7, 2, 0, 0x1234_0000));
      const cqe = open.ring.waitCqe({ timeout: timeLimit });
      assert.deepEqual([cqe?.userData, cqe?.res, cqe?.flags], [2, 7, 0x1234_0000]);
      open.ring.advanceCq();
      // An entry of the ring itself, which goes on to be used.
      const sqe = open.ring.getSqe();
      assert.ok(sqe !== null);
      msgRing(sqe, fd, 8, 3);
      registerSyncMsg(sqe);
      assert.deepEqual(next(open), [3, 8]);
      assert.equal(does(open, nop), 0);
      open.expect({ sq: 0, cq: 0 });
    },
  );

live(['registerSyncMsg'], 'messages that are refused', [messages], () => {
  using open = openRing(8);
  const { fd } = open.ring;
  const pair = pipe();
  const to = (target: number) => () => registerSyncMsg((sqe) => msgRing(sqe, target, 1, 1));
  assert.throws(to(0x7fff_ffff), refusal('EBADF'));
  assert.throws(to(pair[0]), refusal('EBADFD'));
  closePair(pair);
  assert.throws(() => registerSyncMsg((sqe) => nop(sqe)), refusal('EINVAL'));
  const flagged = () =>
    registerSyncMsg((sqe) => {
      msgRing(sqe, fd, 1, 1);
      sqe.flags = IOSQE_FIXED_FILE;
    });
  assert.throws(flagged, refusal('EINVAL'));
  assert.throws(() => registerSyncMsg((sqe) => msgRing(sqe, fd, 1, 1, 0x8000)), refusal('EINVAL'));
  open.expect({ sq: 0, cq: 0 });
  using disabled = openRing(8, { flags: IORING_SETUP_R_DISABLED });
  assert.throws(to(disabled.ring.fd), refusal('EBADFD'));
  disabled.ring.register(IORING_REGISTER_ENABLE_RINGS, 0, 0);
  to(disabled.ring.fd)();
  assert.deepEqual(next(disabled), [1, 1]);
});

live(['registerSyncMsg'], 'a queue that is full keeps messages back', [messages], () => {
  using open = openRing(2, { cqEntries: 4 });
  for (let n = 1; n <= 10; n++) registerSyncMsg((sqe) => msgRing(sqe, open.ring.fd, n, n));
  open.expect({ sq: 0, cq: 4 });
  assert.ok(open.ring.cqHasOverflow);
  for (let n = 1; n <= 10; n++) assert.deepEqual(next(open), [n, n]);
  open.expect({ sq: 0, cq: 0 });
});
