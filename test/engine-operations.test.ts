/**
 * Operations of the engine, each for real.
 */
import assert from 'node:assert/strict';
import { closeSync, fstatSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fsync, IoUring, nop, read, type Statx } from 'tsuring';
import { EPERM, IORING_NOP_INJECT_RESULT, linux } from 'tsuring/syscalls';
import { engineTests, without } from './support/engine-test.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksInjectedResults, lacksOpcode, lacksRing } from './support/needs.ts';

/** A test with a ring and a folder of its own. */
const engineTest = engineTests(scratch);

engineTest('read and write: buffers of every kind, offsets, lengths', false, async (ring, here) => {
  const fd = here.fileFd('file');
  assert.equal(await ring.write(fd, Buffer.from('0123456789'), { offset: 0 }), 10);
  for (const buffer of [Buffer.alloc(4), new Uint16Array(2), new DataView(new ArrayBuffer(8), 4)]) {
    assert.equal(await ring.read(fd, buffer, { offset: 3 }), 4);
    const { buffer: memory, byteOffset, byteLength } = buffer;
    assert.equal(Buffer.from(memory, byteOffset, byteLength).toString(), '3456');
  }
  const four = Buffer.alloc(4, '.');
  assert.equal(await ring.read(fd, four, { offset: 8n, length: 3 }), 2);
  assert.equal(four.toString(), '89..');
  // At the file's own position, which moves.
  assert.deepEqual([await ring.read(fd, four), await ring.read(fd, four)], [4, 4]);
  assert.equal(four.toString(), '4567');
  assert.equal(await ring.read(fd, four, { offset: 10 }), 0);
});

engineTest('readv and writev', false, async (ring, here) => {
  const fd = here.fileFd('file');
  assert.equal(await ring.writev(fd, [Buffer.from('ab'), Buffer.from('cde')], { offset: 0 }), 5);
  const parts = [Buffer.alloc(1), Buffer.alloc(3), Buffer.alloc(5)];
  assert.equal(await ring.readv(fd, parts, { offset: 0 }), 5);
  assert.deepEqual(parts.map(String), ['a', 'bcd', `e${'\0'.repeat(4)}`]);
});

engineTest('openat, closeFd: as Node opens, and close-on-exec', false, async (ring, here) => {
  const path = here.at('new');
  const fd = await ring.openat(path, 'wx+', 0o600);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.match(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'), /flags:\s+\d*2\d{6}$/m, 'O_CLOEXEC');
  await ring.closeFd(fd);
  assert.throws(() => fstatSync(fd), { code: 'EBADF' });
  await assert.rejects(ring.openat(path, 'wx'), { code: 'EEXIST', errno: -17, syscall: 'openat', path });
  const folder = await ring.openat(here.folder);
  const again = await ring.openat('new', 'r', 0, { dirFd: folder });
  assert.equal(readlinkSync(`/proc/self/fd/${again}`), path);
  await Promise.all([ring.closeFd(folder), ring.closeFd(again)]);
});

engineTest('statx, fstatx', lacksOpcode('IORING_OP_STATX'), async (ring, here) => {
  const path = here.file('file', 'five!');
  const expected = statSync(path, { bigint: true });
  const matches = (found: Statx) =>
    assert.deepEqual(
      [found.size, found.ino, found.mode, found.mtimeNs],
      [expected.size, expected.ino, Number(expected.mode), expected.mtimeNs],
    );
  matches(await ring.statx(path));
  matches(await ring.fstatx(here.fd(path)));
  await assert.rejects(ring.statx(here.at('none')), { code: 'ENOENT', path: here.at('none') });
});

engineTest('fsync, fdatasync, fallocate, fadvise, syncFileRange', false, async (ring, here) => {
  const fd = here.fileFd('file', 'content');
  assert.deepEqual(await Promise.all([ring.fsync(fd), ring.fdatasync(fd)]), [undefined, undefined]);
  await ring.syncFileRange(fd, 0, 7, 0);
  await ring.fallocate(fd, 0, 0, 10_000);
  assert.equal(fstatSync(fd).size, 10_000);
  await ring.fadvise(fd, 0, 0, 1);
  await assert.rejects(ring.fallocate(fd, 0, 0, 0), { code: 'EINVAL', syscall: 'fallocate' });
});

engineTest('ftruncate', lacksOpcode('IORING_OP_FTRUNCATE'), async (ring, here) => {
  const fd = here.fileFd('file', 'content');
  await ring.ftruncate(fd, 3);
  assert.equal(fstatSync(fd).size, 3);
});

engineTest(
  'mkdirat, linkat, symlinkat, renameat, unlinkat, rmdir',
  lacksOpcode('IORING_OP_LINKAT'),
  async (ring, here) => {
    const file = here.file('file', 'x');
    await ring.mkdirat(here.at('folder'), 0o700);
    await ring.linkat(file, here.at('folder/hard'));
    await ring.symlinkat('hard', here.at('folder/soft'));
    assert.equal(readFileSync(here.at('folder/soft'), 'latin1'), 'x');
    await ring.renameat(file, here.at('other'));
    await assert.rejects(ring.renameat(file, here.at('other')), {
      code: 'ENOENT',
      path: file,
      dest: here.at('other'),
      message: `ENOENT: no such file or directory, renameat '${file}' -> '${here.at('other')}'`,
    });
    await assert.rejects(ring.rmdir(here.at('folder')), { code: 'ENOTEMPTY' });
    await Promise.all(['hard', 'soft'].map((name) => ring.unlinkat(here.at(`folder/${name}`))));
    await ring.rmdir(here.at('folder'));
    await assert.rejects(ring.statx(here.at('folder')), { code: 'ENOENT' });
  },
);

engineTest('splice and tee', false, async (ring, here) => {
  const fd = here.fileFd('file', 'through a pipe');
  const [out, into] = here.pipe();
  const [out2, into2] = here.pipe();
  assert.equal(await ring.splice(fd, 0, into, -1, 14), 14);
  assert.equal(await ring.tee(out, into2, 14), 14);
  for (const end of [out, out2]) {
    const bytes = Buffer.alloc(14);
    assert.equal(await ring.read(end, bytes), 14);
    assert.equal(bytes.toString(), 'through a pipe');
  }
});

engineTest('any function of the operations, by run', false, async (ring, here) => {
  const fd = here.fileFd('file', 'abc');
  const bytes = Buffer.alloc(3);
  assert.deepEqual(
    await Promise.all([ring.run(read, fd, bytes, 3, 0), ring.run(fsync, fd), ring.run(nop)]),
    [3, 0, 0],
  );
  assert.equal(bytes.toString(), 'abc');
  await assert.rejects(ring.run(read, 9999, bytes, 3, 0), { code: 'EBADF', syscall: 'read' });
});

engineTest('results beyond what an errno is', lacksInjectedResults(), async (ring) => {
  const said = (res: number) =>
    ring.run((sqe) => {
      nop(sqe);
      sqe.len = res;
      sqe.opFlags = IORING_NOP_INJECT_RESULT;
    });
  assert.equal(await said(0x7fff_ffff), 0x7fff_ffff);
  // What the kernel says when it would have a call repeated, which is no errno of C's.
  for (const res of [512, 513, 514]) await assert.rejects(said(-res >>> 0), { code: 'EINTR', errno: -4 });
  // Linux 7.3 itself makes EINTR of this one.
  await assert.rejects(said(-516 >>> 0), { code: /^(ECANCELED|EINTR)$/ });
});

engineTest('mistakes reject, and the next operation is none the worse', false, async (ring, here) => {
  const fd = here.fileFd('file', 'abc');
  const bytes = Buffer.alloc(3);
  await assert.rejects(ring.read('3' as never, bytes), { code: 'ERR_INVALID_ARG_TYPE' });
  await assert.rejects(ring.read(fd, 'bytes' as never), { code: 'ERR_INVALID_ARG_TYPE' });
  await assert.rejects(ring.read(fd, bytes, { length: 4 }), { code: 'ERR_OUT_OF_RANGE' });
  await assert.rejects(ring.read(fd, bytes, { offset: 1.5 }), { code: 'ERR_OUT_OF_RANGE' });
  await assert.rejects(ring.read(2 ** 31, bytes), { code: 'ERR_OUT_OF_RANGE' });
  await assert.rejects(ring.openat(here.at('a\0b')), { code: 'ERR_INVALID_ARG_VALUE' });
  await assert.rejects(ring.openat(here.at('x'), 'nonsense'), { code: 'ERR_INVALID_ARG_VALUE' });
  await assert.rejects(ring.read(fd, bytes, { signal: {} as never }), { code: 'ERR_INVALID_ARG_TYPE' });
  await assert.rejects(ring.read(fd, bytes, { timeout: -1 }), { code: 'ERR_OUT_OF_RANGE' });
  const detached = new Uint8Array(8);
  await ring.read(fd, detached);
  structuredClone(detached.buffer, { transfer: [detached.buffer] });
  await assert.rejects(ring.read(fd, detached), { code: 'ERR_INVALID_ARG_VALUE' });
  assert.equal(await ring.read(fd, bytes, { offset: 0 }), 3);
  assert.equal(ring.stats().inFlight, 0);
  for (const options of [{ entries: 0 }, { entries: 1.5 }, { cqEntries: -1 }])
    assert.throws(() => new IoUring(options), { code: 'ERR_OUT_OF_RANGE' });
  for (const options of [null, { sqpoll: 1 }, { entries: '8' }])
    assert.throws(() => new IoUring(options as never), { code: 'ERR_INVALID_ARG_TYPE' });
});

engineTest('a buffer that is transferred away in flight', false, async (ring, here) => {
  const [out, into] = here.pipe();
  const bytes = new Uint8Array(new ArrayBuffer(4096));
  const reading = ring.read(out, bytes);
  ring.flush();
  const elsewhere = structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] });
  await ring.write(into, Buffer.from('late'));
  await assert.rejects(reading, { code: 'ERR_INVALID_STATE', message: /transferred away.*read/ });
  assert.equal(elsewhere.byteLength, 4096);
});

engineTest('a buffer that is transferred away before the kernel is told', false, async (ring, here) => {
  const [out, into] = here.pipe();
  const file = here.fileFd('file', 'before');
  const away = (bytes: Uint8Array): void =>
    void structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] });
  const gone = { code: 'ERR_INVALID_STATE', message: /transferred away before/ };
  const [first, second, third, fourth] = [8, 8, 8, 8].map((size) => new Uint8Array(size));
  await ring.write(into, Buffer.from('kept'));
  const done = Promise.allSettled([
    ring.read(out, first),
    ring.readv(out, [Buffer.alloc(2), second]),
    ring.write(file, third, { offset: 0 }),
    ring.chain((link) => [link.nop(), link.write(file, fourth, { offset: 0 }), link.nop()]),
    ring.nop(),
  ]);
  for (const bytes of [first, second, third, fourth]) away(bytes);
  const [read, readv, write, chain, nop] = await done;
  for (const each of [read, readv, write, chain])
    await assert.rejects(each.status === 'rejected' ? Promise.reject(each.reason) : Promise.resolve(), gone);
  assert.equal((chain as PromiseRejectedResult).reason.link, 1);
  assert.equal(nop.status, 'fulfilled');
  const bytes = Buffer.alloc(8);
  assert.equal(await ring.read(out, bytes), 4, 'nothing was read of it');
  assert.equal(await ring.read(file, bytes, { offset: 0 }), 6);
  assert.equal(bytes.toString('latin1', 0, 6), 'before');
  assert.equal(ring.stats().inFlight, 0);
});

engineTest('one of several buffers that is transferred away in flight', false, async (ring, here) => {
  const [readFd, writeFd] = here.pipe();
  const ends = [
    (buffers: Buffer[]) => ring.readv(readFd, buffers),
    (buffers: Buffer[]) => ring.chain((link) => [link.readv(readFd, buffers)]),
  ];
  for (const start of ends) {
    const buffers = [Buffer.alloc(2), Buffer.allocUnsafeSlow(2), Buffer.alloc(0)];
    const reading = start(buffers);
    ring.flush();
    const { buffer } = buffers[1];
    const elsewhere = structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
    await ring.write(writeFd, Buffer.from('abcd'));
    await assert.rejects(reading, { code: 'ERR_INVALID_STATE', message: /transferred away.*readv/ });
    assert.equal(elsewhere.byteLength, 2);
  }
  // An empty one is no fault.
  await ring.write(writeFd, Buffer.from('ab'));
  assert.equal(await ring.readv(readFd, [Buffer.alloc(2), Buffer.alloc(0)]), 2);
});

test('with the kernel’s own thread', {
  ...without,
  skip: lacksRing('SQPOLL', { flags: 2 }),
}, async () => {
  using here = scratch();
  await using ring = new IoUring({ sqpoll: true, sqThreadIdle: 1 });
  const fd = here.fileFd('file', 'content');
  for (let n = 0; n < 300; n++) {
    const buffers = Array.from({ length: 8 }, () => Buffer.alloc(7));
    const lengths = await Promise.all(buffers.map((buffer) => ring.read(fd, buffer, { offset: 0 })));
    assert.deepEqual(lengths, Array(8).fill(7));
    assert.deepEqual(buffers.map(String), Array(8).fill('content'));
    // So that the thread falls asleep now and then.
    if (n % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
});

test('more operations than a small ring has room for', without, async () => {
  using here = scratch();
  const fd = here.fileFd('file', 'content');
  await using ring = new IoUring({ entries: 3, cqEntries: 4 });
  const buffers = Array.from({ length: 1000 }, () => Buffer.alloc(7));
  await Promise.all(buffers.map((buffer) => ring.read(fd, buffer, { offset: 0 })));
  assert.ok(buffers.every((buffer) => buffer.toString() === 'content'));
});

test('where no ring can be had the first operation says why', without, async () => {
  const ring = new IoUring({ kernel: { ...linux, setup: () => -EPERM } });
  await assert.rejects(ring.run(nop), { code: 'EPERM', syscall: 'io_uring_setup' });
  await ring.close();
});

test('closeFd of what is not open', without, async () => {
  await using ring = new IoUring();
  using here = scratch();
  writeFileSync(here.at('x'), '');
  const fd = await ring.openat(here.at('x'));
  closeSync(fd);
  await assert.rejects(ring.closeFd(fd), { code: 'EBADF', syscall: 'close' });
});
