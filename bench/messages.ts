/**
 * A number to another thread and back: by a message between two rings, by a MessagePort, and by Atomics.
 */
import { MessageChannel } from 'node:worker_threads';
import { IoUringState, msgRing } from 'tsuring';
import { IOSQE_CQE_SKIP_SUCCESS } from 'tsuring/syscalls';
import { free } from './batches.ts';
import type { AsyncWorkload, Workload } from './measure.ts';
import { startPartner } from './partner.ts';

/** Volleys between two looks at the clock: as in bench/peers/threads.c. */
const VOLLEYS = 64;
/** A partner that has failed answers no more. */
const LIMIT_MS = 10_000;

/** Both threads wait in the kernel. */
export async function byRings(): Promise<Workload> {
  const { worker, said } = await startPartner({ role: 'ring' });
  const target = said as number;
  const ring = new IoUringState(8, { flags: 0 });
  worker.postMessage(ring.fd);
  const limit = { timeout: LIMIT_MS };
  const run = (): void => {
    for (let i = 0; i < VOLLEYS; i++) {
      const sqe = free(ring.getSqe());
      msgRing(sqe, target, i + 1, i);
      sqe.flags = IOSQE_CQE_SKIP_SUCCESS;
      ring.stageSqe();
      ring.submitAndWait(1, limit);
      const cqe = ring.peekCqe();
      if (cqe === null || cqe.res !== i + 1 || cqe.userDataLow !== i)
        throw new Error(`Message ${i} came back as ${cqe?.res}`);
      ring.advanceCq();
    }
  };
  const close = (): void => {
    void worker.terminate();
    ring.close();
  };
  return { ops: VOLLEYS, run, close };
}

/** Both threads are in their event loops. */
export async function byPort(): Promise<AsyncWorkload & { close(): void }> {
  const { port1, port2 } = new MessageChannel();
  const { worker } = await startPartner({ role: 'port', port: port2 });
  let next = 0;
  let done: () => void = () => {};
  let failed: (error: Error) => void = () => {};
  port1.on('message', (message) => {
    if (message !== next) failed(new Error(`Message ${next} came back as ${message}`));
    else if (++next < VOLLEYS) port1.postMessage(next);
    else done();
  });
  const run = (): Promise<void> =>
    new Promise((resolve, reject) => {
      [next, done, failed] = [0, resolve, reject];
      port1.postMessage(0);
    });
  const close = (): void => {
    void worker.terminate();
    port1.close();
  };
  return { ops: VOLLEYS, run, close };
}

/** Both threads wait in the kernel. */
export async function byAtomics(): Promise<Workload> {
  const words = new Int32Array(new SharedArrayBuffer(8));
  const { worker } = await startPartner({ role: 'words', words });
  let sent = 0;
  const run = (): void => {
    for (let i = 0; i < VOLLEYS; i++) {
      Atomics.store(words, 0, 1);
      Atomics.notify(words, 0);
      while (Atomics.load(words, 0) === 1)
        if (Atomics.wait(words, 0, 1, LIMIT_MS) === 'timed-out') throw new Error('Nothing came back');
      sent = (sent + 1) | 0;
    }
    if (words[1] !== sent) throw new Error(`${words[1]} of ${sent} came back`);
  };
  return { ops: VOLLEYS, run, close: () => void worker.terminate() };
}
