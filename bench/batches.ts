/**
 * What the workloads on a ring have in common.
 */
import type { Cqe, IoUringState, Sqe } from 'tsuring';

/** So many batches that their operations make a sample. */
export function batches(
  batch: () => void,
  depth: number,
  sample: number,
): { readonly ops: number; run(): void } {
  const rounds = Math.ceil(sample / depth);
  const run = (): void => {
    for (let i = 0; i < rounds; i++) batch();
  };
  return { ops: rounds * depth, run };
}

/** Looks at every completion that is there: its result, and whose it is. */
export function reaper(ring: IoUringState, expected: number): (count: number) => void {
  let sum = 0;
  const see = (cqe: Cqe): void => {
    if (cqe.res !== expected) throw new Error(`res is ${cqe.res}, not ${expected}`);
    sum += cqe.userDataLow;
  };
  return (count) => {
    sum = 0;
    const seen = ring.forEachCqe(see);
    if (seen !== count || sum !== (count * (count - 1)) / 2)
      throw new Error(`${seen} completions of ${count}, or not those of the batch`);
  };
}

export function free(sqe: Sqe | null): Sqe {
  if (sqe === null) throw new Error('The submission queue is full');
  return sqe;
}
