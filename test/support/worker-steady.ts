/**
 * The Worker that must go on unharmed: reads a file whose content it knows, checks every byte, and counts.
 */

import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { allocatePages, IoUringState, read } from '../../lib/index.ts';
import { times } from './effort.ts';
import { patiently } from './worker-patience.ts';

/** What it is told. */
export interface Steady {
  /** A file of BLOCKS blocks of 4,096 bytes, each filled with its number. */
  readonly fd: number;
  readonly flags: number;
  /** [0] rounds done, [1] wrong results, [2] set by the parent to end it. */
  readonly counters: Int32Array<SharedArrayBuffer>;
}

/** Blocks of the file that is read. */
export const BLOCKS = 64;

async function main({ fd, flags, counters }: Steady): Promise<void> {
  const ring = new IoUringState(BLOCKS, { flags });
  const pages = allocatePages(BLOCKS * 4096);
  const expected = Buffer.concat(Array.from({ length: BLOCKS }, (_, i) => Buffer.alloc(4096, i)));
  parentPort!.postMessage('ready');
  while (Atomics.load(counters, 2) === 0) {
    pages.bytes().fill(0xff);
    for (let i = 0; i < BLOCKS; i++) {
      const sqe = ring.getSqe()!;
      read(sqe, fd, pages.bytes(i * 4096, 4096), 4096, i * 4096);
      sqe.userData = i;
      ring.stageSqe();
    }
    patiently(() => ring.submitAndWait(BLOCKS));
    while (ring.cqReady() < BLOCKS) patiently(() => ring.waitCqes(BLOCKS));
    let seen = 0;
    ring.forEachCqe((cqe) => {
      if (cqe.res !== 4096) Atomics.add(counters, 1, 1);
      seen |= 1;
    });
    if (seen === 0 || !expected.equals(pages.bytes())) Atomics.add(counters, 1, 1);
    Atomics.add(counters, 0, 1);
    // Where everything takes long, others need the processor.
    await (times(100) < 100 ? pause(100) : turn());
  }
  ring.close();
}

if (parentPort !== null) await main(workerData as Steady);
