/**
 * The rows of the engine, `IoUring`, in the order of the table.
 */
import { join } from 'node:path';
import { runCompiled } from './engine-build.ts';
import type { EngineTask } from './engine-contenders.ts';
import { type EchoServer, echoRow } from './engine-echo.ts';
import { smallFiles } from './engine-files.ts';
import { promiseHeapRow } from './engine-heap.ts';
import { busyRow, timerRow } from './engine-latency.ts';
import { type Data, randomFile } from './files.ts';
import { needsDeferredTasks, needsDirectFiles, needsEngine } from './needs.ts';
import type { RowResult } from './row.ts';
import type { Context, Measured, Row } from './rows.ts';

/** Ratios to be reached. */
type Goals = Readonly<Record<string, number>>;

const READ_GOALS: Readonly<Record<number, Goals>> = {
  1: { 'FileHandle.read': 50, 'fs.read': 20 },
  32: { 'FileHandle.read': 15, 'fs.read': 4 },
};
const ECHO_GOALS: Readonly<Record<EchoServer, Goals>> = {
  iterators: { 'node:net': 1.5 },
  IoUringState: { 'node:net': 2, 'epoll in C': 1 },
};
const LATEST_NS = 20e6;

export const engineRows: readonly Row[] = [
  ...[1, 8, 32, 128].map((depth) => readRow('promise read', 'reads', depth, READ_GOALS[depth])),
  // Within 1.8 times of C.
  ...[1, 32].map((depth) =>
    readRow('promise read, arena,', 'reads_arena', depth, depth === 32 ? { liburing: 0.556 } : undefined),
  ),
  ...[1, 8, 32].map((depth) => readRow('promise read O_DIRECT', 'reads_direct', depth)),
  durableRow('write and fsync', 1),
  durableRow('write and fsync, 16 files', 16),
  ...[1, 16, 256].map(filesRow),
  ...echoRows('iterators', 'TCP echo'),
  ...echoRows('IoUringState', 'TCP echo, IoUringState'),
  { name: 'latency of a read while the loop is busy', needs: needsEngine, measure: busyRow },
  { name: 'lateness of a timer', needs: needsEngine, limit: LATEST_NS, measure: timerRow },
  { name: 'heap growth, promise read', needs: needsEngine, measure: promiseHeapRow },
];

function readRow(
  name: string,
  workload: 'reads' | 'reads_arena' | 'reads_direct',
  depth: number,
  goals?: Goals,
): Row {
  const direct = workload === 'reads_direct';
  return {
    name: `${name} depth ${depth}`,
    needs: needsEngine,
    ...(goals === undefined ? {} : { goals }),
    measure: async (context) => {
      const data = await randomFile(
        join(context.folder, direct ? 'direct' : 'cached'),
        direct ? 16_384 : 256,
      );
      return engineRow(workload, depth, data, PEERS[workload], context);
    },
  };
}

const PEERS = { reads: 'lanes_plain', reads_arena: 'lanes_arena', reads_direct: 'lanes_direct' };

function durableRow(name: string, depth: number): Row {
  return {
    name,
    needs: needsEngine,
    measure: async (context) => {
      const path = join(context.folder, 'durable');
      for (let i = 0; i < depth; i++) await randomFile(`${path}${i}`, 64);
      return engineRow('durable', depth, { path, blocks: 64 }, `durable_${depth}`, context);
    },
  };
}

function filesRow(depth: number): Row {
  return {
    name: `open, stat, read, close of 10,000 files, ${depth} at a time`,
    needs: needsDirectFiles,
    measure: async (context) => {
      const { quick, folder } = context;
      const short: Context = { ...context, uv: context.uv && !quick };
      const result = await engineRow('files', depth, await smallFiles(folder), null, short);
      return { ...result, unit: 'ns/file' };
    },
  };
}

function echoRows(server: EchoServer, name: string): Row[] {
  const loads = [64, 4096].flatMap((bytes) => [1, 32, 128].map((connections) => ({ connections, bytes })));
  return loads.map(({ connections, bytes }) => ({
    name: `${name}, ${connections === 1 ? '1 connection' : `${connections} connections`} of ${bytes} bytes`,
    ...(connections === 128 && bytes === 64 ? { goals: ECHO_GOALS[server] } : {}),
    needs: ({ echo }) => (echo === null ? 'it needs a C compiler' : needsDeferredTasks()),
    measure: (context) => echoRow(server, connections, bytes, context),
  }));
}

/** Runs bench/engine-row.ts in a process of its own. */
async function engineRow(
  name: EngineTask['name'],
  depth: number,
  data: Data,
  peer: string | null,
  { quick, liburing, uv }: Context,
): Promise<Measured> {
  const files = name === 'files';
  const task: EngineTask = {
    name,
    depth,
    data,
    liburing,
    peer,
    uv: uv ? 'beside' : 'none',
    rounds: quick ? (files ? 1 : 3) : files ? 5 : 15,
    asyncRounds: quick ? 1 : 5,
    warmUp: quick ? 300 : 500,
    time: quick ? 15 : 100,
  };
  const { ours, peers }: RowResult = JSON.parse(await runCompiled('engine-row', [JSON.stringify(task)]));
  return { ours, peers };
}
