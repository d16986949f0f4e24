/**
 * Messages between rings for real: what they carry, which rings take them, and files that go along.
 */
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync } from 'node:fs';
import {
  IoUringState,
  msgRing,
  msgRingCqeFlags,
  msgRingFd,
  msgRingFdAlloc,
  nop,
  pollAdd,
  read,
  type Sqe,
} from 'tsuring';
import {
  IORING_CQE_F_MORE,
  IORING_MSG_RING_CQE_SKIP,
  IORING_REGISTER_ENABLE_RINGS,
  IORING_SETUP_CQE32,
  IORING_SETUP_IOPOLL,
  IORING_SETUP_R_DISABLED,
  IOSQE_FIXED_FILE,
  POLLHUP,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { closedFd } from './support/live-closed-fd.ts';
import { type LiveKind, liveKinds } from './support/live-kinds.ts';
import { rows, sortedRows, stage, submits } from './support/live-rows.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksTrial } from './support/live-trial.ts';
import { lacksOpcode, lacksRing } from './support/needs.ts';
import type { OpenRing } from './support/open-ring.ts';
import { pipe } from './support/worker-pipes.ts';

const lacksMessages = lacksOpcode('IORING_OP_MSG_RING');
const lacksFlags = lacksToOther('IORING_MSG_RING_FLAGS_PASS (Linux 6.3)', (sqe, fd) =>
  msgRingCqeFlags(sqe, fd, 0, 0, 0, 0),
);
const lacksFiles = lacksToOther('IORING_MSG_SEND_FD (Linux 6.0)', (sqe, fd) => msgRingFd(sqe, fd, 0, 0, 0));

const more: LiveKind[] = [
  ['IOPOLL', IORING_SETUP_IOPOLL],
  ['CQE32', IORING_SETUP_CQE32],
].map(([name, flags]) => ({
  name: `${name}`,
  options: { flags: Number(flags) },
  lacks: lacksRing(`IORING_SETUP_${name}`, { flags: Number(flags) }),
}));
const kinds: LiveKind[] = [...liveKinds, ...more];

for (const { name, options, lacks } of kinds) {
  live(['msgRing'], `posts to another ring, and from it: ${name}`, [lacksMessages, lacks], () => {
    using here = scratch();
    const open = here.ring(8);
    const other = here.ring(8, options);
    stage(open.ring, 1, (sqe) => msgRing(sqe, other.ring.fd, 7, 99));
    submits(open, 1);
    assert.deepEqual(rows(open, 1), [[1, 0, 0]]);
    assert.deepEqual(rows(other, 1), [[99, 7, 0]]);
    stage(other.ring, 2, (sqe) => msgRing(sqe, open.ring.fd, -4, 2n ** 64n - 1n));
    submits(other, 1);
    assert.deepEqual(rows(other, 1), [[2, 0, 0]]);
    assert.deepEqual(rows(open, 1), [[2n ** 64n - 1n, '-EINTR', 0]]);
  });

  live(['msgRing'], `posts to itself: ${name}`, [lacksMessages, lacks], () => {
    using here = scratch();
    const open = here.ring(8, options);
    stage(open.ring, 1, (sqe) => msgRing(sqe, open.ring.fd, 5, 2));
    submits(open, 1);
    assert.deepEqual(sortedRows(open, 2), [
      [1, 0, 0],
      [2, 5, 0],
    ]);
  });
}

live(['msgRing'], 'carries 32 bits as the result', [lacksMessages], () => {
  using here = scratch();
  const open = here.ring();
  const other = here.ring();
  const values = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, -1, -0x8000_0000];
  for (const value of values) stage(open.ring, 1, (sqe) => msgRing(sqe, other.ring.fd, value, 1));
  submits(open, values.length);
  rows(open, values.length);
  const seen: number[] = [];
  other.ring.forEachCqe((cqe) => seen.push(cqe.res));
  assert.deepEqual(
    seen,
    values.map((value) => value | 0),
  );
});

live(['msgRing'], 'comes in order, also where the queue overflows', [lacksMessages], () => {
  using here = scratch();
  const open = here.ring(64);
  const other = here.ring(1, { cqEntries: 4 });
  for (let n = 0; n < 64; n++) stage(open.ring, n, (sqe) => msgRing(sqe, other.ring.fd, n, n));
  submits(open, 64);
  assert.deepEqual(
    rows(open, 64),
    Array.from({ length: 64 }, (_, n) => [n, 0, 0]),
  );
  assert.equal(other.ring.cqHasOverflow, true);
  other.expect({ sq: 0, cq: 4 });
  assert.deepEqual(
    rows(other, 64),
    Array.from({ length: 64 }, (_, n) => [n, n, 0]),
  );
  assert.deepEqual([other.ring.cqHasOverflow, other.ring.cqOverflow], [false, 0]);
});

live(['msgRing'], 'refuses what is no ring, and flags that it does not know', [lacksMessages], () => {
  using here = scratch();
  const open = here.ring();
  const other = here.ring();
  const [readEnd] = here.pipe();
  const refused: [(sqe: Sqe) => void, string][] = [
    [(sqe) => msgRing(sqe, readEnd, 1, 1), '-EBADFD'],
    [(sqe) => msgRing(sqe, closedFd(), 1, 1), '-EBADF'],
    [(sqe) => msgRing(sqe, other.ring.fd, 1, 1, 1 << 30), '-EINVAL'],
    [(sqe) => msgRing(sqe, other.ring.fd, 1, 1, IORING_MSG_RING_CQE_SKIP), '-EINVAL'],
  ];
  expectRefused(open, refused);
  other.expect({ sq: 0, cq: 0 });
});

live(['msgRing'], 'to a disabled ring is refused until it is enabled', [lacksMessages], () => {
  using here = scratch();
  const open = here.ring();
  const other = here.ring(8, { flags: IORING_SETUP_R_DISABLED });
  expectRefused(open, [[(sqe) => msgRing(sqe, other.ring.fd, 1, 2), '-EBADFD']]);
  other.ring.register(IORING_REGISTER_ENABLE_RINGS, 0, 0);
  stage(open.ring, 1, (sqe) => msgRing(sqe, other.ring.fd, 1, 2));
  submits(open, 1);
  assert.deepEqual(rows(open, 1), [[1, 0, 0]]);
  assert.deepEqual(rows(other, 1), [[2, 1, 0]]);
});

for (const { name, options, lacks } of kinds)
  live(['msgRingCqeFlags'], `gives the flags of the completion, too: ${name}`, [lacksFlags, lacks], () => {
    using here = scratch();
    const open = here.ring();
    const other = here.ring(8, options);
    for (const flags of [0, IORING_CQE_F_MORE, 0x8000_0000, 0x7fff_0004]) {
      stage(open.ring, 1, (sqe) => msgRingCqeFlags(sqe, other.ring.fd, 3, 4, 0, flags));
      submits(open, 1);
      assert.deepEqual(rows(open, 1), [[1, 0, 0]]);
      assert.deepEqual(rows(other, 1), [[4, 3, flags]]);
    }
  });

for (const { name, options, lacks } of kinds)
  live(['msgRingFd', 'msgRingFdAlloc'], `passes a file to another ring: ${name}`, [lacksFiles, lacks], () => {
    using here = scratch();
    const open = here.ring();
    const other = here.ring(8, options);
    const path = here.file('file', 'what is in the file');
    const fd = openSync(path, 'r');
    open.ring.registerFiles([-1, fd]);
    other.ring.registerFiles([-1, -1, -1]);
    stage(open.ring, 1, (sqe) => msgRingFd(sqe, other.ring.fd, 1, 2, 5));
    submits(open, 1);
    assert.deepEqual(rows(open, 1), [[1, 0, 0]]);
    assert.deepEqual(rows(other, 1), [[5, 0, 0]]);
    stage(open.ring, 2, (sqe) => msgRingFdAlloc(sqe, other.ring.fd, 1, 6));
    submits(open, 1);
    assert.deepEqual(rows(open, 1), [[2, 0, 0]]);
    assert.deepEqual(rows(other, 1), [[6, 0, 0]], 'the lowest free slot');
    stage(open.ring, 3, (sqe) => msgRingFdAlloc(sqe, other.ring.fd, 1, 7, IORING_MSG_RING_CQE_SKIP));
    submits(open, 1);
    assert.deepEqual(rows(open, 1), [[3, 1, 0]]);
    stage(open.ring, 4, (sqe) => msgRingFdAlloc(sqe, other.ring.fd, 1, 8));
    submits(open, 1);
    assert.deepEqual(rows(open, 1), [[4, '-ENFILE', 0]], 'the table is full');
    other.ring.getEvents();
    other.expect({ sq: 0, cq: 0 }, 'of neither there is a completion');
    // It is the other ring's own, whatever becomes of it here.
    open.ring.unregisterFiles();
    closeSync(fd);
    if ((other.ring.setupFlags & IORING_SETUP_IOPOLL) !== 0) return;
    for (const slot of [0, 1, 2]) {
      const buffer = Buffer.alloc(100);
      stage(other.ring, 9, (sqe) => read(sqe, slot, buffer, 100, 0), IOSQE_FIXED_FILE);
      submits(other, 1);
      assert.deepEqual(rows(other, 1), [[9, 19, 0]]);
      assert.equal(buffer.toString('utf8', 0, 19), readFileSync(path, 'utf8'));
    }
  });

live(['msgRingFd'], 'closes what was in the slot', [lacksFiles], () => {
  using here = scratch();
  const open = here.ring();
  const other = here.ring();
  const [readEnd, writeEnd] = pipe();
  other.ring.registerFiles([writeEnd]);
  closeSync(writeEnd);
  open.ring.registerFiles([here.fileFd('file')]);
  stage(other.ring, 1, (sqe) => pollAdd(sqe, readEnd, 0));
  submits(other, 1, 0);
  stage(open.ring, 2, (sqe) => msgRingFd(sqe, other.ring.fd, 0, 0, 3));
  submits(open, 1);
  assert.deepEqual(rows(open, 1), [[2, 0, 0]]);
  assert.deepEqual(sortedRows(other, 2), [
    [1, POLLHUP, 0],
    [3, 0, 0],
  ]);
  closeSync(readEnd);
});

live(['msgRingFd', 'msgRingFdAlloc'], 'refuses what it cannot pass', [lacksFiles], () => {
  using here = scratch();
  const open = here.ring();
  const other = here.ring();
  const [readEnd] = here.pipe();
  const to =
    (source: number, target: number, fd: number = other.ring.fd, flags = 0) =>
    (sqe: Sqe) =>
      msgRingFd(sqe, fd, source, target, 1, flags);
  expectRefused(open, [[to(0, 0), '-EBADF']], 'no table here');
  open.ring.registerFiles([readEnd, -1]);
  expectRefused(open, [
    [to(0, 0), '-ENXIO'],
    [(sqe) => msgRingFdAlloc(sqe, other.ring.fd, 0, 1), '-ENFILE'],
  ]);
  other.ring.registerFiles([-1, -1]);
  expectRefused(open, [
    [to(1, 0), '-EBADF'],
    [to(2, 0), '-EBADF'],
    [to(0, 2), '-EINVAL'],
    [to(0, 1, open.ring.fd), '-EINVAL'],
    [to(0, 0, readEnd), '-EBADFD'],
    [to(0, 0, other.ring.fd, 1 << 30), '-EINVAL'],
  ]);
  other.expect({ sq: 0, cq: 0 });
});

live(['msgRingFd'], 'passes nothing to a disabled ring', [lacksFlags], () => {
  using here = scratch();
  const open = here.ring();
  const other = here.ring(8, { flags: IORING_SETUP_R_DISABLED });
  open.ring.registerFiles([here.fileFd('file')]);
  other.ring.registerFiles([-1]);
  expectRefused(open, [[(sqe) => msgRingFd(sqe, other.ring.fd, 0, 0, 1), '-EBADFD']]);
  other.expect({ sq: 0, cq: 0 });
});

live(['msgRing'], 'a ring is no file that could be registered', [lacksMessages], () => {
  using here = scratch();
  const open = here.ring();
  const other = here.ring();
  assert.throws(() => open.ring.registerFiles([other.ring.fd]), { code: 'EBADF' });
  stage(open.ring, 1, nop);
  submits(open, 1, 1);
});

function expectRefused(open: OpenRing, refused: [(sqe: Sqe) => void, string][], message?: string): void {
  for (const [n, [encode, res]] of refused.entries()) {
    stage(open.ring, n, encode);
    submits(open, 1);
    assert.deepEqual(rows(open, 1), [[n, res, 0]], message);
  }
}

/** For a message to another ring. */
function lacksToOther(what: string, encode: (sqe: Sqe, fd: number) => void): string | false {
  if (lacksMessages) return lacksMessages;
  using other = new IoUringState(1, { flags: 0 });
  return lacksTrial(what, (sqe) => encode(sqe, other.fd));
}
