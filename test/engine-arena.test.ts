/**
 * Memory of the ring's own: registered, page-aligned, given back when nothing refers to it.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { IoUring, type Sqe } from 'tsuring';
import {
  addressOf,
  IORING_OP_READ,
  IORING_OP_READ_FIXED,
  IORING_OP_WRITE,
  IORING_OP_WRITE_FIXED,
  IORING_SETUP_SUBMIT_ALL,
  linux,
  pageSize,
} from 'tsuring/syscalls';
import { times } from './support/effort.ts';
import { engineTests } from './support/engine-test.ts';
import { scratch } from './support/live-scratch.ts';
import { collectGarbage } from './support/memory-watch.ts';
import { lacksRegister, lacksRing } from './support/needs.ts';

const engineTest = engineTests(scratch);
/** What the engine asks for before it registers memory. */
const lacksTable =
  lacksRing('IORING_SETUP_SUBMIT_ALL (Linux 5.18)', { flags: IORING_SETUP_SUBMIT_ALL }) ||
  lacksRegister('IORING_REGISTER_FILE_ALLOC_RANGE');

/** A ring that notes the opcodes of what it submits. */
class Noting {
  readonly opcodes: number[] = [];
  readonly ring = new IoUring({ kernel: linux });

  /** The opcode that goes to the kernel for what `encode` writes. */
  async run(encode: (sqe: Sqe) => void): Promise<number> {
    let at = 0;
    let words: Int32Array | undefined;
    await this.ring.run((sqe: Sqe) => {
      encode(sqe);
      ({ at, words } = sqe);
    });
    return words![at] & 0xff;
  }
}

engineTest('it begins at a page, is zeroed, and no two overlap', false, async (ring) => {
  const page = pageSize();
  const sizes = [1, 100, page, page + 1, 0, 300_000, 5, 3 << 20, 64];
  const all = Array.from({ length: times(50) * sizes.length }, (_, n) =>
    ring.allocate(sizes[n % sizes.length]),
  );
  all.forEach((buffer, n) => {
    assert.ok(Buffer.isBuffer(buffer));
    assert.equal(buffer.length, sizes[n % sizes.length]);
    if (buffer.length === 0) return;
    assert.equal(addressOf(buffer) % page, 0);
    assert.ok(buffer.every((byte) => byte === 0));
    buffer.fill((n % 255) + 1);
  });
  all.forEach((buffer, n) => {
    assert.ok(buffer.every((byte) => byte === (n % 255) + 1));
  });
});

engineTest('reads and writes with it use that it is registered', lacksTable, async (_ring, here) => {
  const { read, write } = await import('tsuring');
  const noting = new Noting();
  await using ring = noting.ring;
  const fd = here.fileFd('file', Buffer.alloc(8192, 7));
  const memory = ring.allocate(8192);
  const opcodes = [];
  opcodes.push(await noting.run((sqe) => read(sqe, fd, memory, 8192, 0)));
  assert.ok(memory.every((byte) => byte === 7));
  // A part of it, in the middle of a page.
  const part = memory.subarray(10, 20).fill(9);
  opcodes.push(await noting.run((sqe) => write(sqe, fd, part, 10, 100)));
  const view = new DataView(memory.buffer, memory.byteOffset, 4);
  opcodes.push(await noting.run((sqe) => read(sqe, fd, view, 4, 100)));
  assert.equal(view.getUint8(0), 9);
  const plain = Buffer.alloc(8192);
  opcodes.push(await noting.run((sqe) => read(sqe, fd, plain, 8192, 0)));
  opcodes.push(await noting.run((sqe) => write(sqe, fd, plain, 8192, 0)));
  assert.deepEqual(opcodes, [
    IORING_OP_READ_FIXED,
    IORING_OP_WRITE_FIXED,
    IORING_OP_READ_FIXED,
    IORING_OP_READ,
    IORING_OP_WRITE,
  ]);
  assert.equal(readFileSync(here.at('file'))[105], 9);
});

engineTest('in all ways: short, with options, in chains, of other rings', false, async (ring, here) => {
  const fd = here.fileFd('file', 'content');
  const memory = ring.allocate(4096);
  const text = () => memory.toString('latin1', 0, 7);
  assert.equal(await ring.read(fd, memory, { offset: 0 }), 7);
  assert.equal(text(), 'content');
  memory.fill(0);
  assert.equal(await ring.read(fd, memory, { offset: 0, timeout: 10_000 }), 7);
  assert.equal(text(), 'content');
  memory.fill(0);
  assert.deepEqual(await ring.chain((link) => [link.read(fd, memory, { offset: 0, length: 7 })]), [7]);
  assert.equal(text(), 'content');
  memory.fill(0);
  await using other = new IoUring();
  other.allocate(1);
  assert.equal(await other.read(fd, memory, { offset: 0 }), 7);
  assert.equal(text(), 'content');
  const [readFd, writeFd] = here.pipe();
  assert.equal(await ring.write(writeFd, memory.subarray(0, 3)), 3);
  memory.fill(0);
  assert.equal(await ring.read(readFd, memory.subarray(50)), 3);
  assert.equal(memory.toString('latin1', 50, 53), 'con');
  // A file that knows no vectors of pages.
  const proc = here.fd('/proc/self/status', 'r');
  assert.ok((await ring.read(proc, memory, { offset: 0 })) > 100);
  assert.match(memory.toString('latin1'), /^Name:/);
});

engineTest('pieces leave the ring when nothing refers to them', lacksTable, async (ring, here) => {
  const fd = here.fileFd('file', Buffer.alloc(4096, 3));
  // Far more than there is room for in the table: each piece is a megabyte.
  for (let n = 0; n < times(600); n++) {
    const memory = ring.allocate(2 ** 20);
    assert.equal(await ring.read(fd, memory.subarray(4096), { offset: 0 }), 4096);
    assert.equal(memory[4096], 3);
    if (n % 50 === 0) {
      await collectGarbage();
      await turn();
    }
  }
  const locked = Number(readFileSync('/proc/self/status', 'latin1').match(/VmRSS:\s+(\d+)/)![1]);
  assert.ok(locked < 1_000_000, `${locked} kB`);
});

engineTest('a view beyond what is registered', lacksTable, async (ring, here) => {
  const fd = here.fileFd('file', Buffer.alloc(8192, 4));
  const memory = ring.allocate(4096);
  ring.allocate(2 ** 20);
  const beyond = new Uint8Array(memory.buffer, memory.byteOffset + 2 ** 20, 4096);
  assert.equal(await ring.read(fd, beyond, { offset: 0 }), 4096);
  assert.equal(beyond[4095], 4);
  const across = new Uint8Array(memory.buffer, memory.byteOffset, 2 ** 21);
  assert.equal(await ring.read(fd, across, { offset: 0 }), 8192);
});

engineTest('operations in flight keep it', false, async (ring, here) => {
  const [readFd, writeFd] = here.pipe();
  const reading = ring.read(readFd, ring.allocate(2 ** 20));
  for (let n = 0; n < 5; n++) {
    await collectGarbage();
    await turn();
  }
  await ring.write(writeFd, Buffer.from('x'));
  assert.equal(await reading, 1);
});

engineTest('mistakes', false, async () => {
  const ring = new IoUring();
  for (const size of [-1, 0.5, Number.NaN, 2 ** 50])
    assert.throws(() => ring.allocate(size), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => ring.allocate('1' as never), { code: 'ERR_INVALID_ARG_TYPE' });
  const memory = ring.allocate(10);
  await ring.close();
  assert.throws(() => ring.allocate(1), { code: 'EBADF' });
  assert.equal(memory.fill(1)[9], 1);
});
