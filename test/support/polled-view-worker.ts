/** A Worker that asks for rings in a mapped view, and tells what became of each: its flags, or the error. */
import { parentPort, workerData } from 'node:worker_threads';
import { type IoUringOptions, IoUringState } from '../../lib/index.ts';

parentPort?.postMessage((workerData as IoUringOptions[]).map(attempt));

function attempt(options: IoUringOptions): number | string {
  try {
    using ring = new IoUringState(8, options);
    return ring.setupFlags;
  } catch (error) {
    return String(error);
  }
}
