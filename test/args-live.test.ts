/**
 * Arguments as the kernel reads and fills them: files, events, futexes, children, times.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  type BigIntStats,
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import {
  allocatePages,
  EpollEvents,
  epollCtl,
  epollEvent,
  epollWait,
  FutexWaiters,
  futexWaitv,
  futexWake,
  Iovecs,
  openat2,
  openHow,
  readSiginfo,
  readStatx,
  readv,
  readvFixed,
  SIGINFO_BYTES,
  STATX_BYTES,
  type Statx,
  statx,
  timeout,
  timespec,
  waitid,
  writeTimespec,
  writev,
  writevFixed,
} from 'tsuring';
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  CLD_EXITED,
  CLD_KILLED,
  EAGAIN,
  EINVAL,
  ELOOP,
  EPOLL_CTL_ADD,
  EPOLL_CTL_MOD,
  EPOLLIN,
  EPOLLOUT,
  ETIME,
  EXDEV,
  FUTEX2_PRIVATE,
  FUTEX2_SIZE_U32,
  libc,
  O_CLOEXEC,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  P_PID,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  STATX_BASIC_STATS,
  STATX_BTIME,
  STATX_MNT_ID,
  STATX_SIZE,
  UringError,
  WEXITED,
  WNOHANG,
  WNOWAIT,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { does, ends, gives, next, starts } from './support/live-ring.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksOpcode, lacksRing } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';
import { timeLimit } from './support/time-limit.ts';

const none = lacksRing('io_uring', {});

live(['writev', 'readv'], 'a file by Iovecs, in pieces of every kind', [none], () => {
  using here = scratch();
  const open = here.ring();
  const fd = here.fileFd('pieces');
  const pages = allocatePages(1);
  pages.bytes().set(Buffer.from('pages'));
  const text = Buffer.from('one two three');
  const pieces = new Iovecs([text.subarray(0, 4), pages, text.subarray(3)]);
  pieces.set(1, pages, 0, 5);
  does(open, 4 + 5 + 10, (sqe) => writev(sqe, fd, pieces, pieces.count, 0));
  assert.equal(readFileSync(here.at('pieces'), 'utf8'), 'one pages two three');

  const into = new Uint8Array(new SharedArrayBuffer(64));
  const back = new Iovecs([pages, null, into]);
  back.set(0, pages, 100, 9);
  back.set(2, into, 10, 50);
  does(open, 19, (sqe) => readv(sqe, fd, back, back.count, 0));
  assert.equal(Buffer.from(pages.bytes(100, 9)).toString(), 'one pages');
  assert.equal(Buffer.from(into.slice(10, 20)).toString(), ' two three');
  assert.equal(into[9], 0);
  assert.equal(into[20], 0);
  // The first of them only, and another place for it.
  back.set(0, into, 40, 5);
  does(open, 5, (sqe) => readv(sqe, fd, back, 1, 4));
  assert.equal(Buffer.from(into.slice(40, 46)).toString(), 'pages\0');
  assert.throws(() => readv(open.ring.getSqe()!, fd, back, 4, 0), { code: 'ERR_OUT_OF_RANGE' });
});

live(
  ['writevFixed', 'readvFixed', 'registerBuffers'],
  'Iovecs within a registered buffer',
  [none, lacksOpcode('IORING_OP_READV_FIXED')],
  () => {
    using here = scratch();
    const open = here.ring();
    const fd = here.fileFd('fixed');
    const pages = allocatePages(1);
    open.ring.registerBuffers([pages]);
    pages.bytes().set(Buffer.from('hello, world'));
    const pieces = new Iovecs([pages, pages]);
    pieces.set(0, pages, 7, 5);
    pieces.set(1, pages, 0, 7);
    does(open, 12, (sqe) => writevFixed(sqe, fd, pieces, 2, 0, 0, 0));
    assert.equal(readFileSync(here.at('fixed'), 'utf8'), 'worldhello, ');
    pieces.set(0, pages, 1000, 3);
    pieces.set(1, pages, 2000);
    does(open, 12, (sqe) => readvFixed(sqe, fd, pieces, 2, 0, 0, 0));
    assert.equal(Buffer.from(pages.bytes(1000, 4)).toString(), 'wor\0');
    assert.equal(Buffer.from(pages.bytes(2000, 10)).toString(), 'ldhello, \0');
  },
);

live(['openat2'], 'openHow: flags, mode and conditions', [none], () => {
  using here = scratch();
  const open = here.ring();
  const dir = here.fd(here.folder, 'r');
  const umask = process.umask(0o022);
  process.umask(umask);
  const how = openHow({ flags: O_RDWR | O_CREAT | O_CLOEXEC, mode: 0o746, resolve: RESOLVE_BENEATH });
  for (const name of ['a', 'b']) {
    const fd = here.adopt(gives(open, (sqe) => openat2(sqe, dir, name, how)));
    writeSync(fd, name);
    assert.equal(statSync(here.at(name)).mode & 0o777, 0o746 & ~umask);
  }
  does(open, -EXDEV, (sqe) => openat2(sqe, dir, '../b', how));
  does(open, -EXDEV, (sqe) => openat2(sqe, dir, here.at('a'), how));
  symlinkSync('a', here.at('link'));
  const plain = openHow({ flags: O_RDONLY | O_CLOEXEC, resolve: RESOLVE_NO_SYMLINKS });
  does(open, -ELOOP, (sqe) => openat2(sqe, dir, 'link', plain));
  here.adopt(gives(open, (sqe) => openat2(sqe, dir, 'a', plain)));
  does(open, -EINVAL, (sqe) => openat2(sqe, dir, 'a', openHow({ flags: O_RDONLY, mode: 0o600 })), 'a mode');
  does(open, -EINVAL, (sqe) => openat2(sqe, dir, 'a', openHow({ flags: 0x8000_0000 })), 'unknown flags');
});

/** What statSync says, in the names of statx. */
function expectedOf(stats: BigIntStats): Partial<Statx> {
  const [devMajor, devMinor] = device(stats.dev);
  const [rdevMajor, rdevMinor] = device(stats.rdev);
  return {
    mode: Number(stats.mode),
    nlink: Number(stats.nlink),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    ino: stats.ino,
    size: stats.size,
    blocks: stats.blocks,
    blksize: Number(stats.blksize),
    atimeNs: stats.atimeNs,
    mtimeNs: stats.mtimeNs,
    ctimeNs: stats.ctimeNs,
    ...{ devMajor, devMinor, rdevMajor, rdevMinor },
  };
}

/** gnu_dev_major(3) and gnu_dev_minor(3). */
function device(dev: bigint): [major: number, minor: number] {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xffff_f000n);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffff_ff00n);
  return [Number(major), Number(minor)];
}

live(['statx'], 'readStatx says what statSync says', [none], () => {
  using here = scratch();
  const open = here.ring();
  const file = here.file('file', 'x'.repeat(100_000));
  chmodSync(file, 0o4751);
  linkSync(file, here.at('other'));
  symlinkSync('file', here.at('link'));
  mkdirSync(here.at('folder'));
  const old = here.file('old');
  // Dates, since a negative number means now.
  utimesSync(old, new Date(-1_000_250), new Date(-1500));
  const into = new Uint8Array(STATX_BYTES);
  const wanted = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;
  const reads = (path: string, flags = 0, mask = wanted) => {
    does(open, 0, (sqe) => statx(sqe, AT_FDCWD, path, flags, mask, into), path);
    return readStatx(into);
  };
  const cases: [string, number][] = [
    [file, 0],
    [here.at('folder'), 0],
    [old, 0],
    ['/dev/null', 0],
    [here.at('link'), 0],
    [here.at('link'), AT_SYMLINK_NOFOLLOW],
  ];
  for (const [path, flags] of cases) {
    const stats = (flags === 0 ? statSync : lstatSync)(path, { bigint: true });
    const answer = reads(path, flags);
    assert.equal(answer.mask & STATX_BASIC_STATS, STATX_BASIC_STATS, path);
    const expected = expectedOf(stats);
    const seen = Object.fromEntries(Object.keys(expected).map((key) => [key, answer[key as keyof Statx]]));
    assert.deepEqual(seen, expected, path);
    if ((answer.mask & STATX_BTIME) !== 0) assert.equal(answer.btimeNs, stats.birthtimeNs, path);
    else assert.equal(answer.btimeNs, undefined);
    assert.equal(answer.mntId !== undefined, (answer.mask & STATX_MNT_ID) !== 0);
    assert.equal(answer.dioMemAlign, undefined, 'not asked for');
  }
  const size = reads(file, 0, STATX_SIZE);
  assert.equal(size.size, 100_000n);
});

live(
  ['epollCtl', 'epollWait'],
  'epollEvent and EpollEvents: the data come back with the events',
  [none, lacksOpcode('IORING_OP_EPOLL_WAIT')],
  () => {
    using here = scratch();
    const open = here.ring();
    const epoll = here.adopt(libc().syscall(process.arch === 'x64' ? 291 : 20, O_CLOEXEC, 0, 0, 0, 0, 0));
    const pipes = [here.pipe(), here.pipe(), here.pipe()];
    const data = [7, 2n ** 64n - 1n, 2 ** 53 - 1];
    for (const [i, [reading]] of pipes.entries()) {
      const event = epollEvent(EPOLLIN, data[i]);
      does(open, 0, (sqe) => epollCtl(sqe, epoll, reading, EPOLL_CTL_ADD, event));
    }
    const events = new EpollEvents(8);
    const waiting = starts(open, (sqe) => epollWait(sqe, epoll, events, events.capacity));
    open.expect({ sq: 0, cq: 0 });
    writeSync(pipes[1][1], 'x');
    ends(open, waiting, 1);
    assert.deepEqual([events.events(0), events.data(0)], [EPOLLIN, data[1]]);
    for (const [, writing] of pipes) writeSync(writing, 'x');
    // Level-triggered: all of them, in whatever order.
    does(open, 3, (sqe) => epollWait(sqe, epoll, events, events.capacity));
    assert.deepEqual(new Set([0, 1, 2].map((i) => events.data(i))), new Set(data));
    does(open, 1, (sqe) => epollWait(sqe, epoll, events, 1), 'one at most');
    const change = epollEvent(EPOLLOUT, 1);
    does(open, 0, (sqe) => epollCtl(sqe, epoll, pipes[0][0], EPOLL_CTL_MOD, change));
    does(open, 2, (sqe) => epollWait(sqe, epoll, events, events.capacity));
    assert.throws(() => epollWait(open.ring.getSqe()!, epoll, events, 9), { code: 'ERR_OUT_OF_RANGE' });
  },
);

live(
  ['futexWaitv', 'futexWake'],
  'FutexWaiters: the one that is woken, and the next wait with the same',
  [none, lacksOpcode('IORING_OP_FUTEX_WAITV')],
  () => {
    using here = scratch();
    const open = here.ring();
    const other = openRing(4);
    here.atEnd(() => other.ring.close());
    for (const flags of [FUTEX2_SIZE_U32, FUTEX2_SIZE_U32 | FUTEX2_PRIVATE]) {
      const pages = allocatePages(1);
      const words = new Uint32Array(pages.buffer, pages.byteOffset, 2);
      const own = new Uint32Array(new SharedArrayBuffer(4));
      words.set([10, 0xffff_ffff]);
      const waiters = new FutexWaiters([
        { futex: pages, value: 10, flags },
        { futex: words.subarray(1), value: 0xffff_ffff, flags },
        { futex: own, value: 0, flags },
      ]);
      const wakes = (futex: Uint32Array) =>
        does(other, 1, (sqe) => futexWake(sqe, futex, 1, 0xffff_ffff, flags));
      for (const [index, futex] of [words, words.subarray(1), own].entries()) {
        const waiting = starts(open, (sqe) => futexWaitv(sqe, waiters, waiters.count));
        wakes(futex);
        ends(open, waiting, index);
      }
      words[0] = 11;
      does(open, -EAGAIN, (sqe) => futexWaitv(sqe, waiters, waiters.count), 'another value');
      waiters.setValue(0, 11);
      const waiting = starts(open, (sqe) => futexWaitv(sqe, waiters, 2));
      open.expect({ sq: 0, cq: 0 }, 'it waits');
      wakes(words);
      ends(open, waiting, 0);
      waiters.set(0, own, 1, flags);
      does(open, -EAGAIN, (sqe) => futexWaitv(sqe, waiters, 1));
    }
  },
);

live(['waitid'], 'readSiginfo: how a child ended', [none, lacksOpcode('IORING_OP_WAITID')], async () => {
  using here = scratch();
  const open = here.ring();
  const info = new Uint8Array(SIGINFO_BYTES);
  const cases: [script: string, code: number, status: number][] = [
    ['exit 0', CLD_EXITED, 0],
    ['exit 77', CLD_EXITED, 77],
    ['kill -9 $$', CLD_KILLED, 9],
  ];
  for (const [script, code, status] of cases) {
    // It goes on when its input ends: until then there is nothing to tell.
    const child = spawn('/bin/sh', ['-c', `read line; ${script}`], { stdio: ['pipe', 'ignore', 'ignore'] });
    const ended = once(child, 'exit');
    const pid = child.pid ?? -1;
    info.fill(0xff);
    does(open, 0, (sqe) => waitid(sqe, P_PID, pid, info, WEXITED | WNOWAIT | WNOHANG));
    // Linux 6.18.15 tells the pid all the same.
    assert.equal(readSiginfo(info).signo, 0);
    // Node reaps it when the event loop turns: this only looks.
    const waiting = starts(open, (sqe) => waitid(sqe, P_PID, pid, info, WEXITED | WNOWAIT));
    child.stdin?.destroy();
    await ended;
    untilThere(() => open.ring.waitCqe({ timeout: timeLimit }) !== null);
    const { res } = next(open, waiting);
    assert.equal(res, 0);
    assert.deepEqual(readSiginfo(info), { pid, uid: process.getuid?.(), signo: 17, code, status });
  }
});

/** SIGCHLD interrupts a wait. */
function untilThere(wait: () => boolean): void {
  for (;;) {
    try {
      assert.ok(wait());
      return;
    } catch (error) {
      if (!(error instanceof UringError && error.code === 'EINTR')) throw error;
    }
  }
}

live(['timeout'], 'one timespec for one timeout after the other', [none], () => {
  using here = scratch();
  const open = here.ring();
  const time = timespec(0);
  const started: number[] = [];
  for (const duration of [1, 2_000_000n, 0.5, 0]) {
    writeTimespec(time, duration);
    started.push(starts(open, (sqe) => timeout(sqe, time)));
    // The kernel has its copy: what is written now is not for this one.
    writeTimespec(time, 10n ** 18n);
  }
  assert.ok(open.ring.waitCqes(4, { timeout: timeLimit }));
  const done: [number, number][] = [];
  open.ring.forEachCqe((cqe) => done.push([Number(cqe.userData), cqe.res]));
  assert.deepEqual(
    done.sort(([a], [b]) => a - b),
    started.map((userData) => [userData, -ETIME]),
  );
});
