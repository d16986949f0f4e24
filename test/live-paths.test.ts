/**
 * Operations on names for real: directories, links, renames, removals, statx; and paths in every form.
 */
import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import {
  link,
  linkat,
  mkdir,
  mkdirat,
  rename,
  renameat,
  statx,
  symlink,
  symlinkat,
  unlink,
  unlinkat,
} from 'tsuring';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  AT_SYMLINK_NOFOLLOW,
  EBADF,
  EEXIST,
  EFAULT,
  EINVAL,
  EISDIR,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  EXDEV,
  O_RDONLY,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  readStruct,
  STATX_BASIC_STATS,
  STATX_BTIME,
  STATX_SIZE,
  statx as statxLayout,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { lacksCapability, otherFileSystem } from './support/live-needs.ts';
import { does, type Encode, refuses } from './support/live-ring.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksOpcode } from './support/needs.ts';

const needsMkdir = lacksOpcode('IORING_OP_MKDIRAT');
const needsRename = lacksOpcode('IORING_OP_RENAMEAT');
const needsUnlink = lacksOpcode('IORING_OP_UNLINKAT');
const needsSymlink = lacksOpcode('IORING_OP_SYMLINKAT');
const needsLink = lacksOpcode('IORING_OP_LINKAT');
const other = otherFileSystem();
const lacksOther = 'lacks' in other ? other.lacks : false;

live(['mkdir', 'mkdirat'], 'directories are made', [needsMkdir], () => {
  using here = scratch();
  const ring = here.ring();
  const dir = here.fd(here.folder, O_RDONLY);
  const permissions = (name: string): number => {
    assert.ok(statSync(here.at(name)).isDirectory());
    return statSync(here.at(name)).mode & 0o7777;
  };
  does(ring, 0, (sqe) => mkdir(sqe, here.at('one')));
  does(ring, 0, (sqe) => mkdir(sqe, here.at('two'), 0o750));
  does(ring, 0, (sqe) => mkdirat(sqe, dir, 'three', 0o1711));
  does(ring, 0, (sqe) => mkdirat(sqe, dir, 'three/four'));
  does(ring, 0, (sqe) => mkdirat(sqe, -1, here.at('five'), 0));
  const cut = ~process.umask();
  assert.equal(permissions('one'), 0o777 & cut);
  assert.equal(permissions('two'), 0o750 & cut);
  assert.equal(permissions('three'), 0o1711 & cut);
  assert.equal(permissions('three/four'), 0o777 & cut);
  assert.equal(permissions('five'), 0);
  does(ring, -EEXIST, (sqe) => mkdir(sqe, here.at('one')));
  does(ring, -EEXIST, (sqe) => mkdirat(sqe, dir, 'three/'));
  does(ring, -ENOENT, (sqe) => mkdir(sqe, here.at('none/new')));
  does(ring, -ENOTDIR, (sqe) => mkdir(sqe, `${here.file('file')}/new`));
  does(ring, -EBADF, (sqe) => mkdirat(sqe, -1, 'new'));
});

live(['rename', 'renameat'], 'names are changed, exchanged, kept', [needsRename], () => {
  using here = scratch();
  const ring = here.ring();
  const [a, b, sub] = [here.file('a', 'first'), here.file('b', 'second'), here.at('sub')];
  mkdirSync(sub);
  const [dir, subDir] = [here.fd(here.folder, O_RDONLY), here.fd(sub, O_RDONLY)];
  const content = (): Record<string, string> =>
    Object.fromEntries(
      ['a', 'b', 'sub/c']
        .filter((name) => existsSync(here.at(name)))
        .map((name) => [name, readFileSync(here.at(name), 'utf8')]),
    );
  does(ring, 0, (sqe) => renameat(sqe, dir, 'a', subDir, 'c'));
  assert.deepEqual(content(), { b: 'second', 'sub/c': 'first' });
  does(ring, 0, (sqe) => renameat(sqe, subDir, 'c', AT_FDCWD, b, RENAME_EXCHANGE));
  assert.deepEqual(content(), { b: 'first', 'sub/c': 'second' });
  does(ring, -EEXIST, (sqe) => renameat(sqe, AT_FDCWD, b, subDir, 'c', RENAME_NOREPLACE));
  does(ring, 0, (sqe) => renameat(sqe, AT_FDCWD, b, dir, 'a', RENAME_NOREPLACE));
  assert.deepEqual(content(), { a: 'first', 'sub/c': 'second' });
  does(ring, 0, (sqe) => rename(sqe, a, here.at('sub/c')));
  assert.deepEqual(content(), { 'sub/c': 'first' }, 'what had the new name is gone');
  does(ring, -ENOENT, (sqe) => rename(sqe, a, b));
  does(ring, -ENOENT, (sqe) => renameat(sqe, subDir, 'c', dir, 'b', RENAME_EXCHANGE), 'nothing to exchange');
  does(ring, -EINVAL, (sqe) => renameat(sqe, subDir, 'c', dir, 'b', RENAME_NOREPLACE | RENAME_EXCHANGE));
  does(ring, -EINVAL, (sqe) => renameat(sqe, subDir, 'c', dir, 'b', 0x8000_0000));
  does(ring, -EINVAL, (sqe) => rename(sqe, here.folder, here.at('sub/folder')), 'into itself');
  mkdirSync(here.at('empty'));
  does(ring, -EISDIR, (sqe) => rename(sqe, here.at('sub/c'), here.at('empty')));
  does(ring, -ENOTEMPTY, (sqe) => rename(sqe, here.at('empty'), sub));
  does(ring, -EBADF, (sqe) => renameat(sqe, subDir, 'c', -1, 'b'));
  assert.deepEqual(content(), { 'sub/c': 'first' });
});

live(
  ['rename', 'renameat', 'link', 'linkat'],
  'not from one file system to another',
  [needsLink, lacksOther],
  () => {
    using here = scratch();
    using there = scratch('folder' in other ? other.folder : '');
    const ring = here.ring();
    const path = here.file('file');
    does(ring, -EXDEV, (sqe) => rename(sqe, path, there.at('file')));
    does(ring, -EXDEV, (sqe) => renameat(sqe, AT_FDCWD, path, AT_FDCWD, there.at('file'), RENAME_NOREPLACE));
    does(ring, -EXDEV, (sqe) => link(sqe, path, there.at('file')));
    does(ring, -EXDEV, (sqe) => linkat(sqe, AT_FDCWD, path, AT_FDCWD, there.at('file')));
    assert.deepEqual([readdirSync(here.folder), readdirSync(there.folder)], [['file'], []]);
  },
);

live(['unlink', 'unlinkat'], 'names and empty directories are removed', [needsUnlink], () => {
  using here = scratch();
  const ring = here.ring();
  for (const name of ['one', 'two', 'three']) here.file(name);
  for (const name of ['empty', 'bare', 'full']) mkdirSync(here.at(name));
  here.file('full/file');
  symlinkSync('three', here.at('link'));
  const dir = here.fd(here.folder, O_RDONLY);
  does(ring, 0, (sqe) => unlink(sqe, here.at('one')));
  does(ring, 0, (sqe) => unlinkat(sqe, dir, 'two'));
  does(ring, 0, (sqe) => unlink(sqe, here.at('link')));
  does(ring, 0, (sqe) => unlink(sqe, here.at('empty'), AT_REMOVEDIR));
  does(ring, 0, (sqe) => unlinkat(sqe, dir, 'bare', AT_REMOVEDIR));
  assert.deepEqual(readdirSync(here.folder).sort(), ['full', 'three'], 'the link’s target is still there');
  does(ring, -ENOENT, (sqe) => unlink(sqe, here.at('one')));
  does(ring, -EISDIR, (sqe) => unlinkat(sqe, dir, 'full'));
  does(ring, -ENOTEMPTY, (sqe) => unlinkat(sqe, dir, 'full', AT_REMOVEDIR));
  does(ring, -ENOTDIR, (sqe) => unlink(sqe, here.at('three'), AT_REMOVEDIR));
  does(ring, -EINVAL, (sqe) => unlink(sqe, here.at('three'), 1));
  does(ring, -EINVAL, (sqe) => unlinkat(sqe, dir, '.', AT_REMOVEDIR));
  does(ring, -EBADF, (sqe) => unlinkat(sqe, -1, 'three'));
  assert.deepEqual(readdirSync(here.folder).sort(), ['full', 'three']);
});

live(['link', 'linkat'], 'further names', [needsLink], () => {
  using here = scratch();
  const ring = here.ring();
  const path = here.file('file');
  symlinkSync('file', here.at('symbolic'));
  const dir = here.fd(here.folder, O_RDONLY);
  const inode = (name: string): number => lstatSync(here.at(name)).ino;
  does(ring, 0, (sqe) => link(sqe, path, here.at('one')));
  does(ring, 0, (sqe) => linkat(sqe, dir, 'file', dir, 'two'));
  does(ring, 0, (sqe) => link(sqe, here.at('symbolic'), here.at('same')));
  does(ring, 0, (sqe) => link(sqe, here.at('symbolic'), here.at('three'), AT_SYMLINK_FOLLOW));
  does(ring, 0, (sqe) => linkat(sqe, dir, 'symbolic', AT_FDCWD, here.at('four'), AT_SYMLINK_FOLLOW));
  for (const name of ['one', 'two', 'three', 'four']) assert.equal(inode(name), inode('file'), name);
  assert.equal(inode('same'), inode('symbolic'), 'without the flag the symbolic link itself');
  assert.equal(statSync(path).nlink, 5);
  does(ring, -EEXIST, (sqe) => link(sqe, path, here.at('one')));
  does(ring, -ENOENT, (sqe) => link(sqe, here.at('none'), here.at('new')));
  does(ring, -EPERM, (sqe) => link(sqe, here.folder, here.at('new')), 'a directory');
  does(ring, -EINVAL, (sqe) => link(sqe, path, here.at('new'), 1));
  does(ring, -EBADF, (sqe) => linkat(sqe, -1, 'file', dir, 'new'));
  does(ring, -EBADF, (sqe) => linkat(sqe, dir, 'file', -1, 'new'));
  assert.equal(statSync(path).nlink, 5);
});

live(
  ['linkat'],
  'a further name for an open file',
  [needsLink, lacksCapability('CAP_DAC_READ_SEARCH', 2)],
  () => {
    using here = scratch();
    const ring = here.ring();
    const fd = here.fileFd('file', 'text');
    does(ring, 0, (sqe) => linkat(sqe, fd, '', AT_FDCWD, here.at('again'), AT_EMPTY_PATH));
    assert.equal(readFileSync(here.at('again'), 'utf8'), 'text');
    does(ring, -ENOENT, (sqe) => linkat(sqe, fd, '', AT_FDCWD, here.at('new')));
  },
);

live(['symlink', 'symlinkat'], 'symbolic links to anything', [needsSymlink], () => {
  using here = scratch();
  const ring = here.ring();
  const dir = here.fd(here.folder, O_RDONLY);
  const says = (name: string): string => readlinkSync(here.at(name));
  does(ring, 0, (sqe) => symlink(sqe, 'nothing/here', here.at('one')));
  does(ring, 0, (sqe) => symlinkat(sqe, '/dev/null', dir, 'two'));
  does(ring, 0, (sqe) => symlinkat(sqe, Buffer.from([0xff, 0x80, 0x2f, 0x0a]), dir, 'odd'));
  assert.deepEqual([says('one'), says('two')], ['nothing/here', '/dev/null']);
  const odd = readlinkSync(here.at('odd'), 'buffer');
  assert.deepEqual(odd, Buffer.from([0xff, 0x80, 0x2f, 0x0a]));
  does(ring, -EEXIST, (sqe) => symlink(sqe, 'elsewhere', here.at('one')));
  assert.equal(says('one'), 'nothing/here');
  does(ring, -ENOENT, (sqe) => symlink(sqe, '', here.at('new')));
  does(ring, -ENOENT, (sqe) => symlinkat(sqe, 'x', dir, 'none/new'));
  does(ring, -EBADF, (sqe) => symlinkat(sqe, 'x', -1, 'new'));
});

live(['statx'], 'what stat gives too', [lacksOpcode('IORING_OP_STATX')], () => {
  using here = scratch();
  const ring = here.ring();
  const dir = here.fd(here.folder, O_RDONLY);
  here.file('file', 'x'.repeat(10_000));
  symlinkSync('file', here.at('link'));
  const buffer = new Uint8Array(256);
  const mask = STATX_BASIC_STATS | STATX_BTIME;
  for (const [dirFd, path, flags, real] of [
    [AT_FDCWD, here.at('file'), 0, here.at('file')],
    [dir, 'link', 0, here.at('file')],
    [dir, 'link', AT_SYMLINK_NOFOLLOW, here.at('link')],
    [dir, '', AT_EMPTY_PATH, here.folder],
    [AT_FDCWD, '/dev/null', 0, '/dev/null'],
  ] as const) {
    buffer.fill(255);
    does(ring, 0, (sqe) => statx(sqe, dirFd, path, flags, mask, buffer), real);
    const { birthtime, ...wanted } = wantedOf(real);
    const { birthtime: seen, ...rest } = seenIn(buffer);
    assert.deepEqual(rest, wanted, real);
    const { stx_mask } = readStruct(buffer, statxLayout);
    assert.equal(stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
    if ((stx_mask & STATX_BTIME) !== 0) assert.equal(seen, birthtime);
  }
});

live(['statx'], 'what cannot be asked', [lacksOpcode('IORING_OP_STATX')], () => {
  using here = scratch();
  const ring = here.ring();
  const buffer = new Uint8Array(256);
  const path = here.file('file');
  const asks =
    (dirFd: number, name: string, flags = 0, mask: number = STATX_SIZE): Encode =>
    (sqe) =>
      statx(sqe, dirFd, name, flags, mask, buffer);
  does(ring, -ENOENT, asks(AT_FDCWD, here.at('none')));
  does(ring, -ENOENT, asks(AT_FDCWD, ''), 'without AT_EMPTY_PATH');
  does(ring, -ENOTDIR, asks(AT_FDCWD, `${path}/below`));
  does(ring, -EBADF, asks(-1, 'file'));
  does(ring, -EINVAL, asks(AT_FDCWD, path, 1));
  does(ring, -EINVAL, asks(AT_FDCWD, path, 0, 0x8000_0000), 'the reserved bit of the mask');
  assert.ok(
    buffer.every((byte) => byte === 0),
    'nothing is written',
  );
  does(ring, -EFAULT, (sqe) => statx(sqe, AT_FDCWD, path, 0, STATX_SIZE, 8));
  refuses(ring, (sqe) => statx(sqe, AT_FDCWD, path, 0, STATX_SIZE, new Uint8Array(255)), {
    code: 'ERR_OUT_OF_RANGE',
  });
});

/** What node:fs says of a file itself, also when it is a link. */
function wantedOf(path: string): Record<string, bigint> {
  const stat = lstatSync(path, { bigint: true });
  return {
    mode: stat.mode,
    nlink: stat.nlink,
    uid: stat.uid,
    gid: stat.gid,
    ino: stat.ino,
    size: stat.size,
    blocks: stat.blocks,
    blksize: stat.blksize,
    dev: stat.dev,
    rdev: stat.rdev,
    atime: stat.atimeNs,
    mtime: stat.mtimeNs,
    ctime: stat.ctimeNs,
    birthtime: stat.birthtimeNs,
  };
}

/** The same of a struct statx. */
function seenIn(buffer: Uint8Array): Record<string, bigint> {
  const stat = readStruct(buffer, statxLayout);
  const time = (name: 'atime' | 'btime' | 'ctime' | 'mtime'): bigint =>
    stat[`stx_${name}.tv_sec`] * 1_000_000_000n + BigInt(stat[`stx_${name}.tv_nsec`]);
  return {
    mode: BigInt(stat.stx_mode),
    nlink: BigInt(stat.stx_nlink),
    uid: BigInt(stat.stx_uid),
    gid: BigInt(stat.stx_gid),
    ino: stat.stx_ino,
    size: stat.stx_size,
    blocks: stat.stx_blocks,
    blksize: BigInt(stat.stx_blksize),
    dev: device(stat.stx_dev_major, stat.stx_dev_minor),
    rdev: device(stat.stx_rdev_major, stat.stx_rdev_minor),
    atime: time('atime'),
    mtime: time('mtime'),
    ctime: time('ctime'),
    birthtime: time('btime'),
  };
}

/** makedev(3). */
function device(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return ((high & ~0xfffn) << 32n) | ((high & 0xfffn) << 8n) | ((low & ~0xffn) << 12n) | (low & 0xffn);
}
