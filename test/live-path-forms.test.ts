/**
 * Paths in every form that operations take: strings, bytes, addresses; relative, empty, too long, with a NUL.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import {
  link,
  linkat,
  mkdir,
  mkdirat,
  open,
  openat,
  rename,
  renameat,
  type Sqe,
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
  addressOf,
  EBADF,
  EFAULT,
  ENAMETOOLONG,
  ENOENT,
  IOSQE_ASYNC,
  IOSQE_FIXED_FILE,
  O_RDONLY,
  STATX_SIZE,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { does, type Encode, refuses } from './support/live-ring.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksOpcode } from './support/needs.ts';
import { timeLimit } from './support/time-limit.ts';

const needs = lacksOpcode('IORING_OP_LINKAT');

/** The operations on one path, each with its name: they fail by the path's fault. `file` is there. */
const ONE_PATH: Record<string, (sqe: Sqe, path: string | Uint8Array | number, file: string) => void> = {
  open: (sqe, path) => open(sqe, path, O_RDONLY),
  mkdir: (sqe, path) => mkdir(sqe, path),
  unlink: (sqe, path) => unlink(sqe, path),
  statx: (sqe, path) => statx(sqe, AT_FDCWD, path, 0, STATX_SIZE, new Uint8Array(256)),
  'rename from': (sqe, path, file) => rename(sqe, path, `${file}x`),
  'rename to': (sqe, path, file) => rename(sqe, file, path),
  'link from': (sqe, path, file) => link(sqe, path, `${file}x`),
  'link to': (sqe, path, file) => link(sqe, file, path),
  'symlink at': (sqe, path) => symlink(sqe, 'x', path),
  'symlink to': (sqe, path) => symlink(sqe, path, '/x/y'),
};

live(
  ['open', 'mkdir', 'unlink', 'statx', 'rename', 'link', 'symlink'],
  'an empty path, one that is too long, one where nothing is',
  [needs],
  () => {
    using here = scratch();
    const ring = here.ring();
    const file = here.file('file');
    const chain = `${'d/'.repeat(2100)}x`;
    for (const [name, op] of Object.entries(ONE_PATH)) {
      does(ring, -ENOENT, (sqe) => op(sqe, '', file), `${name} ''`);
      does(ring, -ENOENT, (sqe) => op(sqe, new Uint8Array(0), file), `${name}, no bytes`);
      does(ring, -ENAMETOOLONG, (sqe) => op(sqe, chain, file), `${name}, over PATH_MAX`);
      does(ring, -EFAULT, (sqe) => op(sqe, 8, file), `${name}, an address`);
      if (name === 'symlink to') continue;
      does(ring, -ENAMETOOLONG, (sqe) => op(sqe, here.at('n'.repeat(256)), file), `${name}, over NAME_MAX`);
    }
    assert.deepEqual(readdirSync(here.folder), ['file']);
  },
);

live(
  ['open', 'mkdir', 'unlink', 'statx', 'rename', 'link', 'symlink'],
  'a path with a NUL is refused, and nothing is lost by it',
  [needs],
  () => {
    using here = scratch();
    const ring = here.ring();
    const file = here.file('file');
    for (const op of Object.values(ONE_PATH)) {
      const error = { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' };
      refuses(ring, (sqe) => op(sqe, `${here.at('a')}\0b`, file), error);
      refuses(ring, (sqe) => op(sqe, Buffer.from([0]), file), error);
      does(ring, 0, (sqe) => mkdir(sqe, here.at('next')), 'the same entry serves the next operation');
      does(ring, 0, (sqe) => unlink(sqe, here.at('next'), AT_REMOVEDIR));
    }
    assert.deepEqual(readdirSync(here.folder), ['file']);
  },
);

live(
  ['mkdir', 'mkdirat', 'unlink', 'unlinkat', 'rename', 'renameat', 'link', 'linkat', 'symlink', 'symlinkat'],
  'names of any bytes',
  [needs],
  () => {
    using here = scratch();
    const ring = here.ring();
    const dir = here.fd(here.folder, O_RDONLY);
    const odd = Buffer.from([0xff, 0xfe, 0x80, 0x0a, 0x20, 0x5c, 0x01]);
    const more = Buffer.concat([odd, odd]);
    const at = (name: Uint8Array): Buffer => Buffer.concat([Buffer.from(`${here.folder}/`), name]);
    const names = (): Buffer[] => readdirSync(here.folder, { encoding: 'buffer' }).sort(Buffer.compare);
    does(ring, 0, (sqe) => mkdir(sqe, at(odd)));
    assert.deepEqual(names(), [odd]);
    does(ring, 0, (sqe) => rename(sqe, at(odd), at(more)));
    does(ring, 0, (sqe) => renameat(sqe, dir, more, dir, odd));
    does(ring, 0, (sqe) => unlinkat(sqe, dir, odd, AT_REMOVEDIR));
    // A part of a larger buffer, and a Uint8Array that is no Buffer.
    does(ring, 0, (sqe) => symlinkat(sqe, odd, dir, more.subarray(3, 10)));
    does(ring, 0, (sqe) => link(sqe, at(more.subarray(3, 10)), at(odd)));
    does(ring, 0, (sqe) => linkat(sqe, dir, new Uint8Array(odd), dir, more));
    does(ring, 0, (sqe) => symlink(sqe, more, at(Buffer.from('plain'))));
    assert.equal(names().length, 4);
    for (const name of names()) does(ring, 0, (sqe) => unlink(sqe, at(name)));
    for (const name of ['ünïcödé – 名前', 'n'.repeat(255), ' ', '\ud800']) {
      does(ring, 0, (sqe) => mkdirat(sqe, dir, name, 0o700));
      assert.ok(existsSync(here.at(name)), 'as node:fs encodes it');
      does(ring, 0, (sqe) => unlinkat(sqe, dir, Buffer.from(name), AT_REMOVEDIR));
    }
    assert.deepEqual(names(), []);
  },
);

live(['mkdir', 'mkdirat', 'open', 'openat'], 'from the current directory and from another', [needs], () => {
  using here = scratch();
  const ring = here.ring();
  mkdirSync(here.at('sub'));
  const dir = here.fd(here.at('sub'), O_RDONLY);
  const before = process.cwd();
  process.chdir(here.folder);
  here.atEnd(() => process.chdir(before));
  does(ring, 0, (sqe) => mkdir(sqe, 'here'));
  does(ring, 0, (sqe) => mkdirat(sqe, AT_FDCWD, './here/below'));
  does(ring, 0, (sqe) => mkdirat(sqe, dir, 'there'));
  does(ring, 0, (sqe) => mkdirat(sqe, dir, `../${basename(here.folder)}`));
  for (const name of ['here/below', 'sub/there', basename(here.folder)])
    assert.ok(statSync(here.at(name)).isDirectory(), name);
});

live(
  ['mkdir'],
  'a path is copied when it is encoded, an address is read when it is submitted',
  [needs],
  () => {
    using here = scratch();
    const { ring } = here.ring();
    const [copied, inPlace] = [Buffer.from(here.at('copied')), Buffer.from(`${here.at('inPlace')}\0`)];
    for (const path of [copied, addressOf(inPlace)]) {
      mkdir(ring.getSqe() as Sqe, path);
      ring.commitSqe();
    }
    for (const bytes of [copied, inPlace]) bytes.write('X', here.folder.length + 1);
    ring.submitAndWait(2, { timeout: timeLimit });
    assert.equal(
      ring.forEachCqe(({ res }) => assert.equal(res, 0)),
      2,
    );
    assert.deepEqual(readdirSync(here.folder).sort(), ['XnPlace', 'copied']);
  },
);

live(
  ['openat', 'mkdirat', 'unlinkat', 'statx', 'renameat', 'linkat', 'symlinkat'],
  'directories are descriptors: registered files will not do',
  [needs],
  () => {
    using here = scratch();
    const ring = here.ring();
    here.file('file');
    const dir = here.fd(here.folder, O_RDONLY);
    ring.ring.registerFiles([dir]);
    const ops: Encode[] = [
      (sqe) => openat(sqe, 0, 'file', O_RDONLY),
      (sqe) => mkdirat(sqe, 0, 'new'),
      (sqe) => unlinkat(sqe, 0, 'file'),
      (sqe) => statx(sqe, 0, '', AT_EMPTY_PATH, STATX_SIZE, new Uint8Array(256)),
      (sqe) => renameat(sqe, 0, 'file', dir, 'new'),
      (sqe) => linkat(sqe, 0, 'file', dir, 'new'),
      (sqe) => symlinkat(sqe, 'x', 0, 'new'),
    ];
    for (const op of ops)
      for (const also of [0, IOSQE_ASYNC])
        does(ring, -EBADF, (sqe) => {
          op(sqe);
          sqe.flags = IOSQE_FIXED_FILE | also;
        });
    assert.deepEqual(readdirSync(here.folder), ['file']);
  },
);
