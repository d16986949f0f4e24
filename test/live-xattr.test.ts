/**
 * Extended attributes for real, by path and by descriptor.
 */
import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { allocatePages, fgetxattr, fsetxattr, getxattr, setxattr } from 'tsuring';
import {
  addressOf,
  E2BIG,
  EBADF,
  EEXIST,
  EFAULT,
  EINVAL,
  ENODATA,
  ENOENT,
  ENOTDIR,
  EOPNOTSUPP,
  ERANGE,
  IOSQE_FIXED_FILE,
  O_RDONLY,
  XATTR_CREATE,
  XATTR_NAME_MAX,
  XATTR_REPLACE,
  XATTR_SIZE_MAX,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { lacksFixedXattr } from './support/live-needs.ts';
import { does, refuses } from './support/live-ring.ts';
import { type Scratch, scratch } from './support/live-scratch.ts';
import { attributeOf, attributesFolder, setAttribute } from './support/live-xattrs.ts';
import { lacksOpcode } from './support/needs.ts';

const place = attributesFolder();
const needs: (string | false)[] = [lacksOpcode('IORING_OP_SETXATTR'), 'lacks' in place ? place.lacks : false];

function scratchWithAttributes(): Scratch {
  return scratch('folder' in place ? place.folder : '');
}

live(['setxattr', 'getxattr'], 'attributes of a path', needs, () => {
  using here = scratchWithAttributes();
  const ring = here.ring();
  const path = here.file('file');
  const [value, into] = [Buffer.from('some value'), Buffer.alloc(20, '.')];
  does(ring, 0, (sqe) => setxattr(sqe, 'user.one', value, path, 0, value.length));
  assert.deepEqual(attributeOf(path, 'user.one'), value);
  does(ring, 10, (sqe) => getxattr(sqe, 'user.one', into, path, 20));
  assert.equal(into.toString(), 'some value..........');
  does(ring, 10, (sqe) => getxattr(sqe, 'user.one', 0, path, 0), 'the length only');
  does(ring, -ERANGE, (sqe) => getxattr(sqe, 'user.one', into, path, 9));
  does(ring, 0, (sqe) => setxattr(sqe, 'user.one', value, path, XATTR_REPLACE, 4));
  assert.deepEqual(attributeOf(path, 'user.one'), Buffer.from('some'));
  does(ring, -EEXIST, (sqe) => setxattr(sqe, 'user.one', value, path, XATTR_CREATE, 10));
  does(ring, -ENODATA, (sqe) => setxattr(sqe, 'user.two', value, path, XATTR_REPLACE, 10));
  does(ring, -ENODATA, (sqe) => getxattr(sqe, 'user.two', into, path, 20));
  does(ring, 0, (sqe) => setxattr(sqe, 'user.two', 0, path, XATTR_CREATE, 0), 'an empty one');
  does(ring, 0, (sqe) => getxattr(sqe, 'user.two', into, path, 20));
  does(ring, -EINVAL, (sqe) => setxattr(sqe, 'user.two', value, path, 8, 10), 'an unknown flag');
  assert.deepEqual(attributeOf(path, 'user.one'), Buffer.from('some'));
});

live(['fsetxattr', 'fgetxattr'], 'attributes of an open file', needs, () => {
  using here = scratchWithAttributes();
  const ring = here.ring();
  const path = here.file('file');
  const fd = here.fd(path, O_RDONLY);
  const [value, into] = [Buffer.from('some value'), allocatePages(4096)];
  const text = (): string => Buffer.from(into.bytes(0, 10)).toString();
  does(ring, 0, (sqe) => fsetxattr(sqe, fd, 'user.one', value, XATTR_CREATE, 10), 'also when open to read');
  assert.deepEqual(attributeOf(path, 'user.one'), value);
  does(ring, 10, (sqe) => fgetxattr(sqe, fd, 'user.one', into, 4096));
  assert.equal(text(), 'some value');
  does(ring, 10, (sqe) => fgetxattr(sqe, fd, 'user.one', 0, 0));
  does(ring, -ERANGE, (sqe) => fgetxattr(sqe, fd, 'user.one', into, 9));
  does(ring, -ENODATA, (sqe) => fgetxattr(sqe, fd, 'user.none', into, 10));
  does(ring, -EEXIST, (sqe) => fsetxattr(sqe, fd, 'user.one', value, XATTR_CREATE, 10));
  does(ring, -ENODATA, (sqe) => fsetxattr(sqe, fd, 'user.none', value, XATTR_REPLACE, 10));
  does(ring, -EBADF, (sqe) => fgetxattr(sqe, -1, 'user.one', into, 10));
  does(ring, -EBADF, (sqe) => fsetxattr(sqe, 1_000_000, 'user.one', value, 0, 10));
});

live(['fsetxattr', 'fgetxattr'], 'attributes of a registered file', [...needs, lacksFixedXattr()], () => {
  using here = scratchWithAttributes();
  const ring = here.ring();
  const path = here.file('file');
  const fd = here.fd(path, O_RDONLY);
  const into = Buffer.alloc(10);
  ring.ring.registerFiles([-1, fd]);
  does(ring, 0, (sqe) => {
    fsetxattr(sqe, 1, 'user.two', Buffer.from('fixed file'), 0, 10);
    sqe.flags = IOSQE_FIXED_FILE;
  });
  assert.deepEqual(attributeOf(path, 'user.two'), Buffer.from('fixed file'));
  for (const [slot, res] of [
    [1, 10],
    [0, -EBADF],
  ])
    does(ring, res, (sqe) => {
      fgetxattr(sqe, slot, 'user.two', into, 10);
      sqe.flags = IOSQE_FIXED_FILE;
    });
  assert.equal(into.toString(), 'fixed file');
});

live(['setxattr', 'getxattr', 'fsetxattr', 'fgetxattr'], 'names and values at their limits', needs, () => {
  using here = scratchWithAttributes();
  const ring = here.ring();
  const path = here.file('file');
  const fd = here.fd(path, O_RDONLY);
  const value = Buffer.from('x');
  const longest = `user.${'n'.repeat(XATTR_NAME_MAX - 5)}`;
  does(ring, 0, (sqe) => setxattr(sqe, longest, value, path, 0, 1));
  does(ring, 1, (sqe) => fgetxattr(sqe, fd, longest, value, 1));
  const odd = Buffer.from([...Buffer.from('user.'), 0xff, 0x80, 0x0a]);
  does(ring, 0, (sqe) => fsetxattr(sqe, fd, odd, value, 0, 1));
  assert.deepEqual(attributeOf(path, odd), value);
  const huge = Buffer.alloc(XATTR_SIZE_MAX + 1);
  for (const [res, name, length] of [
    [-ERANGE, `${longest}n`, 1],
    [-ERANGE, '', 1],
    [-EOPNOTSUPP, 'nobody.one', 1],
    [-E2BIG, 'user.huge', XATTR_SIZE_MAX + 1],
  ] as const) {
    does(ring, res, (sqe) => setxattr(sqe, name, huge, path, 0, length), name);
    does(ring, res, (sqe) => fsetxattr(sqe, fd, name, huge, 0, length), name);
    if (res === -E2BIG) continue;
    does(ring, res, (sqe) => getxattr(sqe, name, huge, path, length), name);
    does(ring, res, (sqe) => fgetxattr(sqe, fd, name, huge, length), name);
  }
  refuses(ring, (sqe) => setxattr(sqe, 'user.\0', value, path, 0, 1), { code: 'ERR_INVALID_ARG_VALUE' });
  refuses(ring, (sqe) => getxattr(sqe, 'user.a', value, 'a\0', 1), { code: 'ERR_INVALID_ARG_VALUE' });
  refuses(ring, (sqe) => fgetxattr(sqe, fd, 'user.a', value, 2), { code: 'ERR_OUT_OF_RANGE' });
});

live(['setxattr', 'getxattr', 'fsetxattr', 'fgetxattr'], 'paths, links and addresses', needs, () => {
  using here = scratchWithAttributes();
  const ring = here.ring();
  const path = here.file('file');
  const [value, into] = [Buffer.from('linked'), Buffer.alloc(6)];
  symlinkSync('file', here.at('link'));
  symlinkSync('nothing', here.at('dangling'));
  does(ring, 0, (sqe) => setxattr(sqe, 'user.one', value, here.at('link'), 0, 6));
  assert.deepEqual(attributeOf(path, 'user.one'), value, 'a link is followed');
  does(ring, 6, (sqe) => getxattr(sqe, 'user.one', into, Buffer.from(here.at('link')), 6));
  assert.deepEqual(into, value);
  const name = Buffer.from('user.two\0');
  does(ring, 0, (sqe) => setxattr(sqe, addressOf(name), value, path, 0, 6));
  does(ring, 6, (sqe) => getxattr(sqe, addressOf(name), BigInt(addressOf(into)), path, 6));
  assert.equal(setAttribute(here.folder, 'user.three', value), 0);
  does(ring, 6, (sqe) => getxattr(sqe, 'user.three', into, here.folder, 6), 'a directory');
  for (const [res, where] of [
    [-ENOENT, here.at('dangling')],
    [-ENOENT, ''],
    [-ENOTDIR, `${path}/below`],
    [-EFAULT, 8],
  ] as const) {
    does(ring, res, (sqe) => setxattr(sqe, 'user.one', value, where, 0, 6), `${where}`);
    does(ring, res, (sqe) => getxattr(sqe, 'user.one', into, where, 6), `${where}`);
  }
  const fd = here.fd(path, O_RDONLY);
  does(ring, -EFAULT, (sqe) => setxattr(sqe, 'user.one', 8, path, 0, 6));
  does(ring, -EFAULT, (sqe) => getxattr(sqe, 'user.one', 8, path, 6));
  does(ring, -EFAULT, (sqe) => fsetxattr(sqe, fd, 8, value, 0, 6));
  does(ring, -EFAULT, (sqe) => fgetxattr(sqe, fd, 8, into, 6));
  assert.deepEqual(attributeOf(path, 'user.one'), value);
  ring.ring.registerFiles([fd]);
  for (const op of [setxattr, getxattr] as const)
    does(ring, -EBADF, (sqe) => {
      if (op === setxattr) setxattr(sqe, 'user.one', value, path, 0, 6);
      else getxattr(sqe, 'user.one', into, path, 6);
      sqe.flags = IOSQE_FIXED_FILE;
    });
});
