/**
 * A Worker that uses tsuring/fs as `workerData` says, and is ended in the midst of it or ends itself.
 */
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import fs from '../../lib/fs/index.ts';

/** What it has in flight, and how it ends: by itself in one of three ways, or `wait`ing to be terminated. */
export interface FsScene {
  /** Has the files `small` and `large`, of whose name each is full, and the pipes `a`, `b` and `c`. */
  readonly folder: string;
  readonly scene: 'small' | 'large' | 'handles' | 'pipes' | 'idle';
  readonly end: 'wait' | 'exit' | 'throw' | 'natural';
  /** Different for all that run at the same time. */
  readonly name: string;
}

const { folder, scene, end, name } = workerData as FsScene;
/** Rounds of what comes to its end. */
const LAST = end === 'natural' ? 3 : Number.POSITIVE_INFINITY;
const small = join(folder, 'small');
const large = join(folder, 'large');
const SMALL = Buffer.alloc(5000, 's');
const LARGE = Buffer.alloc(900_000, 'l');
let rounds = 0;

const scenes: Record<FsScene['scene'], () => void> = {
  small: smallFiles,
  large: largeFiles,
  handles,
  pipes,
  idle,
};

/** Does it again and again; at the second time it is under way. */
async function repeat(many: number, action: (n: number) => Promise<unknown>): Promise<void> {
  for (let n = 0; n < LAST; n++) {
    if (n === 1) said();
    await Promise.all(Array.from({ length: many }, (_, k) => action(k)));
    rounds++;
  }
}

function smallFiles(): void {
  repeat(60, async () => check(await fs.readFile(small), SMALL));
}

function largeFiles(): void {
  repeat(8, async (n) => {
    check(await fs.readFile(large), LARGE);
    await fs.writeFile(join(folder, `${name}-${n}`), Buffer.alloc(100_000, name));
  });
}

function handles(): void {
  const buffer = Buffer.alloc(50_000);
  repeat(8, async (n) => {
    const handle = await fs.open(join(folder, `${name}-${n}`), 'w+');
    await handle.write(Buffer.alloc(50_000, 'w'), 0, 50_000, 0);
    const { bytesRead } = await handle.read(buffer, 0, 50_000, 0);
    if (bytesRead !== 50_000) throw new Error(`read ${bytesRead}`);
    await handle.close();
    const reading = await fs.open(large);
    check(await reading.readFile(), LARGE);
    await reading.close();
  });
}

/** Two are read, and one is opened; nobody writes to them yet. */
function pipes(): void {
  const told = ['a', 'b'].map((pipe) => fs.readFile(join(folder, pipe), 'latin1'));
  told.push(openAndRead(join(folder, 'c')));
  Promise.all(told).then((texts) => parentPort!.postMessage(texts.join(' ')));
  // By then they wait.
  fs.readFile(small).then(said);
}

async function openAndRead(path: string): Promise<string> {
  const handle = await fs.open(path);
  const text = await handle.readFile('latin1');
  await handle.close();
  return text;
}

/** Does not keep the Worker alive. */
function idle(): void {
  fs.readFile(small).then(said);
}

function check(bytes: Buffer, expected: Buffer): void {
  if (!bytes.equals(expected)) throw new Error(`wrong content: ${bytes.length} bytes`);
}

function said(): void {
  const { backend } = fs;
  if (end !== 'exit') parentPort!.postMessage(backend);
  else setImmediate(() => process.exit(backend === 'io_uring' ? 7 : 8));
  if (end === 'throw')
    setImmediate(() => {
      throw new Error('thrown');
    });
}

process.on('exit', () => {
  if (end === 'natural' && scene !== 'pipes' && scene !== 'idle' && rounds !== LAST)
    throw new Error(`It ended after ${rounds} rounds`);
});
scenes[scene]();
