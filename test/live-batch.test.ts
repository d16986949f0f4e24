/**
 * What the kernel promises of a batch: where a refused entry stops it and where not (IORING_SETUP_SUBMIT_ALL), what
 * IOSQE_ASYNC changes, and with whose rights an entry acts.
 */
import assert from 'node:assert/strict';
import { chmodSync, closeSync, constants, openSync, writeSync } from 'node:fs';
import { nop, openat, pollAdd, read, type Sqe, timeoutRemove } from 'tsuring';
import {
  AT_FDCWD,
  IORING_FEAT_CUR_PERSONALITY,
  IORING_REGISTER_PERSONALITY,
  IORING_SETUP_SUBMIT_ALL,
  IORING_UNREGISTER_PERSONALITY,
  IOSQE_ASYNC,
  libc,
  POLLIN,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { makeFifo } from './support/live-fifo.ts';
import { liveKinds, sqpollKind } from './support/live-kinds.ts';
import { nothingCompleted, type Row, rows, sortedRows, stage, submits } from './support/live-rows.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksFeature, lacksRing, lacksRoot } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';

const without = lacksRing('io_uring', {});
const lacksAll = lacksRing('IORING_SETUP_SUBMIT_ALL (Linux 5.18)', { flags: IORING_SETUP_SUBMIT_ALL });

/** Each way in which an entry can be refused as it is taken. */
const refusals: Record<string, [(sqe: Sqe) => void, string]> = {
  'an opcode that nobody knows': [unreadable, '-EINVAL'],
  'flags that nobody knows': [
    (sqe) => {
      nop(sqe);
      sqe.flags = 0x80;
    },
    '-EINVAL',
  ],
  'a personality that is not registered': [
    (sqe) => {
      nop(sqe);
      sqe.personality = 77;
    },
    '-EINVAL',
  ],
  'a field that the operation does not have': [
    (sqe) => {
      pollAdd(sqe, 0, POLLIN);
      sqe.addr = 1;
    },
    '-EINVAL',
  ],
};
for (const [what, [encode, res]] of Object.entries(refusals)) {
  live(['nop'], `${what} ends the batch, and the rest stays queued`, [without], () => {
    using open = openRing(8);
    const { ring } = open;
    stage(ring, 1, nop);
    stage(ring, 2, encode);
    stage(ring, 3, nop);
    stage(ring, 4, nop);
    submits(open, 4, 2, 2);
    assert.equal(ring.sqReady(), 2);
    assert.deepEqual(sortedRows(open, 2), [
      [1, 0, 0],
      [2, res, 0],
    ]);
    open.expect({ sq: 2, cq: 0 });
    assert.equal(ring.submit(), 2);
    assert.deepEqual(rows(open, 2), [
      [3, 0, 0],
      [4, 0, 0],
    ]);
  });

  live(['nop'], `${what} does not end it with IORING_SETUP_SUBMIT_ALL`, [lacksAll], () => {
    using open = openRing(8, { flags: IORING_SETUP_SUBMIT_ALL });
    const { ring } = open;
    stage(ring, 1, nop);
    stage(ring, 2, encode);
    stage(ring, 3, encode);
    stage(ring, 4, nop);
    submits(open, 4, 4);
    assert.deepEqual(sortedRows(open, 4), [
      [1, 0, 0],
      [2, res, 0],
      [3, res, 0],
      [4, 0, 0],
    ]);
  });
}

live(['timeoutRemove', 'nop'], 'an operation that fails as it runs ends no batch', [without], () => {
  using open = openRing(8);
  const { ring } = open;
  stage(ring, 1, nop);
  stage(ring, 2, (sqe) => timeoutRemove(sqe, 77));
  stage(ring, 3, nop);
  submits(open, 3);
  assert.deepEqual(sortedRows(open, 3), [
    [1, 0, 0],
    [2, '-ENOENT', 0],
    [3, 0, 0],
  ]);
});

live(['nop'], 'a batch of nothing but refused entries takes one at a time', [without], () => {
  using open = openRing(8);
  const { ring } = open;
  for (let n = 0; n < 4; n++) stage(ring, n, unreadable);
  const seen: Row[] = [];
  for (let left = 4; left > 0; left--) {
    assert.equal(ring.sqReady(), left);
    assert.equal(ring.submit(), 1);
    seen.push(...rows(open, 1));
  }
  assert.deepEqual(
    seen,
    [0, 1, 2, 3].map((n) => [n, '-EINVAL', 0]),
  );
  open.expect({ sq: 0, cq: 0 });
});

live(['nop'], 'the SQPOLL thread goes on behind a refused entry', [sqpollKind.lacks], () => {
  using open = openRing(8, sqpollKind.options);
  const { ring } = open;
  stage(ring, 1, nop);
  stage(ring, 2, unreadable);
  stage(ring, 3, nop);
  submits(open, 3);
  assert.deepEqual(sortedRows(open, 3), [
    [1, 0, 0],
    [2, '-EINVAL', 0],
    [3, 0, 0],
  ]);
});

for (const { name, options, lacks } of liveKinds)
  live(['nop', 'read'], `with IOSQE_ASYNC all gives the same: ${name}`, [lacks], () => {
    using here = scratch();
    const open = here.ring(16, options);
    const { ring } = open;
    const fd = here.fileFd('file', '0123456789');
    const buffers = Array.from({ length: 5 }, () => Buffer.alloc(10));
    for (const [n, buffer] of buffers.entries())
      stage(ring, n, (sqe) => read(sqe, fd, buffer, 10, n), IOSQE_ASYNC);
    stage(ring, 5, nop, IOSQE_ASYNC);
    stage(ring, 6, (sqe) => read(sqe, -1, Buffer.alloc(1), 1, 0), IOSQE_ASYNC);
    submits(open, 7);
    assert.deepEqual(sortedRows(open, 7), [
      [0, 10, 0],
      [1, 9, 0],
      [2, 8, 0],
      [3, 7, 0],
      [4, 6, 0],
      [5, 0, 0],
      [6, '-EBADF', 0],
    ]);
    for (const [n, buffer] of buffers.entries())
      assert.equal(buffer.toString('latin1').replaceAll('\0', ''), '0123456789'.slice(n));
  });

live(
  ['openat', 'nop'],
  'with IOSQE_ASYNC what blocks keeps a thread of the kernel, and nobody else',
  [without],
  () => {
    using here = scratch();
    const open = here.ring();
    const path = here.at('fifo');
    makeFifo(path);
    // Inline an open is told not to block, and a FIFO then opens without a writer.
    stage(open.ring, 1, (sqe) => openat(sqe, AT_FDCWD, path, constants.O_RDONLY, 0), IOSQE_ASYNC);
    submits(open, 1, 0);
    for (let n = 0; n < 5; n++) nothingCompleted(open);
    const writer = openSync(path, 'w');
    const [[tag, fd]] = rows(open, 1);
    assert.equal(tag, 1);
    assert.ok(Number(fd) > 0);
    stage(open.ring, 2, (sqe) => read(sqe, Number(fd), Buffer.alloc(1), 1, -1));
    submits(open, 1);
    nothingCompleted(open);
    writeSync(writer, 'x');
    assert.deepEqual(rows(open, 1), [[2, 1, 0]]);
    libc().close(Number(fd));
    closeSync(writer);
  },
);

const lacksPersonality = lacksFeature('IORING_FEAT_CUR_PERSONALITY (Linux 5.6)', IORING_FEAT_CUR_PERSONALITY);
const NOBODY = 65_534;

live(['openat'], 'an entry acts with the rights of its personality', [lacksRoot(), lacksPersonality], () => {
  using here = scratch();
  const open = here.ring();
  const { ring } = open;
  const path = here.file('secret', 'of root');
  chmodSync(path, 0o600);
  chmodSync(here.folder, 0o711);
  const opening = (personality: number) => (sqe: Sqe) => {
    openat(sqe, AT_FDCWD, path, constants.O_RDONLY, 0);
    sqe.personality = personality;
  };
  const root = ring.register(IORING_REGISTER_PERSONALITY, 0, 0);
  assert.ok(root > 0);
  process.seteuid?.(NOBODY);
  try {
    for (const flags of [0, IOSQE_ASYNC]) {
      stage(ring, 1, opening(0), flags);
      submits(open, 1);
      assert.deepEqual(rows(open, 1), [[1, '-EACCES', 0]], 'as who submits');
      stage(ring, 2, opening(root), flags);
      submits(open, 1);
      const [[, fd]] = rows(open, 1);
      assert.ok(Number(fd) > 0, `as who registered: ${fd}`);
      libc().close(Number(fd));
    }
    const nobody = ring.register(IORING_REGISTER_PERSONALITY, 0, 0);
    assert.notEqual(nobody, root);
    process.seteuid?.(0);
    stage(ring, 3, opening(nobody));
    submits(open, 1);
    assert.deepEqual(rows(open, 1), [[3, '-EACCES', 0]], 'less than who submits');
  } finally {
    process.seteuid?.(0);
  }
});

live(
  ['nop'],
  'a personality is good until it is unregistered, and for its own ring',
  [lacksPersonality],
  () => {
    using here = scratch();
    const open = here.ring();
    const other = here.ring();
    const acting = (personality: number) => (sqe: Sqe) => {
      nop(sqe);
      sqe.personality = personality;
    };
    const id = open.ring.register(IORING_REGISTER_PERSONALITY, 0, 0);
    stage(open.ring, 1, acting(id));
    submits(open, 1);
    assert.deepEqual(rows(open, 1), [[1, 0, 0]]);
    stage(other.ring, 2, acting(id));
    submits(other, 1);
    assert.deepEqual(rows(other, 1), [[2, '-EINVAL', 0]]);
    assert.equal(open.ring.register(IORING_UNREGISTER_PERSONALITY, 0, id), 0);
    assert.throws(() => open.ring.register(IORING_UNREGISTER_PERSONALITY, 0, id), { code: 'EINVAL' });
    stage(open.ring, 3, acting(id));
    submits(open, 1);
    assert.deepEqual(rows(open, 1), [[3, '-EINVAL', 0]]);
  },
);

function unreadable(sqe: Sqe): void {
  nop(sqe);
  sqe.opcode = 255;
}
