/**
 * `tsuring/syscalls` alone: wrong flags in, errno out, memory looked at byte by byte.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  addressOf,
  cString,
  EBADF,
  EEXIST,
  EFAULT,
  EINVAL,
  ENOENT,
  ENOSYS,
  ENXIO,
  IORING_ENTER_GETEVENTS,
  IORING_OFF_SQ_RING,
  IORING_OFF_SQES,
  IORING_OP_NOP,
  IORING_REGISTER_FILES,
  IORING_UNREGISTER_FILES,
  io_uring_cqe,
  io_uring_params,
  io_uring_probe,
  io_uring_sqe,
  ioUringEnter,
  ioUringRegister,
  ioUringSetup,
  libc,
  linux,
  MADV_NOHUGEPAGE,
  MAP_ANONYMOUS,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  makeStruct,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  PROT_READ,
  PROT_WRITE,
  pageSize,
  readCString,
  readStruct,
  UringError,
  writeStruct,
} from 'tsuring/syscalls';
import { lacksRing } from './support/needs.ts';
import { timeLimit } from './support/time-limit.ts';

const without = { skip: lacksRing('io_uring', {}), timeout: timeLimit };
const RW = PROT_READ | PROT_WRITE;
const NR_READ = process.arch === 'x64' ? 0 : 63;
const NR_GETPID = process.arch === 'x64' ? 39 : 172;
const NR_OPENAT = process.arch === 'x64' ? 257 : 56;
const AT_FDCWD = -100;

test('a ring by hand, byte by byte', without, () => {
  const params = new Uint8Array(io_uring_params.size);
  const fd = ioUringSetup(4, params);
  assert.ok(fd >= 0);
  const p = readStruct(params, io_uring_params);
  assert.deepEqual([p.sq_entries, p.cq_entries, p.flags], [4, 8, 0]);
  assert.ok(p.features > 0);
  const cqesEnd = p['cq_off.cqes'] + p.cq_entries * io_uring_cqe.size;
  const ringBytes = Math.max(cqesEnd, p['sq_off.array'] + p.sq_entries * 4);
  const shared = MAP_SHARED | MAP_POPULATE;
  const ringAt = linux.mmap(0, ringBytes, RW, shared, fd, IORING_OFF_SQ_RING);
  const sqesAt = linux.mmap(0, p.sq_entries * 64, RW, shared, fd, IORING_OFF_SQES);
  assert.ok(ringAt > 0 && sqesAt > 0 && ringAt % pageSize() === 0);
  const ring = new DataView(linux.view(ringAt, ringBytes));
  const sqes = new Uint8Array(linux.view(sqesAt, p.sq_entries * 64));
  assert.equal(ring.getUint32(p['sq_off.ring_mask'], true), 3);
  assert.equal(ring.getUint32(p['cq_off.ring_entries'], true), 8);

  writeStruct(sqes, io_uring_sqe, { opcode: IORING_OP_NOP, user_data: 0x1122_3344_5566_7788n }, 64);
  assert.deepEqual([...sqes.subarray(64 + 32, 64 + 40)], [0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11]);
  ring.setUint32(p['sq_off.array'], 1, true);
  assert.equal(ioUringEnter(fd, 1, 0, 0), 0, 'nothing before the tail has moved');
  ring.setUint32(p['sq_off.tail'], 1, true);
  assert.equal(ioUringEnter(fd, 1, 1, IORING_ENTER_GETEVENTS), 1);
  assert.equal(ring.getUint32(p['sq_off.head'], true), 1);
  assert.equal(ring.getUint32(p['cq_off.tail'], true), 1);
  const cqe = readStruct(new Uint8Array(ring.buffer), io_uring_cqe, p['cq_off.cqes']);
  assert.deepEqual([cqe.user_data, cqe.res, cqe.flags], [0x1122_3344_5566_7788n, 0, 0]);
  ring.setUint32(p['cq_off.head'], 1, true);

  // An opcode that nobody knows: consumed, and refused in its completion.
  writeStruct(sqes, io_uring_sqe, { opcode: 255, user_data: 5 });
  ring.setUint32(p['sq_off.array'] + 4, 0, true);
  ring.setUint32(p['sq_off.tail'], 2, true);
  assert.equal(ioUringEnter(fd, 1, 1, IORING_ENTER_GETEVENTS), 1);
  const bad = readStruct(new Uint8Array(ring.buffer), io_uring_cqe, p['cq_off.cqes'] + 16);
  assert.deepEqual([bad.user_data, bad.res], [5n, -EINVAL]);

  // From here on nobody touches the two views: they would fault.
  assert.equal(linux.munmap(ringAt, ringBytes), 0);
  assert.equal(linux.munmap(sqesAt, p.sq_entries * 64), 0);
  assert.equal(libc().close(fd), 0);
  assert.equal(libc().close(fd), -EBADF);
});

test('wrong flags in, errno out', without, () => {
  const params = () => new Uint8Array(io_uring_params.size);
  assert.equal(ioUringSetup(0, params()), -EINVAL);
  assert.equal(ioUringSetup(32769, params()), -EINVAL);
  assert.equal(ioUringSetup(4, makeStruct(io_uring_params, { flags: 0x8000_0000 })), -EINVAL);
  const reserved = makeStruct(io_uring_params, { resv: new Uint8Array(12).fill(1) });
  assert.equal(ioUringSetup(4, reserved), -EINVAL);
  assert.equal(libc().syscall(425, 4, 8, 0, 0, 0, 0), -EFAULT, 'params that are not there');
  assert.equal(ioUringEnter(-1, 0, 0, 0), -EBADF);
  assert.equal(ioUringRegister(0x7fff_ffff, IORING_REGISTER_FILES, 0, 0), -EBADF);
  const fd = ioUringSetup(4, params());
  assert.equal(ioUringEnter(fd, 0, 0, 0x8000_0000), -EINVAL);
  assert.equal(ioUringEnter(fd, 0, 0, 0xffff_ffff), -EINVAL);
  assert.equal(ioUringEnter(fd, 0, 1, IORING_ENTER_GETEVENTS, 16, 8), -EFAULT);
  assert.equal(ioUringRegister(fd, 0x7fff_fff0, 0, 0), -EINVAL);
  assert.equal(ioUringRegister(fd, IORING_UNREGISTER_FILES, 0, 0), -ENXIO);
  assert.equal(ioUringRegister(fd, IORING_REGISTER_FILES, 4096, 1), -EFAULT);
  assert.equal(ioUringRegister(fd, IORING_REGISTER_FILES, new Int32Array([0x7fff_ffff]), 1), -EBADF);
  assert.equal(ioUringRegister(fd, IORING_REGISTER_FILES, new Int32Array([-1]), 1), 0);
  assert.equal(ioUringRegister(fd, IORING_UNREGISTER_FILES, 0, 0), 0);
  libc().close(fd);
});

test('the functions of libc give -errno', without, () => {
  const { syscall, mmap, munmap, madvise, close, eventfd, dup3, poll, sysconf } = libc();
  assert.equal(syscall(NR_GETPID, 0, 0, 0, 0, 0, 0), process.pid);
  assert.equal(syscall(100_000, 0, 0, 0, 0, 0, 0), -ENOSYS);
  const nowhere = cString('/no/such');
  assert.equal(syscall(NR_OPENAT, AT_FDCWD, addressOf(nowhere), 0, 0, 0, 0), -ENOENT);
  assert.equal(nowhere.length, 9);
  assert.equal(mmap(0, 0, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), -EINVAL);
  assert.equal(mmap(0, 4096, RW, MAP_PRIVATE, 0x7fff_ffff, 0), -EBADF);
  assert.equal(munmap(1, 4096), -EINVAL);
  assert.equal(madvise(1, 4096, MADV_NOHUGEPAGE), -EINVAL);
  assert.equal(close(-1), -EBADF);
  assert.equal(dup3(0, 0, 0), -EINVAL);
  assert.equal(dup3(0x7fff_ffff, 3, 0), -EBADF);
  assert.equal(eventfd(0, 0xffff), -EINVAL);
  assert.equal(sysconf(30), pageSize());
  assert.equal(sysconf(-5), -EINVAL);

  const event = eventfd(2, 0);
  assert.equal(poll(event, POLLIN | POLLOUT, 0), POLLIN | POLLOUT);
  const count = new BigUint64Array(1);
  assert.equal(syscall(NR_READ, event, addressOf(count), 8, 0, 0, 0), 8);
  assert.deepEqual(count, new BigUint64Array([2n]));
  assert.equal(poll(event, POLLIN, 1), 0, 'a time-out');
  assert.equal(close(event), 0);
  assert.equal(poll(event, POLLIN, 0), POLLNVAL);
  assert.equal(poll(-1, POLLIN, 1), 0);
});

test('adopt gives an fd that Node closes', without, () => {
  const event = linux.eventfd(1, 0);
  const owned = linux.adopt(event);
  assert.ok(owned >= 0);
  assert.equal(linux.poll(owned, POLLIN, 0), POLLIN);
  assert.match(readFileSync(`/proc/self/fdinfo/${owned}`, 'utf8'), /flags:\t0?2\d*/);
  assert.equal(linux.poll(event, POLLIN, 0), event === owned ? POLLIN : POLLNVAL, 'moved, not copied');
  assert.equal(linux.close(owned), 0);
  assert.equal(linux.close(owned), -EBADF);
  assert.equal(linux.adopt(0x7fff_ffff), -EBADF);
});

test('page size', () => {
  assert.ok([4096, 16384, 65536].includes(pageSize()));
  assert.equal(linux.pageSize(), pageSize());
});

test('structs to memory and back', () => {
  const bytes = new Uint8Array(100).fill(0xee);
  writeStruct(
    bytes,
    io_uring_sqe,
    { opcode: 7, fd: -1, off: -1n, user_data: 2n ** 64n - 2n, len: 0xffff_ffff },
    16,
  );
  assert.deepEqual([...bytes.subarray(15, 26)], [0xee, 7, 0xee, 0xee, 0xee, 255, 255, 255, 255, 255, 255]);
  const back = readStruct(bytes, io_uring_sqe, 16);
  assert.deepEqual(
    [back.opcode, back.fd, back.off, back.user_data, back.len, back.flags],
    [7, -1, 2n ** 64n - 1n, 2n ** 64n - 2n, 0xffff_ffff, 0xee],
  );
  assert.equal(makeStruct(io_uring_params).length, 120);
  assert.ok(makeStruct(io_uring_params).every((byte) => byte === 0));
  // Through a view that does not begin at its buffer.
  const view = new Uint8Array(new ArrayBuffer(200), 60, 130);
  writeStruct(view, io_uring_params, { features: 5 }, 4);
  assert.equal(readStruct(view, io_uring_params, 4).features, 5);
  const range = { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' };
  for (const offset of [37, -1, Number.NaN]) {
    assert.throws(() => readStruct(bytes, io_uring_sqe, offset), range);
    assert.throws(() => writeStruct(bytes, io_uring_sqe, {}, offset), range);
  }
  for (const values of [
    { opcode: 256 },
    { opcode: -129 },
    { fd: 2 ** 32 },
    { fd: 0.5 },
    { len: Number.NaN },
    { off: 2n ** 64n },
    { off: -(2n ** 63n) - 1n },
    { user_data: 2 ** 53 },
    { opcode: '7' as never },
    { fd: new Uint8Array(5) },
  ])
    assert.throws(() => writeStruct(bytes, io_uring_sqe, values), range, JSON.stringify(Object.keys(values)));
  const value = { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' };
  assert.throws(() => makeStruct(io_uring_sqe, { nothing: 1 } as never), value);
  assert.throws(() => makeStruct(io_uring_params, { resv: 1 }), value, 'an array takes bytes');
  assert.equal(readStruct(new Uint8Array(io_uring_probe.size), io_uring_probe).last_op, 0);
});

test('strings', () => {
  assert.deepEqual([...cString('aé')], [0x61, 0xc3, 0xa9, 0]);
  assert.deepEqual([...cString('')], [0]);
  assert.deepEqual([...cString(Buffer.from([0xff, 0xfe]))], [0xff, 0xfe, 0], 'any bytes');
  assert.throws(() => cString('a\0b'), { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
  assert.throws(() => cString(Buffer.from([0])), { code: 'ERR_INVALID_ARG_VALUE' });
  for (const bad of [5, null, undefined, {}, new Uint16Array(2)])
    assert.throws(() => cString(bad as never), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
  const bytes = Buffer.from('one\0two\0rest');
  assert.deepEqual(
    [0, 4, 8, 3, 12].map((offset) => readCString(bytes, offset)),
    ['one', 'two', 'rest', '', ''],
  );
  for (const bad of [13, -1, 0.5, Number.NaN])
    assert.throws(() => readCString(bytes, bad), { code: 'ERR_OUT_OF_RANGE' });
});

test('UringError has what a system error of Node has', () => {
  for (const errno of [EEXIST, -EEXIST]) {
    const error = new UringError(errno, 'io_uring_enter');
    assert.deepEqual(
      [error.code, error.errno, error.syscall, error.name],
      ['EEXIST', -17, 'io_uring_enter', 'UringError'],
    );
    assert.ok(error instanceof Error && error.fix.length > 10);
    assert.ok(error.message.startsWith('EEXIST: '));
  }
});
