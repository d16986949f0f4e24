/**
 * Messages between the rings of engines.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import { IoUring, IoUringState, msgRing } from 'tsuring';
import { times } from './support/effort.ts';
import { engineTests, without } from './support/engine-test.ts';
import { scratch } from './support/live-scratch.ts';
import { collectGarbage } from './support/memory-watch.ts';
import { lacksOpcode } from './support/needs.ts';
import { moduleFile, nodeFlags, root } from './support/project.ts';
import { startWorker } from './support/worker-start.ts';

const lacksMessages = lacksOpcode('IORING_OP_MSG_RING');
const engineTest = engineTests(scratch);

engineTest('to another ring of this thread, and to itself', lacksMessages, async (ring) => {
  await using other = new IoUring();
  const messages = other.messages();
  const own = ring.messages();
  await ring.msgRing(other.fd, -5, Number.MAX_SAFE_INTEGER);
  await ring.msgRing(other.fd, 0x7fff_ffff);
  await ring.msgRing(ring.fd, 1, 2);
  assert.deepEqual(await messages.next(), {
    done: false,
    value: { value: -5, data: Number.MAX_SAFE_INTEGER },
  });
  assert.deepEqual((await messages.next()).value, { value: 0x7fff_ffff, data: 0 });
  assert.deepEqual((await own.next()).value, { value: 1, data: 2 });
  await messages.return();
  await own.return();
  assert.deepEqual(await own.next(), { done: true, value: undefined });
});

engineTest('to the ring of a Worker and back', lacksMessages, async (ring) => {
  const messages = ring.messages();
  const { message, exited } = await startWorker('worker-messages', ring.fd);
  const fd = message as number;
  const count = times(2000);
  const sent = Promise.all(Array.from({ length: count }, (_, n) => ring.msgRing(fd, n + 1, n)));
  const seen = new Set<number>();
  for await (const { value, data } of messages) {
    assert.equal(value, 2 * data);
    assert.ok(!seen.has(data));
    if (seen.add(data).size === count) break;
  }
  await sent;
  await ring.msgRing(fd, 0);
  assert.equal(await exited, 0);
  const { inFlight, strays } = ring.stats();
  assert.deepEqual([inFlight, strays], [0, 0]);
  await assert.rejects(ring.msgRing(fd, 1), (error: NodeJS.ErrnoException) =>
    ['EBADF', 'EBADFD'].includes(error.code as string),
  );
});

engineTest('a completion that others post is no operation of ours', lacksMessages, async (ring) => {
  const pending = ring.timeout(50);
  using raw = new IoUringState(64);
  // As the first operations' user data are, and as nobody's.
  const words = [
    0n,
    1n,
    1n << 60n,
    (1n << 60n) | 1n,
    (2n << 60n) | 5n,
    (15n << 60n) | 7n,
    0xffff_ffff_ffff_ffffn,
  ];
  for (const word of words.filter((one) => one !== 1n << 60n)) {
    const sqe = raw.getSqe()!;
    msgRing(sqe, ring.fd, 77, word);
    raw.stageSqe();
  }
  raw.submitAndWait(words.length - 1);
  const ended = await pending;
  assert.equal(ended, undefined);
  for (let n = 0; n < 100 && ring.stats().strays < 4; n++) {
    await ring.nop();
    await turn();
  }
  // A message of the kind of those that cancel is for nobody, and no stray.
  assert.ok(ring.stats().strays >= words.length - 2, `${ring.stats().strays}`);
});

engineTest('none before there is somebody to take them', lacksMessages, async (ring) => {
  await ring.msgRing(ring.fd, 1, 1);
  for (let n = 0; n < 5; n++) await ring.nop();
  const messages = ring.messages();
  await ring.msgRing(ring.fd, 2, 2);
  assert.deepEqual((await messages.next()).value, { value: 2, data: 2 });
  assert.equal(ring.stats().strays, 1);
});

engineTest('an end: by the signal, by the close', lacksMessages, async (ring) => {
  const controller = new AbortController();
  const aborted = ring.messages({ signal: controller.signal });
  const waiting = aborted.next();
  controller.abort('reason');
  await assert.rejects(waiting, { name: 'AbortError', cause: 'reason' });
  assert.equal((await aborted.next()).done, true);
  await assert.rejects(ring.messages({ signal: AbortSignal.abort() }).next(), { name: 'AbortError' });
  assert.throws(() => ring.messages({ signal: 1 as never }), { code: 'ERR_INVALID_ARG_TYPE' });
  const closed = ring.messages().next();
  const closing = ring.close();
  await assert.rejects(closed, { code: 'EBADF' });
  await closing;
  assert.throws(() => ring.messages(), { code: 'EBADF' });
  assert.throws(() => ring.fd, { code: 'EBADF' });
});

engineTest('none are listened for while the ring closes', lacksMessages, async (ring) => {
  const pending = ring.timeout(20).catch(() => undefined);
  const closing = ring.close();
  assert.throws(() => ring.messages(), { code: 'EBADF' });
  assert.throws(() => ring.fd, { code: 'EBADF' });
  await Promise.all([pending, closing]);
});

engineTest('mistakes', lacksMessages, async (ring) => {
  await assert.rejects(ring.msgRing(ring.fd, 2 ** 31), { code: 'ERR_OUT_OF_RANGE' });
  await assert.rejects(ring.msgRing(ring.fd, 1, -1), { code: 'ERR_OUT_OF_RANGE' });
  await assert.rejects(ring.msgRing(ring.fd, 1, 0.5), { code: 'ERR_OUT_OF_RANGE' });
  await assert.rejects(ring.msgRing(0, 1), { syscall: 'msgRing' });
});

engineTest('a ring that only listens is not dropped', lacksMessages, async (ring) => {
  let fd = -1;
  const listen = async (): Promise<number> => {
    const other = new IoUring();
    fd = other.fd;
    for await (const { value } of other.messages()) return value;
    return -1;
  };
  const listening = listen();
  for (let n = 0; n < 5; n++) await collectGarbage();
  await pause(20);
  await ring.msgRing(fd, 42);
  assert.equal(await listening, 42);
});

test('it keeps the process alive, unless it is not to', { ...without, skip: lacksMessages }, () => {
  const index = JSON.stringify(`${root}${moduleFile('lib/index')}`);
  const run = (rest: string) =>
    spawnSync(
      process.execPath,
      [...nodeFlags, '--input-type=module', '-e', `import { IoUring } from ${index}; ${rest}`],
      { encoding: 'utf8', cwd: root, timeout: 120_000 },
    );
  const kept = run(`const ring = new IoUring();
    setTimeout(() => ring.msgRing(ring.fd, 7), 300).unref();
    for await (const { value } of ring.messages()) { console.log(value); break; }
    await ring.close();`);
  // The timer does not keep the process alive, the messages do.
  assert.deepEqual([kept.stdout, kept.status], ['7\n', 0], kept.stderr);
  const left = run(`const ring = new IoUring();
    ring.messages().unref().next().then(() => console.log('never'));
    process.on('exit', () => console.log('end'));`);
  assert.deepEqual([left.stdout, left.status], ['end\n', 0], left.stderr);
});
