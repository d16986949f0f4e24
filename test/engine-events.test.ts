/**
 * The engine's operations that wait for something, and those that have no other place, each for real.
 */
import assert from 'node:assert/strict';
import { fstatSync, readSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { allocatePages, FutexWaiters } from 'tsuring';
import {
  CLD_EXITED,
  CLD_KILLED,
  CLD_STOPPED,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLET,
  EPOLLIN,
  EPOLLOUT,
  FUTEX2_PRIVATE,
  FUTEX2_SIZE_U32,
  IORING_TIMEOUT_ABS,
  IORING_TIMEOUT_REALTIME,
  libc,
  MADV_DONTNEED,
  MADV_WILLNEED,
  O_NONBLOCK,
  P_PID,
  POLLHUP,
  POLLIN,
  POLLOUT,
  pageSize,
  WEXITED,
  WNOHANG,
  WSTOPPED,
} from 'tsuring/syscalls';
import { engineTests } from './support/engine-test.ts';
import { Orphans } from './support/live-orphans.ts';
import { type Scratch, scratch } from './support/live-scratch.ts';
import { lacksOpcode } from './support/needs.ts';
import { descriptorFlags, statusFlags } from './support/sockets.ts';

const lacksFutex = lacksOpcode('IORING_OP_FUTEX_WAIT');
const lacksWaitid = lacksOpcode('IORING_OP_WAITID');
const lacksMadvise = lacksOpcode('IORING_OP_MADVISE');
const lacksPipe = lacksOpcode('IORING_OP_PIPE');
const { SIGCHLD, SIGKILL, SIGSTOP } = constants.signals;

/** A test with a ring and a folder of its own. */
const engineTest = engineTests(scratch);

engineTest('nop', false, async (ring) => {
  assert.equal(await ring.nop(), undefined);
  await Promise.all(Array.from({ length: 1000 }, () => ring.nop()));
  assert.equal(ring.stats().completed, 1001);
});

engineTest('poll: the events that came', false, async (ring, here) => {
  const [a, b] = here.sockets();
  const readable = ring.poll(a);
  assert.equal(await ring.poll(b, POLLIN | POLLOUT), POLLOUT);
  writeSync(b, 'x');
  assert.equal(await readable, POLLIN);
  assert.equal(await ring.poll(a, POLLIN | POLLOUT), POLLIN | POLLOUT);
  await assert.rejects(ring.poll(-1), { code: 'EBADF', errno: -9, syscall: 'poll' });
  await assert.rejects(ring.poll(a, 'in' as never), { code: 'ERR_INVALID_ARG_TYPE' });
});

engineTest('poll: a peer that is gone, and an abort', false, async (ring, here) => {
  const [a, b] = here.sockets();
  const controller = new AbortController();
  const polling = ring.poll(a, POLLIN, { signal: controller.signal });
  ring.flush();
  controller.abort();
  await assert.rejects(polling, { name: 'AbortError' });
  await assert.rejects(ring.poll(a, POLLIN, { timeout: 1 }), { code: 'ETIMEDOUT', syscall: 'poll' });
  assert.equal(libc().syscall(SHUTDOWN, b, 2, 0, 0, 0, 0), 0);
  assert.equal((await ring.poll(a, POLLIN)) & (POLLIN | POLLHUP), POLLIN | POLLHUP);
});

engineTest('timeout: resolves when the time is up', false, async (ring) => {
  assert.equal(await ring.timeout(0), undefined);
  assert.equal(await ring.timeout(0.5), undefined);
  assert.deepEqual(await Promise.all([ring.timeout(2), ring.timeout(1_000_000n)]), [undefined, undefined]);
  await assert.rejects(ring.timeout(3_600_000, { timeout: 1 }), { code: 'ETIMEDOUT', syscall: 'timeout' });
  await assert.rejects(ring.timeout(1, { flags: 1 << 30 }), {
    code: 'EINVAL',
    errno: -22,
    syscall: 'timeout',
  });
  await assert.rejects(ring.timeout('1' as never), { code: 'ERR_INVALID_ARG_TYPE' });
  await assert.rejects(ring.timeout(Number.NaN), { code: 'ERR_OUT_OF_RANGE' });
});

engineTest(
  'timeout: a moment that is past',
  lacksOpcode('IORING_OP_LINKAT') && 'needs clocks of timeouts (Linux 5.15)',
  async (ring) => {
    const flags = IORING_TIMEOUT_ABS | IORING_TIMEOUT_REALTIME;
    await ring.timeout(BigInt(Date.now()) * 1_000_000n, { flags });
  },
);

engineTest('timeout: an abort', false, async (ring) => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const waiting = ring.timeout(3_600_000, { signal: controller.signal });
  ring.flush();
  controller.abort(reason);
  await assert.rejects(waiting, { name: 'AbortError', cause: reason });
  assert.equal(ring.stats().inFlight, 0);
});

engineTest('futexWait and futexWake', lacksFutex, async (ring) => {
  const word = new Int32Array(new SharedArrayBuffer(4));
  word[0] = 7;
  const waiting = [ring.futexWait(word, 7), ring.futexWait(word, 7n, { mask: 2 })];
  ring.flush();
  assert.equal(await ring.futexWake(word, 5, { mask: 4 }), 1, 'who waits for any');
  assert.equal(await waiting[0], undefined);
  assert.equal(await ring.futexWake(word), 1);
  assert.equal(await waiting[1], undefined);
  assert.equal(await ring.futexWake(word, 2 ** 31 - 1), 0, 'nobody is left');
  const futexFlags = FUTEX2_SIZE_U32 | FUTEX2_PRIVATE;
  const own = ring.futexWait(word, 7, { futexFlags });
  ring.flush();
  assert.equal(await ring.futexWake(word, 1, { futexFlags }), 1);
  await own;
  await assert.rejects(ring.futexWait(word, 8), { code: 'EAGAIN', errno: -11, syscall: 'futexWait' });
  await assert.rejects(ring.futexWake(word, 1, { mask: 0 }), { code: 'EINVAL', syscall: 'futexWake' });
  for (const futex of [4096, null, 'x'])
    await assert.rejects(ring.futexWait(futex as never, 0), { code: 'ERR_INVALID_ARG_TYPE' });
});

engineTest('futexWaitv', lacksFutex, async (ring) => {
  const words = Array.from({ length: 3 }, () => new Int32Array(new SharedArrayBuffer(4)));
  const waiters = words.map((futex) => ({ futex, value: 0 }));
  for (const all of [waiters, new FutexWaiters(waiters)]) {
    const waiting = ring.futexWaitv(all);
    ring.flush();
    assert.equal(await ring.futexWake(words[1]), 1);
    assert.equal(await waiting, 1);
  }
  words[2][0] = 1;
  await assert.rejects(ring.futexWaitv(waiters), { code: 'EAGAIN', syscall: 'futexWaitv' });
  await assert.rejects(ring.futexWaitv([]), { code: 'ERR_OUT_OF_RANGE' });
  await assert.rejects(ring.futexWaitv(null as never), { code: 'ERR_INVALID_ARG_TYPE' });
});

engineTest('futexWait and futexWaitv are aborted', lacksFutex, async (ring) => {
  const futex = new Int32Array(new SharedArrayBuffer(4));
  const controller = new AbortController();
  const { signal } = controller;
  const waiting = [ring.futexWait(futex, 0, { signal }), ring.futexWaitv([{ futex, value: 0 }], { signal })];
  ring.flush();
  controller.abort();
  for (const one of waiting) await assert.rejects(one, { name: 'AbortError' });
  assert.equal(await ring.futexWake(futex, 9), 0);
});

engineTest('waitid: children that stop and end', lacksWaitid, async (ring) => {
  using orphans = new Orphans();
  const [child, other] = [orphans.make(), orphans.make()];
  const uid = process.getuid?.();
  const stopping = ring.waitid(P_PID, child.pid, WSTOPPED);
  process.kill(child.pid, SIGSTOP);
  assert.deepEqual(await stopping, {
    pid: child.pid,
    uid,
    signo: SIGCHLD,
    code: CLD_STOPPED,
    status: SIGSTOP,
  });
  assert.equal((await ring.waitid(P_PID, child.pid, WEXITED | WNOHANG)).signo, 0, 'nothing yet');
  process.kill(child.pid, SIGKILL);
  const { code, status } = await ring.waitid(P_PID, child.pid);
  assert.deepEqual([code, status], [CLD_KILLED, SIGKILL]);
  const ending = ring.waitid(P_PID, other.pid);
  ring.flush();
  other.exit(7);
  assert.deepEqual(await ending, { pid: other.pid, uid, signo: SIGCHLD, code: CLD_EXITED, status: 7 });
  assert.equal(Orphans.exists(other.pid), false, 'reaped');
  await assert.rejects(ring.waitid(P_PID, other.pid), { code: 'ECHILD', errno: -10, syscall: 'waitid' });
  await assert.rejects(ring.waitid(P_PID, other.pid, 0), { code: 'EINVAL' });
});

engineTest('waitid is aborted, and the child can be waited for', lacksWaitid, async (ring) => {
  using orphans = new Orphans();
  const child = orphans.make();
  const controller = new AbortController();
  const waiting = ring.waitid(P_PID, child.pid, WEXITED, { signal: controller.signal });
  ring.flush();
  controller.abort();
  await assert.rejects(waiting, { name: 'AbortError' });
  child.exit(3);
  assert.equal((await ring.waitid(P_PID, child.pid)).status, 3);
});

engineTest('epollCtl: adds, changes and removes', lacksOpcode('IORING_OP_EPOLL_CTL'), async (ring, here) => {
  const epoll = instance(here);
  const [a, b] = here.sockets();
  assert.equal(await ring.epollCtl(epoll, a, EPOLL_CTL_ADD, EPOLLIN), undefined);
  await assert.rejects(ring.epollCtl(epoll, a, EPOLL_CTL_ADD, EPOLLIN), {
    code: 'EEXIST',
    errno: -17,
    syscall: 'epollCtl',
  });
  // Where epoll has events to tell it can be read itself.
  const ready = () => libc().poll(epoll, POLLIN, 0);
  assert.equal(ready(), 0);
  writeSync(b, 'x');
  assert.equal(ready(), POLLIN);
  readSync(a, Buffer.alloc(1));
  assert.equal(ready(), 0);
  await ring.epollCtl(epoll, a, EPOLL_CTL_MOD, EPOLLOUT);
  assert.equal(ready(), POLLIN);
  await ring.epollCtl(epoll, a, EPOLL_CTL_DEL);
  assert.equal(ready(), 0);
  await assert.rejects(ring.epollCtl(epoll, a, EPOLL_CTL_DEL), { code: 'ENOENT' });
  await assert.rejects(ring.epollCtl(a, b, EPOLL_CTL_ADD, EPOLLIN), { code: 'EINVAL' });
  await assert.rejects(ring.epollCtl(epoll, a, EPOLL_CTL_ADD, EPOLLIN, 0.5), { code: 'ERR_OUT_OF_RANGE' });
});

engineTest('epollWait: events and data', lacksOpcode('IORING_OP_EPOLL_WAIT'), async (ring, here) => {
  const epoll = instance(here);
  const [a, b] = here.sockets();
  await ring.epollCtl(epoll, a, EPOLL_CTL_ADD, EPOLLIN | EPOLLET);
  const waiting = ring.epollWait(epoll);
  ring.flush();
  writeSync(b, 'x');
  assert.deepEqual(await waiting, [{ events: EPOLLIN, data: a }]);
  await ring.epollCtl(epoll, b, EPOLL_CTL_ADD, EPOLLOUT, 2n ** 64n - 1n);
  await ring.epollCtl(epoll, a, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT, 7);
  const events = await ring.epollWait(epoll);
  events.sort(({ data: one }, { data: other }) => (one < other ? -1 : 1));
  assert.deepEqual(events, [
    { events: EPOLLIN | EPOLLOUT, data: 7 },
    { events: EPOLLOUT, data: 2n ** 64n - 1n },
  ]);
  assert.equal((await ring.epollWait(epoll, 1)).length, 1);
  await assert.rejects(ring.epollWait(a), { code: 'EINVAL', syscall: 'epollWait' });
  await assert.rejects(ring.epollWait(epoll, 0), { code: 'ERR_OUT_OF_RANGE' });
});

engineTest('epollWait is aborted', lacksOpcode('IORING_OP_EPOLL_WAIT'), async (ring, here) => {
  const controller = new AbortController();
  const waiting = ring.epollWait(instance(here), 8, { signal: controller.signal });
  ring.flush();
  controller.abort();
  await assert.rejects(waiting, { name: 'AbortError' });
});

engineTest('pipe: two ends, close-on-exec', lacksPipe, async (ring, here) => {
  const [out, into] = (await ring.pipe()).map((fd) => here.adopt(fd));
  assert.ok(fstatSync(out).isFIFO());
  assert.deepEqual([out, into].map(descriptorFlags), [1, 1]);
  assert.deepEqual([statusFlags(out) & O_NONBLOCK, statusFlags(into) & 3], [0, 1]);
  const bytes = Buffer.alloc(5);
  const reading = ring.read(out, bytes);
  await ring.write(into, Buffer.from('hello'));
  assert.deepEqual([await reading, bytes.toString()], [5, 'hello']);
  const pair = (await ring.pipe(O_NONBLOCK)).map((fd) => here.adopt(fd));
  assert.deepEqual(
    pair.map((fd) => statusFlags(fd) & O_NONBLOCK),
    [O_NONBLOCK, O_NONBLOCK],
  );
  assert.deepEqual(pair.map(descriptorFlags), [1, 1]);
  await assert.rejects(ring.pipe(1), { code: 'EINVAL', syscall: 'pipe' });
  await assert.rejects(ring.pipe('' as never), { code: 'ERR_INVALID_ARG_TYPE' });
});

engineTest('madvise acts on memory', lacksMadvise, async (ring) => {
  const page = pageSize();
  const pages = allocatePages(3 * page);
  pages.bytes().fill(7);
  assert.equal(await ring.madvise(pages, MADV_WILLNEED), undefined);
  await ring.madvise(pages.bytes(page, page), MADV_DONTNEED);
  const left = [0, page, 2 * page].map((at) => pages.bytes()[at]);
  assert.deepEqual(left, [7, 0, 7]);
  await assert.rejects(ring.madvise(pages, 77), { code: 'EINVAL', errno: -22, syscall: 'madvise' });
  await assert.rejects(ring.madvise(pages.bytes(1), MADV_WILLNEED), { code: 'EINVAL' });
  await assert.rejects(ring.madvise(4096 as never, MADV_DONTNEED), { code: 'ERR_INVALID_ARG_TYPE' });
});

/** An epoll instance. */
function instance(here: Scratch): number {
  return here.adopt(libc().syscall(EPOLL_CREATE1, EPOLL_CLOEXEC, 0, 0, 0, 0, 0));
}

const [EPOLL_CREATE1, SHUTDOWN] = process.arch === 'arm64' ? [20, 210] : [291, 48];
