/**
 * Registered buffers and files, and `register` itself.
 */
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { allocatePages, type IoUringState, nop, read, readFixed } from 'tsuring';
import {
  addressOf,
  ENOMEM,
  IORING_REGISTER_FILES_UPDATE,
  IORING_REGISTER_PROBE,
  IORING_SETUP_SQPOLL,
  IOSQE_FIXED_FILE,
  io_uring_files_update,
  io_uring_probe,
  type Kernel,
  linux,
  makeStruct,
  pageSize,
} from 'tsuring/syscalls';
import { lacksRing } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';
import { timeLimit } from './support/time-limit.ts';

const without = { skip: lacksRing('io_uring', {}), timeout: timeLimit };
const folder = mkdtempSync(join(tmpdir(), 'tsuring-register-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'file');
const content = Buffer.from(Array.from({ length: 20_000 }, (_, n) => (n * 7) & 0xff));
writeFileSync(path, content);

for (const [name, flags] of Object.entries({ plain: 0, SQPOLL: IORING_SETUP_SQPOLL }))
  test(`READ_FIXED on a fixed file whose fd is closed: ${name}`, {
    ...without,
    skip: lacksRing(name, { flags }),
  }, () => {
    using open = openRing(8, { flags });
    const { ring } = open;
    const pages = allocatePages(2 * pageSize());
    const plain = new Uint8Array(6000);
    const fd = openSync(path, 'r');
    ring.registerFiles([-1, fd]);
    closeSync(fd);
    ring.registerBuffers([plain, pages]);
    readFixed(ring.getSqe()!, 1, pages, 4000, 100, 1);
    ring.getSqe()!.flags = IOSQE_FIXED_FILE;
    ring.getSqe()!.userData = 1;
    ring.stageSqe();
    // Into the middle of a buffer.
    readFixed(ring.getSqe()!, 1, addressOf(plain) + 1000, 5000, 0, 0);
    ring.getSqe()!.flags = IOSQE_FIXED_FILE;
    ring.getSqe()!.userData = 2;
    ring.stageSqe();
    // The slot -1 is free, and there is no third.
    for (const slot of [0, 2]) {
      read(ring.getSqe()!, slot, plain, 1, 0);
      ring.getSqe()!.flags = IOSQE_FIXED_FILE;
      ring.getSqe()!.userData = 10 + slot;
      ring.stageSqe();
      // A failing operation ends its batch.
      ring.submit();
    }
    const seen = new Map(reap(ring, 4));
    assert.deepEqual(
      [1, 2, 10, 12].map((userData) => seen.get(userData)),
      [4000, 5000, -9, -9],
    );
    assert.deepEqual(Buffer.from(pages.bytes(0, 4000)), content.subarray(100, 4100));
    assert.deepEqual(Buffer.from(plain.subarray(1000)), content.subarray(0, 5000));
    assert.ok(plain.subarray(0, 1000).every((byte) => byte === 0));
    open.expect({ sq: 0, cq: 0, sqHead: 4, cqHead: 4 });
  });

test('what does not lie in the registered buffer is refused', without, () => {
  using open = openRing(8);
  const { ring } = open;
  const buffers = [new Uint8Array(4096), new Uint8Array(4096)];
  ring.registerBuffers(buffers);
  const fd = openSync(path, 'r');
  const submitOne = (fill: (sqe: NonNullable<ReturnType<IoUringState['getSqe']>>) => void) => {
    fill(ring.getSqe()!);
    ring.stageSqe();
    ring.submit();
    return reap(ring, 1)[0][1];
  };
  assert.equal(
    submitOne((sqe) => readFixed(sqe, fd, buffers[0], 4096, 0, 0)),
    4096,
  );
  assert.equal(
    submitOne((sqe) => readFixed(sqe, fd, buffers[0], 4096, 0, 1)),
    -14,
    'EFAULT: of the other',
  );
  assert.equal(
    submitOne((sqe) => readFixed(sqe, fd, addressOf(buffers[0]) + 1, 4096, 0, 0)),
    -14,
    'beyond',
  );
  assert.equal(
    submitOne((sqe) => readFixed(sqe, fd, buffers[0], 1, 0, 2)),
    -14,
    'no third buffer',
  );
  ring.unregisterBuffers();
  assert.equal(
    submitOne((sqe) => readFixed(sqe, fd, buffers[0], 1, 0, 0)),
    -14,
    'none at all',
  );
  closeSync(fd);
});

test('buffers: twice is EBUSY, none is ENXIO, unmapped is EFAULT', without, () => {
  using open = openRing(4);
  const { ring } = open;
  const syscall = 'io_uring_register';
  assert.throws(() => ring.unregisterBuffers(), { code: 'ENXIO', errno: -6, syscall });
  ring.registerBuffers([new Uint8Array(100)]);
  assert.throws(() => ring.registerBuffers([new Uint8Array(100)]), { code: 'EBUSY', errno: -16, syscall });
  ring.unregisterBuffers();
  ring.registerBuffers([new DataView(new ArrayBuffer(64), 8), new SharedArrayBuffer(64), Buffer.from('abc')]);
  ring.unregisterBuffers();
  assert.throws(() => ring.unregisterBuffers(), { code: 'ENXIO' });
  const unmapped = new BigUint64Array([4096n, 4096n]);
  assert.throws(() => ring.register(0, unmapped, 1), { code: 'EFAULT', syscall });
  assert.throws(() => ring.register(0, 4096, 1), { code: 'EFAULT', syscall });
  ring.registerBuffers([new Uint8Array(1)]);
});

test('files: twice is EBUSY, none is ENXIO, closed is EBADF', without, () => {
  using open = openRing(4);
  const { ring } = open;
  const syscall = 'io_uring_register';
  assert.throws(() => ring.unregisterFiles(), { code: 'ENXIO', errno: -6, syscall });
  assert.throws(() => ring.registerFiles([0x7fff_ffff]), { code: 'EBADF', errno: -9, syscall });
  ring.registerFiles(new Int32Array([-1, -1, -1]));
  assert.throws(() => ring.registerFiles([1]), { code: 'EBUSY', errno: -16, syscall });
  const fd = openSync(path, 'r');
  const fds = new Int32Array([fd]);
  const update = makeStruct(io_uring_files_update, { offset: 2, fds: addressOf(fds) });
  assert.equal(ring.register(IORING_REGISTER_FILES_UPDATE, update, 1), 1);
  closeSync(fd);
  const bytes = new Uint8Array(8);
  read(ring.getSqe()!, 2, bytes, 8, 16);
  ring.getSqe()!.flags = IOSQE_FIXED_FILE;
  ring.stageSqe();
  ring.submit();
  assert.deepEqual(reap(ring, 1), [[0, 8]]);
  assert.deepEqual(Buffer.from(bytes), content.subarray(16, 24));
  ring.unregisterFiles();
  ring.registerFiles([1]);
});

test('no memory for a registration', without, () => {
  let refusals = Infinity;
  let calls = 0;
  const kernel: Kernel = {
    ...linux,
    register: (...call) => {
      calls++;
      return refusals-- > 0 ? -ENOMEM : linux.register(...call);
    },
  };
  using open = openRing(4, { kernel });
  const refused = { code: 'ENOMEM', errno: -12, syscall: 'io_uring_register', fix: /RLIMIT_MEMLOCK/ };
  assert.throws(() => open.ring.registerBuffers([new Uint8Array(8)]), refused);
  assert.ok(calls > 1, 'closed rings give their memory back late: it is tried again');
  // The next may succeed: nothing is remembered of the one that failed.
  refusals = 1;
  open.ring.registerBuffers([new Uint8Array(8)]);
});

test('register gives what the opcode gives, and fills the memory it was given', without, () => {
  using open = openRing(4);
  const probe = new Uint8Array(io_uring_probe.size + 256 * 8);
  assert.equal(open.ring.register(IORING_REGISTER_PROBE, probe, 256), 0);
  const lastOp = probe[0];
  assert.ok(lastOp >= 30, `the last opcode is ${lastOp}`);
  assert.throws(() => open.ring.register(0x7fff_fff0, 0, 0), {
    code: 'EINVAL',
    syscall: 'io_uring_register',
  });
});

test('wrong arguments', without, () => {
  using open = openRing(4);
  const { ring } = open;
  const type = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
  const range = { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' };
  for (const bad of [undefined, null, 5, 'x', {}, new Uint8Array(8)]) {
    assert.throws(() => ring.registerBuffers(bad as never), type);
    if (!(bad instanceof Uint8Array)) assert.throws(() => ring.registerFiles(bad as never), type);
  }
  assert.throws(() => ring.registerBuffers([]), range);
  assert.throws(() => ring.registerFiles([]), range);
  for (const bad of [null, 5, 'x', {}]) assert.throws(() => ring.registerBuffers([bad as never]), type);
  assert.throws(() => ring.registerFiles(['1' as never]), type);
  for (const bad of [-3, 0.5, 2 ** 31, Number.NaN]) assert.throws(() => ring.registerFiles([bad]), range);
  const gone = new Uint8Array(64);
  addressOf(gone);
  structuredClone(gone.buffer, { transfer: [gone.buffer] });
  assert.throws(() => ring.registerBuffers([gone]), { code: 'ERR_INVALID_ARG_VALUE' }, 'detached');
  for (const bad of [-1, 0.5, 2 ** 32, Number.NaN]) {
    assert.throws(() => ring.register(bad, 0, 0), range);
    assert.throws(() => ring.register(0, 0, bad), range);
  }
  for (const bad of [-1, 0.5, Number.NaN, 2 ** 53]) assert.throws(() => ring.register(0, bad, 1), range);
  assert.equal(open.probe.calls.register, undefined, 'the kernel heard of none');
  for (const bad of [undefined, null, '1', 1n, {}])
    assert.throws(() => ring.register(0, bad as never, 1), type);
});

test('the ring goes on after every refusal', without, () => {
  using open = openRing(4);
  assert.throws(() => open.ring.registerFiles([0x7fff_ffff]));
  nop(open.ring.getSqe()!);
  open.ring.commitSqe();
  assert.equal(open.ring.submitAndWait(1), 1);
  open.expect({ sq: 0, cq: 1 });
  assert.equal(readFileSync(path).length, content.length);
});

/** Waits for `count` completions and gives their user data and results. */
function reap(ring: IoUringState, count: number): [unknown, number][] {
  assert.ok(ring.waitCqes(count, { timeout: timeLimit }));
  const seen: [unknown, number][] = [];
  ring.forEachCqe((cqe) => seen.push([cqe.userData, cqe.res]));
  return seen;
}
