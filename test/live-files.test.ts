/**
 * What operations do to a file's space, to the disk behind it, to memory and to block devices.
 */
import assert from 'node:assert/strict';
import { fstatSync, readFileSync, statSync } from 'node:fs';
import {
  allocatePages,
  cmdDiscard,
  cmdZoneResetAll,
  fadvise,
  fadvise64,
  fallocate,
  fsync,
  ftruncate,
  madvise,
  madvise64,
  read,
  syncFileRange,
  write,
} from 'tsuring';
import {
  EBADF,
  ECANCELED,
  EFBIG,
  EINVAL,
  EIO,
  ENODEV,
  ENOMEM,
  EOPNOTSUPP,
  ESPIPE,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  IORING_FSYNC_DATASYNC,
  IOSQE_FIXED_FILE,
  IOSQE_IO_LINK,
  MADV_DONTNEED,
  MADV_NORMAL,
  MADV_WILLNEED,
  O_DIRECT,
  O_RDONLY,
  O_RDWR,
  POSIX_FADV_DONTNEED,
  POSIX_FADV_NOREUSE,
  POSIX_FADV_NORMAL,
  POSIX_FADV_RANDOM,
  POSIX_FADV_SEQUENTIAL,
  POSIX_FADV_WILLNEED,
  pageSize,
  SYNC_FILE_RANGE_WAIT_BEFORE,
  SYNC_FILE_RANGE_WRITE,
  SYNC_FILE_RANGE_WRITE_AND_WAIT,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { attach, detach, lacksDiscard, lacksZoned, ZONED_DEVICE } from './support/live-disk.ts';
import { lacksAdvice64, limitsFiles } from './support/live-needs.ts';
import { does, type Encode, named, next, starts, together } from './support/live-ring.ts';
import { type Scratch, scratch } from './support/live-scratch.ts';
import { lacksOpcode } from './support/needs.ts';

const GiB = 2 ** 30;

live(['fallocate'], 'space is reserved and freed', [lacksOpcode('IORING_OP_FALLOCATE')], () => {
  using here = scratch();
  const ring = here.ring();
  const fd = here.fileFd('file', 'x'.repeat(100));
  const size = (): number => fstatSync(fd).size;
  const space = (): number => fstatSync(fd).blocks * 512;
  does(ring, 0, (sqe) => fallocate(sqe, fd, FALLOC_FL_KEEP_SIZE, 0, 1 << 20));
  assert.equal(size(), 100);
  assert.ok(space() >= 1 << 20, `${space()}`);
  does(ring, 0, (sqe) => fallocate(sqe, fd, 0, 1000, 1 << 20));
  assert.equal(size(), 1000 + (1 << 20));
  const before = space();
  const punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  does(ring, 0, (sqe) => fallocate(sqe, fd, punch, 10, 20));
  assert.deepEqual(
    readFileSync(here.at('file')).subarray(0, 31),
    Buffer.from(`${'x'.repeat(10)}${'\0'.repeat(20)}x`),
  );
  does(ring, 0, (sqe) => fallocate(sqe, fd, punch, 65536, 1 << 19));
  assert.ok(space() < before, `${space()} < ${before}`);
  // Beyond 4 GiB, as a number and as a bigint; a hole there takes no space.
  does(ring, 0, (sqe) => fallocate(sqe, fd, punch, 5 * GiB, 6n * BigInt(GiB)));
  does(ring, 0, (sqe) => fallocate(sqe, fd, 0, 5n * BigInt(GiB), 4096));
  assert.equal(size(), 5 * GiB + 4096);
  ring.ring.registerFiles([fd]);
  does(
    ring,
    0,
    fixed((sqe) => fallocate(sqe, 0, 0, 6 * GiB, 1)),
  );
  assert.equal(size(), 6 * GiB + 1);
});

live(
  ['fallocate'],
  'ranges, modes and files that it does not take',
  [lacksOpcode('IORING_OP_FALLOCATE')],
  () => {
    using here = scratch();
    const ring = here.ring();
    const path = here.file('file', 'text');
    const fd = here.fd(path);
    does(ring, -EINVAL, (sqe) => fallocate(sqe, fd, 0, 0, 0));
    does(ring, -EINVAL, (sqe) => fallocate(sqe, fd, 0, -1, 10));
    does(ring, -EINVAL, (sqe) => fallocate(sqe, fd, 0, 0, -1));
    const large = here.file('large');
    const far = limitsFiles(large) ? -EFBIG : 0;
    does(ring, far, (sqe) => fallocate(sqe, here.fd(large), 0, 2n ** 62n, 10));
    does(ring, -EFBIG, (sqe) => fallocate(sqe, fd, 0, 2n ** 63n - 1n, 10));
    does(ring, -EOPNOTSUPP, (sqe) => fallocate(sqe, fd, FALLOC_FL_PUNCH_HOLE, 0, 10), 'without KEEP_SIZE');
    does(ring, -EOPNOTSUPP, (sqe) => fallocate(sqe, fd, 0x8000_0000, 0, 10));
    does(ring, -EBADF, (sqe) => fallocate(sqe, here.fd(path, 'r'), 0, 0, 10), 'open to read');
    does(ring, -EBADF, (sqe) => fallocate(sqe, -1, 0, 0, 10));
    does(ring, -ESPIPE, (sqe) => fallocate(sqe, here.pipe()[1], 0, 0, 10));
    does(ring, -ENODEV, (sqe) => fallocate(sqe, here.fd('/dev/null'), 0, 0, 10));
    assert.equal(readFileSync(path, 'utf8'), 'text');
  },
);

live(['fsync', 'write', 'read'], 'fsync, alone and behind a write', [lacksOpcode('IORING_OP_FSYNC')], () => {
  using here = scratch();
  const ring = here.ring();
  const fd = here.fileFd('file', 'text');
  does(ring, 0, (sqe) => fsync(sqe, fd));
  does(ring, 0, (sqe) => fsync(sqe, fd, IORING_FSYNC_DATASYNC));
  does(ring, 0, (sqe) => fsync(sqe, here.fd(here.at('file'), 'r')), 'also when open to read');
  does(ring, 0, (sqe) => fsync(sqe, here.fd(here.folder, O_RDONLY)), 'a directory');
  does(ring, -EINVAL, (sqe) => fsync(sqe, fd, 2));
  does(ring, -EINVAL, (sqe) => fsync(sqe, here.pipe()[0]));
  does(ring, -EBADF, (sqe) => fsync(sqe, -1));
  ring.ring.registerFiles([fd]);
  const linked =
    (encode: Encode): Encode =>
    (sqe) => {
      encode(sqe);
      sqe.flags |= IOSQE_IO_LINK;
    };
  const chain = (length: number) =>
    together(ring, [
      linked(fixed((sqe) => write(sqe, 0, Buffer.from('TEXT'), 4, 0))),
      linked(fixed((sqe) => fsync(sqe, 0, IORING_FSYNC_DATASYNC))),
      fixed((sqe) => read(sqe, 0, Buffer.alloc(8), length, 0)),
    ]).map(({ res }) => res);
  assert.deepEqual(chain(8), [4, 0, 4]);
  ring.ring.unregisterFiles();
  ring.ring.registerFiles([here.fd(here.at('file'), 'r')]);
  assert.deepEqual(chain(8), [-EBADF, -ECANCELED, -ECANCELED]);
});

live(['syncFileRange'], 'parts of a file are written out', [lacksOpcode('IORING_OP_SYNC_FILE_RANGE')], () => {
  using here = scratch();
  const ring = here.ring();
  const fd = here.fileFd('file', 'x'.repeat(20_000));
  does(ring, 0, (sqe) => syncFileRange(sqe, fd, 4096, 4096, SYNC_FILE_RANGE_WRITE));
  does(ring, 0, (sqe) => syncFileRange(sqe, fd, 0, 0, SYNC_FILE_RANGE_WRITE_AND_WAIT), 'to the end');
  does(ring, 0, (sqe) => syncFileRange(sqe, fd, 2 ** 32 - 1, 5n * BigInt(GiB), SYNC_FILE_RANGE_WAIT_BEFORE));
  does(ring, 0, (sqe) => syncFileRange(sqe, fd, 4096, 0), 'no flags: nothing to do');
  does(ring, -EINVAL, (sqe) => syncFileRange(sqe, fd, 0, 0, 8));
  does(ring, -EINVAL, (sqe) => syncFileRange(sqe, fd, 0, -1, SYNC_FILE_RANGE_WRITE));
  does(ring, -EINVAL, (sqe) => syncFileRange(sqe, fd, 100, 2n ** 63n - 10n, SYNC_FILE_RANGE_WRITE));
  does(ring, -ESPIPE, (sqe) => syncFileRange(sqe, here.pipe()[0], 0, 0, SYNC_FILE_RANGE_WRITE));
  does(ring, -EBADF, (sqe) => syncFileRange(sqe, -1, 0, 0, SYNC_FILE_RANGE_WRITE));
  ring.ring.registerFiles([fd]);
  does(
    ring,
    0,
    fixed((sqe) => syncFileRange(sqe, 0, 0, 0, SYNC_FILE_RANGE_WRITE_AND_WAIT)),
  );
});

live(['ftruncate'], 'a file is cut and lengthened', [lacksOpcode('IORING_OP_FTRUNCATE')], () => {
  using here = scratch();
  const ring = here.ring();
  const path = here.file('file', 'some text');
  const fd = here.fd(path);
  does(ring, 0, (sqe) => ftruncate(sqe, fd, 4));
  assert.equal(readFileSync(path, 'utf8'), 'some');
  does(ring, 0, (sqe) => ftruncate(sqe, fd, 6n));
  assert.equal(readFileSync(path, 'utf8'), 'some\0\0');
  ring.ring.registerFiles([-1, fd]);
  for (const [length, bytes] of [
    [6 * GiB, 6 * GiB],
    [7n * BigInt(GiB) + 1n, 7 * GiB + 1],
    [0, 0],
  ] as const) {
    does(
      ring,
      0,
      fixed((sqe) => ftruncate(sqe, 1, length)),
    );
    assert.equal(statSync(path).size, bytes);
  }
  does(ring, -EINVAL, (sqe) => ftruncate(sqe, fd, -1));
  does(ring, -EINVAL, (sqe) => ftruncate(sqe, fd, 2n ** 63n));
  const large = here.file('large');
  const far = limitsFiles(large) ? -EFBIG : 0;
  does(ring, far, (sqe) => ftruncate(sqe, here.fd(large), 2n ** 62n));
  does(ring, -EINVAL, (sqe) => ftruncate(sqe, here.fd(path, 'r'), 1), 'open to read');
  does(ring, -EINVAL, (sqe) => ftruncate(sqe, here.pipe()[1], 1));
  does(ring, -EBADF, (sqe) => ftruncate(sqe, -1, 1));
  does(
    ring,
    -EBADF,
    fixed((sqe) => ftruncate(sqe, 0, 1)),
  );
  assert.equal(statSync(path).size, 0);
});

const ADVICE = [
  POSIX_FADV_NORMAL,
  POSIX_FADV_RANDOM,
  POSIX_FADV_SEQUENTIAL,
  POSIX_FADV_WILLNEED,
  POSIX_FADV_DONTNEED,
  POSIX_FADV_NOREUSE,
];

for (const [op, lacks] of [
  [fadvise, false],
  [fadvise64, lacksAdvice64()],
] as const)
  live(
    [op.name],
    `${op.name} takes every advice, and files only`,
    [lacksOpcode('IORING_OP_FADVISE'), lacks],
    () => {
      using here = scratch();
      const ring = here.ring();
      const fd = here.fileFd('file', 'x'.repeat(20_000));
      ring.ring.registerFiles([fd]);
      for (const advice of ADVICE) {
        does(ring, 0, (sqe) => op(sqe, fd, 0, 0, advice));
        does(ring, 0, (sqe) => op(sqe, fd, 4096, 8192, advice));
        does(ring, 0, (sqe) => op(sqe, fd, 5n * BigInt(GiB), 2 ** 32 - 1, advice));
        does(
          ring,
          0,
          fixed((sqe) => op(sqe, 0, 0, 4096, advice)),
        );
        if (op === fadvise64) does(ring, 0, (sqe) => fadvise64(sqe, fd, 0, 5 * GiB, advice));
      }
      assert.equal(readFileSync(here.at('file'), 'utf8'), 'x'.repeat(20_000));
      does(ring, -EINVAL, (sqe) => op(sqe, fd, 0, 0, 77));
      does(ring, -ESPIPE, (sqe) => op(sqe, here.pipe()[0], 0, 0, POSIX_FADV_NORMAL));
      does(ring, -EBADF, (sqe) => op(sqe, -1, 0, 0, POSIX_FADV_NORMAL));
      if (op === fadvise64) does(ring, -EINVAL, (sqe) => fadvise64(sqe, fd, 0, -1, POSIX_FADV_NORMAL));
    },
  );

for (const [op, lacks] of [
  [madvise, false],
  [madvise64, lacksAdvice64()],
] as const)
  live([op.name], `${op.name} acts on memory`, [lacksOpcode('IORING_OP_MADVISE'), lacks], () => {
    using here = scratch();
    const ring = here.ring();
    const page = pageSize();
    const pages = allocatePages(4 * page);
    pages.bytes().fill(7);
    does(ring, 0, (sqe) => op(sqe, pages, 4 * page, MADV_WILLNEED));
    does(ring, 0, (sqe) => op(sqe, pages.bytes(page), page + 1, MADV_DONTNEED), 'whole pages');
    const left = Array.from({ length: 4 }, (_, i) => [
      pages.bytes()[i * page],
      pages.bytes()[(i + 1) * page - 1],
    ]);
    assert.deepEqual(left, [
      [7, 7],
      [0, 0],
      [0, 0],
      [7, 7],
    ]);
    does(ring, 0, (sqe) => op(sqe, pages, 0, MADV_DONTNEED), 'nothing');
    assert.equal(pages.bytes()[0], 7);
    does(ring, -EINVAL, (sqe) => op(sqe, pages.bytes(1), page, MADV_NORMAL), 'not at a page’s start');
    does(ring, -EINVAL, (sqe) => op(sqe, pages, page, 77));
    does(ring, -ENOMEM, (sqe) => op(sqe, page, page, MADV_NORMAL), 'nothing is there');
    if (op === madvise64) does(ring, -EINVAL, (sqe) => madvise64(sqe, pages.address, -1, MADV_NORMAL));
  });

live(['cmdDiscard'], 'what a range of a block device held is thrown away', [lacksDiscard()], () => {
  using here = scratch();
  const ring = here.ring();
  const image = here.file('image', Buffer.alloc(1 << 20, 7));
  const device = attachIn(here, image);
  const fd = here.fd(device);
  const held = (offset: number, length: number): number[] => {
    const bytes = readFileSync(image);
    return [bytes[offset - 1], bytes[offset], bytes[offset + length - 1], bytes[offset + length]];
  };
  does(ring, 0, (sqe) => cmdDiscard(sqe, fd, 65_536, 131_072));
  assert.deepEqual(held(65_536, 131_072), [7, 0, 0, 7]);
  ring.ring.registerFiles([-1, fd]);
  does(
    ring,
    0,
    fixed((sqe) => cmdDiscard(sqe, 1, 524_288n, 4096n)),
  );
  assert.deepEqual(held(524_288, 4096), [7, 0, 0, 7]);
  does(ring, -EINVAL, (sqe) => cmdDiscard(sqe, fd, 100, 512), 'no whole blocks');
  does(ring, -EINVAL, (sqe) => cmdDiscard(sqe, fd, 0, 100));
  does(ring, -EINVAL, (sqe) => cmdDiscard(sqe, fd, 0, 0));
  does(ring, -EINVAL, (sqe) => cmdDiscard(sqe, fd, 1 << 20, 512), 'beyond its end');
  does(ring, -EINVAL, (sqe) => cmdDiscard(sqe, fd, 0, -512));
  does(ring, -EBADF, (sqe) => cmdDiscard(sqe, here.fd(device, 'r'), 0, 512), 'open to read');
  const { res } = next(
    ring,
    starts(ring, (sqe) => cmdZoneResetAll(sqe, fd)),
  );
  assert.ok(res === -EINVAL || res === -EOPNOTSUPP, `it has no zones: ${named(res)}`);
  assert.equal(readFileSync(image)[0], 7);
});

live(
  ['cmdDiscard', 'cmdZoneResetAll'],
  'files that take no commands',
  [lacksOpcode('IORING_OP_URING_CMD')],
  () => {
    using here = scratch();
    const ring = here.ring();
    const fd = here.fileFd('file', 'text');
    for (const file of [fd, here.pipe()[1]]) {
      does(ring, -EOPNOTSUPP, (sqe) => cmdDiscard(sqe, file, 0, 4096));
      does(ring, -EOPNOTSUPP, (sqe) => cmdZoneResetAll(sqe, file));
    }
    does(ring, -EBADF, (sqe) => cmdDiscard(sqe, -1, 0, 4096));
    does(ring, -EBADF, (sqe) => cmdZoneResetAll(sqe, -1));
    assert.equal(readFileSync(here.at('file'), 'utf8'), 'text');
  },
);

live(['cmdZoneResetAll'], 'all zones are emptied', [lacksZoned()], () => {
  using here = scratch();
  const ring = here.ring();
  const device = process.env[ZONED_DEVICE] as string;
  const fd = here.fd(device, O_RDWR | O_DIRECT);
  const pages = allocatePages(pageSize());
  const writes = (res: number, message: string): void => {
    does(ring, res, (sqe) => write(sqe, fd, pages, 4096, 0), message);
  };
  does(ring, -EBADF, (sqe) => cmdZoneResetAll(sqe, here.fd(device, 'r')), 'open to read');
  does(ring, 0, (sqe) => cmdZoneResetAll(sqe, fd));
  writes(4096, 'an empty zone is written from its start');
  writes(-EIO, 'which is behind the write pointer now');
  does(ring, 0, (sqe) => cmdZoneResetAll(sqe, fd));
  writes(4096, 'until it is emptied');
  does(ring, 0, (sqe) => cmdZoneResetAll(sqe, fd));
});

function attachIn(here: Scratch, image: string): string {
  const loop = attach(image);
  if ('reason' in loop) throw new Error(loop.reason);
  here.atEnd(() => detach(loop.device));
  return loop.device;
}

function fixed(encode: Encode): Encode {
  return (sqe) => {
    encode(sqe);
    sqe.flags |= IOSQE_FIXED_FILE;
  };
}
