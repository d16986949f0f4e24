/**
 * The engine and the event loop: wakeups, fairness, and what goes along with promises.
 */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { writeSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { setImmediate as immediate, setTimeout as pause } from 'node:timers/promises';
import { IoUring, nop, type OperationTrace } from 'tsuring';
import { MOST_MS, MOST_ROUNDS } from '../lib/engine/turns.ts';
import { collect } from './support/collect.ts';
import { times } from './support/effort.ts';
import { without } from './support/engine-test.ts';
import { scratch } from './support/live-scratch.ts';

test('what comes later wakes the event loop', without, async () => {
  using here = scratch();
  const [out, into] = here.pipe();
  await using ring = new IoUring();
  for (let n = 0; n < times(500); n++) {
    const bytes = Buffer.alloc(4);
    const reading = ring.read(out, bytes);
    if (n % 2 === 0) await immediate();
    else ring.flush();
    writeSync(into, Buffer.from([n, n, n, n]));
    assert.equal(await reading, 4);
    assert.equal(bytes[3], n & 0xff);
  }
  assert.ok(ring.stats().wakeups > 0);
});

test('operations that always complete at once do not stop the event loop', without, async () => {
  await using ring = new IoUring();
  let turns = 0;
  let going = true;
  const turn = () => {
    turns++;
    if (going) setImmediate(turn);
  };
  setImmediate(turn);
  const rounds = times(20_000);
  const before = ring.stats();
  for (let n = 0; n < rounds; n++) await ring.run(nop);
  going = false;
  const { inlineRounds, yields } = ring.stats();
  const done = inlineRounds - before.inlineRounds;
  assert.ok(done >= rounds);
  assert.ok(yields - before.yields >= Math.floor(done / MOST_ROUNDS), `${yields} yields in ${done} rounds`);
  assert.ok(turns >= Math.floor(done / MOST_ROUNDS), `${turns} turns in ${done} rounds`);
});

test('a round now and then is not put off, whoever turns the event loop', without, async () => {
  using here = scratch();
  const fd = here.fileFd('file', Buffer.alloc(4096));
  await using ring = new IoUring();
  const buffer = Buffer.alloc(4096);
  await ring.read(fd, buffer, { offset: 0 });
  for (let n = 0; n < 20; n++) {
    // Longer than rounds may follow each other.
    const end = performance.now() + 2 * MOST_MS;
    while (performance.now() < end);
    await immediate();
    await ring.read(fd, buffer, { offset: 0 });
  }
  assert.equal(ring.stats().yields, 0);
});

test('a server and timers go on beside a loop of reads', without, async () => {
  using here = scratch();
  const fd = here.fileFd('file', Buffer.alloc(65_536));
  await using ring = new IoUring();
  const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  let going = true;
  const loops = Array.from({ length: 16 }, async () => {
    const buffer = Buffer.alloc(65_536);
    while (going) assert.equal(await ring.read(fd, buffer, { offset: 0 }), 65_536);
  });
  const client = connect((server.address() as { port: number }).port, '127.0.0.1');
  for (let n = 0; n < 5; n++) {
    client.write('ping');
    const [data] = await new Promise<Buffer[]>((resolve) => client.once('data', (...all) => resolve(all)));
    assert.equal(data.toString(), 'ping');
    await pause(1);
  }
  going = false;
  await Promise.all(loops);
  client.destroy();
  await new Promise((resolve) => server.close(resolve));
});

test('AsyncLocalStorage goes along', without, async () => {
  using here = scratch();
  const [out, into] = here.pipe();
  await using ring = new IoUring();
  const storage = new AsyncLocalStorage<number>();
  const reads = Array.from({ length: 10 }, (_, n) =>
    storage.run(n, async () => {
      if (n % 2 === 0) await ring.run(nop);
      else await ring.read(out, Buffer.alloc(1));
      const then = storage.getStore();
      await assert.rejects(ring.read(-1, Buffer.alloc(1)), { code: 'EBADF' });
      return [then, storage.getStore()];
    }),
  );
  await immediate();
  writeSync(into, 'xxxxx');
  assert.deepEqual(
    await Promise.all(reads),
    Array.from({ length: 10 }, (_, n) => [n, n]),
  );
});

test('errors have the stack of who awaits', without, async () => {
  await using ring = new IoUring();
  async function theirFunction(): Promise<void> {
    await ring.openat('/none/of/these');
  }
  async function theirCaller(): Promise<void> {
    await theirFunction();
  }
  const error = await theirCaller().catch((reason: Error) => reason);
  assert.match(error!.stack!, /ENOENT: .*\/none\/of\/these[\s\S]*theirFunction[\s\S]*theirCaller/);
});

test('diagnostics_channel tells of every operation', without, async () => {
  using here = scratch();
  await using ring = new IoUring();
  const told: [string, OperationTrace][] = [];
  const on = (name: string) => {
    const listener = (message: unknown) => told.push([name, message as OperationTrace]);
    subscribe(`tsuring:op:${name}`, listener);
    return () => unsubscribe(`tsuring:op:${name}`, listener);
  };
  const off = ['start', 'end', 'error'].map(on);
  const path = here.file('file', 'abc');
  const fd = here.fd(path);
  await ring.read(fd, Buffer.alloc(3));
  const error = await ring.openat(here.at('none')).catch((reason) => reason);
  for (const stop of off) stop();
  await ring.run(nop);
  assert.deepEqual(
    told.map(([name, { operation, result }]) => [name, operation, result]),
    [
      ['start', 'read', 3],
      ['end', 'read', 3],
      ['start', 'openat', -2],
      ['error', 'openat', -2],
    ],
  );
  assert.equal(told[0][1], told[1][1], 'the same object');
  assert.equal(told[2][1].path, here.at('none'));
  assert.equal((told[3][1].error as Error).message, error.message);
});

test('a subscriber that starts operations itself', without, async () => {
  await using ring = new IoUring({ entries: 2 });
  let inner: Promise<number> | null = null;
  const listener = (): void => {
    inner ??= ring.run(nop);
  };
  subscribe('tsuring:op:end', listener);
  await Promise.all(Array.from({ length: 10 }, () => ring.run(nop)));
  unsubscribe('tsuring:op:end', listener);
  assert.equal(await inner, 0);
});

test('a storm of signals', without, async () => {
  using here = scratch();
  const fd = here.fileFd('file', Buffer.alloc(4096, 'x'));
  const [out, into] = here.pipe();
  await using ring = new IoUring();
  let signals = 0;
  const listener = () => signals++;
  process.on('SIGHUP', listener);
  for (let n = 0; n < times(1000); n++) {
    const bytes = Buffer.alloc(4096);
    const reading = ring.read(out, Buffer.alloc(1));
    process.kill(process.pid, 'SIGHUP');
    assert.equal(await ring.read(fd, bytes, { offset: 0 }), 4096);
    process.kill(process.pid, 'SIGHUP');
    writeSync(into, 'x');
    assert.equal(await reading, 1);
  }
  await immediate();
  process.off('SIGHUP', listener);
  assert.ok(signals > 0);
});

test('memory and descriptors stay as they are over many operations', without, async () => {
  using here = scratch();
  const fd = here.fileFd('file', Buffer.alloc(4096));
  await using ring = new IoUring();
  const buffers = Array.from({ length: 32 }, () => Buffer.alloc(4096));
  const run = async (count: number) => {
    let n = 0;
    await Promise.all(
      buffers.map(async (buffer) => {
        while (n++ < count) await ring.read(fd, buffer, { offset: 0 });
      }),
    );
  };
  await run(times(100_000));
  await collect();
  const before = process.memoryUsage();
  await run(times(400_000));
  await collect();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  assert.ok(heapUsed < before.heapUsed + 4e6, `heap ${before.heapUsed} to ${heapUsed}`);
  assert.ok(external < before.external + 4e6 && arrayBuffers < before.arrayBuffers + 4e6);
});
