/**
 * Messages between the rings of two Workers: thousands of them, none lost, none doubled, all in order.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { type IoUringOptions, msgRing, msgRingFdAlloc } from 'tsuring';
import { IORING_FEAT_CQE_SKIP, IORING_SETUP_SQPOLL } from 'tsuring/syscalls';
import { times } from './support/effort.ts';
import { live } from './support/live.ts';
import { deferKind, type LiveKind, liveKinds, plainKind } from './support/live-kinds.ts';
import type { MessageWork } from './support/live-msg-ring-worker.ts';
import { rows, stage, submits } from './support/live-rows.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksFeature, lacksOpcode } from './support/needs.ts';
import { ringKinds } from './support/ring-kinds.ts';
import { tsWorker } from './support/ts-worker.ts';

const lacksMessages = lacksOpcode('IORING_OP_MSG_RING');
const lacksSkip = lacksFeature('IORING_FEAT_CQE_SKIP (Linux 5.17)', IORING_FEAT_CQE_SKIP);
/** In a Worker an SQPOLL ring must have memory of ours. */
const [, sqpoll] = ringKinds;
const kinds: readonly LiveKind[] = liveKinds.map((kind) => (kind.name === 'SQPOLL' ? sqpoll : kind));
const COUNT = times(10_000);

for (const { name, options, lacks } of kinds)
  live(
    ['msgRing'],
    `a Worker sends thousands of them to another: ${name}`,
    [lacksMessages, lacks],
    async (context) => {
      // The kernel's threads that spin beside the Workers leave little of a small machine.
      const count = options.flags === IORING_SETUP_SQPOLL ? COUNT / 5 : COUNT;
      const [receiver, sender] = await Promise.all([
        start(context, { task: 'receive', entries: 8, options, count }),
        start(context, { task: 'send', entries: 32, options, count }),
      ]);
      const [received, sent] = [receiver.work(0), sender.work(receiver.fd)];
      assert.deepEqual(await sent, { sent: count });
      const { overflowed, ...rest } = (await received) as { overflowed: boolean };
      assert.deepEqual(rest, { received: count, lost: 0 });
    },
  );

live(['msgRing'], 'none is lost where the queue is too small for them', [lacksMessages], async (context) => {
  const options = { flags: 0, cqEntries: 4 };
  const [receiver, sender] = await Promise.all([
    start(context, { task: 'receive', entries: 2, options, count: COUNT }),
    start(context, { task: 'send', entries: 64, options: plainKind.options, count: COUNT }),
  ]);
  // All of them are sent before any is taken.
  assert.deepEqual(await sender.work(receiver.fd), { sent: COUNT });
  assert.deepEqual(await receiver.work(0), { received: COUNT, overflowed: true, lost: 0 });
});

for (const { name, options, lacks } of [plainKind, deferKind])
  live(['msgRing'], `of two senders each is in order: ${name}`, [lacksMessages, lacks], async (context) => {
    const work = { entries: 32, options: plainKind.options, count: COUNT / 2 };
    const [receiver, ...senders] = await Promise.all([
      start(context, { ...work, task: 'receive', options, senders: 2 }),
      start(context, { ...work, task: 'send', sender: 0 }),
      start(context, { ...work, task: 'send', sender: 1 }),
    ]);
    const received = receiver.work(0);
    const sent = await Promise.all(senders.map((sender) => sender.work(receiver.fd)));
    assert.deepEqual(sent, [{ sent: COUNT / 2 }, { sent: COUNT / 2 }]);
    const { overflowed, ...rest } = (await received) as { overflowed: boolean };
    assert.deepEqual(rest, { received: COUNT, lost: 0 });
  });

for (const { name, options, lacks } of [plainKind, deferKind])
  live(
    ['msgRing'],
    `to and fro, thousands of times: ${name}`,
    [lacksMessages, lacksSkip, lacks],
    async (context) => {
      const work = { entries: 8, options, count: times(3000) };
      const [one, other] = await Promise.all([
        start(context, { ...work, task: 'serve' }),
        start(context, { ...work, task: 'return' }),
      ]);
      const answers = await Promise.all([one.work(other.fd), other.work(one.fd)]);
      assert.deepEqual(answers, [{ volleys: times(3000) }, { volleys: times(3000) }]);
    },
  );

for (const { name, options, lacks } of [plainKind, deferKind])
  live(
    ['msgRingFdAlloc'],
    `passes a file to the ring of a Worker: ${name}`,
    [lacksOpcode('IORING_OP_SEND_ZC'), lacks],
    async (context) => {
      using here = scratch();
      const open = here.ring();
      const reader = await start(context, { task: 'read file', entries: 8, options, count: 0 });
      open.ring.registerFiles([here.fileFd('file', 'passed on')]);
      const registered = reader.says('registered');
      const text = reader.work(0);
      await registered;
      stage(open.ring, 1, (sqe) => msgRingFdAlloc(sqe, reader.fd, 0, 77));
      submits(open, 1);
      assert.deepEqual(rows(open, 1), [[1, 0, 0]]);
      assert.deepEqual(await text, { slot: 0, text: 'passed on' });
    },
  );

live(['msgRing'], 'the ring of a Worker that ended is none any more', [lacksMessages], async (context) => {
  using here = scratch();
  const open = here.ring();
  const receiver = await start(context, {
    task: 'receive',
    entries: 8,
    options: plainKind.options,
    count: 1,
  });
  stage(open.ring, 1, (sqe) => msgRing(sqe, receiver.fd, 1, 1));
  submits(open, 1);
  assert.deepEqual(rows(open, 1), [[1, 0, 0]]);
  await receiver.worker.terminate();
  stage(open.ring, 2, (sqe) => msgRing(sqe, receiver.fd, 1, 1));
  submits(open, 1);
  assert.deepEqual(rows(open, 1), [[2, '-EBADF', 0]]);
});

interface Peer {
  readonly worker: Worker;
  readonly fd: number;
  /** Starts its work, with the fd of the ring that it shall send to, and gives what it says when it is done. */
  work(target: number): Promise<unknown>;
  /** Is fulfilled when it says this. */
  says(word: string): Promise<void>;
}

async function start(
  context: TestContext,
  data: Omit<MessageWork, 'options'> & { options: IoUringOptions },
): Promise<Peer> {
  const worker = tsWorker('live-msg-ring-worker', data);
  context.after(() => worker.terminate());
  const [fd] = await once(worker, 'message');
  const said: unknown[] = [];
  worker.on('message', (message) => said.push(message));
  const failure = new Promise<never>((_, reject) => worker.once('error', reject));
  failure.catch(() => {});
  const until = async (found: (message: unknown) => boolean): Promise<unknown> => {
    while (!said.some(found)) await Promise.race([once(worker, 'message'), failure]);
    return said.find(found);
  };
  return {
    worker,
    fd,
    work: (target) => {
      worker.postMessage(target);
      return until((message) => typeof message === 'object');
    },
    says: async (word) => {
      await until((message) => message === word);
    },
  };
}
