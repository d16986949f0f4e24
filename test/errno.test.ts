import assert from 'node:assert/strict';
import { constants as os } from 'node:os';
import { test } from 'node:test';
import { getSystemErrorMap } from 'node:util';
import * as table from '../syscalls/errno.ts';
import { UringError } from '../syscalls/error.ts';
import { fixFor } from '../syscalls/fixes.ts';

const { errnoMessage, errnoName } = table;
const numbers = Object.entries(table).flatMap<[string, number]>(([name, value]) =>
  typeof value === 'number' ? [[name, value]] : [],
);

test('the table has every errno of Linux: 1 to 133 without 41 and 58, and 512 to 516', () => {
  const values = numbers.map(([, value]) => value).sort((a, b) => a - b);
  const linux = Array.from({ length: 133 }, (_, i) => i + 1).filter((value) => value !== 41 && value !== 58);
  assert.deepEqual(values, [...linux, 512, 513, 514, 515, 516]);
});

test('each name gives its number and back, for either sign', () => {
  for (const [name, value] of numbers) {
    assert.equal(errnoName(value), name);
    assert.equal(errnoName(-value), name);
    assert.match(errnoMessage(value), /^\S.*\S$/);
    assert.equal(errnoMessage(-value), errnoMessage(value));
  }
});

test('os.constants.errno agrees, but for two aliases', () => {
  const aliases: Record<string, string> = { EWOULDBLOCK: 'EAGAIN', ENOTSUP: 'EOPNOTSUPP' };
  let compared = 0;
  for (const [name, value] of Object.entries(os.errno)) {
    assert.equal(errnoName(value), aliases[name] ?? name);
    compared++;
  }
  assert.ok(compared > 70, `${compared}`);
});

test('libuv agrees on names and messages, but for EOPNOTSUPP, which is not only of sockets, and EALREADY', () => {
  let compared = 0;
  for (const [value, [name, message]] of getSystemErrorMap()) {
    // Past 133 are those libuv made up.
    if (value < -133) continue;
    if (name === 'ENOTSUP') {
      assert.equal(errnoName(value), 'EOPNOTSUPP');
      continue;
    }
    assert.equal(errnoName(value), name);
    if (name !== 'EALREADY') assert.equal(errnoMessage(value), message);
    compared++;
  }
  assert.ok(compared > 60, `${compared}`);
});

test('the names Node lacks, and what has none', () => {
  assert.equal(errnoName(-62), 'ETIME');
  assert.equal(errnoName(-77), 'EBADFD');
  assert.equal(errnoName(-53), 'EBADR');
  assert.equal(errnoName(-512), 'ERESTARTSYS');
  assert.equal(errnoName(999), 'Unknown system error -999');
  assert.equal(errnoName(0), 'Unknown system error 0');
  assert.equal(errnoMessage(-999), 'unknown error');
});

test('fixFor has a sentence for every call and errno', () => {
  const calls = [
    'io_uring_setup',
    'io_uring_enter',
    'io_uring_register',
    'mmap',
    'munmap',
    'eventfd',
    'dup3',
  ];
  for (const call of [...calls, 'close', 'pipe2', 'constructor', ''])
    for (let errno = 0; errno < 600; errno++) {
      assert.match(fixFor(call, errno), /^([A-Z]|io_uring).*\.$/, `${call} ${errno}`);
      assert.equal(fixFor(call, -errno), fixFor(call, errno));
    }
});

test('fixFor names the cause where the call has its own', () => {
  const { EAGAIN, EBADFD, EBUSY, EEXIST, EINTR, ENOMEM, ENOSYS, EOWNERDEAD, EPERM } = table;
  assert.match(fixFor('io_uring_setup', ENOMEM), /RLIMIT_MEMLOCK/);
  assert.match(fixFor('io_uring_setup', EPERM), /io_uring_disabled.*seccomp/);
  assert.match(fixFor('io_uring_setup', ENOSYS), /CONFIG_IO_URING.*gVisor/);
  assert.match(fixFor('io_uring_enter', EBUSY), /reap/);
  assert.match(fixFor('io_uring_enter', EAGAIN), /still in the queue/);
  assert.match(fixFor('io_uring_enter', EBADFD), /IORING_REGISTER_ENABLE_RINGS/);
  assert.match(fixFor('io_uring_enter', EEXIST), /DEFER_TASKRUN/);
  assert.match(fixFor('io_uring_enter', EINTR), /event loop/);
  assert.match(fixFor('io_uring_enter', EOWNERDEAD), /SQPOLL/);
  assert.match(fixFor('io_uring_register', ENOMEM), /RLIMIT_MEMLOCK.*huge page/);
});

test("UringError has the shape of Node's system errors, and a fix", () => {
  for (const errno of [16, -16]) {
    const error = new UringError(errno, 'io_uring_enter');
    const fix = fixFor('io_uring_enter', 16);
    assert.ok(error instanceof Error);
    assert.equal(error.name, 'UringError');
    assert.equal(error.message, `EBUSY: resource busy or locked, io_uring_enter: ${fix}`);
    assert.deepEqual({ ...error }, { code: 'EBUSY', errno: -16, syscall: 'io_uring_enter', fix });
    assert.ok(error.stack?.startsWith('UringError: EBUSY: '));
  }
});

test('UringError takes a fix of its own', () => {
  const error = new UringError(table.ENOSYS, 'dlopen', 'Install the other build.');
  assert.equal(error.fix, 'Install the other build.');
  assert.equal(error.message, 'ENOSYS: function not implemented, dlopen: Install the other build.');
});
