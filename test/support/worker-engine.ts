/**
 * A Worker with an engine: it does what `workerData` says, and is ended in the midst of it or ends itself.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { IoUring } from '../../lib/index.ts';

/** What it has in flight, and how it ends: by itself in one of three ways, or `wait`ing to be terminated. */
export interface EngineScene {
  readonly fd: number;
  readonly file: number;
  readonly scene: 'waiting' | 'busy' | 'multishot' | 'lent' | 'chain' | 'fixed';
  readonly end: 'wait' | 'exit' | 'throw' | 'natural';
}

const { fd, file, scene, end } = workerData as EngineScene;
const ring = new IoUring();
// The memory for which nothing can happen to anybody else's.
const arena = ring.allocate(65_536);
// Before Linux 5.18 this is to be done while nothing is in flight.
const registered = scene === 'fixed' ? ring.registerFile(fd) : null;
for (let n = 0; n < 8; n++) ring.read(fd, arena.subarray(n * 4096, (n + 1) * 4096)).catch(() => {});
if (scene === 'multishot') (async () => ring.readMultishot(fd).next())().catch(() => {});
if (scene === 'lent') (async () => ring.read(fd, { zeroCopy: true }).next())().catch(() => {});
if (scene === 'chain')
  ring.chain((link) => [link.read(fd, arena.subarray(0, 8)), link.nop()]).catch(() => {});
if (registered !== null) ring.read(registered, arena.subarray(0, 4096)).catch(() => {});
if (scene === 'busy') busy();
ring.flush();
if (end === 'natural') ring.unref();
if (scene !== 'busy') setImmediate(said);

async function busy(): Promise<void> {
  for (let n = 0; ; n++) {
    if (n === 100) said();
    await ring.read(file, arena.subarray(32_768, 36_864), { offset: 0 });
  }
}

function said(): void {
  parentPort!.postMessage('ready');
  if (end === 'exit') process.exit(7);
  if (end === 'throw')
    setImmediate(() => {
      throw new Error('thrown');
    });
}
