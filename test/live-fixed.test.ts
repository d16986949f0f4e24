/**
 * Reads and writes with what is registered: buffers, several parts of one, files.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import {
  allocatePages,
  Iovecs,
  read,
  readFixed,
  readv,
  readvFixed,
  write,
  writeFixed,
  writevFixed,
} from 'tsuring';
import { EBADF, EFAULT, EINVAL, IOSQE_FIXED_FILE, pageSize, RWF_APPEND, RWF_HIPRI } from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { does } from './support/live-ring.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksOpcode } from './support/needs.ts';

const text = 'The quick brown fox jumps over the lazy dog';

live(['readFixed', 'writeFixed'], 'registered buffers', [lacksOpcode('IORING_OP_READ_FIXED')], () => {
  using here = scratch();
  const open = here.ring();
  const { ring } = open;
  const page = pageSize();
  const fd = here.fileFd('file', text);
  const [pages, plain] = [allocatePages(2 * page), Buffer.alloc(100)];
  does(open, -EFAULT, (sqe) => readFixed(sqe, fd, pages, 8, 0, 0), 'nothing is registered');
  ring.registerBuffers([pages, plain]);
  does(open, 43, (sqe) => readFixed(sqe, fd, pages, 100, 0, 0));
  assert.equal(Buffer.from(pages.bytes(0, 43)).toString(), text);
  const part = pages.bytes(page - 3, 10);
  does(open, 10, (sqe) => readFixed(sqe, fd, part, 10, 4, 0));
  assert.equal(Buffer.from(part).toString(), text.slice(4, 14));
  does(open, 9, (sqe) => readFixed(sqe, fd, plain.subarray(1), 9, -1, 1));
  does(open, 9, (sqe) => readFixed(sqe, fd, plain.subarray(10), 9, -1, 1));
  assert.equal(plain.toString('utf8', 1, 19), text.slice(0, 18));
  does(open, 18, (sqe) => writeFixed(sqe, fd, plain.subarray(1), 18, -1, 1));
  does(open, 10, (sqe) => writeFixed(sqe, fd, part, 10, 0, 0));
  const written = readFileSync(here.at('file'), 'utf8');
  assert.equal(written, text.slice(4, 14) + text.slice(10, 18) + text.slice(0, 18) + text.slice(36));
  does(open, 0, (sqe) => readFixed(sqe, fd, pages, 10, 1000, 0), 'beyond the end');
  does(open, 0, (sqe) => writeFixed(sqe, fd, pages, 0, 0, 0));
  for (const op of [readFixed, writeFixed]) {
    does(open, -EFAULT, (sqe) => op(sqe, fd, pages, 8, 0, 1), 'of another buffer');
    does(open, -EFAULT, (sqe) => op(sqe, fd, pages, 8, 0, 2), 'no such index');
    does(open, -EFAULT, (sqe) => op(sqe, fd, pages.address + 2 * page - 4, 8, 0, 0), 'over its end');
    does(open, -EFAULT, (sqe) => op(sqe, fd, pages.address - 4, 8, 0, 0), 'before its start');
  }
  ring.unregisterBuffers();
  does(open, -EFAULT, (sqe) => readFixed(sqe, fd, pages, 8, 0, 0));
});

live(
  ['readvFixed', 'writevFixed'],
  'several parts of a registered buffer',
  [lacksOpcode('IORING_OP_READV_FIXED')],
  () => {
    using here = scratch();
    const open = here.ring();
    const page = pageSize();
    const fd = here.fileFd('file', text);
    const pages = allocatePages(3 * page);
    const parts = [pages.bytes(page - 2, 5), pages.bytes(1, 4), pages.bytes(3 * page - 6, 6)];
    const joined = () => Buffer.concat(parts.map((part) => Buffer.from(part))).toString();
    const three = new Iovecs(parts);
    does(open, -EFAULT, (sqe) => readvFixed(sqe, fd, three, 3, 0, 0, 0), 'nothing is registered');
    open.ring.registerBuffers([pages]);
    does(open, 15, (sqe) => readvFixed(sqe, fd, three, 3, 4, 0, 0));
    assert.equal(joined(), text.slice(4, 19));
    does(open, 15, (sqe) => readvFixed(sqe, fd, three, 3, -1, 0, 0));
    does(open, 15, (sqe) => readvFixed(sqe, fd, three, 3, -1, 0, 0));
    assert.equal(joined(), text.slice(15, 30));
    does(open, 13, (sqe) => readvFixed(sqe, fd, three, 3, 30, 0, 0), 'short at the end of the file');
    does(open, 15, (sqe) => writevFixed(sqe, fd, three, 3, 0, RWF_APPEND, 0));
    does(open, 9, (sqe) => writevFixed(sqe, fd, three, 2, 0, 0, 0));
    const file = readFileSync(here.at('file'), 'utf8');
    assert.equal(file, joined().slice(0, 9) + text.slice(9) + joined());
    const outside = new Iovecs([parts[0], Buffer.alloc(8)]);
    for (const op of [readvFixed, writevFixed]) {
      does(open, -EFAULT, (sqe) => op(sqe, fd, outside, 2, 0, 0, 0));
      does(open, -EFAULT, (sqe) => op(sqe, fd, three, 3, 0, 0, 1), 'no such index');
      does(open, -EINVAL, (sqe) => op(sqe, fd, three, 3, 0, RWF_HIPRI, 0));
      does(open, -EINVAL, (sqe) => op(sqe, fd, new BigUint64Array(2050), 1025, 0, 0, 0));
    }
  },
);

live(
  ['read', 'write', 'readv', 'readFixed', 'writeFixed'],
  'registered files, also when their descriptor is closed',
  [lacksOpcode('IORING_OP_READ')],
  () => {
    using here = scratch();
    const open = here.ring();
    const pages = allocatePages(64);
    {
      using brief = scratch();
      open.ring.registerFiles([-1, brief.fd(here.file('file', text), 'r+')]);
    }
    open.ring.registerBuffers([pages]);
    const fixed =
      (encode: Parameters<typeof does>[2]): Parameters<typeof does>[2] =>
      (sqe) => {
        encode(sqe);
        sqe.flags |= IOSQE_FIXED_FILE;
      };
    const into = Buffer.alloc(9);
    does(
      open,
      9,
      fixed((sqe) => read(sqe, 1, into, 9, 4)),
    );
    assert.equal(into.toString(), text.slice(4, 13));
    does(
      open,
      9,
      fixed((sqe) => write(sqe, 1, into, 9, 0)),
    );
    does(
      open,
      9,
      fixed((sqe) => readv(sqe, 1, new Iovecs([into]), 1, -1)),
    );
    does(
      open,
      9,
      fixed((sqe) => readFixed(sqe, 1, pages, 9, -1, 0)),
    );
    does(
      open,
      9,
      fixed((sqe) => writeFixed(sqe, 1, pages, 9, 43, 0)),
    );
    assert.equal(
      readFileSync(here.at('file'), 'utf8'),
      text.slice(4, 13) + text.slice(9) + text.slice(9, 18),
    );
    does(
      open,
      -EBADF,
      fixed((sqe) => read(sqe, 0, into, 9, 0)),
      'an empty slot',
    );
    does(
      open,
      -EBADF,
      fixed((sqe) => read(sqe, 2, into, 9, 0)),
      'beyond the table',
    );
  },
);
