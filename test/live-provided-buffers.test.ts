/**
 * Buffers that the kernel chooses, given with provideBuffers: taken by reads once each, given again, taken back; and
 * the multishot reads that live of them.
 */
import assert from 'node:assert/strict';
import { writeSync } from 'node:fs';
import {
  allocatePages,
  cancel64,
  provideBuffers,
  read,
  readMultishot,
  removeBuffers,
  type Sqe,
} from 'tsuring';
import {
  E2BIG,
  EBADF,
  EBADFD,
  ECANCELED,
  EINVAL,
  ENOBUFS,
  ENOENT,
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_BUFFER,
  IORING_CQE_F_MORE,
  IORING_REGISTER_PBUF_RING,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IOSQE_BUFFER_SELECT,
  io_uring_buf_reg,
  libc,
  makeStruct,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { does, type Encode, ends, next, nextOnes, refuses, starts, waits } from './support/live-ring.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksDefer, lacksOpcode, lacksRegister } from './support/needs.ts';
import type { OpenRing } from './support/open-ring.ts';
import { pipe } from './support/worker-pipes.ts';

const GROUP = 7;
const SIZE = 16;
const needsProvide = lacksOpcode('IORING_OP_PROVIDE_BUFFERS');

live(
  ['provideBuffers', 'removeBuffers', 'read'],
  'each buffer is used once, until it is given again',
  [needsProvide],
  () => {
    using here = scratch();
    const open = here.ring();
    const fd = here.fileFd('file', 'Jackdaws love my big sphinx of quartz');
    const pool = allocatePages(4 * SIZE);
    provides(open, pool.address, 3, 100);
    const seen = new Set<number>();
    for (const [length, offset, text] of [
      [8, 0, 'Jackdaws'],
      [5, 9, 'love '],
      [100, 17, 'big sphinx of qu'],
    ] as const) {
      const { flags } = does(open, text.length, selecting(fd, length, offset));
      const id = bufferOf(flags);
      assert.equal(textOf(pool.bytes((id - 100) * SIZE, text.length)), text);
      seen.add(id);
    }
    assert.deepEqual([...seen].sort(), [100, 101, 102]);
    assert.equal(does(open, -ENOBUFS, selecting(fd, 8, 0)).flags, 0, 'none is left');
    provides(open, pool.address + SIZE, 1, 101);
    const again = does(open, SIZE, selecting(fd, 100, 1), 'as much as the buffer takes');
    assert.equal(bufferOf(again.flags), 101);
    assert.equal(textOf(pool.bytes(SIZE, SIZE)), 'ackdaws love my ');
    does(open, -ENOBUFS, selecting(fd, 8, 0, GROUP + 1), 'another group');
  },
);

live(['provideBuffers', 'removeBuffers', 'read'], 'taken back buffers are not used', [needsProvide], () => {
  using here = scratch();
  const open = here.ring();
  const fd = here.fileFd('file', 'text');
  const pool = allocatePages(10 * SIZE);
  does(open, -ENOENT, (sqe) => removeBuffers(sqe, 1, GROUP), 'no such group');
  provides(open, pool.address, 10, 0);
  does(open, 4, (sqe) => removeBuffers(sqe, 4, GROUP));
  does(open, 4, selecting(fd, 8, 0));
  does(open, 5, (sqe) => removeBuffers(sqe, 65535, GROUP), 'as many as are left');
  does(open, -ENOBUFS, selecting(fd, 8, 0));
  does(open, -EINVAL, (sqe) => removeBuffers(sqe, 0, GROUP));
  does(open, -EINVAL, (sqe) => removeBuffers(sqe, -1, GROUP));
});

live(['provideBuffers'], 'numbers and lengths that it does not take', [needsProvide], () => {
  using here = scratch();
  const open = here.ring();
  const pool = Buffer.alloc(4 * SIZE);
  const tries =
    (length: number, count: number, id: number): Encode =>
    (sqe) =>
      provideBuffers(sqe, pool, length, count, GROUP, id);
  does(open, -E2BIG, tries(SIZE, 0, 0));
  does(open, -E2BIG, (sqe) => provideBuffers(sqe, 0, SIZE, -1, GROUP, 0));
  does(open, -E2BIG, tries(SIZE, 1, 65536));
  does(open, -E2BIG, tries(SIZE, 1, -1));
  refuses(open, tries(SIZE, 5, 0), { code: 'ERR_OUT_OF_RANGE' });
  does(open, -ENOENT, (sqe) => removeBuffers(sqe, 1, GROUP), 'none of them made the group');
  const { flags } = provideAndRead(here.fileFd('file', 'x'), 65535);
  assert.equal(bufferOf(flags), 65535, 'the highest ID');
  assert.equal(textOf(pool.subarray(0, 1)), 'x');

  function provideAndRead(fd: number, id: number) {
    does(open, 0, (sqe) => provideBuffers(sqe, pool, SIZE, 1, GROUP, id));
    return does(open, 1, selecting(fd, 8, 0));
  }
});

live(
  ['provideBuffers', 'removeBuffers'],
  'a group that is a buffer ring does not take them',
  [needsProvide, lacksRegister('IORING_REGISTER_PBUF_RING')],
  () => {
    using here = scratch();
    const open = here.ring();
    const [entries, pool] = [allocatePages(4096), allocatePages(SIZE)];
    const values = { ring_addr: entries.address, ring_entries: 4, bgid: GROUP };
    open.ring.register(IORING_REGISTER_PBUF_RING, makeStruct(io_uring_buf_reg, values), 1);
    does(open, -EINVAL, (sqe) => provideBuffers(sqe, pool, SIZE, 1, GROUP, 0));
    does(open, -EINVAL, (sqe) => removeBuffers(sqe, 1, GROUP));
    assert.ok(entries.bytes().every((byte) => byte === 0));
  },
);

for (const [name, options, lacks] of [
  ['plain', {}, false],
  ['DEFER_TASKRUN', { flags: IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN }, lacksDefer()],
] as const)
  live(
    ['readMultishot', 'provideBuffers'],
    `a multishot read goes on until it lacks buffers: ${name}`,
    [lacksOpcode('IORING_OP_READ_MULTISHOT'), lacks],
    () => {
      using here = scratch();
      const open = here.ring(8, options);
      const [input, output] = here.pipe();
      const pool = allocatePages(4 * SIZE);
      provides(open, pool.address, 4, 0);
      const reading = starts(open, (sqe) => readMultishot(sqe, input, 0, -1, GROUP));
      waits(open);
      for (const text of ['one', 'the second', 'three']) {
        writeSync(output, text);
        const { res, flags } = next(open, reading, text);
        assert.equal(flags & IORING_CQE_F_MORE, IORING_CQE_F_MORE, 'it goes on');
        assert.equal(textOf(pool.bytes(bufferOf(flags) * SIZE, res)), text);
      }
      writeSync(output, 'x'.repeat(SIZE + 1));
      const ended = nextOnes(open, 2).map(({ userData, res, flags }) => {
        assert.equal(userData, reading);
        return [res, flags & (IORING_CQE_F_MORE | IORING_CQE_F_BUFFER)];
      });
      assert.deepEqual(ended, [
        [SIZE, IORING_CQE_F_MORE | IORING_CQE_F_BUFFER],
        [-ENOBUFS, 0],
      ]);
      // What it could not take is still there.
      provides(open, pool.address, 1, 9);
      const again = starts(open, (sqe) => readMultishot(sqe, input, 0, 0, GROUP));
      const rest = next(open, again);
      assert.deepEqual([rest.res, bufferOf(rest.flags)], [1, 9]);
      writeSync(output, 'y');
      assert.equal(ends(open, again, -ENOBUFS).flags, 0);
    },
  );

live(
  ['readMultishot', 'removeBuffers'],
  'a multishot read ends at the end of the pipe, when cancelled, and where it cannot be',
  [lacksOpcode('IORING_OP_READ_MULTISHOT')],
  () => {
    using here = scratch();
    const open = here.ring();
    const [input, output] = pipe();
    here.adopt(input);
    const pool = allocatePages(4 * SIZE);
    provides(open, pool.address, 4, 0);
    const reading = starts(open, (sqe) => readMultishot(sqe, input, 0, 0, GROUP));
    libc().close(output);
    assert.equal(ends(open, reading, 0).flags, 0, 'the end takes no buffer');
    does(open, 4, (sqe) => removeBuffers(sqe, 9, GROUP));
    provides(open, pool.address, 4, 0);
    const [waiting, writer] = here.pipe();
    const cancelled = starts(open, (sqe) => readMultishot(sqe, waiting, 0, 0, GROUP));
    const cancelling = starts(open, (sqe) => cancel64(sqe, cancelled, 0));
    const results = new Map(nextOnes(open, 2).map(({ userData, res, flags }) => [userData, [res, flags]]));
    assert.deepEqual(results.get(cancelled), [-ECANCELED, 0]);
    assert.deepEqual(results.get(cancelling), [0, 0]);
    const file = here.fileFd('file', 'text');
    does(open, -EBADFD, (sqe) => readMultishot(sqe, file, 0, 0, GROUP), 'a file cannot be polled');
    does(open, -EBADF, (sqe) => readMultishot(sqe, writer, 0, 0, GROUP), 'the end to write');
    does(open, -EINVAL, (sqe) => readMultishot(sqe, waiting, SIZE, 0, GROUP), 'a length');
    does(open, -ENOBUFS, (sqe) => readMultishot(sqe, waiting, 0, 0, GROUP + 1), 'no such group');
    does(open, 4, (sqe) => removeBuffers(sqe, 9, GROUP), 'none of them took a buffer');
  },
);

function provides(open: OpenRing, address: number, count: number, firstId: number): void {
  does(open, 0, (sqe) => provideBuffers(sqe, address, SIZE, count, GROUP, firstId));
}

/** A read into a buffer of the kernel's choice. */
function selecting(fd: number, length: number, offset: number, group: number = GROUP): Encode {
  return (sqe: Sqe) => {
    read(sqe, fd, 0, length, offset);
    sqe.flags |= IOSQE_BUFFER_SELECT;
    sqe.bufIndex = group;
  };
}

function bufferOf(flags: number): number {
  assert.equal(flags & IORING_CQE_F_BUFFER, IORING_CQE_F_BUFFER, 'it took a buffer');
  return flags >>> IORING_CQE_BUFFER_SHIFT;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
