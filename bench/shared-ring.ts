/**
 * One ring of two threads: this one submits NOPs to the kernel's thread (SQPOLL), the partner reaps.
 */
import { IoUringState, nop, type Sqe } from 'tsuring';
import { IORING_SETUP_SQPOLL } from 'tsuring/syscalls';
import type { Workload } from './measure.ts';
import { startPartner } from './partner.ts';

/** As in bench/peers/threads.c. */
const OPERATIONS = 16_384;
const ENTRIES = 256;
const BATCH = 32;
/** A partner that has failed reaps no more. */
const LIMIT_MS = 10_000;

export async function sharedRing(): Promise<Workload> {
  // All completions of a sample find room.
  const ring = new IoUringState(ENTRIES, { flags: IORING_SETUP_SQPOLL, cqEntries: 2 * OPERATIONS });
  const words = new Int32Array(new SharedArrayBuffer(12));
  const { worker } = await startPartner({ role: 'reap', ring: ring.share(), words });
  let target = 0;
  let sum = 0;
  const run = (): void => {
    target = (target + OPERATIONS) | 0;
    sum = (sum + (OPERATIONS * (OPERATIONS - 1)) / 2) | 0;
    Atomics.store(words, 2, target);
    for (let i = 0; i < OPERATIONS; i++) {
      const sqe = ring.getSqe() ?? whenFree(ring);
      nop(sqe);
      sqe.userData = i;
      ring.stageSqe();
      if (i % BATCH === BATCH - 1) ring.submit();
    }
    for (let seen = Atomics.load(words, 0); seen !== target; seen = Atomics.load(words, 0))
      if (Atomics.wait(words, 0, seen, LIMIT_MS) === 'timed-out') throw new Error('Nothing is reaped');
    if (words[1] !== sum) throw new Error('The completions are not those of the sample');
  };
  const close = (): void => {
    void worker.terminate();
    ring.close();
  };
  return { ops: OPERATIONS, run, close };
}

function whenFree(ring: IoUringState): Sqe {
  for (;;) {
    ring.sqringWait();
    const sqe = ring.getSqe();
    if (sqe !== null) return sqe;
  }
}
