/**
 * What is received is lent, not copied; and the iterables by their short names.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { IoUring, type LentBuffer, Msghdr, type Multishot } from 'tsuring';
import { linux, MSG_TRUNC, SHUT_WR, SOCK_DGRAM, SOCK_SEQPACKET } from 'tsuring/syscalls';
import { times } from './support/effort.ts';
import { engineTests, without } from './support/engine-test.ts';
import { collectGarbage } from './support/memory-watch.ts';
import { lacksRegister } from './support/needs.ts';
import { lacksRecvmsgMultishot } from './support/recvmsg-needs.ts';
import { Sockets, sendNow, shutdownNow } from './support/sockets.ts';

const engineTest = engineTests(() => new Sockets());
const lacksPool = lacksRegister('IORING_REGISTER_PBUF_RING');

/** A ring whose kernel has no buffer rings. */
function oldRing(): IoUring {
  return new IoUring({
    kernel: {
      ...linux,
      register: (fd, opcode, ...rest) => (opcode === 22 ? -22 : linux.register(fd, opcode, ...rest)),
    },
  });
}

for (const [name, make] of Object.entries({ 'with a pool': () => new IoUring(), 'one at a time': oldRing }))
  test(`a chunk is there until it is released: ${name}`, without, async () => {
    using sockets = new Sockets();
    await using ring = make();
    const [a, b] = sockets.pair();
    const chunks = ring.recv(b, { zeroCopy: true });
    const held: { chunk: LentBuffer; text: string }[] = [];
    for (const text of ['one', 'two', 'three']) {
      sendNow(a, text);
      const { value } = await chunks.next();
      held.push({ chunk: value, text });
    }
    for (const { chunk, text } of held) {
      assert.equal(chunk.data.toString('latin1'), text);
      assert.ok(chunk.data.buffer instanceof ArrayBuffer);
      const part = chunk.data.subarray(1);
      const whole = new Uint8Array(chunk.data.buffer);
      assert.equal(chunk.released, false);
      chunk.release();
      chunk.release();
      assert.equal(chunk.released, true);
      assert.deepEqual(
        [chunk.data.length, part.length, whole.length, chunk.data.buffer.byteLength],
        [0, 0, 0, 0],
      );
    }
    shutdownNow(a, SHUT_WR);
    assert.equal((await chunks.next()).done, true);
  });

engineTest('buffers go round without end, each with its own bytes', lacksPool, async (_ring, sockets) => {
  await using ring = new IoUring({ bufferCount: 4, bufferSize: 64 });
  const [a, b] = sockets.pair();
  const chunks = ring.recv(b, { zeroCopy: true });
  for (let n = 0; n < times(3000); n++) {
    sendNow(a, Buffer.alloc(64, n));
    const { value } = await chunks.next();
    using chunk: LentBuffer = value;
    assert.equal(chunk.data.length, 64);
    assert.ok(chunk.data.every((byte) => byte === (n & 255)));
  }
  await chunks.return();
});

engineTest('while all is lent nothing comes, and then it does', lacksPool, async (_ring, sockets) => {
  await using ring = new IoUring({ bufferCount: 4, bufferSize: 16 });
  const [a, b] = sockets.pair();
  const chunks = ring.recv(b, { zeroCopy: true });
  const bytes = Buffer.from(Array.from({ length: 160 }, (_, n) => n));
  const held: LentBuffer[] = [];
  for (let n = 0; n < 4; n++) {
    sendNow(a, bytes.subarray(n * 16, (n + 1) * 16));
    held.push((await chunks.next()).value);
  }
  sendNow(a, bytes.subarray(64));
  let more = false;
  const next = chunks.next().then((result) => {
    more = true;
    return result;
  });
  const { enters } = ring.stats();
  for (let n = 0; n < 100; n++) await turn();
  assert.equal(more, false);
  assert.ok(ring.stats().enters - enters < 20, 'it does not ask again and again');
  let expected = 0;
  const check = (chunk: LentBuffer): void => {
    for (const byte of chunk.data) assert.equal(byte, expected++);
    chunk.release();
  };
  for (const chunk of held) check(chunk);
  check((await next).value);
  while (expected < 160) check((await chunks.next()).value);
  await chunks.return();
});

engineTest('who waits for a buffer is told of the ring’s end', lacksPool, async (_ring, sockets) => {
  const ring = new IoUring({ bufferCount: 1 });
  const [a, b] = sockets.pair();
  const chunks = ring.recv(b, { zeroCopy: true });
  sendNow(a, 'a');
  const { value } = await chunks.next();
  // The buffer is lent, and more stands there: the kernel ends the operation.
  sendNow(a, 'b');
  const next = chunks.next();
  for (let n = 0; n < 10 || ring.stats().inFlight > 0; n++) await turn();
  const rejected = assert.rejects(next, { code: 'EBADF' });
  await ring.close();
  await rejected;
  assert.equal((await chunks.next()).done, true);
  assert.equal(value.data.toString(), 'a');
  value.release();
});

engineTest('one that is not looked at leaves buffers for the others', lacksPool, async (_ring, sockets) => {
  await using ring = new IoUring({ bufferCount: 8 });
  const [a, b] = sockets.pair(SOCK_SEQPACKET);
  const [c, d] = sockets.pair(SOCK_SEQPACKET);
  const idle = ring.recv(b, { zeroCopy: true });
  sendNow(a, 'x');
  (await idle.next()).value.release();
  for (let n = 0; n < 16; n++) sendNow(a, 'x');
  for (let n = 0; n < 10; n++) await ring.nop();
  const busy = ring.recv(d, { zeroCopy: true });
  sendNow(c, 'y');
  using chunk: LentBuffer = (await busy.next()).value;
  assert.equal(chunk.data.toString(), 'y');
  await Promise.all([idle.return(), busy.return()]);
});

engineTest('MSG_TRUNC tells of more than there is', lacksPool, async (_ring, sockets) => {
  await using ring = new IoUring({ bufferCount: 4, bufferSize: 64 });
  const [a, b] = sockets.pair(SOCK_DGRAM);
  for (const zeroCopy of [true, false]) {
    const chunks = ring.recv(b, { zeroCopy, flags: MSG_TRUNC } as { zeroCopy: true; flags: number });
    for (let n = 1; n <= 8; n++) {
      sendNow(a, Buffer.alloc(200, n));
      const { value } = await chunks.next();
      const data: Buffer = Buffer.isBuffer(value) ? value : value.data;
      assert.deepEqual([data.length, data[63]], [64, n]);
      if (!Buffer.isBuffer(value)) value.release();
    }
    await chunks.return();
  }
});

engineTest('what is dropped comes back, also what nobody asked for', lacksPool, async (_ring, sockets) => {
  await using ring = new IoUring({ bufferCount: 4, bufferSize: 16 });
  const [a, b] = sockets.pair();
  const receive = async (): Promise<void> => {
    const chunks = ring.recv(b, { zeroCopy: true });
    sendNow(a, Buffer.alloc(64, 5));
    for (let n = 0; n < 4; n++) await chunks.next();
    // Dropped unreleased; what comes while the iteration ends is given back by it.
    const more = chunks.next();
    sendNow(a, Buffer.alloc(16, 6));
    for (let n = 0; n < 200; n++) {
      await collectGarbage();
      await turn();
      if ((await Promise.race([more, undefined])) !== undefined) break;
    }
    const { value } = await more;
    assert.equal(value.data[0], 6);
    value.release();
    await chunks.return();
  };
  for (let n = 0; n < 3; n++) await receive();
});

engineTest('a chunk outlives the ring', lacksPool, async (_ring, sockets) => {
  const held: LentBuffer[] = [];
  for (let n = 0; n < times(20); n++) {
    const ring = new IoUring({ bufferCount: 2, bufferSize: 4096 });
    const [a, b] = sockets.pair();
    sendNow(a, Buffer.alloc(100, n));
    held.push((await ring.recv(b, { zeroCopy: true }).next()).value);
    await ring.close();
  }
  for (let n = 0; n < 5; n++) await collectGarbage();
  held.forEach((chunk, n) => {
    assert.ok(chunk.data.every((byte) => byte === n));
    chunk.release();
    assert.equal(chunk.data.length, 0);
  });
});

engineTest('break gives back what was not delivered', lacksPool, async (_ring, sockets) => {
  await using ring = new IoUring({ bufferCount: 2, bufferSize: 16 });
  const [a, b] = sockets.pair();
  for (let n = 0; n < times(200); n++) {
    sendNow(a, Buffer.alloc(32, n));
    let seen = 0;
    for await (const chunk of ring.recv(b, { zeroCopy: true })) {
      seen += chunk.data.length;
      assert.equal(chunk.data[0], n & 255);
      chunk.release();
      if (seen === 32) break;
    }
  }
});

engineTest('recvmsg', lacksPool || lacksRecvmsgMultishot(), async (ring, sockets) => {
  const [a, b] = sockets.pair(SOCK_DGRAM);
  const messages = ring.recvmsg(b, { zeroCopy: true });
  sendNow(a, 'datagram');
  const { value } = await messages.next();
  assert.equal(value.data.toString('latin1'), 'datagram');
  assert.equal(value.flags, 0);
  value.release();
  assert.equal(value.data.length, 0);
  await messages.return();
});

engineTest('by their short names', false, async (ring, sockets) => {
  const [a, b] = sockets.pair();
  sendNow(a, 'abc');
  const chunks: Multishot<Buffer> = ring.recv(b);
  assert.equal((await chunks.next()).value.toString(), 'abc');
  await chunks.return();
  sendNow(a, 'def');
  for await (const chunk of ring.read(b)) {
    assert.equal(chunk.toString(), 'def');
    break;
  }
  // With memory of one's own they are what they were.
  sendNow(a, 'ghi');
  const buffer = Buffer.alloc(3);
  assert.equal(await ring.recv(b, buffer), 3);
  sendNow(a, 'jkl');
  assert.equal(await ring.read(b, buffer), 3);
  sendNow(a, 'mno');
  assert.equal(await ring.recvmsg(b, new Msghdr({ buffers: [buffer] })), 3);
  assert.equal(buffer.toString(), 'mno');
});

engineTest('mistakes', false, async (ring, sockets) => {
  const [, b] = sockets.pair();
  assert.throws(() => ring.recv(b, { zeroCopy: 1 as never }), { code: 'ERR_INVALID_ARG_TYPE' });
  for (const wrong of ['x', 1, null, new ArrayBuffer(4), [], new Date()])
    for (const method of ['recv', 'read', 'recvmsg'] as const)
      await assert.rejects(ring[method](b, wrong as never) as unknown as Promise<number>, {
        code: 'ERR_INVALID_ARG_TYPE',
      });
});
