/**
 * Fixed files on the kernel: tables, sparse ones, updates, tags, and which slots the kernel chooses from.
 */
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { openDirect, read, type Sqe } from 'tsuring';
import {
  addressOf,
  cString,
  EBADF,
  ENFILE,
  IORING_FILE_INDEX_ALLOC,
  IORING_REGISTER_FILES_SKIP,
  IOSQE_FIXED_FILE,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { does, lacksCall, lacksTagsAtEnd, next, refusal, start, tagsOf } from './support/live-register.ts';
import { lacksOpcode, lacksRegister, lacksRing } from './support/needs.ts';
import { type OpenRing, openRing } from './support/open-ring.ts';
import { closePair, pipe } from './support/worker-pipes.ts';

const folder = mkdtempSync(join(tmpdir(), 'tsuring-register-files-'));
after(() => rmSync(folder, { recursive: true }));
/** Files whose content is their name. */
const path = (name: string): string => {
  writeFileSync(join(folder, name), name);
  return join(folder, name);
};

const ring = lacksRing('io_uring', {});
const tags = lacksRegister('IORING_REGISTER_FILES2');

live(['registerFiles', 'unregisterFiles'], 'a table holds its files, whose fds are closed', [ring], () => {
  using open = openRing(8);
  const fds = ['one', 'two'].map((name) => openSync(path(name), 'r'));
  open.ring.registerFiles([fds[0], -1, fds[1]]);
  for (const fd of fds) closeSync(fd);
  assert.deepEqual(contents(open, 4), ['one', -EBADF, 'two', -EBADF]);
  assert.throws(() => open.ring.registerFiles([0]), refusal('EBUSY'));
  open.ring.unregisterFiles();
  assert.deepEqual(contents(open, 1), [-EBADF]);
  assert.throws(() => open.ring.unregisterFiles(), refusal('ENXIO'));
  open.expect({ sq: 0, cq: 0 });
});

live(['registerFiles', 'registerFilesTags'], 'what cannot be registered', [ring, tags], () => {
  using open = openRing(4);
  using other = openRing(4);
  const closed = 0x7fff_ffff;
  for (const bad of [closed, open.ring.fd, other.ring.fd]) {
    assert.throws(() => open.ring.registerFiles([0, bad]), refusal('EBADF'));
    assert.throws(() => open.ring.registerFilesTags([0, bad], [1, 2]), refusal('EBADF'));
  }
  const many = new Int32Array(2 ** 20 + 1).fill(-1);
  assert.throws(() => open.ring.registerFiles(many), { ...refusal('EMFILE'), fix: /RLIMIT_NOFILE/ });
  // Nothing is left behind: no table, and no CQE of a tag.
  open.expect({ sq: 0, cq: 0 });
  open.ring.registerFiles([0]);
});

live(['registerFilesUpdate'], 'slots are filled, emptied and skipped', [ring], () => {
  using open = openRing(8);
  open.ring.registerFiles(new Int32Array(4).fill(-1));
  const fds = ['one', 'two', 'three'].map((name) => openSync(path(name), 'r'));
  assert.equal(open.ring.registerFilesUpdate(1, fds), 3);
  assert.deepEqual(contents(open, 4), [-EBADF, 'one', 'two', 'three']);
  assert.equal(open.ring.registerFilesUpdate(0, [fds[2], -1]), 2);
  assert.deepEqual(contents(open, 4), ['three', -EBADF, 'two', 'three']);
  // Stops at the one that is refused, whose slot is emptied.
  assert.equal(open.ring.registerFilesUpdate(0, [fds[0], fds[1], 0x7fff_ffff, fds[0]]), 2);
  assert.deepEqual(contents(open, 4), ['one', 'two', -EBADF, 'three']);
  assert.throws(() => open.ring.registerFilesUpdate(3, [0x7fff_ffff]), refusal('EBADF'));
  assert.throws(() => open.ring.registerFilesUpdate(3, [fds[0], fds[1]]), refusal('EINVAL'));
  assert.throws(() => open.ring.registerFilesUpdate(2 ** 32 - 1, [0]), refusal('EOVERFLOW'));
  open.ring.unregisterFiles();
  assert.throws(() => open.ring.registerFilesUpdate(0, [fds[0]]), refusal('ENXIO'));
  for (const fd of fds) closeSync(fd);
});

live(['registerFilesUpdate', 'registerFilesUpdateTag'], 'IORING_REGISTER_FILES_SKIP', [ring, tags], () => {
  using open = openRing(8);
  const fds = ['one', 'two'].map((name) => openSync(path(name), 'r'));
  open.ring.registerFiles([fds[0], fds[0], -1]);
  assert.equal(open.ring.registerFilesUpdate(0, [IORING_REGISTER_FILES_SKIP, fds[1], fds[1]]), 3);
  assert.deepEqual(contents(open, 3), ['one', 'two', 'two']);
  assert.equal(open.ring.registerFilesUpdateTag(0, [IORING_REGISTER_FILES_SKIP, -1], [0, 0]), 2);
  assert.deepEqual(contents(open, 3), ['one', -EBADF, 'two']);
  for (const fd of fds) closeSync(fd);
});

live(['registerFilesSparse', 'registerFilesUpdate'], 'a sparse table', [ring, lacksSparse()], () => {
  using open = openRing(8);
  open.ring.registerFilesSparse(3);
  assert.deepEqual(contents(open, 3), [-EBADF, -EBADF, -EBADF]);
  const fd = openSync(path('one'), 'r');
  assert.equal(open.ring.registerFilesUpdate(2, [fd]), 1);
  closeSync(fd);
  assert.deepEqual(contents(open, 3), [-EBADF, -EBADF, 'one']);
  assert.throws(() => open.ring.registerFilesUpdate(3, [0]), refusal('EINVAL'));
  assert.throws(() => open.ring.registerFilesSparse(1), refusal('EBUSY'));
  open.ring.unregisterFiles();
  assert.throws(() => open.ring.registerFilesSparse(2 ** 20 + 1), refusal('EMFILE'));
  open.ring.registerFilesSparse(1);
});

live(
  ['registerFilesTags', 'registerFilesUpdateTag'],
  'tags come as completions, in the order in which the files go',
  [ring, tags],
  () => {
    using open = openRing(8);
    const fd = openSync(path('one'), 'r');
    const big = 2n ** 64n - 2n;
    open.ring.registerFilesTags([fd, -1, fd, fd], [11, 0, big, 13n]);
    open.expect({ sq: 0, cq: 0 });
    // One after the other: an untagged one says nothing.
    assert.equal(open.ring.registerFilesUpdateTag(2, [fd], [22]), 1);
    assert.deepEqual(tagsOf(open, 1), [big]);
    assert.equal(open.ring.registerFilesUpdate(1, [fd]), 1);
    assert.equal(open.ring.registerFilesUpdate(1, [-1]), 1);
    assert.equal(open.ring.registerFilesUpdate(0, [fd]), 1);
    assert.deepEqual(tagsOf(open, 1), [11]);
    // Skipped slots keep their file and its tag.
    assert.equal(open.ring.registerFilesUpdateTag(2, [IORING_REGISTER_FILES_SKIP, -1], [0, 0]), 2);
    assert.deepEqual(tagsOf(open, 1), [13]);
    closeSync(fd);
  },
);

live(
  ['registerFilesTags', 'unregisterFiles'],
  'the tags of a whole table',
  [ring, tags, lacksTagsAtEnd()],
  () => {
    using open = openRing(8);
    const fd = openSync(path('one'), 'r');
    open.ring.registerFilesTags([fd, fd, fd], BigUint64Array.of(1n, 2n, 3n));
    closeSync(fd);
    open.ring.unregisterFiles();
    assert.deepEqual(tagsOf(open, 3).sort(), [1, 2, 3]);
  },
);

live(
  ['registerFilesTags', 'registerFilesUpdate'],
  'a file goes when its operations are done',
  [ring, tags],
  () => {
    using open = openRing(8);
    const pair = pipe();
    const bytes = new Uint8Array(8);
    open.ring.registerFilesTags([pair[0]], [77]);
    const fixed = (sqe: Sqe) => {
      read(sqe, 0, bytes, 8, 0);
      sqe.flags = IOSQE_FIXED_FILE;
    };
    start(open, fixed, 5);
    assert.equal(open.ring.registerFilesUpdate(0, [-1]), 1);
    // The read still waits for its file, which is no longer in the table.
    assert.equal(open.ring.peekCqe(), null);
    assert.deepEqual(contents(open, 1), [-EBADF]);
    writeSync(pair[1], 'late');
    assert.deepEqual(next(open), [5, 4]);
    assert.deepEqual(next(open), [77, 0]);
    assert.equal(Buffer.from(bytes.subarray(0, 4)).toString(), 'late');
    closePair(pair);
    open.expect({ sq: 0, cq: 0 });
  },
);

live(
  ['registerFileAllocRange', 'openDirect'],
  'the kernel chooses slots of the range only',
  [ring, lacksRegister('IORING_REGISTER_FILE_ALLOC_RANGE'), lacksOpcode('IORING_OP_OPENAT')],
  () => {
    using open = openRing(8);
    const name = cString(path('one'));
    const openAny = () => {
      return does(open, (sqe) => openDirect(sqe, addressOf(name), 0, 0, IORING_FILE_INDEX_ALLOC));
    };
    open.ring.registerFilesSparse(6);
    open.ring.registerFileAllocRange(2, 2);
    assert.deepEqual([openAny(), openAny()].sort(), [2, 3]);
    assert.equal(openAny(), -ENFILE);
    open.ring.registerFilesUpdate(3, [-1]);
    assert.equal(openAny(), 3);
    assert.equal(openAny(), -ENFILE);
    // Slots outside can still be named.
    assert.equal(
      does(open, (sqe) => openDirect(sqe, addressOf(name), 0, 0, 5)),
      0,
    );
    open.ring.registerFileAllocRange(4, 2);
    assert.deepEqual([openAny(), openAny()], [4, -ENFILE]);
    assert.deepEqual(contents(open, 6), [-EBADF, -EBADF, 'one', 'one', 'one', 'one']);
    assert.throws(() => open.ring.registerFileAllocRange(5, 2), refusal('EINVAL'));
    assert.throws(() => open.ring.registerFileAllocRange(1, 2 ** 32 - 1), refusal('EOVERFLOW'));
    // A range of no slot: there is none to be had.
    open.ring.registerFileAllocRange(0, 0);
    assert.equal(openAny(), -ENFILE);
    open.ring.registerFileAllocRange(0, 6);
    assert.deepEqual([openAny(), openAny()].sort(), [0, 1]);
    open.ring.unregisterFiles();
    assert.throws(() => open.ring.registerFileAllocRange(0, 1), refusal('EINVAL'));
  },
);

/** For sparse tables of files, Linux 5.19: the flag is newer than the opcode. */
function lacksSparse(): string | false {
  const what = 'IORING_RSRC_REGISTER_SPARSE (Linux 5.19)';
  return ring || tags || lacksCall(what, (r) => r.registerFilesSparse(1));
}

/** What stands in the files of the first slots, or -errno. */
function contents(open: OpenRing, slots: number): (string | number)[] {
  return Array.from({ length: slots }, (_, slot) => {
    const bytes = Buffer.alloc(20);
    const res = does(open, (sqe) => {
      read(sqe, slot, bytes, 20, 0);
      sqe.flags = IOSQE_FIXED_FILE;
    });
    return res < 0 ? res : bytes.toString('utf8', 0, res);
  });
}
