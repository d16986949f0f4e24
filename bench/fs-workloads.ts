/**
 * What tsuring/fs and its peers are given to do: each once over all its items.
 */
import {
  closeSync,
  copyFileSync,
  cpSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { BLOCK } from './files.ts';

export type Fs = Pick<
  typeof import('node:fs/promises'),
  'cp' | 'open' | 'readFile' | 'rm' | 'stat' | 'writeFile'
>;

/** What bench/fs-row.ts is to measure. */
export interface FsTask {
  readonly name: WorkloadName;
  /** How many at a time. */
  readonly depth: number;
  /** Files, or MiB, or reads: what one pass goes over. */
  readonly items: number;
  /** Where its files are. */
  readonly folder: string;
  /** How often each runs before the first round: what is compiled only when it has run often takes long until then. */
  readonly warmUp: number;
  readonly rounds: number;
  /** In how many of them what is slow takes part. */
  readonly slowRounds: number;
  /** Columns with UV_USE_IO_URING: none, made by a child, or this is that child. */
  readonly uv: 'none' | 'beside' | 'alone';
}

export interface Workload {
  /** The function that is measured. */
  readonly uses: keyof Fs;
  /** Makes what is there before the first pass. */
  prepare(task: FsTask): void;
  pass(fs: Fs, task: FsTask): Promise<void>;
  sync(task: FsTask): void;
  /** The same by a program: what a shell is given. */
  command?(task: FsTask): string;
  /** After each pass: not timed. */
  clean?(task: FsTask): void;
}

const readFiles: Workload = {
  uses: 'readFile',
  prepare: makeFiles,
  pass: (fs, task) =>
    each(task, async (i) => {
      check(i, await fs.readFile(fileAt(task, i)));
    }),
  sync: (task) => eachSync(task, (i) => check(i, readFileSync(fileAt(task, i)))),
  command: ({ folder }) => `cat '${folder}'/files/* > /dev/null`,
};

const writeFiles: Workload = {
  uses: 'writeFile',
  prepare: makeTarget,
  pass: (fs, task) => each(task, (i) => fs.writeFile(join(task.folder, 'new', `${i}`), contents(i))),
  sync: (task) => eachSync(task, (i) => writeFileSync(join(task.folder, 'new', `${i}`), contents(i))),
  clean: makeTarget,
};

const flushFiles: Workload = {
  uses: 'writeFile',
  prepare: makeTarget,
  pass: (fs, task) =>
    each(task, (i) => fs.writeFile(join(task.folder, 'new', `${i}`), contents(i), { flush: true } as object)),
  sync: (task) =>
    eachSync(task, (i) => {
      const fd = openSync(join(task.folder, 'new', `${i}`), 'w');
      writeSync(fd, contents(i));
      fsyncSync(fd);
      closeSync(fd);
    }),
  clean: makeTarget,
};

const statFiles: Workload = {
  uses: 'stat',
  prepare: makeFiles,
  pass: (fs, task) =>
    each(task, async (i) => {
      if ((await fs.stat(fileAt(task, i))).size !== BYTES) throw new Error(`File ${i} has another size`);
    }),
  sync: (task) => eachSync(task, (i) => void statSync(fileAt(task, i))),
};

const copyTree: Workload = {
  uses: 'cp',
  prepare: makeFiles,
  pass: (fs, { folder }) => fs.cp(join(folder, 'files'), join(folder, 'copy'), { recursive: true }),
  sync: ({ folder }) => cpSync(join(folder, 'files'), join(folder, 'copy'), { recursive: true }),
  command: ({ folder }) => `cp -r '${folder}/files' '${folder}/copy'`,
  clean: removeCopy,
};

/** The files are there again after each pass. */
const removeTree: Workload = {
  uses: 'rm',
  prepare: makeFiles,
  pass: (fs, { folder }) => fs.rm(join(folder, 'files'), { recursive: true }),
  sync: ({ folder }) => rmSync(join(folder, 'files'), { recursive: true }),
  command: ({ folder }) => `rm -r '${folder}/files'`,
  clean: makeFiles,
};

/** A tree of files of 256 MiB. */
const copyLarge: Workload = {
  uses: 'cp',
  prepare: (task) => {
    const part = join(task.folder, 'part');
    makeLarge({ ...task, items: Math.min(task.items, PART_MIB) }, part);
    mkdirSync(join(task.folder, 'files'), { recursive: true });
    for (let i = 0; i < task.items / PART_MIB; i++) copyFileSync(part, fileAt(task, i));
    rmSync(part);
  },
  pass: copyTree.pass,
  sync: copyTree.sync,
  command: copyTree.command!,
  clean: removeCopy,
};

const stream: Workload = {
  uses: 'open',
  prepare: (task) => makeLarge(task, join(task.folder, 'large')),
  pass: async (fs, { folder, items }) => {
    const handle = await fs.open(join(folder, 'large'));
    let bytes = 0;
    for await (const chunk of handle.createReadStream()) bytes += chunk.length;
    if (bytes !== items * MIB) throw new Error(`${bytes} bytes came`);
  },
  sync: ({ folder }) => {
    const fd = openSync(join(folder, 'large'), 'r');
    const buffer = Buffer.alloc(64 * 1024);
    while (readSync(fd, buffer) > 0);
    closeSync(fd);
  },
  command: ({ folder }) => `cat '${folder}/large' > /dev/null`,
};

const randomReads: Workload = {
  uses: 'open',
  prepare: (task) => makeLarge({ ...task, items: 4096 }, join(task.folder, 'large')),
  pass: async (fs, task) => {
    const handle = await fs.open(join(task.folder, 'large'));
    const buffers = Array.from({ length: task.depth }, () => Buffer.alloc(BLOCK));
    await each(task, async (i, lane) => {
      const { bytesRead } = await handle.read(buffers[lane], 0, BLOCK, placeOf(i));
      if (bytesRead !== BLOCK) throw new Error(`${bytesRead} bytes were read`);
    });
    await handle.close();
  },
  sync: (task) => {
    const fd = openSync(join(task.folder, 'large'), 'r');
    const buffer = Buffer.alloc(BLOCK);
    eachSync(task, (i) => void readSync(fd, buffer, 0, BLOCK, placeOf(i)));
    closeSync(fd);
  },
};

export type WorkloadName =
  | 'readFiles'
  | 'writeFiles'
  | 'flushFiles'
  | 'statFiles'
  | 'copyTree'
  | 'removeTree'
  | 'copyLarge'
  | 'stream'
  | 'randomReads';

export const workloads: Readonly<Record<WorkloadName, Workload>> = {
  readFiles,
  writeFiles,
  flushFiles,
  statFiles,
  copyTree,
  removeTree,
  copyLarge,
  stream,
  randomReads,
};

/** `depth` loops, each of which takes the next item when it is through with one. */
async function each(
  { depth, items }: FsTask,
  one: (i: number, lane: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const loop = async (_: unknown, lane: number): Promise<void> => {
    while (next < items) await one(next++, lane);
  };
  await Promise.all(Array.from({ length: depth }, loop));
}

function eachSync({ items }: FsTask, one: (i: number) => void): void {
  for (let i = 0; i < items; i++) one(i);
}

function makeFiles(task: FsTask): void {
  const folder = join(task.folder, 'files');
  mkdirSync(folder, { recursive: true });
  if (readdirSync(folder).length === task.items) return;
  for (let i = 0; i < task.items; i++) writeFileSync(fileAt(task, i), contents(i));
}

function makeTarget({ folder }: FsTask): void {
  rmSync(join(folder, 'new'), { recursive: true, force: true });
  mkdirSync(join(folder, 'new'), { recursive: true });
}

function removeCopy({ folder }: FsTask): void {
  rmSync(join(folder, 'copy'), { recursive: true, force: true });
}

/** A file of `items` MiB, read once: it is in the page cache as long as there is room. */
function makeLarge({ items }: FsTask, path: string): void {
  const fd = openSync(path, 'w+');
  const chunk = Buffer.alloc(MIB, 1);
  for (let i = 0; i < items; i++) writeSync(fd, chunk, 0, MIB, i * MIB);
  fsyncSync(fd);
  closeSync(fd);
}

function fileAt({ folder }: FsTask, i: number): string {
  return join(folder, 'files', String(i));
}

/** Its number at the beginning and at the end. */
function contents(i: number): Buffer {
  const bytes = Buffer.alloc(BYTES, 1);
  bytes.writeUInt32LE(i);
  bytes.writeUInt32LE(i, BYTES - 4);
  return bytes;
}

function check(i: number, bytes: Buffer): void {
  if (bytes.length !== BYTES || bytes.readUInt32LE() !== i || bytes.readUInt32LE(BYTES - 4) !== i)
    throw new Error(`File ${i}: the bytes are not its own`);
}

/** Anywhere in 4 GiB, and always the same. */
function placeOf(i: number): number {
  return ((i * 40_503) % 2 ** 20) * BLOCK;
}

const BYTES = 1024;
const MIB = 2 ** 20;
const PART_MIB = 256;
