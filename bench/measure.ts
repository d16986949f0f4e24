/**
 * Nanoseconds per operation, measured by tinybench.
 */
import { Bench, type FnReturnedObject, type Task } from 'tinybench';
import type { Data } from './files.ts';

/** A workload: each call makes `ops` operations. */
export interface Workload {
  /** Operations of one call: enough that the two looks at the clock around them do not count. */
  readonly ops: number;
  /** Makes them. May return a FnReturnedObject, which says how long the part that counts took. */
  run(): unknown;
  close(): void;
  /** What the operations point at by its address alone: kept here, or the collector takes it. */
  readonly memory?: unknown;
}

/** Makes a workload, on a ring of its own. */
export type Maker = (depth: number, data: Data) => Workload;

/** A workload whose operations complete in the event loop. */
export interface AsyncWorkload {
  readonly ops: number;
  /** Makes them. May give a FnReturnedObject, as `run` of a Workload. */
  run(): Promise<unknown>;
}

/** The median of the calls made in `milliseconds`, per operation. */
export function nsPerOp(workload: Workload, milliseconds: number): number {
  const bench = new Bench(options(milliseconds));
  bench.add('workload', () => workload.run() as FnReturnedObject | undefined, { async: false });
  return median(bench.runSync()[0], workload.ops);
}

/** The same for an asynchronous one. */
export async function nsPerOpAsync(workload: AsyncWorkload, milliseconds: number): Promise<number> {
  const bench = new Bench(options(milliseconds));
  bench.add('workload', () => workload.run() as Promise<FnReturnedObject | undefined>, { async: true });
  return median((await bench.run())[0], workload.ops);
}

/** `nsPerOp` of a workload made for it. */
export function measured(workload: Workload, milliseconds: number): number {
  try {
    return nsPerOp(workload, milliseconds);
  } finally {
    workload.close();
  }
}

/** What each of those that take turns has taken, round by round. */
export class Rounds {
  readonly #seen = new Map<string, number[]>();

  note(name: string, ns: number): void {
    const values = this.#seen.get(name);
    if (values === undefined) this.#seen.set(name, [ns]);
    else values.push(ns);
  }

  medians(): Record<string, number> {
    return Object.fromEntries([...this.#seen].map(([name, values]) => [name, medianOf(values)]));
  }
}

/** The middle value, of an even number the lower one. */
export function medianOf(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1];
}

/** Warming up is the caller's: it is done once, not in every round. */
function options(milliseconds: number): ConstructorParameters<typeof Bench>[0] {
  return { time: milliseconds, iterations: 3, warmup: false, throws: true };
}

function median(task: Task, ops: number): number {
  const { result } = task;
  if (result.state !== 'completed') throw new Error(`tinybench: ${result.state}`);
  return (result.latency.p50 * 1e6) / ops;
}
