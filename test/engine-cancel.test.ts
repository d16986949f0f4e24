/**
 * The early end of operations: signals, timeouts, and completions that come first.
 */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { writeSync } from 'node:fs';
import { test } from 'node:test';
import { IoUring, nop } from 'tsuring';
import { times } from './support/effort.ts';
import { without } from './support/engine-test.ts';
import { scratch } from './support/live-scratch.ts';
import { randomBelow, seed } from './support/random.ts';

test('an operation that waits is aborted', without, async () => {
  using here = scratch();
  const [out, into] = here.pipe();
  await using ring = new IoUring();
  const reason = new Error('enough');
  for (const when of ['before it is submitted', 'after']) {
    const controller = new AbortController();
    const reading = ring.read(out, Buffer.alloc(8), { signal: controller.signal });
    if (when === 'after') ring.flush();
    controller.abort(reason);
    await assert.rejects(reading, { name: 'AbortError', code: 'ABORT_ERR', cause: reason });
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
  }
  // The pipe is as it was.
  const bytes = Buffer.alloc(2);
  const reading = ring.read(out, bytes);
  writeSync(into, 'ok');
  assert.equal(await reading, 2);
  assert.equal(bytes.toString(), 'ok');
});

test('a signal that is aborted already starts nothing', without, async () => {
  using here = scratch();
  const fd = here.fileFd('file', 'x');
  await using ring = new IoUring();
  await assert.rejects(ring.write(fd, Buffer.from('y'), { offset: 0, signal: AbortSignal.abort('no') }), {
    name: 'AbortError',
    cause: 'no',
  });
  assert.equal(ring.stats().submitted, 0);
});

test('a signal that is never aborted leaves nothing behind', without, async () => {
  using here = scratch();
  const fd = here.fileFd('file', 'content');
  await using ring = new IoUring();
  const { signal } = new AbortController();
  for (let n = 0; n < 100; n++)
    assert.equal(await ring.read(fd, Buffer.alloc(7), { offset: 0, signal, timeout: 60_000 }), 7);
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('a timeout', without, async () => {
  using here = scratch();
  const [out] = here.pipe();
  await using ring = new IoUring();
  await assert.rejects(ring.read(out, Buffer.alloc(8), { timeout: 5 }), {
    code: 'ETIMEDOUT',
    errno: -110,
    syscall: 'read',
  });
  await assert.rejects(ring.read(out, Buffer.alloc(8), { timeout: 0 }), { code: 'ETIMEDOUT' });
  assert.equal(ring.stats().inFlight, 0);
});

test('one signal for many', without, async () => {
  using here = scratch();
  const [out] = here.pipe();
  await using ring = new IoUring({ entries: 8 });
  const controller = new AbortController();
  // Node warns of so many listeners, as it does with its own functions.
  const reads = Array.from({ length: 500 }, () =>
    ring.read(out, Buffer.alloc(8), { signal: controller.signal }),
  );
  reads.push(ring.read(out, Buffer.alloc(8), { timeout: 20 }));
  setTimeout(() => controller.abort(), 1);
  const results = await Promise.allSettled(reads);
  const names = results.map((result) => (result.status === 'rejected' ? result.reason.name : 'fulfilled'));
  assert.deepEqual(names, [...Array(500).fill('AbortError'), 'Error']);
});

test('an operation of a worker thread of the kernel', without, async () => {
  using here = scratch();
  const [out, into] = here.pipe();
  await using ring = new IoUring();
  const IOSQE_ASYNC = 16;
  for (let n = 0; n < times(50); n++) {
    const controller = new AbortController();
    const reading = ring.read(out, Buffer.alloc(8), { sqeFlags: IOSQE_ASYNC, signal: controller.signal });
    setTimeout(() => controller.abort(), n % 3);
    await assert.rejects(reading, { name: 'AbortError' });
  }
  const bytes = Buffer.alloc(2);
  writeSync(into, 'ok');
  assert.equal(await ring.read(out, bytes), 2);
});

test(`aborts that race with completions, seed ${seed}`, without, async () => {
  using here = scratch();
  const [out, into] = here.pipe();
  await using ring = new IoUring();
  const below = randomBelow();
  const count = times(20_000);
  let read = 0;
  let aborted = 0;
  let written = 0;
  for (let round = 0; round < count / 20; round++) {
    const buffers = Array.from({ length: 20 }, () => Buffer.alloc(1));
    const controllers = buffers.map(() => new AbortController());
    const reads = buffers.map((buffer, n) =>
      ring.read(out, buffer, { signal: controllers[n].signal, ...(below(4) === 0 && { timeout: below(3) }) }),
    );
    const settled = Promise.allSettled(reads);
    if (below(2) === 0) ring.flush();
    const bytes = Buffer.from(Array.from({ length: below(20) }, () => 1 + below(255)));
    const act = [
      () => void (bytes.length > 0 && writeSync(into, bytes)),
      () => {
        for (const controller of controllers) if (below(2) === 0) controller.abort();
      },
    ];
    if (below(2) === 0) act.reverse();
    act[0]();
    if (below(3) === 0) await new Promise((resolve) => setImmediate(resolve));
    act[1]();
    written += bytes.length;
    if (below(2) === 0) await new Promise((resolve) => setImmediate(resolve));
    // Whoever is left.
    for (const controller of controllers) controller.abort();
    const results = await settled;
    const got: number[] = [];
    results.forEach((result, n) => {
      if (result.status === 'fulfilled') {
        assert.equal(result.value, 1);
        got.push(buffers[n][0]);
      } else {
        aborted++;
        assert.ok(['AbortError', 'Error'].includes(result.reason.name));
        assert.equal(buffers[n][0], 0, 'an operation that was aborted has taken nothing');
      }
    });
    // What nobody got stands in the pipe yet.
    const rest = bytes.length - got.length;
    if (rest > 0) {
      const left = Buffer.alloc(rest);
      assert.equal(await ring.read(out, left), rest);
      got.push(...left);
    }
    assert.deepEqual(got.sort(), [...bytes].sort());
    read += got.length;
  }
  assert.equal(read, written);
  assert.ok(aborted > 0);
  assert.deepEqual([ring.stats().inFlight, ring.stats().strays], [0, 0]);
});

test('slots are used again, and what comes late meets nobody', without, async () => {
  using here = scratch();
  const [out] = here.pipe();
  await using ring = new IoUring();
  for (let n = 0; n < times(2000); n++) {
    const controller = new AbortController();
    const reading = ring.read(out, Buffer.alloc(1), { signal: controller.signal });
    ring.flush();
    controller.abort();
    // In the slot that is free next, while the cancelling request may be under way.
    const [result] = await Promise.allSettled([reading]);
    assert.equal(result.status, 'rejected');
    assert.equal(await ring.run(nop), 0);
  }
  assert.equal(ring.stats().strays, 0);
});
