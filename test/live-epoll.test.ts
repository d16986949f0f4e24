/**
 * epoll by a ring for real: what an instance watches, and the events that it gives.
 */
import assert from 'node:assert/strict';
import { readSync, writeSync } from 'node:fs';
import { cancel, epollCtl, epollWait, linkTimeout, pollAdd, timespec } from 'tsuring';
import {
  addressOf,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLET,
  EPOLLHUP,
  EPOLLIN,
  EPOLLONESHOT,
  EPOLLOUT,
  epoll_event,
  IOSQE_FIXED_FILE,
  IOSQE_IO_LINK,
  libc,
  makeStruct,
  POLLIN,
  readStruct,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { closedFd } from './support/live-closed-fd.ts';
import { liveKinds } from './support/live-kinds.ts';
import { nothingCompleted, rows, sortedRows, stage, submits } from './support/live-rows.ts';
import { type Scratch, scratch } from './support/live-scratch.ts';
import { lacksOpcode } from './support/needs.ts';
import type { OpenRing } from './support/open-ring.ts';
import { closePair, pipe } from './support/worker-pipes.ts';

const lacksCtl = lacksOpcode('IORING_OP_EPOLL_CTL');
const lacksWait = lacksOpcode('IORING_OP_EPOLL_WAIT');
const SIZE = epoll_event.size;

live(['epollCtl'], 'adds, changes and removes what an instance watches', [lacksCtl], () => {
  using here = scratch();
  const open = here.ring();
  const epoll = instance(here);
  const [one, other] = here.sockets();
  writeSync(other, 'a');
  assert.equal(control(open, epoll, one, EPOLL_CTL_ADD, EPOLLIN, 11n), 0);
  assert.deepEqual(ready(epoll), [[EPOLLIN, 11n]]);
  assert.equal(control(open, epoll, one, EPOLL_CTL_MOD, EPOLLOUT, 2n ** 64n - 1n), 0);
  assert.deepEqual(ready(epoll), [[EPOLLOUT, 2n ** 64n - 1n]]);
  assert.equal(control(open, epoll, other, EPOLL_CTL_ADD, EPOLLOUT, 12n), 0);
  assert.equal(ready(epoll).length, 2);
  stage(open.ring, 1, (sqe) => epollCtl(sqe, epoll, one, EPOLL_CTL_DEL, 0));
  submits(open, 1);
  assert.deepEqual(rows(open, 1), [[1, 0, 0]]);
  assert.deepEqual(ready(epoll), [[EPOLLOUT, 12n]]);
});

live(['epollCtl'], 'refuses as epoll_ctl does', [lacksCtl], () => {
  using here = scratch();
  const open = here.ring();
  const epoll = instance(here);
  const [one, other] = here.sockets();
  const file = here.fileFd('regular', 'abc');
  const closed = closedFd();
  assert.equal(control(open, epoll, one, EPOLL_CTL_ADD, EPOLLIN, 0n), 0);
  assert.equal(control(open, epoll, one, EPOLL_CTL_ADD, EPOLLIN, 0n), '-EEXIST');
  assert.equal(control(open, epoll, other, EPOLL_CTL_MOD, EPOLLIN, 0n), '-ENOENT');
  assert.equal(control(open, epoll, other, EPOLL_CTL_DEL, EPOLLIN, 0n), '-ENOENT');
  assert.equal(control(open, epoll, file, EPOLL_CTL_ADD, EPOLLIN, 0n), '-EPERM');
  assert.equal(control(open, epoll, closed, EPOLL_CTL_ADD, EPOLLIN, 0n), '-EBADF');
  assert.equal(control(open, closed, one, EPOLL_CTL_ADD, EPOLLIN, 0n), '-EBADF');
  assert.equal(control(open, one, other, EPOLL_CTL_ADD, EPOLLIN, 0n), '-EINVAL', 'no epoll instance');
  assert.equal(control(open, epoll, epoll, EPOLL_CTL_ADD, EPOLLIN, 0n), '-EINVAL', 'itself');
  assert.equal(control(open, epoll, other, 77, EPOLLIN, 0n), '-EINVAL', 'no such operation');
  stage(open.ring, 1, (sqe) => epollCtl(sqe, epoll, other, EPOLL_CTL_ADD, 8));
  submits(open, 1);
  assert.deepEqual(rows(open, 1), [[1, '-EFAULT', 0]]);
});

for (const { name, options, lacks } of liveKinds)
  live(
    ['epollWait', 'epollCtl'],
    `gives the events that are there, or waits: ${name}`,
    [lacksWait, lacks],
    () => {
      using here = scratch();
      const open = here.ring(8, options);
      const epoll = instance(here);
      const [one, toOne] = here.pipe();
      const [other, toOther] = here.pipe();
      assert.equal(control(open, epoll, one, EPOLL_CTL_ADD, EPOLLIN, 1n), 0);
      assert.equal(control(open, epoll, other, EPOLL_CTL_ADD, EPOLLIN, 2n), 0);
      const events = Buffer.alloc(4 * SIZE, 0xee);
      stage(open.ring, 1, (sqe) => epollWait(sqe, epoll, events, 4));
      submits(open, 1);
      open.ring.getEvents();
      open.expect({ sq: 0, cq: 0 });
      writeSync(toOther, 'a');
      assert.deepEqual(rows(open, 1), [[1, 1, 0]]);
      assert.deepEqual(parsed(events, 1), [[EPOLLIN, 2n]]);
      assert.ok(
        events.subarray(SIZE).every((byte) => byte === 0xee),
        'no more than that is written',
      );
      writeSync(toOne, 'a');
      stage(open.ring, 2, (sqe) => epollWait(sqe, epoll, events, 4));
      submits(open, 1);
      assert.deepEqual(rows(open, 1), [[2, 2, 0]], 'level-triggered: the first is still there');
      assert.deepEqual(
        new Map(parsed(events, 2).map(([bits, data]) => [data, bits])),
        new Map([
          [1n, EPOLLIN],
          [2n, EPOLLIN],
        ]),
      );
      readSync(one, Buffer.alloc(1));
      readSync(other, Buffer.alloc(1));
      stage(open.ring, 3, (sqe) => epollWait(sqe, epoll, events, 4));
      submits(open, 1);
      open.ring.getEvents();
      open.expect({ sq: 0, cq: 0 });
      writeSync(toOne, 'a');
      assert.deepEqual(rows(open, 1), [[3, 1, 0]]);
      assert.deepEqual(parsed(events, 1), [[EPOLLIN, 1n]]);
    },
  );

live(
  ['epollWait', 'epollCtl'],
  'gives as many as there is room for, the others the next time',
  [lacksWait],
  () => {
    using here = scratch();
    const open = here.ring();
    const epoll = instance(here);
    for (let n = 0; n < 5; n++) {
      const [, writeEnd] = here.pipe();
      assert.equal(control(open, epoll, writeEnd, EPOLL_CTL_ADD, EPOLLOUT | EPOLLONESHOT, BigInt(n)), 0);
    }
    const seen: bigint[] = [];
    const events = Buffer.alloc(2 * SIZE);
    for (const count of [2, 2, 1]) {
      stage(open.ring, 1, (sqe) => epollWait(sqe, epoll, events, 2));
      submits(open, 1);
      assert.deepEqual(rows(open, 1), [[1, count, 0]]);
      for (const [bits, data] of parsed(events, count)) {
        assert.equal(bits, EPOLLOUT);
        seen.push(data);
      }
    }
    assert.deepEqual(seen.sort(), [0n, 1n, 2n, 3n, 4n]);
  },
);

live(['epollWait', 'epollCtl'], 'edge-triggered, gives what is new', [lacksWait], () => {
  using here = scratch();
  const open = here.ring();
  const epoll = instance(here);
  const [readEnd, writeEnd] = pipe();
  assert.equal(control(open, epoll, readEnd, EPOLL_CTL_ADD, EPOLLIN | EPOLLET, 5n), 0);
  const events = Buffer.alloc(SIZE);
  for (let round = 0; round < 2; round++) {
    writeSync(writeEnd, 'a');
    stage(open.ring, 1, (sqe) => epollWait(sqe, epoll, events, 1));
    submits(open, 1);
    assert.deepEqual(rows(open, 1), [[1, 1, 0]]);
    assert.deepEqual(parsed(events, 1), [[EPOLLIN, 5n]]);
    stage(open.ring, 2, (sqe) => epollWait(sqe, epoll, events, 1));
    submits(open, 1);
    nothingCompleted(open);
    stage(open.ring, 3, (sqe) => cancel(sqe, 2));
    submits(open, 1);
    assert.deepEqual(sortedRows(open, 2), [
      [2, '-ECANCELED', 0],
      [3, 0, 0],
    ]);
  }
  stage(open.ring, 4, (sqe) => epollWait(sqe, epoll, events, 1));
  submits(open, 1);
  libc().close(writeEnd);
  assert.deepEqual(rows(open, 1), [[4, 1, 0]]);
  assert.deepEqual(parsed(events, 1), [[EPOLLIN | EPOLLHUP, 5n]]);
  libc().close(readEnd);
});

live(['epollWait', 'linkTimeout'], 'is limited in time by a link timeout', [lacksWait], () => {
  using here = scratch();
  const open = here.ring();
  const epoll = instance(here);
  stage(open.ring, 1, (sqe) => epollWait(sqe, epoll, Buffer.alloc(SIZE), 1), IOSQE_IO_LINK);
  stage(open.ring, 2, (sqe) => linkTimeout(sqe, timespec(1)));
  submits(open, 2);
  assert.deepEqual(sortedRows(open, 2), [
    [1, '-ECANCELED', 0],
    [2, '-ETIME', 0],
  ]);
});

live(['epollWait', 'pollAdd'], 'takes a slot of the registered files', [lacksWait], () => {
  using here = scratch();
  const open = here.ring();
  const epoll = instance(here);
  const [, writeEnd] = here.pipe();
  assert.equal(control(open, epoll, writeEnd, EPOLL_CTL_ADD, EPOLLOUT, 6n), 0);
  open.ring.registerFiles([-1, epoll]);
  const events = Buffer.alloc(SIZE);
  stage(open.ring, 1, (sqe) => epollWait(sqe, 1, events, 1), IOSQE_FIXED_FILE);
  submits(open, 1);
  assert.deepEqual(rows(open, 1), [[1, 1, 0]]);
  assert.deepEqual(parsed(events, 1), [[EPOLLOUT, 6n]]);
});

live(['epollWait'], 'refuses what is no instance, no room and flags', [lacksWait], () => {
  using here = scratch();
  const open = here.ring();
  const epoll = instance(here);
  const [readEnd, writeEnd] = here.pipe();
  const events = Buffer.alloc(SIZE);
  const closed = closedFd();
  assert.equal(control(open, epoll, writeEnd, EPOLL_CTL_ADD, EPOLLOUT, 7n), 0);
  const refused: [fd: number, room: Buffer | number, count: number, flags: number, res: string][] = [
    [readEnd, events, 1, 0, '-EINVAL'],
    [closed, events, 1, 0, '-EBADF'],
    [epoll, events, 0, 0, '-EINVAL'],
    [epoll, 8, 1, 0, '-EFAULT'],
    [epoll, events, 1, 1, '-EINVAL'],
  ];
  for (const [n, [fd, room, count, flags, res]] of refused.entries()) {
    stage(open.ring, n, (sqe) => epollWait(sqe, fd, room, count, flags));
    submits(open, 1);
    assert.deepEqual(rows(open, 1), [[n, res, 0]]);
  }
});

live(['epollCtl', 'pollAdd'], 'an instance is itself a file to wait for', [lacksCtl], () => {
  using here = scratch();
  const open = here.ring();
  const epoll = instance(here);
  const [readEnd, writeEnd] = pipe();
  stage(open.ring, 1, (sqe) => pollAdd(sqe, epoll, POLLIN));
  submits(open, 1, 0);
  assert.equal(control(open, epoll, readEnd, EPOLL_CTL_ADD, EPOLLIN, 1n), 0);
  nothingCompleted(open);
  writeSync(writeEnd, 'a');
  assert.deepEqual(rows(open, 1), [[1, POLLIN, 0]]);
  closePair([readEnd, writeEnd]);
});

/** epoll_create1(2). */
function instance(here: Scratch): number {
  const fd = libc().syscall(EPOLL_CREATE1, EPOLL_CLOEXEC, 0, 0, 0, 0, 0);
  assert.ok(fd >= 0);
  return here.adopt(fd);
}

function control(
  open: OpenRing,
  epoll: number,
  fd: number,
  operation: number,
  events: number,
  data: bigint,
): number | string {
  const event = makeStruct(epoll_event, { events: events >>> 0, 'data.u64': data });
  stage(open.ring, CONTROL, (sqe) => epollCtl(sqe, epoll, fd, operation, event));
  submits(open, 1);
  const [[tag, res, flags]] = rows(open, 1);
  assert.deepEqual([tag, flags], [CONTROL, 0]);
  return res;
}

/** What stands ready, by epoll_pwait(2) itself. */
function ready(epoll: number): [events: number, data: bigint][] {
  const events = Buffer.alloc(8 * SIZE);
  const count = libc().syscall(EPOLL_PWAIT, epoll, addressOf(events), 8, 0, 0, 0);
  assert.ok(count >= 0);
  return parsed(events, count);
}

function parsed(bytes: Uint8Array, count: number): [events: number, data: bigint][] {
  return Array.from({ length: count }, (_, n) => {
    const event = readStruct(bytes, epoll_event, n * SIZE);
    return [event.events, event['data.u64']];
  });
}

const CONTROL = 1000;
const [EPOLL_CREATE1, EPOLL_PWAIT] = process.arch === 'arm64' ? [20, 22] : [291, 281];
