/**
 * The other thread of the rows of bench/threads.ts: what it does is its `role`.
 */
import { type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads';
import { type Cqe, IoUringState, msgRing, type SharedRing } from 'tsuring';
import { IOSQE_CQE_SKIP_SUCCESS } from 'tsuring/syscalls';
import { free } from './batches.ts';

/** What a partner is started with. */
export type PartnerTask =
  /** Says the fd of its ring, is told another one, and from then on sends every message back there. */
  | { readonly role: 'ring' }
  /** Sends back what comes through the port. */
  | { readonly role: 'port'; readonly port: MessagePort }
  /** Waits for word 0 to become 1, makes it 0 again, and counts in word 1. */
  | { readonly role: 'words'; readonly words: Int32Array }
  /** Reaps another thread's ring; word 0: completions so far, word 1: the sum of their user data, word 2: see `notify`. */
  | { readonly role: 'reap'; readonly ring: SharedRing; readonly words: Int32Array };

/** A partner that is ready, and the first that it said. End it by `terminate`. Its failure is that of this thread. */
export async function startPartner(task: PartnerTask): Promise<{ worker: Worker; said: unknown }> {
  // Node 20 does not hand tsx down to Workers.
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const self = JSON.stringify(import.meta.url);
  const code = `import(${tsx}).then(({ register }) => { register(); return import(${self}); })`;
  const transferList = task.role === 'port' ? [task.port] : [];
  const worker = new Worker(code, { eval: true, workerData: { partner: task }, transferList });
  worker.on('error', (error) => {
    throw error;
  });
  const said = await new Promise((resolve) => worker.once('message', resolve));
  return { worker, said };
}

if (parentPort !== null && workerData?.partner !== undefined) play(workerData.partner, parentPort);

function play(task: PartnerTask, parent: MessagePort): void {
  if (task.role === 'ring') returnMessages(parent);
  else if (task.role === 'port') {
    const { port } = task;
    port.on('message', (message) => port.postMessage(message));
    parent.postMessage('ready');
  } else {
    parent.postMessage('ready');
    if (task.role === 'words') returnWords(task.words);
    else reap(task.ring, task.words);
  }
}

function returnMessages(parent: MessagePort): void {
  const ring = new IoUringState(8, { flags: 0 });
  parent.once('message', (target: number) => {
    for (;;) {
      const cqe = ring.waitCqe();
      if (cqe === null) continue;
      const { res, userDataLow } = cqe;
      ring.advanceCq();
      const sqe = free(ring.getSqe());
      msgRing(sqe, target, res, userDataLow);
      sqe.flags = IOSQE_CQE_SKIP_SUCCESS;
      ring.stageSqe();
      ring.submit();
    }
  });
  parent.postMessage(ring.fd);
}

function returnWords(words: Int32Array): void {
  for (;;) {
    while (Atomics.load(words, 0) === 0) Atomics.wait(words, 0, 0);
    words[1]++;
    Atomics.store(words, 0, 0);
    Atomics.notify(words, 0);
  }
}

function reap(shared: SharedRing, words: Int32Array): void {
  const ring = new IoUringState(shared);
  let sum = 0;
  let total = 0;
  const see = (cqe: Cqe): void => {
    if (cqe.res !== 0) throw new Error(`res is ${cqe.res}`);
    sum = (sum + cqe.userDataLow) | 0;
  };
  for (;;) {
    const seen = ring.forEachCqe(see);
    if (seen === 0) {
      ring.waitCqe();
      continue;
    }
    total = (total + seen) | 0;
    words[1] = sum;
    Atomics.store(words, 0, total);
    if (total === Atomics.load(words, 2)) Atomics.notify(words, 0);
  }
}
