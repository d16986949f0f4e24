/**
 * Waiting for children for real: those that end, stop and go on, by process, group and pidfd.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { cancel, linkTimeout, type Pointer, timespec, waitid } from 'tsuring';
import {
  CLD_CONTINUED,
  CLD_EXITED,
  CLD_KILLED,
  CLD_STOPPED,
  IOSQE_IO_LINK,
  libc,
  P_ALL,
  P_PGID,
  P_PID,
  P_PIDFD,
  readStruct,
  siginfo,
  WCONTINUED,
  WEXITED,
  WNOHANG,
  WNOWAIT,
  WSTOPPED,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { liveKinds } from './support/live-kinds.ts';
import { Orphans } from './support/live-orphans.ts';
import { nothingCompleted, type Row, sortedRows, stage, submits } from './support/live-rows.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksOpcode } from './support/needs.ts';
import type { OpenRing } from './support/open-ring.ts';
import { timeLimit } from './support/time-limit.ts';

const lacksWaitid = lacksOpcode('IORING_OP_WAITID');
const { SIGCHLD, SIGCONT, SIGKILL, SIGSTOP } = constants.signals;

for (const { name, options, lacks } of liveKinds)
  live(['waitid'], `waits for a child to end, and reaps it: ${name}`, [lacksWaitid, lacks], () => {
    using here = scratch();
    using orphans = new Orphans();
    const open = here.ring(8, options);
    const child = orphans.make();
    const info = fresh();
    wait(open, 1, P_PID, child.pid, info, WEXITED);
    nothingYet(open);
    child.exit(7);
    assert.deepEqual(ends(open), [[1, 0, 0]]);
    assert.deepEqual(told(info), answer(child.pid, CLD_EXITED, 7));
    assert.equal(Orphans.exists(child.pid), false, 'reaped');
    wait(open, 2, P_PID, child.pid, info, WEXITED);
    assert.deepEqual(ends(open), [[2, '-ECHILD', 0]]);
  });

live(['waitid'], 'tells of a signal that ended it', [lacksWaitid], () => {
  using here = scratch();
  using orphans = new Orphans();
  const open = here.ring();
  const child = orphans.make();
  const info = fresh();
  wait(open, 1, P_PID, child.pid, info, WEXITED);
  process.kill(child.pid, SIGKILL);
  assert.deepEqual(ends(open), [[1, 0, 0]]);
  assert.deepEqual(told(info), answer(child.pid, CLD_KILLED, SIGKILL));
});

live(['waitid'], 'waits for it to stop, and to go on', [lacksWaitid], () => {
  using here = scratch();
  using orphans = new Orphans();
  const open = here.ring();
  const child = orphans.make();
  const info = fresh();
  wait(open, 1, P_PID, child.pid, info, WSTOPPED);
  nothingYet(open);
  process.kill(child.pid, SIGSTOP);
  assert.deepEqual(ends(open), [[1, 0, 0]]);
  assert.deepEqual(told(info), answer(child.pid, CLD_STOPPED, SIGSTOP));
  wait(open, 2, P_PID, child.pid, info, WCONTINUED);
  nothingYet(open);
  process.kill(child.pid, SIGCONT);
  assert.deepEqual(ends(open), [[2, 0, 0]]);
  assert.deepEqual(told(info), answer(child.pid, CLD_CONTINUED, SIGCONT));
  // What happens otherwise is not waited for.
  wait(open, 3, P_PID, child.pid, info, WCONTINUED);
  process.kill(child.pid, SIGSTOP);
  wait(open, 4, P_PID, child.pid, info, WSTOPPED);
  assert.deepEqual(ends(open), [[4, 0, 0]]);
  process.kill(child.pid, SIGCONT);
  assert.deepEqual(ends(open), [[3, 0, 0]]);
  wait(open, 5, P_PID, child.pid, info, WEXITED | WSTOPPED | WCONTINUED);
  child.exit(0);
  assert.deepEqual(ends(open), [[5, 0, 0]]);
  assert.deepEqual(told(info), answer(child.pid, CLD_EXITED, 0));
});

live(['waitid'], 'with WNOWAIT leaves the child to be waited for again', [lacksWaitid], () => {
  using here = scratch();
  using orphans = new Orphans();
  const open = here.ring();
  const child = orphans.make();
  for (const round of [1, 2]) {
    const info = fresh();
    wait(open, round, P_PID, child.pid, info, WEXITED | WNOWAIT);
    if (round === 1) child.exit(3);
    assert.deepEqual(ends(open), [[round, 0, 0]]);
    assert.deepEqual(told(info), answer(child.pid, CLD_EXITED, 3));
    assert.equal(Orphans.exists(child.pid), true);
  }
  const info = fresh();
  wait(open, 3, P_ALL, 0, info, WEXITED | WNOHANG);
  assert.deepEqual(ends(open), [[3, 0, 0]]);
  assert.deepEqual(told(info), answer(child.pid, CLD_EXITED, 3), 'of all children the one that ended');
  assert.equal(Orphans.exists(child.pid), false);
});

live(['waitid'], 'with WNOHANG tells at once that there is nothing', [lacksWaitid], () => {
  using here = scratch();
  using orphans = new Orphans();
  const open = here.ring();
  const child = orphans.make();
  const info = fresh();
  wait(open, 1, P_PID, child.pid, info, WEXITED | WNOHANG);
  assert.deepEqual(ends(open), [[1, 0, 0]]);
  const { si_signo, si_pid } = told(info);
  assert.equal(si_signo, 0);
  assert.ok(si_pid === 0 || si_pid === child.pid, `${si_pid}, which Linux 6.18.15 may tell all the same`);
  child.exit(0);
  wait(open, 2, P_PID, child.pid, info, WEXITED);
  assert.deepEqual(ends(open), [[2, 0, 0]]);
});

live(['waitid'], 'writes its answer nowhere when told so', [lacksWaitid], () => {
  using here = scratch();
  using orphans = new Orphans();
  const open = here.ring();
  const child = orphans.make();
  wait(open, 1, P_PID, child.pid, 0, WEXITED);
  child.exit(1);
  assert.deepEqual(ends(open), [[1, 0, 0]]);
  assert.equal(Orphans.exists(child.pid), false);
});

live(['waitid'], 'waits for a process group: the child of it that ends', [lacksWaitid], () => {
  using here = scratch();
  using orphans = new Orphans();
  const open = here.ring();
  const child = orphans.make();
  const other = orphans.make();
  const info = fresh();
  wait(open, 1, P_PGID, child.group, info, WEXITED);
  other.exit(5);
  wait(open, 2, P_PID, other.pid, fresh(), WEXITED);
  assert.deepEqual(ends(open), [[2, 0, 0]]);
  child.exit(6);
  assert.deepEqual(ends(open), [[1, 0, 0]]);
  assert.deepEqual(told(info), answer(child.pid, CLD_EXITED, 6));
  wait(open, 3, P_PGID, child.group, info, WEXITED);
  assert.deepEqual(ends(open), [[3, '-ECHILD', 0]]);
});

live(['waitid'], 'waits for a pidfd', [lacksWaitid], () => {
  using here = scratch();
  using orphans = new Orphans();
  const open = here.ring();
  const child = orphans.make();
  const pidfd = here.adopt(libc().syscall(PIDFD_OPEN, child.pid, 0, 0, 0, 0, 0));
  assert.ok(pidfd >= 0);
  const info = fresh();
  wait(open, 1, P_PIDFD, pidfd, info, WEXITED);
  nothingYet(open);
  child.exit(9);
  assert.deepEqual(ends(open), [[1, 0, 0]]);
  assert.deepEqual(told(info), answer(child.pid, CLD_EXITED, 9));
  wait(open, 2, P_PIDFD, pidfd, info, WEXITED);
  assert.deepEqual(ends(open), [[2, '-ECHILD', 0]]);
  wait(open, 3, P_PIDFD, 1 << 20, info, WEXITED);
  assert.deepEqual(ends(open), [[3, '-EBADF', 0]]);
});

live(['waitid', 'cancel', 'linkTimeout'], 'can be cancelled, and limited in time', [lacksWaitid], () => {
  using here = scratch();
  using orphans = new Orphans();
  const open = here.ring();
  const child = orphans.make();
  wait(open, 1, P_PID, child.pid, fresh(), WEXITED);
  stage(open.ring, 2, (sqe) => cancel(sqe, 1));
  submits(open, 1);
  const [cancelled, [, cancels]] = ends(open, 2);
  assert.deepEqual(cancelled, [1, '-ECANCELED', 0]);
  // Up to now the kernel gives the number of those it cancelled, which it should for IORING_ASYNC_CANCEL_ALL only, and
  // so does a link timeout.
  assert.ok(cancels === 0 || cancels === 1, `${cancels}`);
  stage(open.ring, 3, (sqe) => waitid(sqe, P_PID, child.pid, fresh(), WEXITED), IOSQE_IO_LINK);
  stage(open.ring, 4, (sqe) => linkTimeout(sqe, timespec(1)));
  submits(open, 2);
  const [limited, [, limits]] = ends(open, 2);
  assert.deepEqual(limited, [3, '-ECANCELED', 0]);
  assert.ok(limits === '-ETIME' || limits === 1, `${limits}`);
  child.exit(4);
  const info = fresh();
  wait(open, 5, P_PID, child.pid, info, WEXITED);
  assert.deepEqual(ends(open), [[5, 0, 0]]);
  assert.deepEqual(told(info), answer(child.pid, CLD_EXITED, 4), 'those have reaped nothing');
});

live(['waitid'], 'refuses what is no child, and what makes no sense', [lacksWaitid], () => {
  using here = scratch();
  using orphans = new Orphans();
  const open = here.ring();
  const child = orphans.make();
  const info = fresh();
  const P_NONSENSE = 77;
  const asked: [kind: number, id: number, info: Pointer, options: number, flags: number, res: string][] = [
    [P_PID, process.pid, info, WEXITED, 0, '-ECHILD'],
    [P_PID, process.ppid, info, WEXITED, 0, '-ECHILD'],
    [P_PID, child.pid, info, 0, 0, '-EINVAL'],
    [P_PID, child.pid, info, WNOHANG, 0, '-EINVAL'],
    [P_PID, child.pid, info, WEXITED | 0x8000, 0, '-EINVAL'],
    [P_PID, child.pid, info, WEXITED, 1, '-EINVAL'],
    [P_PID, 0, info, WEXITED, 0, '-EINVAL'],
    [P_NONSENSE, child.pid, info, WEXITED, 0, '-EINVAL'],
    [P_PID, child.pid, 8, WEXITED | WNOHANG, 0, '-EFAULT'],
  ];
  for (const [n, [kind, id, where, options, flags, res]] of asked.entries()) {
    stage(open.ring, n, (sqe) => waitid(sqe, kind, id, where, options, flags));
    submits(open, 1);
    assert.deepEqual(ends(open), [[n, res, 0]]);
  }
});

live(
  ['waitid'],
  'with WNOWAIT sees a child of node:child_process, and Node sees it too',
  [lacksWaitid],
  async () => {
    using here = scratch();
    const open = here.ring();
    const child = spawn('/bin/sh', ['-c', 'exit 5'], { stdio: 'ignore' });
    const exited = once(child, 'exit');
    const info = fresh();
    wait(open, 1, P_PID, Number(child.pid), info, WEXITED | WNOWAIT);
    // Without a turn of the event loop in between, in which Node would reap it.
    assert.deepEqual(ends(open), [[1, 0, 0]]);
    assert.deepEqual(told(info), answer(Number(child.pid), CLD_EXITED, 5));
    assert.deepEqual(await exited, [5, null]);
  },
);

function wait(open: OpenRing, tag: number, kind: number, id: number, info: Pointer, options: number): void {
  stage(open.ring, tag, (sqe) => waitid(sqe, kind, id, info, options));
  submits(open, 1);
}

/** The next completions. Node has a handler for SIGCHLD: in the open it would interrupt the wait. */
function ends(open: OpenRing, count = 1): Row[] {
  const sigmask = 1n << BigInt(SIGCHLD - 1);
  assert.ok(open.ring.waitCqes(count, { timeout: timeLimit, sigmask }) !== null);
  return sortedRows(open, count);
}

function nothingYet(open: OpenRing): void {
  if (open.ring.usesSqpoll) open.expect({ sq: 0, cq: 0 });
  else nothingCompleted(open);
}

/** Room for an answer, full of what no answer is. */
function fresh(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(siginfo.size).fill(0xee);
}

function told(info: Uint8Array): Record<string, number> {
  return { ...readStruct(info, siginfo) };
}

function answer(si_pid: number, si_code: number, si_status: number): Record<string, number> {
  const si_uid = process.getuid?.() ?? 0;
  return { si_signo: SIGCHLD, si_errno: 0, si_code, si_pid, si_uid, si_status };
}

/** The same number on every architecture. */
const PIDFD_OPEN = 434;
