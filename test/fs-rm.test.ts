/**
 * rm of tsuring/fs: removes what Node's removes, and leaves what it leaves.
 */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import fs from 'tsuring/fs';
import { times } from './support/effort.ts';
import { namesOfDescriptors, openDescriptors, type Party, TwoFolders } from './support/fs-compare.ts';
import { makeFifo } from './support/live-fds.ts';
import { type Scratch, scratch } from './support/live-scratch.ts';
import { lacksOpcode, lacksRoot } from './support/needs.ts';
import { randomBelow, seed } from './support/random.ts';
import { NOBODY, runNode } from './support/sandbox.ts';
import { timeLimit } from './support/time-limit.ts';

const limit = { timeout: timeLimit };
const all = { recursive: true };

/** Folders in folders, with files, links, pipes, and names that are no text. */
function fill(here: Scratch, start = 1): void {
  const below = randomBelow(start);
  const grow = (folder: string, depth: number): void => {
    mkdirSync(folder);
    for (let n = below(12); n > 0; n--) {
      const path = join(folder, `${n}`);
      const kind = below(8);
      if (kind < 2 && depth < 5) grow(path, depth + 1);
      else if (kind === 2) symlinkSync(['../keep', '.', 'none', here.at('keep')][below(4)], path);
      else if (kind === 3) makeFifo(path);
      else writeFileSync(path, 'x'.repeat(n));
    }
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe, 0x80])]), 'odd');
  };
  mkdirSync(here.at('keep'));
  for (const name of ['one', 'two']) writeFileSync(here.at(`keep/${name}`), name);
  grow(here.at('tree'), 0);
  here.file('file', 'content');
  symlinkSync('tree', here.at('link'));
  mkdirSync(here.at('empty'));
}

/** Both do the same with a path below their folder, and leave the same. */
async function compare(folders: TwoFolders, name: string, options: unknown): Promise<void> {
  const what = `${name} ${JSON.stringify(options)}`;
  await folders.compare(
    () => what,
    ({ fs, folder }: Party) => fs.rm(join(folder, name), options as never),
  );
  folders.compareTrees(what);
}

test(`trees of all kinds, seed ${seed}`, limit, async () => {
  await fs.rm('/none', { recursive: true, force: true });
  for (let round = 0; round < times(8); round++) {
    const before = readdirSync('/proc/self/fd').length;
    await using folders = new TwoFolders((here) => fill(here, seed + round));
    for (const name of ['tree', 'empty', 'keep', 'tree']) await compare(folders, name, all);
    await compare(folders, 'tree', { recursive: true, force: true });
    const open = await openDescriptors(before);
    assert.ok(open <= before, `${open} descriptors, ${before} before: ${namesOfDescriptors()}`);
  }
});

test('links are removed, not what they lead to', limit, async () => {
  await using folders = new TwoFolders((here) => fill(here));
  for (const name of ['link/', 'link/.', 'link']) await compare(folders, name, all);
});

test('options and paths of all kinds', limit, async () => {
  for (const options of [
    undefined,
    null,
    {},
    { force: true },
    { recursive: false },
    { recursive: 1 },
    { recursive: true, force: 1 },
    { recursive: true, force: undefined },
    { recursive: true, maxRetries: 2, retryDelay: 1 },
    { recursive: true, maxRetries: -1 },
    { recursive: true, other: 'x' },
    'x',
  ]) {
    await using folders = new TwoFolders((here) => fill(here));
    for (const name of ['file', 'none', 'none/x', 'file/x', 'empty', 'keep'])
      await compare(folders, name, options);
  }
  await using folders = new TwoFolders((here) => fill(here));
  for (const as of [
    (path: string) => pathToFileURL(path),
    (path: string) => Buffer.from(path),
    (_path: string) => 5,
    (_path: string) => 'a\0b',
    (_path: string) => '',
  ])
    await folders.compare(
      () => String(as),
      ({ fs, folder }) => fs.rm(as(join(folder, 'tree')) as never, all),
    );
  folders.compareTrees('by other names');
});

test('paths that go up again', limit, async () => {
  // With more in it even Node leaves now this and now that: its paths lead nowhere once 'up' is gone.
  for (const path of ['deep/up/..', 'deep/up/../', 'deep/up/../up', 'keep/../keep', 'empty/../empty', '..x'])
    for (const options of [all, { recursive: true, force: true }]) {
      await using folders = new TwoFolders((here) => {
        fill(here);
        mkdirSync(here.at('deep/up'), { recursive: true });
        mkdirSync(here.at('..x'));
      });
      // Not by join, which makes it another path.
      await folders.compare(
        () => path,
        ({ fs, folder }) => fs.rm(`${folder}/${path}`, options),
      );
      folders.compareTrees(path);
    }
});

test('what is large goes through the ring', {
  ...limit,
  skip: lacksOpcode('IORING_OP_UNLINKAT'),
}, async () => {
  using here = scratch();
  const count = times(3000);
  for (let n = 0; n < count; n++) {
    if (n % 100 === 0) mkdirSync(here.at(`tree/${n / 100}`), all);
    writeFileSync(here.at(`tree/${Math.floor(n / 100)}/${n}`), '');
  }
  let removed = 0;
  const see = (message: unknown): void => {
    if ((message as { operation: string }).operation === 'unlink') removed++;
  };
  subscribe('tsuring:op:start', see);
  await fs.rm(here.at('tree'), all);
  unsubscribe('tsuring:op:start', see);
  assert.ok(!existsSync(here.at('tree')));
  assert.ok(removed >= count, `${removed}`);
});

test('what may not be removed stays, with all that is in it', { ...limit, skip: lacksRoot() }, async () => {
  using here = scratch();
  chmodSync(here.folder, 0o777);
  const places = ['ours', 'nodes'].map((name) => {
    const place = here.at(name);
    // Nobody may remove what is in `open`, but not `open` itself, nor look into `closed`.
    for (const part of ['open', 'open/within', 'closed', 'free']) {
      mkdirSync(join(place, part), all);
      for (const file of ['a', 'b']) writeFileSync(join(place, part, file), file);
      chmodSync(join(place, part), part === 'closed' ? 0o700 : 0o777);
    }
    chmodSync(place, 0o755);
    return place;
  });
  const source = `
    import fs from 'tsuring/fs';
    import node from 'node:fs/promises';
    process.setgid(${NOBODY});
    process.setuid(${NOBODY});
    const told = [];
    for (const [n, each] of [fs, node].entries()) {
      const place = process.argv[1 + n];
      for (const path of [place, place + '/open', place + '/closed', place + '/free/a'])
        told.push(await each.rm(path, { recursive: true }).then(() => null, ({ code, syscall }) => code + syscall));
    }
    console.log(JSON.stringify(told));`;
  const { stdout, stderr } = await runNode(['--input-type=module', '-e', source, ...places]);
  const told = JSON.parse(stdout || stderr) as unknown[];
  assert.deepEqual(told.slice(0, 4), told.slice(4));
  const [ours, nodes] = places.map((place) => readdirSync(place, { recursive: true } as never).sort());
  assert.deepEqual(ours, nodes);
  assert.ok(existsSync(join(places[0], 'closed', 'a')));
});
