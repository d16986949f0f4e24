/**
 * tsuring/fs at the limits of files, descriptors, space and rights: it fails as Node's own functions do there, and works
 * again when there is room.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, statSync, truncateSync } from 'node:fs';
import node from 'node:fs/promises';
import { dirname } from 'node:path';
import { test } from 'node:test';
import fs from 'tsuring/fs';
import { addressOf, libc } from 'tsuring/syscalls';
import { without } from './support/engine-test.ts';
import { type Fs, outcome } from './support/fs-child.ts';
import { type Scratch, scratch } from './support/live-scratch.ts';
import { lacksRoot } from './support/needs.ts';
import { moduleFile, root } from './support/project.ts';
import { type Conditions, NOBODY, runNode } from './support/sandbox.ts';

const isRoot = process.getuid?.() === 0;
const needsRoot = { ...without, skip: without.skip || lacksRoot() };
const needsOthers = {
  ...without,
  skip:
    without.skip ||
    (!isRoot || isOpen(root, process.execPath) ? false : 'needs a project, and a Node, that others may read'),
};

/** Whether others may read what is at these paths. */
function isOpen(...paths: string[]): boolean {
  return paths.every((path) => (statSync(path).mode & 5) === 5 && (path === '/' || isOpen(dirname(path))));
}

/** What a scene of test/support/fs-child.ts tells. */
async function scene<T>(name: string, folder: string, conditions: Conditions = {}): Promise<T> {
  const script = moduleFile('test/support/fs-child');
  const ended = await runNode([script, 'fs-child', name, folder], conditions);
  assert.deepEqual([ended.status, ended.signal, ended.stderr], [0, null, '']);
  const { backend, reason, told } = JSON.parse(ended.stdout);
  assert.equal(backend, 'io_uring', reason);
  return told;
}

/** Does it with Node's functions and with ours, each in a folder of its own: both give the same, which it returns. */
async function same(here: Scratch, action: (fs: Fs, folder: string) => Promise<unknown>): Promise<unknown> {
  assert.equal(fs.backend, 'io_uring');
  const results: unknown[] = [];
  for (const [name, each] of Object.entries({ node, fs })) {
    const folder = here.at(name);
    mkdirSync(folder);
    results.push(await action(each, folder));
    // What is full has room again.
    await node.rm(folder, { recursive: true });
  }
  assert.deepEqual(results[1], results[0]);
  return results[0];
}

/** The codes of failures, and all else as it is. */
function codesOf(outcomes: unknown): unknown[] {
  return (outcomes as { code?: string }[]).map((told) => told?.code ?? told);
}

for (const when of ['First', 'Later'])
  test(`without a free descriptor, ${when === 'First' ? 'from the start' : 'later'}`, without, async () => {
    using here = scratch();
    here.file('small', 'small');
    here.file('large', Buffer.alloc(100_000, 'l'));
    type Told = { nodes: unknown[]; ours: unknown[]; after: unknown };
    const { nodes, ours, after } = await scene<Told>(`withoutDescriptors${when}`, here.folder, {
      limit: '-n 100',
    });
    assert.deepEqual(codesOf(nodes), Array(5).fill('EMFILE'));
    assert.deepEqual(ours.slice(0, 3), nodes.slice(0, 3));
    // Reading a file whole needs no descriptor, where the kernel has direct ones.
    for (const [n, size] of [5, 100_000].entries())
      if (ours[3 + n] !== size) assert.deepEqual(ours[3 + n], nodes[3 + n]);
    assert.deepEqual(after, [10, 100_000, 'new'], 'then there are some again');
  });

test('in a root without /dev', needsRoot, async () => {
  using here = scratch();
  here.file('large', Buffer.alloc(100_000, 'l'));
  assert.deepEqual(await scene('withoutDev', here.folder), [10, 100_000, 'new']);
});

test('a file that may not grow any more', without, async () => {
  using here = scratch();
  const [nodes, ours] = await scene<unknown[][]>('withSmallFiles', here.folder);
  const [placed, following, whole] = [
    codesOf(nodes.slice(0, 5)),
    codesOf(nodes.slice(5, 10)),
    nodes.slice(10),
  ];
  assert.deepEqual(placed, [8000, 192, 'EFBIG', 'EFBIG', 'EFBIG']);
  assert.deepEqual(following, [8000, 192, 'EFBIG', 'EFBIG', 0]);
  assert.deepEqual(codesOf(whole), ['EFBIG', true, 'EFBIG', true]);
  assert.deepEqual(ours.slice(0, 5), nodes.slice(0, 5), 'at a position');
  assert.deepEqual(ours.slice(5, 10), nodes.slice(5, 10), 'from where the file stands');
  assert.deepEqual(ours.slice(10), whole, 'a whole file');
});

test('what another user may not', needsOthers, async () => {
  using here = scratch();
  mkdirSync(here.at('closed'));
  for (const name of ['secret', 'fixed', 'closed/file']) here.file(name, name);
  chmodSync(here.folder, 0o755);
  chmodSync(here.at('secret'), 0);
  chmodSync(here.at('fixed'), 0o444);
  chmodSync(here.at('closed'), 0);
  try {
    const [nodes, ours] = await scene<unknown[][]>('forbidden', here.folder, isRoot ? { user: NOBODY } : {});
    assert.deepEqual(codesOf(nodes), [...Array(8).fill('EACCES'), 'fixed']);
    assert.deepEqual(ours, nodes);
  } finally {
    chmodSync(here.at('closed'), 0o700);
  }
});

/** A file system of 64 KiB in a folder of `here`. */
function mount(here: Scratch, flags: number): string {
  const NR = process.arch === 'arm64' ? { mount: 40, umount2: 39 } : { mount: 165, umount2: 166 };
  const MNT_DETACH = 2;
  const folder = here.at('mounted');
  mkdirSync(folder);
  const [type, path, options] = ['tmpfs', folder, 'size=64k'].map((text) => Buffer.from(`${text}\0`));
  const result = libc().syscall(
    NR.mount,
    addressOf(type),
    addressOf(path),
    addressOf(type),
    flags,
    addressOf(options),
    0,
  );
  if (result < 0) throw new Error(`mount: ${result}`);
  here.atEnd(() => libc().syscall(NR.umount2, addressOf(path), MNT_DETACH, 0, 0, 0, 0));
  return folder;
}

test('a full file system', needsRoot, async () => {
  using here = scratch();
  using full = scratch(mount(here, 0));
  const told = await same(full, async (fs, folder) => {
    const [one, two] = [`${folder}/one`, `${folder}/two`];
    const handle = await fs.open(two, 'w');
    const filled = [
      await outcome(folder, () => fs.writeFile(one, Buffer.alloc(1_000_000))),
      (await fs.stat(one)).size > 0,
      await outcome(folder, () => fs.appendFile(one, Buffer.alloc(8192))),
      await outcome(folder, () => handle.write(Buffer.alloc(4096))),
      await outcome(folder, () => handle.writeFile('text')),
    ];
    await fs.unlink(one);
    await fs.writeFile(one, Buffer.alloc(40_000));
    await handle.writeFile('text');
    await handle.close();
    return [...filled, (await fs.readFile(one)).length, await fs.readFile(two, 'utf8')];
  });
  assert.deepEqual(codesOf(told), ['ENOSPC', true, 'ENOSPC', 'ENOSPC', 'ENOSPC', 40_000, 'text']);
});

test('a file system that is only read', needsRoot, async () => {
  using here = scratch();
  const MS_RDONLY = 1;
  const fixed = mount(here, MS_RDONLY);
  const told = await same(here, async (fs) => [
    await outcome(fixed, () => fs.writeFile(`${fixed}/new`, '')),
    await outcome(fixed, () => fs.open(`${fixed}/new`, 'a+')),
    await outcome(fixed, () => fs.readFile(`${fixed}/new`)),
  ]);
  assert.deepEqual(codesOf(told), ['EROFS', 'EROFS', 'ENOENT']);
});

test('a handle that may only be read, or only be written', without, async () => {
  using here = scratch();
  const told = await same(here, async (fs, folder) => {
    const writing = await fs.open(`${folder}/file`, 'w');
    const reading = await fs.open(`${folder}/file`, 'r');
    const bytes = Buffer.alloc(8);
    const outcomes = [
      await outcome(folder, () => reading.write(bytes)),
      await outcome(folder, () => reading.writev([bytes])),
      await outcome(folder, () => reading.appendFile('x')),
      await outcome(folder, () => writing.read(bytes)),
      await outcome(folder, () => writing.readv([bytes])),
      await outcome(folder, () => writing.readFile()),
    ];
    await Promise.all([reading.close(), writing.close()]);
    return outcomes;
  });
  assert.deepEqual(codesOf(told), Array(6).fill('EBADF'));
});

const GIB = 2 ** 30;
test('positions beyond 4 GiB', without, async () => {
  using here = scratch();
  const places = [4 * GIB - 16, 4 * GIB, 5 * GIB + 7, 2 ** 33 + 1];
  const told = await same(here, async (fs, folder) => {
    const path = `${folder}/sparse`;
    const handle = await fs.open(path, 'w+');
    const outcomes: unknown[] = [];
    for (const place of places) await handle.write(`at ${place % 1000};`, place);
    await handle.writev([Buffer.from('v1'), Buffer.from('v2')], 6 * GIB);
    for (const place of [...places, 6 * GIB]) {
      const [one, two, three] = [Buffer.alloc(8), Buffer.alloc(8), Buffer.alloc(8)];
      await handle.read(one, 0, 8, place);
      await handle.readv([two, three], place - 8);
      // Node 20 reads from elsewhere then.
      const { buffer } = await handle.read({ position: BigInt(place) as never, length: 8 });
      outcomes.push(`${one}`, `${two}`, `${three}`, `${buffer.subarray(0, 8)}`);
    }
    // The low 32 bits of the positions are not where anything was written.
    const low = Buffer.alloc(8);
    await handle.read(low, 0, 8, GIB + 7);
    outcomes.push(
      low.every((byte) => byte === 0),
      (await handle.stat()).size,
    );
    await handle.close();
    const appending = await fs.open(path, 'a+');
    await appending.write('end');
    await appending.close();
    const stream = (await fs.open(path)).createReadStream({ start: 2 ** 33 + 1, encoding: 'latin1' });
    for await (const piece of stream) outcomes.push(piece);
    return outcomes;
  });
  assert.deepEqual((told as unknown[])[4], 'at 296;\0');
  assert.deepEqual((told as unknown[]).slice(-3), [true, 2 ** 33 + 1 + 'at 593;'.length, 'at 593;end']);
});

test('positions that no file has', without, async () => {
  using here = scratch();
  const bytes = Buffer.alloc(8);
  const told = await same(here, async (fs, folder) => {
    const handle = await fs.open(`${folder}/file`, 'w+');
    const outcomes: unknown[] = [];
    for (const place of [Number.MAX_SAFE_INTEGER, 2 ** 53, 2 ** 63, 1.5, -1, -2, Number.NaN]) {
      const { bytesRead, code } = (await outcome(folder, () => handle.read(bytes, 0, 8, place))) as never;
      outcomes.push(bytesRead ?? code);
    }
    outcomes.push(await outcome(folder, () => handle.write(bytes, 0, 8, Number.MAX_SAFE_INTEGER)));
    outcomes.push(await outcome(folder, () => handle.writev([bytes], Number.MAX_SAFE_INTEGER)));
    await handle.close();
    return outcomes;
  });
  assert.equal((told as unknown[]).length, 9);
});

test('a file that is too large for one buffer', without, async () => {
  using here = scratch();
  const told = await same(here, async (fs, folder) => {
    const path = `${folder}/sparse`;
    await fs.writeFile(path, 'start');
    truncateSync(path, 5 * GIB);
    const handle = await fs.open(path);
    const outcomes = [
      await outcome(folder, () => fs.readFile(path)),
      await outcome(folder, () => fs.readFile(path, 'utf8')),
      await outcome(folder, () => handle.readFile()),
    ];
    await handle.close();
    return outcomes;
  });
  assert.deepEqual(codesOf(told), Array(3).fill('ERR_FS_FILE_TOO_LARGE'));
});
