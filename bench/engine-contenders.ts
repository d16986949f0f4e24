/**
 * What takes part in a row of the engine's.
 */
import type { Data } from './files.ts';
import { type AsyncWorkload, nsPerOp, nsPerOpAsync, type Workload } from './measure.ts';

/** What bench/engine-row.ts is to measure. */
export interface EngineTask {
  readonly name: 'reads' | 'reads_arena' | 'reads_direct' | 'durable' | 'files';
  /** Operations in flight, or files at once. */
  readonly depth: number;
  readonly data: Data;
  /** The compiled peers in C, if there are any, and which of them takes part; null for none. */
  readonly liburing: string | null;
  readonly peer: string | null;
  /** Columns with UV_USE_IO_URING: none, made by a child, or this is that child. */
  readonly uv: 'none' | 'beside' | 'alone';
  readonly rounds: number;
  /** In how many of them the asynchronous peers take part. */
  readonly asyncRounds: number;
  /** Milliseconds that ours runs unmeasured before the first round. */
  readonly warmUp: number;
  /** Milliseconds of each measurement. */
  readonly time: number;
}

export interface Contender {
  readonly name: string;
  /** Nanoseconds for one operation. */
  readonly measure: (milliseconds: number) => number | Promise<number>;
  readonly close: () => void | Promise<void>;
}

export interface Contenders {
  readonly ours: Contender;
  /** Other ways of ours. */
  readonly beside?: readonly Contender[];
  /** One operation after the other. */
  readonly blocking: Contender;
  /** Slower by factors, and again with UV_USE_IO_URING. */
  readonly asynchronous: readonly Contender[];
}

export function synchronous(name: string, workload: Workload): Contender {
  return { name, measure: (milliseconds) => nsPerOp(workload, milliseconds), close: workload.close };
}

/** Its first run is for warming up, and for the failures that come at once. */
export function asynchronous(
  name: string,
  workload: AsyncWorkload,
  close: () => void | Promise<void>,
): Contender {
  let warm = false;
  const measure = async (milliseconds: number): Promise<number> => {
    if (!warm) await workload.run();
    warm = true;
    return nsPerOpAsync(workload, milliseconds);
  };
  return { name, measure, close };
}
