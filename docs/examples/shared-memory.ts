/**
 * The ring's memory is a SharedArrayBuffer: another thread can look at it while the ring works.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { IoUringState, nop } from 'tsuring';

using ring = new IoUringState(8, { flags: 0 });
const { buffer, sqRing, kind } = ring.memory;
if (kind === 'view') {
  // Linux 5.16 to 6.4: the kernel's pages cannot be put behind a SharedArrayBuffer.
  assert(buffer instanceof ArrayBuffer);
} else {
  assert(buffer instanceof SharedArrayBuffer);
  const sqe = ring.getSqe();
  assert(sqe !== null);
  nop(sqe);
  sqe.userData = 7;
  ring.commitSqe();
  // The words of the two rings before and after the kernel has worked, as the other thread sees them.
  const before = await lookFromWorker(buffer, sqRing.byteOffset);
  ring.submitAndWait(1);
  const after = await lookFromWorker(buffer, sqRing.byteOffset);
  assert.notDeepEqual(after, before);
  ring.advanceCq();
}

async function lookFromWorker(shared: SharedArrayBuffer, byteOffset: number): Promise<number[]> {
  const code = `
    const { workerData, parentPort } = require('node:worker_threads');
    const words = new Int32Array(workerData.shared, workerData.byteOffset, 16);
    parentPort.postMessage(Array.from(words, (_, i) => Atomics.load(words, i)));`;
  const worker = new Worker(code, { eval: true, execArgv: [], workerData: { shared, byteOffset } });
  const [words] = await once(worker, 'message');
  return words;
}
