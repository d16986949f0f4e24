/**
 * Opening and closing for real: descriptors, slots of the registered files, and how one becomes the other.
 */
import assert from 'node:assert/strict';
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { close, open, openat, openat2, read } from 'tsuring';
import {
  AT_FDCWD,
  EAGAIN,
  EBADF,
  EEXIST,
  EFAULT,
  EINVAL,
  EISDIR,
  ELOOP,
  EMFILE,
  ENOENT,
  ENOTDIR,
  ENXIO,
  EXDEV,
  IOSQE_ASYNC,
  IOSQE_FIXED_FILE,
  makeStruct,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
  open_how,
  RESOLVE_BENEATH,
  RESOLVE_CACHED,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { closesOnExec, flagsOf, makeFifo, targetOf, withoutFreeFds } from './support/live-fds.ts';
import { does, type Encode, ends, gives, next, refuses, starts, waits } from './support/live-ring.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksOpcode } from './support/needs.ts';
import { pipe } from './support/worker-pipes.ts';

const needsOpen = lacksOpcode('IORING_OP_OPENAT');
const needsOpen2 = lacksOpcode('IORING_OP_OPENAT2');

live(['open', 'openat'], 'a descriptor of an existing file', [needsOpen], () => {
  using here = scratch();
  const ring = here.ring();
  const path = here.file('file', 'text');
  const dir = here.fd(here.folder, O_RDONLY);
  const plain = here.adopt(gives(ring, (sqe) => open(sqe, path, O_RDONLY)));
  assert.equal(fstatSync(plain).ino, statSync(path).ino);
  assert.equal(closesOnExec(plain), false);
  const closing = here.adopt(gives(ring, (sqe) => openat(sqe, dir, 'file', O_RDWR | O_CLOEXEC)));
  assert.equal(targetOf(closing), path);
  assert.equal(closesOnExec(closing), true);
  assert.equal(flagsOf(closing) & O_RDWR, O_RDWR);
  assert.equal(writeSync(closing, 'TE'), 2);
  const into = Buffer.alloc(8);
  assert.equal(readSync(plain, into), 4);
  assert.equal(into.toString('utf8', 0, 4), 'TExt');
  // An absolute path does not look at the directory.
  here.adopt(gives(ring, (sqe) => openat(sqe, -1, path, O_RDONLY)));
  here.adopt(gives(ring, (sqe) => openat(sqe, AT_FDCWD, path, O_RDONLY)));
});

live(['open', 'openat'], 'a file that is made, emptied, or has no name', [needsOpen], () => {
  using here = scratch();
  const ring = here.ring();
  const path = here.at('new');
  const made = here.adopt(gives(ring, (sqe) => open(sqe, path, O_CREAT | O_EXCL | O_WRONLY, 0o666)));
  assert.equal(statSync(path).mode & 0o777, 0o666 & ~process.umask());
  assert.equal(writeSync(made, 'text'), 4);
  does(ring, -EEXIST, (sqe) => open(sqe, path, O_CREAT | O_EXCL, 0o666));
  here.adopt(gives(ring, (sqe) => openat(sqe, AT_FDCWD, path, O_WRONLY | O_TRUNC)));
  assert.equal(statSync(path).size, 0);
  here.adopt(gives(ring, (sqe) => open(sqe, here.at('bare'), O_CREAT)));
  assert.equal(statSync(here.at('bare')).mode & 0o777, 0, 'without a mode nobody may do anything');
  if (!takesUnnamed(here.folder)) return;
  const fd = here.adopt(gives(ring, (sqe) => open(sqe, here.folder, O_TMPFILE | O_RDWR, 0o600)));
  assert.equal(fstatSync(fd).nlink, 0);
});

live(['open', 'openat'], 'what cannot be opened', [needsOpen], () => {
  using here = scratch();
  const ring = here.ring();
  const path = here.file('file');
  const file = here.fd(path);
  symlinkSync('file', here.at('link'));
  does(ring, -ENOENT, (sqe) => open(sqe, here.at('none'), O_RDONLY));
  does(ring, -ENOENT, (sqe) => open(sqe, here.at('none/new'), O_CREAT, 0o600));
  does(ring, -EISDIR, (sqe) => open(sqe, here.folder, O_WRONLY));
  does(ring, -ENOTDIR, (sqe) => open(sqe, `${path}/below`, O_RDONLY));
  does(ring, -ENOTDIR, (sqe) => open(sqe, path, O_DIRECTORY));
  does(ring, -ELOOP, (sqe) => open(sqe, here.at('link'), O_NOFOLLOW));
  does(ring, -EFAULT, (sqe) => open(sqe, 8, O_RDONLY));
  does(ring, -EBADF, (sqe) => openat(sqe, -1, 'file', O_RDONLY));
  does(ring, -ENOTDIR, (sqe) => openat(sqe, file, 'file', O_RDONLY));
  ring.ring.registerFiles([here.fd(here.folder, O_RDONLY)]);
  does(ring, -EBADF, (sqe) => {
    openat(sqe, 0, 'file', O_RDONLY);
    sqe.flags = IOSQE_FIXED_FILE;
  });
  refuses(ring, (sqe) => open(sqe, 'a\0b', O_RDONLY), { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
  withoutFreeFds(() => does(ring, -EMFILE, (sqe) => open(sqe, path, O_RDONLY)));
});

live(
  ['open'],
  'a FIFO opens at once as with O_NONBLOCK, by a worker when its other end does',
  [needsOpen],
  () => {
    using here = scratch();
    const ring = here.ring();
    const path = here.at('fifo');
    makeFifo(path);
    does(ring, -ENXIO, (sqe) => open(sqe, path, O_WRONLY), 'nobody reads');
    const early = here.adopt(gives(ring, (sqe) => open(sqe, path, O_RDONLY)));
    assert.equal(readSync(early, Buffer.alloc(4)), 0, 'nobody writes');
    // The ring waits for a writer all the same.
    const into = Buffer.alloc(4);
    const reading = starts(ring, (sqe) => read(sqe, early, into, 4, -1));
    waits(ring);
    writeSync(here.fd(path, O_WRONLY), 'text');
    ends(ring, reading, 4);
    assert.equal(into.toString(), 'text');
    const other = here.at('other');
    makeFifo(other);
    const opening = starts(ring, (sqe) => {
      open(sqe, other, O_RDONLY);
      sqe.flags = IOSQE_ASYNC;
    });
    waits(ring);
    here.fd(other, O_RDWR);
    const { res } = next(ring, opening);
    assert.equal(targetOf(here.adopt(res)), other);
  },
);

live(['openat2'], 'an open under conditions', [needsOpen2], () => {
  using here = scratch();
  const ring = here.ring();
  const dir = here.fd(here.folder, O_RDONLY);
  here.file('file', 'text');
  mkdirSync(here.at('sub'));
  symlinkSync('file', here.at('link'));
  symlinkSync('/etc', here.at('out'));
  const tries =
    (path: string, values: Parameters<typeof how>[0]): Encode =>
    (sqe) =>
      openat2(sqe, dir, path, how(values));
  const opens = (path: string, values: Parameters<typeof how>[0]): number =>
    here.adopt(gives(ring, tries(path, values), path));
  assert.equal(targetOf(opens('file', {})), here.at('file'));
  assert.equal(closesOnExec(opens('link', { flags: O_CLOEXEC, resolve: RESOLVE_BENEATH })), true);
  assert.equal(targetOf(opens('/../file', { resolve: RESOLVE_IN_ROOT })), here.at('file'));
  opens('sub/made', { flags: O_CREAT | O_WRONLY, mode: 0o640 });
  assert.equal(statSync(here.at('sub/made')).mode & 0o777, 0o640 & ~process.umask());
  does(ring, -EXDEV, tries('../file', { resolve: RESOLVE_BENEATH }));
  does(ring, -EXDEV, tries(here.at('file'), { resolve: RESOLVE_BENEATH }), 'also by its whole path');
  does(ring, -EXDEV, tries('out/passwd', { resolve: RESOLVE_BENEATH }));
  does(ring, -EXDEV, tries('/proc/self/stat', { resolve: RESOLVE_NO_XDEV }));
  does(ring, -ELOOP, tries('link', { resolve: RESOLVE_NO_SYMLINKS }));
  does(ring, -ELOOP, tries(`/proc/self/fd/${dir}`, { resolve: RESOLVE_NO_MAGICLINKS }));
  does(ring, -EINVAL, tries('file', { resolve: 1n << 40n }));
  does(ring, -EINVAL, tries('file', { flags: 1n << 40n }));
  does(ring, -EINVAL, tries('file', { mode: 0o600 }), 'a mode and nothing to make');
  does(ring, -ENOENT, tries('none', {}));
  does(ring, -EFAULT, (sqe) => openat2(sqe, dir, 'file', 8));
  does(ring, -EBADF, (sqe) => openat2(sqe, -1, 'file', how({})));
  refuses(ring, (sqe) => openat2(sqe, dir, 'file', Buffer.alloc(23)), { code: 'ERR_OUT_OF_RANGE' });
});

live(['openat2'], 'an open of what is cached only', [lacksOpcode('IORING_OP_MKDIRAT')], () => {
  using here = scratch();
  const ring = here.ring();
  const path = here.file('file');
  const cached =
    (flags: number): Encode =>
    (sqe) =>
      openat2(sqe, AT_FDCWD, path, how({ flags, resolve: RESOLVE_CACHED }));
  here.adopt(gives(ring, cached(O_RDONLY)));
  does(ring, -EAGAIN, cached(O_CREAT), 'this may need a disk');
});

live(
  ['close'],
  'closes descriptors, but no rings and not what is in flight',
  [lacksOpcode('IORING_OP_CLOSE')],
  () => {
    using here = scratch();
    const ring = here.ring();
    const [input, output] = pipe();
    const into = Buffer.alloc(4);
    const reading = starts(ring, (sqe) => read(sqe, input, into, 4, -1));
    does(ring, 0, (sqe) => close(sqe, input));
    assert.equal(targetOf(input), undefined);
    waits(ring);
    does(ring, -EBADF, (sqe) => close(sqe, input), 'once only');
    writeSync(output, 'late');
    ends(ring, reading, 4);
    assert.equal(into.toString(), 'late');
    does(ring, 0, (sqe) => close(sqe, output));
    does(ring, -EBADF, (sqe) => close(sqe, -1));
    does(ring, -EBADF, (sqe) => close(sqe, ring.ring.fd), 'a ring');
    does(ring, -EBADF, (sqe) => {
      close(sqe, 0);
      sqe.flags = IOSQE_FIXED_FILE;
    });
  },
);

function how(values: { flags?: number | bigint; mode?: number; resolve?: number | bigint }): Uint8Array {
  return makeStruct(open_how, values);
}

/** Not every file system has files without a name. */
function takesUnnamed(folder: string): boolean {
  try {
    closeSync(openSync(folder, O_TMPFILE | O_RDWR, 0o600));
    return true;
  } catch {
    return false;
  }
}
