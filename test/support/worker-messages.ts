/**
 * A Worker with a ring of its own that answers each message of another ring with its double, and goes on until told 0.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { IoUring } from '../../lib/index.ts';

const ring = new IoUring();
const messages = ring.messages();
parentPort?.postMessage(ring.fd);
for await (const { value, data } of messages) {
  if (value === 0) break;
  await ring.msgRing(workerData as number, 2 * value, data + 1);
}
await ring.close();
