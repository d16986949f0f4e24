/** A Worker that makes buffer rings, and tells what became of each: where its entries are, or the error. */
import { parentPort, workerData } from 'node:worker_threads';
import { BufferRing, type BufferRingOptions, IoUringState } from '../../lib/index.ts';

type Wish = Partial<BufferRingOptions> & { readonly flags: number };

parentPort?.postMessage((workerData as Wish[]).map(attempt));

function attempt({ flags, ...options }: Wish): string {
  try {
    using ring = new IoUringState(8, { flags });
    using buffers = new BufferRing(ring, { group: 0, entries: 4, bufferSize: 64, ...options });
    return buffers.memory.kind;
  } catch (error) {
    return String(error);
  }
}
