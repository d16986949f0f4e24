/**
 * A row of two threads: runs itself in a process of its own, where each kind has its partner, a Worker that stays for
 * all rounds.
 */
import { pathToFileURL } from 'node:url';
import { peerInC } from './liburing.ts';
import { nsPerOp, nsPerOpAsync, Rounds, type Workload } from './measure.ts';
import { byAtomics, byPort, byRings } from './messages.ts';
import { runScript } from './processes.ts';
import type { RowResult } from './row.ts';
import type { Context, Measured } from './rows.ts';
import { sharedRing } from './shared-ring.ts';

export type ThreadsName = 'msg_ring' | 'shared_ring';

interface ThreadsTask {
  readonly name: ThreadsName;
  readonly liburing: string | null;
  readonly rounds: number;
  /** Milliseconds that each runs unmeasured before the first round. */
  readonly warmUp: number;
  /** Milliseconds of each measurement. */
  readonly time: number;
}

export async function threadsRow(
  name: ThreadsName,
  { quick, liburing }: Context,
  note: string,
): Promise<Measured> {
  const task: ThreadsTask = {
    name,
    liburing,
    rounds: quick ? 3 : 15,
    warmUp: quick ? 150 : 500,
    time: quick ? 20 : 100,
  };
  const { ours, peers }: RowResult = JSON.parse(await runScript('threads.ts', [JSON.stringify(task)]));
  return { ours, peers, note };
}

async function measure({ name, liburing, rounds, warmUp, time }: ThreadsTask): Promise<RowResult> {
  const contenders = name === 'msg_ring' ? await messengers() : [synchronous('ours', await sharedRing())];
  const seen = new Rounds();
  for (const { run } of contenders) await run(warmUp);
  for (let round = 0; round < rounds; round++) {
    if (liburing !== null) seen.note('liburing', peerInC(liburing, name, 1, time, null).ns);
    for (const { name: peer, run } of contenders) seen.note(peer, await run(time));
  }
  for (const { close } of contenders) close();
  const { ours, ...peers } = seen.medians();
  return { ours, peers };
}

interface Contender {
  readonly name: string;
  run(milliseconds: number): number | Promise<number>;
  close(): void;
}

async function messengers(): Promise<Contender[]> {
  const port = await byPort();
  return [
    synchronous('ours', await byRings()),
    { name: 'MessagePort', run: (milliseconds) => nsPerOpAsync(port, milliseconds), close: port.close },
    synchronous('Atomics', await byAtomics()),
  ];
}

function synchronous(name: string, workload: Workload): Contender {
  return { name, run: (milliseconds) => nsPerOp(workload, milliseconds), close: workload.close };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
  process.stdout.write(JSON.stringify(await measure(JSON.parse(process.argv[2]))));
