/**
 * Pipes for real: made by the ring, and bytes that go through them without a copy.
 */
import assert from 'node:assert/strict';
import { readFileSync, readSync, writeSync } from 'node:fs';
import { allocatePages, closeDirect, pipe, pipeDirect, read, splice, tee, write } from 'tsuring';
import {
  EAGAIN,
  EBADF,
  EFAULT,
  EINVAL,
  EMFILE,
  ENFILE,
  ENXIO,
  EPIPE,
  ESPIPE,
  IORING_FILE_INDEX_ALLOC,
  IOSQE_FIXED_FILE,
  libc,
  O_CLOEXEC,
  O_DIRECT,
  O_NONBLOCK,
  SPLICE_F_FD_IN_FIXED,
  SPLICE_F_MOVE,
  SPLICE_F_NONBLOCK,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { closesOnExec, flagsOf, targetOf, withoutFreeFds } from './support/live-fds.ts';
import { lacksPipeSlots } from './support/live-needs.ts';
import { does, type Encode, ends, refuses, starts, waits } from './support/live-ring.ts';
import { type Scratch, scratch } from './support/live-scratch.ts';
import { lacksOpcode } from './support/needs.ts';
import type { OpenRing } from './support/open-ring.ts';
import { drain, pipe as pipeOf } from './support/worker-pipes.ts';

const text = 'Sphinx of black quartz, judge my vow';
const needsSplice = lacksOpcode('IORING_OP_SPLICE');
const needsTee = lacksOpcode('IORING_OP_TEE');
const needsPipe = lacksOpcode('IORING_OP_PIPE');

live(['splice'], 'from a file through two pipes into another', [needsSplice], () => {
  using here = scratch();
  const ring = here.ring();
  const [from, to] = [here.fileFd('from', text), here.fileFd('to')];
  const [first, second] = [here.pipe(), here.pipe()];
  does(ring, 5, (sqe) => splice(sqe, from, 10, first[1], -1, 5));
  does(ring, 6, (sqe) => splice(sqe, from, -1, first[1], -1, 6, SPLICE_F_MOVE), 'from its own position');
  does(ring, 10, (sqe) => splice(sqe, from, -1n, first[1], -1n, 10), 'and on');
  does(ring, 21, (sqe) => splice(sqe, first[0], -1, second[1], -1, 2 ** 20));
  does(ring, 5, (sqe) => splice(sqe, second[0], -1, to, 2, 5));
  does(ring, 16, (sqe) => splice(sqe, second[0], -1, to, -1, 100));
  assert.equal(readFileSync(here.at('to'), 'utf8'), text.slice(0, 16));
  assert.equal(drain(first[0]).length + drain(second[0]).length, 0);
  // Far beyond 4 GiB in a file that has holes.
  does(ring, 4, (sqe) => splice(sqe, from, 0, first[1], -1, 4));
  does(ring, 4, (sqe) => splice(sqe, first[0], -1, to, 5 * 2 ** 30, 4));
  does(ring, 2, (sqe) => splice(sqe, to, 5n * 2n ** 30n + 2n, first[1], -1, 100), 'to the end');
  assert.equal(drain(first[0]).toString(), text.slice(2, 4));
  does(ring, 0, (sqe) => splice(sqe, from, 1000, first[1], -1, 10), 'beyond the end');
  does(ring, 0, (sqe) => splice(sqe, from, 0, first[1], -1, 0));
});

live(['splice'], 'between registered files', [needsSplice], () => {
  using here = scratch();
  const ring = here.ring();
  const from = here.fileFd('from', text);
  const [input, output] = here.pipe();
  ring.ring.registerFiles([from, output, -1]);
  const fixed =
    (encode: Encode): Encode =>
    (sqe) => {
      encode(sqe);
      sqe.flags |= IOSQE_FIXED_FILE;
    };
  does(ring, 6, (sqe) => splice(sqe, 0, 0, output, -1, 6, SPLICE_F_FD_IN_FIXED), 'the input');
  does(
    ring,
    3,
    fixed((sqe) => splice(sqe, from, 6, 1, -1, 3)),
    'the output',
  );
  does(
    ring,
    6,
    fixed((sqe) => splice(sqe, 0, 9, 1, -1, 6, SPLICE_F_FD_IN_FIXED)),
    'both',
  );
  assert.equal(drain(input).toString(), text.slice(0, 15));
  does(ring, -EBADF, (sqe) => splice(sqe, 2, 0, output, -1, 6, SPLICE_F_FD_IN_FIXED), 'an empty slot');
  does(
    ring,
    -EBADF,
    fixed((sqe) => splice(sqe, from, 0, 2, -1, 6)),
  );
});

live(['splice'], 'waits for a pipe, and ends with it', [needsSplice], () => {
  using here = scratch();
  const ring = here.ring();
  const to = here.fileFd('to');
  const [input, output] = pipeOf();
  here.adopt(input);
  const waiting = starts(ring, (sqe) => splice(sqe, input, -1, to, 0, 100));
  waits(ring);
  writeSync(output, 'now');
  ends(ring, waiting, 3);
  does(ring, -EAGAIN, (sqe) => splice(sqe, input, -1, to, 0, 100, SPLICE_F_NONBLOCK));
  libc().close(output);
  does(ring, 0, (sqe) => splice(sqe, input, -1, to, 3, 100));
  assert.equal(readFileSync(here.at('to'), 'utf8'), 'now');
});

live(['splice'], 'what it cannot move', [needsSplice], () => {
  using here = scratch();
  const ring = here.ring();
  const path = here.file('file', text);
  const [file, other] = [here.fd(path), here.fileFd('other')];
  const [input, output] = here.pipe();
  does(ring, -EINVAL, (sqe) => splice(sqe, file, 0, other, 0, 10), 'no pipe');
  writeSync(output, text);
  does(ring, -EINVAL, (sqe) => splice(sqe, input, -1, output, -1, 1), 'the same pipe');
  does(ring, -EINVAL, (sqe) => splice(sqe, file, 0, output, -1, 1, 0x100), 'an unknown flag');
  does(ring, -EINVAL, (sqe) => splice(sqe, input, -1, here.fd(path, 'a'), -1, 1), 'a file to append to');
  does(ring, -EINVAL, (sqe) => splice(sqe, file, -2, output, -1, 1));
  does(ring, -ESPIPE, (sqe) => splice(sqe, file, 0, output, 0, 1), 'a pipe has no offsets');
  does(ring, -ESPIPE, (sqe) => splice(sqe, input, 0, file, 0, 1));
  does(ring, -EBADF, (sqe) => splice(sqe, -1, -1, output, -1, 1));
  does(ring, -EBADF, (sqe) => splice(sqe, file, 0, -1, -1, 1));
  does(ring, -EBADF, (sqe) => splice(sqe, file, 0, input, -1, 1), 'the end to read');
  does(ring, -EBADF, (sqe) => splice(sqe, input, -1, here.fd(path, 'r'), 0, 1), 'open to read');
  does(ring, -EPIPE, (sqe) => splice(sqe, input, -1, readerless(here), -1, 1));
  assert.equal(drain(input).toString(), text, 'nothing has moved');
});

live(['tee'], 'copies and leaves', [needsTee], () => {
  using here = scratch();
  const ring = here.ring();
  const [first, second] = [here.pipe(), here.pipe()];
  writeSync(first[1], text);
  does(ring, text.length, (sqe) => tee(sqe, first[0], second[1], 1000));
  ring.ring.registerFiles([first[0], second[1]]);
  does(ring, 6, (sqe) => {
    tee(sqe, 0, 1, 6, SPLICE_F_FD_IN_FIXED);
    sqe.flags = IOSQE_FIXED_FILE;
  });
  does(ring, 0, (sqe) => tee(sqe, first[0], second[1], 0));
  assert.equal(drain(second[0]).toString(), text + text.slice(0, 6));
  assert.equal(drain(first[0]).toString(), text);
  const waiting = starts(ring, (sqe) => tee(sqe, first[0], second[1], 3));
  waits(ring);
  writeSync(first[1], 'late');
  ends(ring, waiting, 3);
  assert.equal(drain(second[0]).toString(), 'lat');
  assert.equal(drain(first[0]).toString(), 'late');
});

live(['tee'], 'what it cannot copy', [needsTee], () => {
  using here = scratch();
  const ring = here.ring();
  const file = here.fileFd('file', text);
  const [first, second] = [here.pipe(), here.pipe()];
  does(ring, -EAGAIN, (sqe) => tee(sqe, first[0], second[1], 1, SPLICE_F_NONBLOCK), 'nothing is there');
  const [ended, writer] = pipeOf();
  here.adopt(ended);
  libc().close(writer);
  does(ring, 0, (sqe) => tee(sqe, ended, second[1], 1), 'and nobody writes');
  writeSync(first[1], text);
  does(ring, -EINVAL, (sqe) => tee(sqe, file, second[1], 1), 'a file');
  does(ring, -EINVAL, (sqe) => tee(sqe, first[0], first[1], 1), 'the same pipe');
  does(ring, -EINVAL, (sqe) => tee(sqe, first[0], second[1], 1, 0x100), 'an unknown flag');
  does(ring, -EBADF, (sqe) => tee(sqe, -1, second[1], 1));
  does(ring, -EBADF, (sqe) => tee(sqe, first[0], -1, 1));
  does(ring, -EBADF, (sqe) => tee(sqe, first[0], second[0], 1), 'the end to read');
  does(ring, -EPIPE, (sqe) => tee(sqe, first[0], readerless(here), 1));
});

live(['pipe'], 'a pipe of two descriptors', [needsPipe], () => {
  using here = scratch();
  const ring = here.ring();
  const fds = new Int32Array(2);
  const makes = (flags: number): [number, number] => {
    does(ring, 0, (sqe) => pipe(sqe, fds, flags));
    return [here.adopt(fds[0]), here.adopt(fds[1])];
  };
  const [input, output] = makes(0);
  assert.match(targetOf(input) ?? '', /^pipe:/);
  assert.equal(targetOf(input), targetOf(output));
  assert.equal(writeSync(output, 'through'), 7);
  const into = Buffer.alloc(8);
  assert.equal(readSync(input, into), 7);
  assert.equal(into.toString('utf8', 0, 7), 'through');
  assert.deepEqual([closesOnExec(input), closesOnExec(output)], [false, false]);
  const [reader, writer] = makes(O_CLOEXEC | O_NONBLOCK | O_DIRECT);
  assert.deepEqual([closesOnExec(reader), closesOnExec(writer)], [true, true]);
  const direct = O_NONBLOCK | O_DIRECT;
  assert.equal(flagsOf(writer) & direct, direct);
  assert.equal(flagsOf(reader) & direct, O_NONBLOCK, 'O_DIRECT is of the end to write');
  fds.fill(-7);
  does(ring, -EINVAL, (sqe) => pipe(sqe, fds, 1));
  does(ring, -EFAULT, (sqe) => pipe(sqe, 8, 0));
  refuses(ring, (sqe) => pipe(sqe, new Int32Array(1), 0), { code: 'ERR_OUT_OF_RANGE' });
  withoutFreeFds(() => does(ring, -EMFILE, (sqe) => pipe(sqe, fds, 0)));
  assert.deepEqual([...fds], [-7, -7]);
});

live(['pipeDirect', 'closeDirect'], 'a pipe of two slots that the kernel chooses', [needsPipe], () => {
  using here = scratch();
  const ring = here.ring();
  const { makes, made } = pipeMaker(ring);
  const any = IORING_FILE_INDEX_ALLOC;
  makes(-ENFILE, 0, any, 'no table');
  ring.ring.registerFiles([-1, -1, -1]);
  makes(-EINVAL, O_CLOEXEC, any);
  makes(-EINVAL, 1, any, 'an unknown flag');
  does(ring, -EFAULT, (sqe) => pipeDirect(sqe, 8, 0, any));
  assert.deepEqual([...made], [-7, -7]);
  makes(0, O_NONBLOCK, any);
  assert.equal(new Set([0, 1, 2, ...made]).size, 3);
  goesThrough(ring, made[0], made[1]);
  const [input, output] = made;
  makes(-ENFILE, 0, any, 'one free slot is not enough');
  does(ring, 0, (sqe) => closeDirect(sqe, output));
  reads(ring, 0, input, 'nobody writes any more');
  makes(0, 0, any);
  goesThrough(ring, made[0], made[1]);
});

live(['pipeDirect', 'closeDirect'], 'a pipe of two given slots', [needsPipe, lacksPipeSlots()], () => {
  using here = scratch();
  const ring = here.ring();
  const { makes, made } = pipeMaker(ring);
  makes(-ENXIO, 0, 0, 'no table');
  ring.ring.registerFiles([-1, -1, -1, -1]);
  makes(-EINVAL, O_CLOEXEC, 0);
  makes(-EINVAL, 0, 3, 'the second beyond the table');
  makes(-EINVAL, 0, 4, 'both beyond it');
  assert.deepEqual([...made], [-7, -7]);
  makes(0, 0, 1);
  assert.deepEqual([...made], [1, 2]);
  goesThrough(ring, 1, 2);
  makes(0, 0, 2, 'what was there is closed');
  assert.deepEqual([...made], [2, 3]);
  reads(ring, 0, 1, 'nobody writes any more');
  goesThrough(ring, 2, 3);
  does(ring, -EBADF, (sqe) => closeDirect(sqe, 0), 'nothing came to other slots');
});

/** Makes pipes of slots; `made` is what the kernel wrote. */
function pipeMaker(ring: OpenRing) {
  const slots = allocatePages(8);
  const made = new Int32Array(slots.buffer, slots.byteOffset, 2).fill(-7);
  const makes = (res: number, flags: number, slot: number, message?: string): void => {
    does(ring, res, (sqe) => pipeDirect(sqe, slots, flags, slot), message);
  };
  return { makes, made };
}

function goesThrough(ring: OpenRing, input: number, output: number): void {
  does(ring, 7, (sqe) => {
    write(sqe, output, Buffer.from('through'), 7, -1);
    sqe.flags = IOSQE_FIXED_FILE;
  });
  assert.equal(reads(ring, 7, input).toString('utf8', 0, 7), 'through');
}

function reads(ring: OpenRing, res: number, slot: number, message?: string): Buffer {
  const into = Buffer.alloc(8);
  does(
    ring,
    res,
    (sqe) => {
      read(sqe, slot, into, 8, -1);
      sqe.flags = IOSQE_FIXED_FILE;
    },
    message,
  );
  return into;
}

/** The end to write of a pipe that nobody reads. */
function readerless(here: Scratch): number {
  const [input, output] = pipeOf();
  libc().close(input);
  return here.adopt(output);
}
