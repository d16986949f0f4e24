/**
 * Reads and writes for real: single, vectored, from and to registered buffers, multishot; what they give at the edges
 * of files, of memory and of numbers.
 */
import assert from 'node:assert/strict';
import { constants, readFileSync, statSync, writeSync } from 'node:fs';
import { allocatePages, Iovecs, read, readv, readv2, write, writev, writev2 } from 'tsuring';
import {
  addressOf,
  EAGAIN,
  EBADF,
  EFAULT,
  EFBIG,
  EINVAL,
  EISDIR,
  ENOSPC,
  EOPNOTSUPP,
  EPIPE,
  ESPIPE,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  libc,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  pageSize,
  RWF_APPEND,
  RWF_DSYNC,
  RWF_HIPRI,
  RWF_NOAPPEND,
  RWF_NOWAIT,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { lacksNowaitPipes, limitsFiles } from './support/live-needs.ts';
import { does, ends, refuses, starts, waits } from './support/live-ring.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksOpcode, lacksRing } from './support/needs.ts';
import { pipe } from './support/worker-pipes.ts';

const text = 'The quick brown fox jumps over the lazy dog';
const GiB = 2 ** 30;
const WAYS = {
  plain: 0,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_DEFER_TASKRUN: IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER,
};

for (const [name, flags] of Object.entries(WAYS))
  live(
    ['read', 'write', 'readv', 'writev'],
    `reads what it wrote: ${name}`,
    [lacksOpcode('IORING_OP_READ'), lacksRing(name, { flags })],
    () => {
      using here = scratch();
      const open = here.ring(8, { flags });
      const fd = here.fileFd('file');
      const out = Buffer.from(text);
      does(open, out.length, (sqe) => write(sqe, fd, out, out.length, 0));
      assert.equal(readFileSync(here.at('file'), 'utf8'), text);
      const into = Buffer.alloc(64);
      does(open, out.length, (sqe) => read(sqe, fd, into, 64, 0));
      assert.equal(into.toString('utf8', 0, out.length), text);
      assert.ok(
        into.subarray(out.length).every((byte) => byte === 0),
        'nothing behind it is touched',
      );
      const pieces = [Buffer.alloc(4), Buffer.alloc(6), Buffer.alloc(5)];
      does(open, 15, (sqe) => readv(sqe, fd, new Iovecs(pieces), 3, 4));
      assert.equal(Buffer.concat(pieces).toString(), text.slice(4, 19));
      does(open, 15, (sqe) => writev(sqe, fd, new Iovecs(pieces.toReversed()), 3, 0));
      const turned = text.slice(14, 19) + text.slice(8, 14) + text.slice(4, 8);
      assert.equal(readFileSync(here.at('file'), 'utf8'), turned + text.slice(15));
    },
  );

live(
  ['read', 'write'],
  'the file’s own position, the end of the file, no bytes',
  [lacksOpcode('IORING_OP_READ')],
  () => {
    using here = scratch();
    const open = here.ring();
    const fd = here.fileFd('file', text);
    const into = Buffer.alloc(64);
    for (const [res, at] of [
      [20, 0],
      [20, 20],
      [3, 40],
      [0, 43],
      [0, 43],
    ]) {
      does(open, res, (sqe) => read(sqe, fd, into, 20, -1));
      assert.equal(into.toString('utf8', 0, res), text.slice(at, at + res));
    }
    does(open, 4, (sqe) => write(sqe, fd, Buffer.from(' now'), 4, -1n));
    does(open, 4, (sqe) => write(sqe, fd, Buffer.from('here'), 4, 2n ** 64n - 1n));
    assert.equal(readFileSync(here.at('file'), 'utf8'), `${text} nowhere`);
    does(open, 3, (sqe) => read(sqe, fd, into, 3, 4));
    does(open, 0, (sqe) => read(sqe, fd, into, 20, -1), 'a read at an offset leaves the position');
    does(open, 0, (sqe) => read(sqe, fd, into, 20, 51));
    does(open, 0, (sqe) => read(sqe, fd, into, 20, 2 ** 52));
    for (const offset of [0, -1, 20]) {
      does(open, 0, (sqe) => read(sqe, fd, into, 0, offset));
      does(open, 0, (sqe) => read(sqe, fd, 0, 0, offset));
      does(open, 0, (sqe) => write(sqe, fd, into, 0, offset));
    }
    assert.equal(statSync(here.at('file')).size, 51);
    // More than the file has; the kernel touches only what it fills. Held memory must be as long as it says.
    into.fill(0);
    does(open, 51, (sqe) => read(sqe, fd, addressOf(into), 2 ** 32 - 1, 0));
    assert.equal(into.toString('utf8', 0, 51), `${text} nowhere`);
    refuses(open, (sqe) => read(sqe, fd, into, 65, 0), { code: 'ERR_OUT_OF_RANGE' });
    refuses(open, (sqe) => write(sqe, fd, into, 2 ** 32, 0), { code: 'ERR_OUT_OF_RANGE' });
  },
);

live(['read', 'write'], 'offsets beyond 4 GiB and beyond every file', [lacksOpcode('IORING_OP_READ')], () => {
  using here = scratch();
  const open = here.ring();
  const fd = here.fileFd('sparse');
  const into = Buffer.alloc(16, 255);
  const far = 5 * GiB + 123;
  does(open, 3, (sqe) => write(sqe, fd, Buffer.from('far'), 3, far));
  assert.equal(statSync(here.at('sparse')).size, far + 3);
  does(open, 7, (sqe) => read(sqe, fd, into, 16, BigInt(far - 4)));
  assert.deepEqual(into.subarray(0, 8), Buffer.from([0, 0, 0, 0, 0x66, 0x61, 0x72, 255]));
  does(open, 16, (sqe) => read(sqe, fd, into, 16, 123));
  assert.ok(
    into.every((byte) => byte === 0),
    '123 bytes from the start is another place',
  );
  // Beyond 2^53 a number would be another one: only a bigint is taken.
  refuses(open, (sqe) => read(sqe, fd, into, 16, 2 ** 53), { code: 'ERR_OUT_OF_RANGE' });
  does(open, 0, (sqe) => read(sqe, fd, into, 16, 2n ** 53n + 1n));
  const large = here.file('large');
  const beyond = limitsFiles(large) ? -EFBIG : 16;
  does(open, beyond, (sqe) => write(sqe, here.fd(large), into, 16, 2n ** 62n));
  does(open, -EINVAL, (sqe) => read(sqe, fd, into, 16, 2n ** 63n - 8n), 'it ends beyond 2^63');
  does(open, -EINVAL, (sqe) => read(sqe, fd, into, 16, 2n ** 63n));
  does(open, -EINVAL, (sqe) => write(sqe, fd, into, 16, -2));
  assert.equal(statSync(here.at('sparse')).size, far + 3);
});

live(['read', 'write'], 'memory of every kind and alignment', [lacksOpcode('IORING_OP_READ')], () => {
  using here = scratch();
  const open = here.ring();
  const page = pageSize();
  const bytes = Buffer.from(Array.from({ length: 3 * page }, (_, i) => (i * 31) % 251));
  const fd = here.fileFd('file', bytes);
  const pages = allocatePages(4 * page);
  does(open, 3 * page, (sqe) => read(sqe, fd, pages, 4 * page, 0));
  assert.deepEqual(Buffer.from(pages.bytes(0, 3 * page)), bytes);
  const odd = pages.bytes(page - 5, 2 * page + 3).fill(0);
  does(open, 2 * page + 3, (sqe) => read(sqe, fd, odd, odd.length, 7));
  assert.deepEqual(Buffer.from(odd), bytes.subarray(7, 2 * page + 10));
  const small = new Uint8Array(13);
  does(open, 9, (sqe) => read(sqe, fd, small.subarray(3), 9, 1));
  assert.deepEqual(Buffer.from(small), Buffer.from([0, 0, 0, ...bytes.subarray(1, 10), 0]));
  const view = new DataView(new SharedArrayBuffer(24), 8, 8);
  does(open, 8, (sqe) => read(sqe, fd, view, 8, 100));
  assert.equal(view.getUint8(0), bytes[100]);
  const buffer = new ArrayBuffer(8);
  does(open, 8, (sqe) => read(sqe, fd, buffer, 8, 100));
  assert.equal(new Uint8Array(buffer)[7], bytes[107]);
  does(open, 5, (sqe) => write(sqe, fd, BigInt(pages.address + page), 5, 0));
  assert.deepEqual(readFileSync(here.at('file')).subarray(0, 5), Buffer.from(pages.bytes(page, 5)));
  does(open, -EFAULT, (sqe) => read(sqe, fd, 8, 8, 0));
  does(open, -EFAULT, (sqe) => write(sqe, fd, 8, 8, 0));
  // What fits before a page that cannot be written is read.
  const pair = libc().mmap(0, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  libc().mmap(pair + page, page, PROT_NONE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  does(open, page, (sqe) => read(sqe, fd, pair, 2 * page, 0));
  libc().munmap(pair, 2 * page);
});

live(
  ['read', 'write', 'readv', 'writev'],
  'files that do not allow it',
  [lacksOpcode('IORING_OP_READ')],
  () => {
    using here = scratch();
    const open = here.ring();
    const into = Buffer.alloc(8);
    const path = here.file('file', text);
    const [reader, writer] = [here.fd(path, 'r'), here.fd(path, constants.O_WRONLY)];
    does(open, -EBADF, (sqe) => read(sqe, writer, into, 8, 0));
    does(open, -EBADF, (sqe) => write(sqe, reader, into, 8, 0));
    does(open, -EBADF, (sqe) => readv(sqe, -1, new Iovecs([into]), 1, 0));
    does(open, -EBADF, (sqe) => writev(sqe, 1_000_000, new Iovecs([into]), 1, 0));
    does(open, -EISDIR, (sqe) => read(sqe, here.fd(here.folder, 'r'), into, 8, 0));
    does(open, -ENOSPC, (sqe) => write(sqe, here.fd('/dev/full', 'r+'), into, 8, 0));
    const appending = here.fd(path, 'a');
    does(open, 4, (sqe) => write(sqe, appending, Buffer.from(' End'), 4, 0));
    assert.equal(readFileSync(path, 'utf8'), `${text} End`, 'O_APPEND wins over the offset');
  },
);

live(['read', 'write'], 'pipes and sockets', [lacksOpcode('IORING_OP_READ')], () => {
  using here = scratch();
  const open = here.ring();
  const into = Buffer.alloc(8);
  for (const [input, output] of [here.pipe(), here.sockets()])
    for (const offset of [-1, 0]) {
      const pending = starts(open, (sqe) => read(sqe, input, into, 8, offset));
      waits(open);
      writeSync(output, 'abc');
      ends(open, pending, 3);
      assert.equal(into.toString('utf8', 0, 3), 'abc');
      does(open, 3, (sqe) => write(sqe, output, Buffer.from('def'), 3, offset));
      does(open, 2, (sqe) => read(sqe, input, into, 2, offset));
      does(open, 1, (sqe) => read(sqe, input, into, 8, offset));
      assert.equal(into.toString('utf8', 0, 3), 'fec', 'read twice into the same place');
    }
  const [socket] = here.sockets();
  does(open, -ESPIPE, (sqe) => write(sqe, socket, into, 8, 1), 'a socket has no offsets');
  const [gone, writer] = pipe();
  here.adopt(writer);
  libc().close(gone);
  does(open, -EPIPE, (sqe) => write(sqe, writer, into, 8, -1));
});

live(
  ['readv', 'writev', 'readv2', 'writev2'],
  'iovecs: none, empty ones, too many, bad ones',
  [lacksOpcode('IORING_OP_READV')],
  () => {
    using here = scratch();
    const open = here.ring();
    const fd = here.fileFd('file', text);
    const [a, b] = [Buffer.alloc(4), Buffer.alloc(4)];
    const three = new Iovecs([a, null, b]);
    does(open, 0, (sqe) => readv(sqe, fd, 0, 0, 0));
    does(open, 8, (sqe) => readv(sqe, fd, three, 3, 0));
    assert.equal(a.toString() + b.toString(), text.slice(0, 8));
    does(open, 4, (sqe) => readv2(sqe, fd, three, 2, -1, 0));
    does(open, 8, (sqe) => readv2(sqe, fd, three, 3, -1));
    assert.equal(a.toString() + b.toString(), text.slice(4, 12), 'offset -1 goes on where it was');
    does(open, 8, (sqe) => writev2(sqe, fd, three, 3, -1));
    assert.equal(readFileSync(here.at('file'), 'utf8').slice(12, 20), text.slice(4, 12));
    const many = new BigUint64Array(2050).map((_, i) => (i % 2 === 0 ? BigInt(addressOf(a)) : 1n));
    does(open, 43, (sqe) => readv(sqe, fd, many, 1024, 0));
    does(open, -EINVAL, (sqe) => readv(sqe, fd, many, 1025, 0));
    does(open, -EINVAL, (sqe) => writev(sqe, fd, many, 1025, 0));
    does(open, -EINVAL, (sqe) => readv(sqe, fd, new BigInt64Array([BigInt(addressOf(a)), -1n]), 1, 0));
    does(open, -EFAULT, (sqe) => readv(sqe, fd, 8, 1, 0), 'iovecs where nothing is');
    does(open, -EFAULT, (sqe) => writev(sqe, fd, new BigUint64Array([8n, 4n]), 1, 0));
    does(open, 4, (sqe) => readv(sqe, fd, new BigUint64Array([BigInt(addressOf(a)), 4n, 8n, 4n]), 2, 0));
    refuses(open, (sqe) => readv(sqe, fd, three, 4, 0), { code: 'ERR_OUT_OF_RANGE' });
  },
);

live(['readv2', 'writev2', 'read'], 'RWF_ flags', [lacksOpcode('IORING_OP_READ')], () => {
  using here = scratch();
  const open = here.ring();
  const fd = here.fileFd('file', text);
  const into = Buffer.alloc(8);
  const one = new Iovecs([into]);
  does(open, 8, (sqe) => readv2(sqe, fd, one, 1, 4, 0));
  does(open, 8, (sqe) => writev2(sqe, fd, one, 1, 0, RWF_DSYNC));
  does(open, 8, (sqe) => writev2(sqe, fd, one, 1, 0, RWF_APPEND));
  const word = text.slice(4, 12);
  assert.equal(readFileSync(here.at('file'), 'utf8'), word + text.slice(8) + word);
  does(open, -EINVAL, (sqe) => readv2(sqe, fd, one, 1, 0, RWF_HIPRI), 'this ring does not poll');
  does(open, -EINVAL, (sqe) => writev2(sqe, fd, one, 1, 0, RWF_HIPRI));
  does(open, -EOPNOTSUPP, (sqe) => readv2(sqe, fd, one, 1, 0, 0x8000_0000));
  does(open, -EOPNOTSUPP, (sqe) => writev2(sqe, fd, one, 1, 0, -(2 ** 31)));
  does(open, -EOPNOTSUPP, (sqe) => {
    read(sqe, fd, into, 8, 0);
    sqe.opFlags = 0x4000_0000;
  });
});

live(['readv2', 'writev2', 'read'], 'RWF_NOWAIT', [lacksOpcode('IORING_OP_READ'), lacksNowaitPipes()], () => {
  using here = scratch();
  const open = here.ring();
  const into = Buffer.alloc(8);
  const one = new Iovecs([into]);
  const [input, output] = here.pipe();
  does(open, -EAGAIN, (sqe) => readv2(sqe, input, one, 1, -1, RWF_NOWAIT));
  does(open, -EAGAIN, (sqe) => {
    read(sqe, input, into, 8, -1);
    sqe.opFlags = RWF_NOWAIT;
  });
  does(open, 8, (sqe) => writev2(sqe, output, one, 1, -1, RWF_NOWAIT));
  does(open, 8, (sqe) => readv2(sqe, input, one, 1, -1, RWF_NOWAIT));
  const full = Buffer.alloc(65536);
  does(open, 65536, (sqe) => write(sqe, output, full, 65536, -1));

  does(open, -EAGAIN, (sqe) => writev2(sqe, output, one, 1, -1, RWF_NOWAIT));
});

live(['writev2'], 'RWF_NOAPPEND', [lacksOpcode('IORING_OP_FTRUNCATE')], () => {
  using here = scratch();
  const open = here.ring();
  const path = here.file('file', text);
  const fd = here.fd(path, 'a');
  const any = Buffer.from('Any');
  does(open, 3, (sqe) => writev2(sqe, fd, new Iovecs([any]), 1, 0, RWF_NOAPPEND));
  assert.equal(readFileSync(path, 'utf8'), `${any}${text.slice(3)}`);
});
