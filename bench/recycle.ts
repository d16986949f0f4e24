/**
 * What it costs to give buffers back to the kernel: `recycle` and `publish` of a BufferRing. Only that is timed.
 */

import type { FnReturnedObject } from 'tinybench';
import { BufferRing, Cqe, IoUringState } from 'tsuring';
import { IORING_CQE_BUFFER_SHIFT, IORING_CQE_F_BUFFER } from 'tsuring/syscalls';
import type { Maker, Workload } from './measure.ts';

export type RecycleName = 'recycle';

export const recycleWorkloads: Readonly<Record<RecycleName, Maker>> = { recycle };

const BUFFERS = 4096;
const SIZE = 64;

/** All buffers, `depth` of them with one store of the tail. As in bench/peers/recycle.c. */
function recycle(depth: number): Workload {
  const ring = new IoUringState(1, { flags: 0 });
  const group = { group: 0, entries: BUFFERS, bufferSize: SIZE, provide: false };
  const buffers = new BufferRing(ring, group);
  const give = (): void => {
    for (let id = 0; id < BUFFERS; id += depth) {
      for (let i = 0; i < depth; i++) buffers.recycle(id + i);
      buffers.publish();
    }
  };
  const run = (): FnReturnedObject => {
    const start = performance.now();
    give();
    const elapsed = performance.now() - start;
    if (buffers.provided !== BUFFERS || buffers.staged !== 0) throw new Error('Not all buffers were given');
    takeAll(buffers);
    return { overriddenDuration: elapsed, overriddenIterationCost: performance.now() - start };
  };
  const close = (): void => {
    buffers.close();
    ring.close();
  };
  return { ops: BUFFERS, run, close };
}

/** As if receives had used all of them: completions as the kernel would write them. */
function takeAll(buffers: BufferRing): void {
  const cqe = new Cqe();
  const words = new Int32Array(4);
  cqe.words = words;
  words[2] = SIZE;
  for (let id = 0; id < BUFFERS; id++) {
    words[3] = (id << IORING_CQE_BUFFER_SHIFT) | IORING_CQE_F_BUFFER;
    if (buffers.take(cqe) !== 1) throw new Error(`Buffer ${id} was not taken`);
  }
}
