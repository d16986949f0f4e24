/**
 * Operations that complete again and again, as async iterables.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { getEventListeners } from 'node:events';
import { readdirSync, readFileSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { setImmediate as immediate } from 'node:timers/promises';
import { IoUring, nop } from 'tsuring';
import { libc, linux, POLLIN, POLLOUT, SOCK_DGRAM } from 'tsuring/syscalls';
import { runScript } from './support/child.ts';
import { times } from './support/effort.ts';
import { without } from './support/engine-test.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksRecvmsgMultishot } from './support/recvmsg-needs.ts';
import { fill, receiveAll, Sockets, sendNow, shutdownNow } from './support/sockets.ts';

/** All values to the end. */
async function all<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of iterable) values.push(value);
  return values;
}

/** A ring whose kernel knows neither buffer rings nor operations that go on by themselves. */
function oldRing(): IoUring {
  return new IoUring({
    bufferCount: 1,
    kernel: {
      ...linux,
      // IORING_REGISTER_PBUF_RING
      register: (fd, opcode, ...rest) => (opcode === 22 ? -22 : linux.register(fd, opcode, ...rest)),
    },
  });
}

for (const [name, make] of Object.entries({ 'with a pool': () => new IoUring(), 'one at a time': oldRing })) {
  test(`recv, to the end of the connection: ${name}`, without, async () => {
    using sockets = new Sockets();
    const [client, server] = sockets.tcp();
    await using ring = make();
    const sent = randomBytes(3_000_000);
    const receiving = all(ring.recvMultishot(server));
    let at = 0;
    while (at < sent.length) at += await ring.write(client, sent.subarray(at, at + 100_000));
    shutdownNow(client, 1);
    const chunks = await receiving;
    assert.ok(Buffer.concat(chunks).equals(sent));
    assert.ok(chunks.every((chunk) => !(chunk.buffer instanceof SharedArrayBuffer)));
    assert.equal(ring.stats().inFlight, 0);
  });

  test(`read of a pipe, and break: ${name}`, without, async () => {
    using here = scratch();
    const [out, into] = here.pipe();
    await using ring = make();
    writeSync(into, 'first');
    let count = 0;
    for await (const chunk of ring.readMultishot(out)) {
      if (count++ === 0) {
        assert.equal(chunk.toString(), 'first');
        writeSync(into, 'second');
        continue;
      }
      assert.equal(chunk.toString(), 'second');
      break;
    }
    assert.equal(ring.stats().inFlight, 0);
    // Nobody takes it any more.
    writeSync(into, 'third');
    const bytes = Buffer.alloc(8);
    assert.equal(await ring.read(out, bytes), 5);
  });
}

test('read of a regular file, which cannot go on by itself', without, async () => {
  using here = scratch();
  const content = randomBytes(100_000);
  const fd = here.fileFd('file', content);
  await using ring = new IoUring();
  assert.ok(Buffer.concat(await all(ring.readMultishot(fd))).equals(content));
});

test('a reader that is slow stops the sender, and gets everything', without, async () => {
  using sockets = new Sockets();
  const [client, server] = sockets.tcp();
  await using ring = new IoUring({ bufferCount: 4, bufferSize: 1024 });
  const sent = randomBytes(2_000_000);
  let at = 0;
  const sending = (async () => {
    while (at < sent.length) at += await ring.write(client, sent.subarray(at, at + 65_536));
    shutdownNow(client, 1);
  })();
  const received: Buffer[] = [];
  const chunks = ring.recvMultishot(server, { highWaterMark: 8192 });
  for await (const chunk of chunks) {
    received.push(chunk);
    if (received.length % 50 === 0) await immediate();
  }
  await sending;
  assert.ok(Buffer.concat(received).equals(sent));
});

test('what nobody takes stays with the kernel', without, async () => {
  using sockets = new Sockets();
  const [client, server] = sockets.tcp();
  await using ring = new IoUring({ bufferCount: 8, bufferSize: 1024 });
  const chunks = ring.recvMultishot(server, { highWaterMark: 4096 });
  const first = chunks.next();
  sendNow(client, 'x');
  await first;
  // With nobody to take more, the socket fills.
  const sent = fill(client);
  for (let n = 0; n < 20; n++) await immediate();
  assert.equal(ring.stats().inFlight, 0, 'the kernel was asked to stop');
  let received = 0;
  while (received < sent) received += (await chunks.next()).value.length;
  assert.equal(received, sent);
  await chunks.return();
});

test('accept, and connections that nobody takes are closed', without, async () => {
  using sockets = new Sockets();
  const listener = sockets.listener();
  await using ring = new IoUring();
  const clients: number[] = [];
  const connections = ring.multishotAccept(listener.fd);
  const taken: number[] = [];
  for (let n = 0; n < 3; n++) {
    clients.push(sockets.client(listener));
    const { value } = await connections.next();
    taken.push(sockets.keep(value));
    assert.match(readFileSync(`/proc/self/fdinfo/${value}`, 'latin1'), /flags:\s+\d*2\d{6}$/m, 'O_CLOEXEC');
  }
  for (let n = 0; n < 5; n++) clients.push(sockets.client(listener));
  for (let n = 0; n < 20; n++) await immediate();
  const before = readdirSync('/proc/self/fd').length;
  await connections.return();
  assert.equal(readdirSync('/proc/self/fd').length, before - 5);
  for (const [n, client] of clients.slice(0, 3).entries()) {
    sendNow(taken[n], `hello ${n}`);
    assert.equal(receiveAll(client, 7).toString(), `hello ${n}`);
  }
});

test('accept goes on after a pause, and loses nobody', without, async () => {
  using sockets = new Sockets();
  const listener = sockets.listener(undefined, 4096);
  await using ring = new IoUring();
  const count = times(500);
  const connections = ring.multishotAccept(listener.fd);
  const clients = Array.from({ length: count }, () => sockets.client(listener));
  const ports = new Set<number>();
  for (let n = 0; n < count; n++) {
    const { value } = await connections.next();
    ports.add(sockets.keep(value));
    if (n % 100 === 0) await immediate();
  }
  assert.equal(ports.size, clients.length);
  await connections.return();
});

test('recvmsg: datagrams with their senders', { ...without, skip: lacksRecvmsgMultishot() }, async () => {
  using sockets = new Sockets();
  const receiver = sockets.bound(SOCK_DGRAM);
  const senders = [sockets.bound(SOCK_DGRAM), sockets.bound(SOCK_DGRAM)];
  await using ring = new IoUring({ bufferSize: 2048 });
  const messages = ring.recvmsgMultishot(receiver.fd);
  for (let n = 0; n < 300; n++) {
    const sender = senders[n % 2];
    sendNow(sender.fd, `message ${n}`, receiver);
    const { value } = await messages.next();
    assert.equal(value.data.toString(), `message ${n}`);
    assert.deepEqual(value.address, sender.address);
  }
  // One that is longer than a buffer.
  sendNow(senders[0].fd, Buffer.alloc(5000), receiver);
  const { value } = await messages.next();
  assert.equal(value.flags & 0x20, 0x20, 'MSG_TRUNC');
  await messages.return();
});

test('poll', without, async () => {
  using here = scratch();
  const [out, into] = here.pipe();
  await using ring = new IoUring();
  const events = ring.pollMultishot(out, POLLIN);
  for (let n = 0; n < 5; n++) {
    const event = events.next();
    writeSync(into, 'x');
    assert.equal((await event).value & POLLIN, POLLIN);
    assert.equal(await ring.read(out, Buffer.alloc(1)), 1);
  }
  await events.return();
  for await (const event of ring.pollMultishot(into, POLLOUT)) {
    assert.equal(event & POLLOUT, POLLOUT);
    break;
  }
  assert.equal(ring.stats().inFlight, 0);
});

test('timeout: ticks', without, async () => {
  await using ring = new IoUring();
  assert.deepEqual(await all(ring.timeoutMultishot(2, 5)), [1, 2, 3, 4, 5]);
  const seen: number[] = [];
  for await (const tick of ring.timeoutMultishot(1)) {
    seen.push(tick);
    if (tick === 3) break;
  }
  assert.deepEqual(seen, [1, 2, 3]);
  assert.equal(ring.stats().inFlight, 0);
});

test('a signal ends the iteration, after what came before', without, async () => {
  using here = scratch();
  const [out, into] = here.pipe();
  await using ring = new IoUring();
  const controller = new AbortController();
  const chunks = ring.readMultishot(out, { signal: controller.signal });
  const first = chunks.next();
  writeSync(into, 'one');
  assert.equal((await first).value.toString(), 'one');
  writeSync(into, 'two');
  for (let n = 0; n < 20; n++) await immediate();
  const reason = new Error('enough');
  controller.abort(reason);
  assert.equal((await chunks.next()).value.toString(), 'two');
  await assert.rejects(chunks.next(), { name: 'AbortError', cause: reason });
  assert.deepEqual(await chunks.next(), { done: true, value: undefined });
  assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
  await assert.rejects(all(ring.readMultishot(out, { signal: AbortSignal.abort() })), { name: 'AbortError' });
  assert.throws(() => ring.readMultishot(out, { signal: {} as never }), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('several who wait, and the end for all', without, async () => {
  using here = scratch();
  const [out, into] = here.pipe();
  await using ring = new IoUring();
  const chunks = ring.readMultishot(out);
  const waiting = [chunks.next(), chunks.next(), chunks.next()];
  await immediate();
  writeSync(into, 'a');
  assert.equal((await waiting[0]).value.toString(), 'a');
  assert.deepEqual(await chunks.return(), { done: true, value: undefined });
  assert.deepEqual(await Promise.all(waiting.slice(1)), Array(2).fill({ done: true, value: undefined }));
  await assert.rejects(chunks.throw(new Error('mine')), { message: 'mine' });
});

test('errors', without, async () => {
  using here = scratch();
  await using ring = new IoUring();
  const fd = here.fileFd('file');
  await assert.rejects(all(ring.multishotAccept(fd)), { code: 'ENOTSOCK', syscall: 'accept' });
  await assert.rejects(all(ring.recvMultishot(9999)), { code: 'EBADF', syscall: 'recv' });
  await assert.rejects(all(ring.recvMultishot('x' as never)), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.equal(ring.stats().inFlight, 0);
  for (const options of [{ bufferCount: 3 }, { bufferCount: 1.5 }, { bufferSize: 0 }])
    assert.throws(() => new IoUring(options), { name: /TypeError|RangeError/ });
});

test('close ends the iterations', without, async () => {
  using here = scratch();
  const [out] = here.pipe();
  const ring = new IoUring();
  const iterations: AsyncIterable<unknown>[] = [
    ring.readMultishot(out),
    ring.pollMultishot(out),
    ring.timeoutMultishot(60_000),
  ];
  const ends = Promise.allSettled(iterations.map((iteration) => all(iteration)));
  await ring.run(nop);
  await ring.close();
  assert.deepEqual(
    (await ends).map((end) => end.status === 'rejected' && end.reason.code),
    Array(3).fill('ECANCELED'),
  );
  await assert.rejects(all(ring.pollMultishot(out)), { code: 'EBADF' });
});

test('one that is unreferenced does not keep the process', without, () => {
  const { status, stdout, stderr } = runScript(`
    import { IoUring } from 'tsuring';
    const ring = new IoUring();
    const ticks = ring.timeoutMultishot(5).unref();
    const alive = setInterval(() => {}, 1000);
    process.on('exit', () => console.log('exit'));
    console.log((await ticks.next()).value);
    clearInterval(alive);
    const going = async () => { for await (const tick of ticks) globalThis.last = tick; };
    going();
  `);
  assert.equal(status, 0, stderr);
  assert.equal(stdout, '1\nexit\n');
});

test('an echo server of many connections', without, async () => {
  using sockets = new Sockets();
  const listener = sockets.listener();
  await using ring = new IoUring();
  const echo = async (fd: number) => {
    for await (const chunk of ring.recvMultishot(fd)) {
      for (let at = 0; at < chunk.length; ) at += await ring.write(fd, chunk.subarray(at));
    }
    await ring.closeFd(fd);
  };
  const connections = ring.multishotAccept(listener.fd);
  const serving: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const fd of connections) serving.push(echo(fd));
  })();
  const talk = async (n: number) => {
    const fd = sockets.client(listener);
    for (let round = 0; round < times(50); round++) {
      const text = Buffer.from(`${n}:${round} `.repeat(10));
      await ring.write(fd, text);
      const back = Buffer.alloc(text.length);
      for (let at = 0; at < back.length; ) at += await ring.read(fd, back.subarray(at));
      assert.ok(back.equals(text));
    }
    shutdownNow(fd, 1);
    assert.equal(await ring.read(fd, Buffer.alloc(1)), 0);
  };
  await Promise.all(Array.from({ length: 12 }, (_, n) => talk(n)));
  await Promise.all(serving);
  assert.equal(serving.length, 12);
  await connections.return();
  await accepting;
  assert.equal(libc().close(-1), -9);
});
