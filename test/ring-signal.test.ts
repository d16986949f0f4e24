/**
 * Signals during a wait: the wait ends with EINTR so that the handler can run, and nothing is lost by it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IORING_FEAT_EXT_ARG } from 'tsuring/syscalls';
import { runScript } from './support/child.ts';
import { lacksFeature, lacksRing } from './support/needs.ts';
import { timeLimit } from './support/time-limit.ts';

const without = { skip: lacksRing('io_uring', {}), timeout: timeLimit };
const extended = {
  skip: lacksFeature('IORING_FEAT_EXT_ARG (Linux 5.11)', IORING_FEAT_EXT_ARG),
  timeout: timeLimit,
};

/** What each script begins with: a ring, and a Worker that sends a signal to the process while it waits. */
const PRELUDE = `
  import { Worker } from 'node:worker_threads';
  import { IoUringState, nop } from 'tsuring';
  import { writeSync } from 'node:fs';
  import {
    IORING_ENTER_GETEVENTS, IORING_OP_POLL_ADD, IORING_OP_TIMEOUT, linux, POLLIN,
  } from 'tsuring/syscalls';
  let handled = 0;
  process.on('SIGUSR2', () => handled++);
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(
    \`const { workerData } = require('worker_threads');
    (async () => {
      for (;;) {
        Atomics.wait(workerData, 0, 0);
        if (workerData[0] === 2) break;
        // Again and again: the first may come before the wait has begun.
        process.kill(process.pid, 'SIGUSR2');
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();\`,
    { eval: true, workerData: flag, execArgv: [] },
  );
  const signals = (on) => { Atomics.store(flag, 0, on); Atomics.notify(flag, 0); };
  const turn = () => new Promise((resolve) => setTimeout(resolve, 1));
  await new Promise((resolve) => worker.once('online', resolve));
  const timeout = (ring, userData, ms) => {
    const sqe = ring.getSqe();
    sqe.rw(IORING_OP_TIMEOUT, -1, sqe.point(new BigInt64Array([0n, BigInt(ms) * 1000000n]), 16), 1, 0);
    sqe.userData = userData;
    ring.commitSqe();
  };
  const caught = (call) => { try { call(); return 'nothing'; } catch (error) { return error.code + ' ' + error.syscall; } };
  const say = (value) => process.stdout.write(JSON.stringify(value) + '\\n');
  const end = () => signals(2);
`;

/** Runs the script after the prelude, and gives its lines. */
function run(script: string): unknown[] {
  const { status, signal, stdout, stderr } = runScript(PRELUDE + script);
  assert.deepEqual([status, signal, stderr], [0, null, '']);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

for (const hide of [0, IORING_FEAT_EXT_ARG])
  test(
    `a signal ends a wait with EINTR (${hide === 0 ? 'EXT_ARG' : 'poll'})`,
    hide === 0 ? extended : without,
    () => {
      const kernel = `{ ...linux, setup: (entries, params) => {
      const fd = linux.setup(entries, params);
      const view = new DataView(params.buffer, params.byteOffset);
      view.setUint32(20, view.getUint32(20, true) & ~${hide}, true);
      return fd;
    } }`;
      const lines = run(`
      const ring = new IoUringState(8, { flags: 0, kernel: ${kernel} });
      // Completes when we want it to: it waits for the event to be readable.
      const event = linux.adopt(linux.eventfd(0, 0));
      ring.getSqe().rw(IORING_OP_POLL_ADD, event, 0, 0, 0);
      ring.getSqe().opFlags = POLLIN;
      ring.getSqe().userData = 7;
      ring.commitSqe();
      signals(1);
      say(caught(() => ring.submitAndWait(1)));
      say([ring.counts.sqes, ring.sqReady(), ring.cqReady()]);
      say(caught(() => ring.waitCqe()));
      say(caught(() => ring.waitCqes(3, { timeout: ${timeLimit} })));
      say(caught(() => ring.enter(0, 1, IORING_ENTER_GETEVENTS)));
      say(caught(() => ring.enter(0, 1, IORING_ENTER_GETEVENTS, { timeout: ${timeLimit} })));
      say(handled);
      signals(0);
      // The handler runs as soon as the event loop does.
      while (handled === 0) await turn();
      say(handled > 0);
      // Nothing is lost: the operation is still on its way, and the ring works.
      writeSync(event, new BigUint64Array([1n]));
      let cqe = null;
      while (cqe === null) { try { cqe = ring.waitCqe(); } catch (error) { if (error.code !== 'EINTR') throw error; await turn(); } }
      say([cqe.userData, cqe.res]);
      ring.advanceCq();
      nop(ring.getSqe());
      ring.commitSqe();
      say(ring.submitAndWait(1));
      ring.close();
      end();
    `);
      const eintr = 'EINTR io_uring_enter';
      assert.deepEqual(lines, [eintr, [1, 0, 0], eintr, eintr, eintr, eintr, 0, true, [7, 1], 1]);
    },
  );

test('sigmask blocks the signal during the wait, and that wait only', extended, () => {
  const lines = run(`
    const ring = new IoUringState(8, { flags: 0 });
    const all = 2n ** 64n - 1n;
    signals(1);
    await turn();
    say(caught(() => say(ring.waitCqe({ timeout: 300, sigmask: all }))));
    say(caught(() => ring.waitCqe()));
    say(caught(() => say(ring.waitCqe({ timeout: 300, sigmask: all }))));
    say(caught(() => ring.waitCqe({ timeout: ${timeLimit} })));
    // SIGUSR2 is the signal 12, bit 11: blocked alone it is, and all others are not.
    say(caught(() => say(ring.waitCqe({ timeout: 300, sigmask: 1n << 11n }))));
    say(caught(() => ring.waitCqe({ timeout: ${timeLimit}, sigmask: all & ~(1n << 11n) })));
    signals(0);
    ring.close();
    end();
  `);
  const eintr = 'EINTR io_uring_enter';
  assert.deepEqual(lines, [null, 'nothing', eintr, null, 'nothing', eintr, null, 'nothing', eintr]);
});

test('a raw signal mask, and a signal while a completion stands', without, () => {
  const lines = run(`
    const ring = new IoUringState(8, { flags: 0 });
    timeout(ring, 1, 300);
    ring.submit();
    signals(1);
    await turn();
    // io_uring_enter(2) with a plain sigset_t: blocks until the completion, in spite of the signals.
    say(ring.enter(0, 1, IORING_ENTER_GETEVENTS, new BigUint64Array([2n ** 64n - 1n])));
    say(ring.cqReady());
    // As long as a completion stands the kernel tells of no signal.
    say(caught(() => ring.enter(0, 2, IORING_ENTER_GETEVENTS, new BigUint64Array([0n]))));
    // A wait of ours does.
    say(caught(() => ring.waitCqes(2)));
    ring.advanceCq();
    say(caught(() => ring.enter(0, 1, IORING_ENTER_GETEVENTS, new BigUint64Array([0n]))));
    signals(0);
    ring.close();
    end();
  `);
  assert.deepEqual(lines, [0, 1, 'nothing', 'EINTR io_uring_enter', 'EINTR io_uring_enter']);
});

test('a signal handler ends the process, though its thread waits', without, () => {
  const { status, stdout } = runScript(`
    import { Worker } from 'node:worker_threads';
    import { IoUringState } from 'tsuring';
    // The main thread waits; the Worker ends the process under it. Again and again, lest it be done before the wait begins.
    new Worker("setInterval(() => process.kill(process.pid, 'SIGTERM'), 300)", { eval: true, execArgv: [] });
    process.on('SIGTERM', () => process.exit(7));
    const ring = new IoUringState(4, { flags: 0 });
    // Behind one whole turn: the handler runs in the poll of a turn, and one immediate, or a timer, can come before it.
    const wait = () => {
      try { ring.waitCqe(); } catch (error) { process.stdout.write(error.code); setImmediate(setImmediate, wait); }
    };
    wait();
  `);
  assert.equal(status, 7);
  assert.match(stdout, /^(EINTR)+$/);
});
