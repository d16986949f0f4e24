/**
 * A process of its own that uses tsuring/fs: `fs-child.ts fs-child SCENE FOLDER` does what the scene says, and prints what came
 * of it as JSON. Also for tests: `program`, which gives the same with every backend.
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync, symlinkSync } from 'node:fs';
import node from 'node:fs/promises';
import { join } from 'node:path';
import fs from 'tsuring/fs';
import { addressOf, libc } from 'tsuring/syscalls';

/** node:fs/promises, or what stands in its place. */
export type Fs = typeof node;

/** What is told of an outcome: `failure` gives it of an error. */
export type Told = Record<string, unknown>;

/** All that a program can see of an error; without the place, `folder`, where it happened. */
export function failure(error: unknown, folder: string): Told {
  const { name, code, errno, syscall, path, message } = error as NodeJS.ErrnoException;
  const told = (text: string | undefined) => text?.replaceAll(folder, '');
  return { name, code, errno, syscall, path: told(path), message: told(message) };
}

/** What an operation gives, or its failure. */
export async function outcome(folder: string, action: () => Promise<unknown>): Promise<unknown> {
  try {
    return await action();
  } catch (error) {
    return failure(error, folder);
  }
}

/** A little program that uses much of it in `folder`, which is new. */
export async function program(fs: Fs, folder: string): Promise<Told> {
  return {
    whole: await wholeFiles(fs, folder),
    handle: await handles(fs, folder),
    streams: await streams(fs, folder),
    errors: await errors(fs, folder),
    handedOn: await handedOn(fs, folder),
  };
}

async function wholeFiles(fs: Fs, folder: string): Promise<unknown[]> {
  const [text, empty, large] = ['text', 'empty', 'large'].map((name) => join(folder, name));
  await fs.writeFile(text, 'first\n');
  await fs.appendFile(text, Buffer.from('zweitens: ä\n'));
  await fs.writeFile(empty, '');
  const bytes = Buffer.alloc(700_000, 'abcdefg');
  await fs.writeFile(large, bytes);
  const many = await Promise.all(Array.from({ length: 200 }, () => fs.readFile(text, 'utf8')));
  return [
    (await fs.readFile(text)).toString('hex'),
    await fs.readFile(text, { encoding: 'base64' }),
    (await fs.readFile(empty)).length,
    createHash('sha256')
      .update(await fs.readFile(large))
      .digest('hex'),
    [many.length, new Set(many).size, many[0]],
  ];
}

async function handles(fs: Fs, folder: string): Promise<unknown[]> {
  const handle = await fs.open(join(folder, 'handle'), 'w+', 0o640);
  const buffer = Buffer.alloc(10);
  const told = [
    (await handle.write(Buffer.from('0123456789'))).bytesWritten,
    (await handle.write('ab', 4)).bytesWritten,
    (await handle.writev([Buffer.from('X'), Buffer.from('YZ')], 8)).bytesWritten,
    (await handle.read(buffer, 0, 10, 0)).bytesRead,
    buffer.toString(),
    (await handle.readv([Buffer.alloc(4), Buffer.alloc(90)], 2)).bytesRead,
    (await handle.read({ buffer, position: 9 })).bytesRead,
    await handle.readFile('utf8'),
    (await handle.stat()).size,
    (await handle.stat()).mode & 0o777,
  ];
  await handle.truncate(3);
  await handle.datasync();
  await handle.appendFile('!');
  await Promise.all([handle.close(), handle.sync().catch(() => {})]);
  return [...told, handle.fd, await fs.readFile(join(folder, 'handle'), 'latin1'), handle.constructor.name];
}

async function streams(fs: Fs, folder: string): Promise<unknown[]> {
  const path = join(folder, 'stream');
  const writing = (await fs.open(path, 'w')).createWriteStream();
  for (let line = 0; line < 2000; line++) writing.write(`line ${line}\n`);
  await new Promise((resolve) => writing.end(resolve));
  const pieces: Buffer[] = [];
  const reading = (await fs.open(path)).createReadStream({ start: 5, end: 15_004, highWaterMark: 1000 });
  for await (const piece of reading) pieces.push(piece as Buffer);
  let lines = 0;
  for await (const _ of (await fs.open(path)).readLines()) lines++;
  const text = Buffer.concat(pieces);
  return [text.length, text.toString('latin1', 0, 20), lines];
}

async function errors(fs: Fs, folder: string): Promise<unknown[]> {
  const [none, text] = [join(folder, 'none'), join(folder, 'text')];
  symlinkSync('loop', join(folder, 'loop'));
  const reading = await fs.open(text);
  const actions: (() => Promise<unknown>)[] = [
    () => fs.readFile(none),
    () => fs.open(none),
    () => fs.open(none, 'r+'),
    () => fs.readFile(folder),
    () => fs.writeFile(folder, ''),
    () => fs.open(text, 'wx'),
    () => fs.readFile(join(text, 'below')),
    () => fs.readFile(join(folder, 'loop')),
    () => fs.readFile(join(folder, 'n'.repeat(300))),
    () => fs.appendFile(join(none, 'below'), 'x'),
    () => reading.write('x'),
    () => reading.writeFile('x'),
    () => fs.open(text, 'no' as 'r'),
    () => fs.readFile(7n as never),
    () => fs.writeFile(text, 7 as never),
    () => fs.readFile(text, 'none' as 'utf8'),
    () => fs.readFile(text, { signal: AbortSignal.abort() }),
    async () => (await reading.close()) ?? reading.read(Buffer.alloc(1)),
    () => reading.readFile(),
  ];
  const told: unknown[] = [];
  for (const action of actions) told.push(await outcome(folder, action));
  return told;
}

async function handedOn(fs: Fs, folder: string): Promise<unknown[]> {
  await fs.mkdir(join(folder, 'deep', 'er'), { recursive: true });
  await fs.rename(join(folder, 'text'), join(folder, 'deep', 'text'));
  await fs.copyFile(join(folder, 'deep', 'text'), join(folder, 'copy'));
  await fs.chmod(join(folder, 'copy'), 0o600);
  await fs.unlink(join(folder, 'empty'));
  return [(await fs.readdir(folder)).sort(), (await fs.stat(join(folder, 'copy'))).size];
}

/** Opens all that may be opened; gives how to close it. */
function exhaust(): () => void {
  const fds: number[] = [];
  try {
    for (;;) fds.push(openSync('/dev/null', 'r'));
  } catch {}
  return () => {
    for (const fd of fds) closeSync(fd);
  };
}

/** Without a free descriptor, as Node and as tsuring; and then with some. */
async function withoutDescriptors(folder: string): Promise<Told> {
  const [small, large] = [join(folder, 'small'), join(folder, 'large')];
  const actions = (fs: Fs): (() => Promise<unknown>)[] => [
    () => fs.open(small, 'r'),
    () => fs.open(small, 'a'),
    () => fs.writeFile(small, 'x'),
    async () => (await fs.readFile(small)).length,
    async () => (await fs.readFile(large)).length,
  ];
  const taken: (() => void)[] = [];
  const all = async (fs: Fs) => {
    const told: unknown[] = [];
    for (const action of actions(fs)) {
      // Again and again: other threads of a loader may have closed some.
      taken.push(exhaust());
      told.push(await outcome(folder, action));
    }
    return told;
  };
  const [nodes, ours] = [await all(node), await all(fs)];
  for (const giveBack of taken) giveBack();
  return { nodes, ours, after: await outcome(folder, () => useAll(folder)) };
}

/** Reads and writes what is there, in every way. */
async function useAll(folder: string): Promise<unknown[]> {
  const large = join(folder, 'large');
  const handle = await fs.open(large, 'r+');
  const { bytesRead } = await handle.read(Buffer.alloc(10), 0, 10, 5);
  await handle.close();
  await fs.writeFile(join(folder, 'new'), 'new');
  return [bytesRead, (await fs.readFile(large)).length, await fs.readFile(join(folder, 'new'), 'utf8')];
}

/** In a root where there is nothing but the folder's files. */
function withoutDev(folder: string): Promise<unknown> {
  const path = Buffer.from(`${folder}\0`);
  const result = libc().syscall(process.arch === 'arm64' ? 51 : 161, addressOf(path), 0, 0, 0, 0, 0);
  if (result < 0) throw new Error(`chroot: ${result}`);
  process.chdir('/');
  return outcome(folder, () => useAll('/'));
}

/** With files of 8,192 bytes at most. */
async function withSmallFiles(folder: string): Promise<unknown[]> {
  const limit = new BigUint64Array([8192n, 8192n]);
  const prlimit64 = process.arch === 'arm64' ? 261 : 302;
  const result = libc().syscall(prlimit64, 0, 1, addressOf(limit), 0, 0, 0);
  if (result < 0) throw new Error(`prlimit64: ${result}`);
  const told: unknown[] = [];
  for (const each of [node, fs]) told.push(await outgrow(each, folder));
  return told;
}

async function outgrow(fs: Fs, folder: string): Promise<unknown[]> {
  const path = join(folder, 'grows');
  // Nothing of it is like what comes later.
  const bytes = Buffer.from(Array.from({ length: 10_000 }, (_, n) => n / 40));
  const placed = await fs.open(path, 'w');
  const told: unknown[] = [
    (await placed.write(bytes, 0, 8000, 0)).bytesWritten,
    (await placed.write(bytes, 0, 500, 8000)).bytesWritten,
    await outcome(folder, () => placed.write(bytes, 0, 500, 8192)),
    await outcome(folder, () => placed.writev([bytes], 9000)),
    await outcome(folder, () => fs.appendFile(path, 'x')),
  ];
  await placed.close();
  // From where the file stands, which is behind what could be written.
  const following = await fs.open(path, 'w+');
  told.push((await following.write(bytes, 0, 8000)).bytesWritten);
  told.push((await following.write(bytes, 0, 500)).bytesWritten);
  told.push(await outcome(folder, async () => (await following.write(bytes, 0, 500)).bytesWritten));
  told.push(await outcome(folder, async () => (await following.writev([bytes])).bytesWritten));
  told.push((await following.read(Buffer.alloc(8))).bytesRead);
  await following.close();
  const whole = await fs.open(path, 'w');
  told.push(await outcome(folder, () => whole.writeFile(bytes)));
  await whole.close();
  told.push((await fs.readFile(path)).equals(bytes.subarray(0, 8192)));
  told.push(await outcome(folder, () => fs.writeFile(path, bytes)));
  told.push((await fs.readFile(path)).equals(bytes.subarray(0, 8192)));
  return told;
}

/** What another user may not. */
async function forbidden(folder: string): Promise<unknown[]> {
  const [secret, fixed, within] = ['secret', 'fixed', 'closed/file'].map((name) => join(folder, name));
  const told: unknown[] = [];
  for (const each of [node, fs]) {
    const actions: (() => Promise<unknown>)[] = [
      () => each.readFile(secret),
      () => each.open(secret),
      () => each.open(secret, 'a'),
      () => each.writeFile(secret, ''),
      () => each.readFile(within),
      () => each.open(fixed, 'r+'),
      () => each.appendFile(fixed, ''),
      () => each.writeFile(join(folder, 'closed', 'new'), ''),
      () => each.readFile(fixed, 'utf8'),
    ];
    const outcomes: unknown[] = [];
    for (const action of actions) outcomes.push(await outcome(folder, action));
    told.push(outcomes);
  }
  return told;
}

const OTHER = 65_534;

/** Becomes another user, and returns, and becomes the other for good: what it may each time. */
async function identity(folder: string): Promise<Told> {
  const [secret, fifo, kept] = ['secret', 'fifo', 'kept'].map((name) => join(folder, name));
  const attempts = (name: string): (() => Promise<unknown>)[] => [
    () => fs.readFile(secret, 'latin1'),
    async () => (await fs.open(secret)).close(),
    () => fs.appendFile(secret, ''),
    () => fs.writeFile(join(folder, 'roots', name), name),
    async () => (await fs.readFile(join(folder, 'large'))).length,
    () => fs.writeFile(join(folder, name), name),
    async () => (await node.stat(join(folder, name))).uid,
  ];
  const all = async (name: string): Promise<unknown[]> => {
    const codes: unknown[] = [];
    for (const attempt of attempts(name))
      codes.push(await attempt().catch((error: NodeJS.ErrnoException) => error.code));
    return codes;
  };
  const handle = await fs.open(kept, 'r+');
  // Keeps a thread of the kernel's, which began as root, busy until the end.
  const waiting = fs.readFile(join(folder, 'waiting'), 'latin1');
  const opening = fs.open(fifo).then((opened) => opened.readFile('latin1'));
  const told: Told = { first: await all('first') };
  process.setegid?.(OTHER);
  process.seteuid?.(OTHER);
  told.dropped = await all('dropped');
  process.seteuid?.(0);
  process.setegid?.(0);
  told.back = await all('back');
  process.setgroups?.([]);
  process.setgid?.(OTHER);
  process.setuid?.(OTHER);
  told.last = await all('last');
  // A pipe is opened by the kernel's own threads, which have been root's.
  told.pipes = await Promise.all(
    [fs.open(fifo), fs.readFile(fifo)].map((opened) => opened.catch(({ code }) => code)),
  );
  // What is open already stays open.
  told.kept = [(await handle.write('more')).bytesWritten, await handle.readFile('latin1')];
  await handle.close();
  process.send?.('through');
  told.waited = await Promise.all([waiting, opening]);
  return told;
}

const scenes: Record<string, (folder: string) => Promise<unknown>> = {
  program: (folder) => program(fs, folder),
  nodes: (folder) => program(node, folder),
  forbidden,
  identity,
  withoutDev,
  withSmallFiles,
  // The engine is there by then, and nothing else.
  withoutDescriptorsFirst: withoutDescriptors,
  async withoutDescriptorsLater(folder) {
    await useAll(folder);
    return withoutDescriptors(folder);
  },
};

if (process.argv[2] === 'fs-child') {
  const [, , , scene, folder] = process.argv;
  const { backend, reason } = fs;
  const told = await scenes[scene](folder);
  process.stdout.write(JSON.stringify({ backend, reason, told }));
}
