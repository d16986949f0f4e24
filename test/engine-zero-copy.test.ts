/**
 * Sending without a copy.
 */
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { Msghdr, type ZeroCopySent } from 'tsuring';
import { addressOf, libc, SO_LINGER, SOL_SOCKET } from 'tsuring/syscalls';
import { times } from './support/effort.ts';
import { engineTests } from './support/engine-test.ts';
import { lacksOpcode, lacksRegister } from './support/needs.ts';
import { Sockets } from './support/sockets.ts';

const engineTest = engineTests(() => new Sockets());
const lacksZeroCopy = lacksOpcode('IORING_OP_SEND_ZC');
/** Before, a registered file was let go only when all that was in flight by then was over, notifications included. */
const lacksOwnNodes =
  lacksZeroCopy ||
  (lacksRegister('IORING_REGISTER_RESIZE_RINGS') && 'needs files that are let go one by one (Linux 6.13)');
const lacksMessages = lacksOpcode('IORING_OP_SENDMSG_ZC');

/** All that comes until there are so many bytes. */
async function collect(chunks: AsyncIterable<Buffer>, count: number): Promise<Buffer> {
  const all: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    all.push(chunk);
    length += chunk.length;
    if (length >= count) break;
  }
  return Buffer.concat(all);
}

engineTest('what was sent, and then that the buffer is free', lacksZeroCopy, async (ring, sockets) => {
  const [a, b] = sockets.tcp();
  for (const [n, make] of [Buffer.alloc, (size: number) => ring.allocate(size)].entries()) {
    const buffer = make(65_536).fill(n + 1);
    const got = collect(ring.recvMultishot(b), buffer.length);
    let sent = 0;
    while (sent < buffer.length) {
      const { bytes, released } = await ring.sendZc(a, buffer.subarray(sent));
      assert.ok(bytes > 0);
      sent += bytes;
      assert.equal(await released, undefined);
    }
    assert.ok((await got).equals(buffer));
  }
  assert.equal(ring.stats().inFlight, 0);
});

engineTest('a part of a buffer', lacksZeroCopy, async (ring, sockets) => {
  const [a, b] = sockets.tcp();
  const { bytes, released } = await ring.sendZc(a, Buffer.from('abcdef'), { length: 3 });
  assert.equal(bytes, 3);
  await released;
  const buffer = Buffer.alloc(8);
  assert.equal(await ring.recv(b, buffer), 3);
  assert.equal(buffer.toString('latin1', 0, 3), 'abc');
});

engineTest('the operation is in flight until the buffer is free', lacksZeroCopy, async (ring, sockets) => {
  const [a, b] = sockets.tcp();
  // Not received: nothing acknowledges it all at once, and the kernel keeps the pages.
  const sendings: ZeroCopySent[] = [];
  for (let n = 0; n < 4; n++) sendings.push(await ring.sendZc(a, ring.allocate(65_536).fill(n)));
  let free = 0;
  for (const { released } of sendings)
    void released.then(() => {
      free++;
    });
  const total = sendings.reduce((sum, { bytes }) => sum + bytes, 0);
  await collect(ring.recvMultishot(b), total);
  await Promise.all(sendings.map(({ released }) => released));
  assert.equal(free, 4);
});

engineTest('many at once, in order', lacksZeroCopy, async (ring, sockets) => {
  const [a, b] = sockets.tcp();
  const count = times(300);
  const received = collect(ring.recvMultishot(b), count * 100);
  const all: ZeroCopySent[] = [];
  for (let n = 0; n < count; n++) all.push(await ring.sendZc(a, Buffer.alloc(100, n)));
  await Promise.all(all.map(({ released }) => released));
  const bytes = await received;
  for (let n = 0; n < count; n++) assert.equal(bytes[n * 100], n & 255);
});

engineTest('sendmsgZc', lacksMessages, async (ring, sockets) => {
  const [a, b] = sockets.tcp();
  const message = new Msghdr({ buffers: [Buffer.from('ab'), Buffer.from('cd')] });
  const { bytes, released } = await ring.sendmsgZc(a, message);
  assert.equal(bytes, 4);
  await released;
  const buffer = Buffer.alloc(8);
  await ring.recv(b, buffer);
  assert.equal(buffer.toString('latin1', 0, 4), 'abcd');
});

engineTest('failures have no memory to wait for', lacksZeroCopy, async (ring, sockets) => {
  const [a] = sockets.pair();
  const failed = (error: NodeJS.ErrnoException & { released?: Promise<void> }): boolean => {
    assert.equal(error.syscall, 'sendZc');
    assert.ok(error.released instanceof Promise);
    return true;
  };
  await assert.rejects(ring.sendZc(a, Buffer.from('x')), { code: 'EOPNOTSUPP' });
  await assert.rejects(ring.sendZc(a, Buffer.from('x')), failed);
  await assert.rejects(ring.sendZc(a, 'x' as never), { code: 'ERR_INVALID_ARG_TYPE' });
  await assert.rejects(ring.sendZc(a, Buffer.alloc(2), { length: 3 }), { code: 'ERR_OUT_OF_RANGE' });
  assert.equal(ring.stats().inFlight, 0);
});

engineTest('cancelled while it waits for room in the socket', lacksZeroCopy, async (ring, sockets) => {
  const [a, b] = sockets.tcp();
  const controller = new AbortController();
  const { signal } = controller;
  const fill = async (): Promise<void> => {
    for (;;) await ring.sendZc(a, Buffer.alloc(1 << 18), { signal });
  };
  const filling = fill();
  for (let n = 0; n < 200; n++) await turn();
  controller.abort();
  await assert.rejects(filling, { name: 'AbortError' });
  await assert.rejects(ring.sendZc(a, Buffer.alloc(1), { signal }), { name: 'AbortError' });
  // The peer has taken nothing, and the kernel keeps the memory until it does: to close waits for that.
  assert.ok(ring.stats().inFlight > 0);
  await assert.rejects(ring.close({ timeout: 50 }), { code: 'ETIMEDOUT', message: /sendZc/ });
  sockets.close(b);
  await ring.close();
});

engineTest(
  'a fixed file can be closed before its bytes are acknowledged',
  lacksOwnNodes,
  async (ring, sockets) => {
    const [a, b] = sockets.tcp();
    setLinger(a);
    const file = ring.registerFile(a);
    sockets.close(a);
    // The peer takes nothing.
    const sent: ZeroCopySent[] = [];
    for (let n = 0; n < 3; n++) sent.push(await ring.sendZc(file, Buffer.alloc(65_536), { timeout: 5000 }));
    await file.close();
    await Promise.all(sent.map(({ released }) => released));
    assert.ok(b > 0);
  },
);

/** To close the socket throws away what was not acknowledged. */
function setLinger(fd: number): void {
  const linger = Int32Array.of(1, 0);
  const { syscall } = libc();
  const setsockopt = process.arch === 'arm64' ? 208 : 54;
  assert.equal(syscall(setsockopt, fd, SOL_SOCKET, SO_LINGER, addressOf(linger), 8, 0), 0);
}
