/**
 * What serves tsuring/fs, in processes that have an io_uring and in such that have none: a program does the same in all.
 */
import assert from 'node:assert/strict';
import { chmodSync, statSync } from 'node:fs';
import fsPromises from 'node:fs/promises';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { ENOSYS, EPERM } from 'tsuring/syscalls';
import { program } from './support/fs-child.ts';
import { makeFifo } from './support/live-fds.ts';
import { type Scratch, scratch } from './support/live-scratch.ts';
import { lacksRing } from './support/needs.ts';
import { moduleFile, root } from './support/project.ts';
import { type Conditions, type Ended, isWritable, NOBODY, runNode, withSysctl } from './support/sandbox.ts';
import { timeLimit } from './support/time-limit.ts';

const CHILD = moduleFile('test/support/fs-child');
const DISABLED = '/proc/sys/kernel/io_uring_disabled';
const isRoot = process.getuid?.() === 0;
const timeout = timeLimit;
const needsRing = { skip: lacksRing('io_uring', {}), timeout };
const needsSysctl = {
  skip: needsRing.skip || (isRoot && isWritable(DISABLED) ? false : `needs root and ${DISABLED} (Linux 6.6)`),
  timeout,
};

const needsOthers = {
  skip:
    !isRoot || isOpen(root, process.execPath) ? false : 'needs a project, and a Node, that others may read',
  timeout,
};

/** Whether others may read what is at these paths. */
function isOpen(...paths: string[]): boolean {
  return paths.every((path) => (statSync(path).mode & 5) === 5 && (path === '/' || isOpen(dirname(path))));
}

/** What the program gives with Node's own functions. */
using reference = scratch();
const expected: unknown = JSON.parse(JSON.stringify(await program(fsPromises, reference.folder)));

/** A folder that every user may write to. */
function place(): Scratch {
  const here = scratch();
  chmodSync(here.folder, 0o777);
  return here;
}

/** Runs the program in a child, which is to do all as Node does. Gives the backend, and why it is not io_uring. */
async function served(conditions: Conditions, flags: readonly string[] = []): Promise<[string, string]> {
  using here = place();
  const ended = await runNode([...flags, CHILD, 'fs-child', 'program', here.folder], conditions);
  assert.deepEqual([ended.status, ended.signal, ended.stderr], [0, null, '']);
  const { backend, reason, told } = JSON.parse(ended.stdout);
  assert.deepEqual(told, expected);
  return [backend, String(reason)];
}

/** With a value of TSURING_DISABLE. */
async function withVariable<T>(value: string, action: () => Promise<T>): Promise<T> {
  process.env.TSURING_DISABLE = value;
  try {
    return await action();
  } finally {
    delete process.env.TSURING_DISABLE;
  }
}

test('io_uring where there is one, whatever else TSURING_DISABLE is', needsRing, async () => {
  assert.deepEqual(await withVariable('0', () => served({})), ['io_uring', 'null']);
});

test('Node where TSURING_DISABLE=1', { timeout }, async () => {
  const reason = 'TSURING_DISABLE=1 in the environment';
  assert.deepEqual(await withVariable('1', () => served({})), ['node', reason]);
});

for (const [name, deny] of Object.entries({ EPERM, ENOSYS }))
  test(`Node under a seccomp filter that answers ${name}`, needsRing, async () => {
    const [backend, reason] = await served({ deny });
    assert.equal(backend, 'node');
    assert.match(reason, new RegExp(`${name}.*seccomp filter`, 's'));
  });

test('Node where kernel.io_uring_disabled = 2', needsSysctl, async () => {
  // As short as can be: for so long nobody on this machine has an io_uring.
  const [backend, reason] = await withSysctl(DISABLED, '2', () => served({}));
  assert.equal(backend, 'node');
  assert.match(reason, /kernel\.io_uring_disabled is 2/);
  assert.equal(lacksRing('io_uring', {}), false, 'the sysctl is as it was');
});

test('either without locked memory, as the kernel counts it', needsOthers, async () => {
  const [backend, reason] = await served({ ...(isRoot ? { user: NOBODY } : {}), limit: '-l 0' });
  if (backend === 'node') assert.match(reason, /RLIMIT_MEMLOCK|io_uring/);
  else assert.equal(reason, 'null');
});

// The permission model: what the program may not write to, it may not write to by way of a ring.
const nodeFlags = process.allowedNodeEnvironmentFlags;
const permission = nodeFlags.has('--permission') ? '--permission' : '--experimental-permission';
const PERMITTED = ['--allow-fs-read=*', '--allow-child-process', '--allow-worker', '--allow-addons'];
const flagsFor = (folder: string): string[] => [
  '--no-warnings',
  permission,
  ...PERMITTED.filter((flag) => flag !== '--allow-addons' || nodeFlags.has(flag)),
  `--allow-fs-write=${folder}/*`,
];

test('Node under its permission model, which stays in force', { timeout }, async () => {
  using here = place();
  using other = place();
  const path = other.file('file', 'content');
  const source = `
    import fs from 'tsuring/fs';
    const told = [fs.backend, fs.reason];
    const attempt = (action) => action().then(() => told.push('done'), ({ code }) => told.push(code));
    await attempt(() => fs.writeFile(${JSON.stringify(here.at('new'))}, 'new'));
    await attempt(() => fs.writeFile(${JSON.stringify(path)}, 'new'));
    await attempt(() => fs.appendFile(${JSON.stringify(path)}, 'new'));
    await attempt(() => fs.open(${JSON.stringify(path)}, 'r+'));
    await attempt(() => fs.readFile(${JSON.stringify(path)}));
    console.log(JSON.stringify(told));`;
  const ended = await runNode([...flagsFor(here.folder), '--input-type=module', '-e', source]);
  assert.deepEqual([ended.status, ended.signal, ended.stderr], [0, null, '']);
  const [backend, reason, ...told] = JSON.parse(ended.stdout);
  assert.equal(backend, 'node');
  assert.match(reason, /permission model/);
  assert.deepEqual(told, ['done', 'ERR_ACCESS_DENIED', 'ERR_ACCESS_DENIED', 'ERR_ACCESS_DENIED', 'done']);
});

/** Runs a program that has done all when it ends by itself. */
function run(source: string): Promise<Ended> {
  return runNode(['--input-type=module', '-e', `import fs from 'tsuring/fs';\n${source}`]);
}

const FILE = JSON.stringify(new URL(import.meta.url).pathname);
for (const [what, source] of Object.entries({
  'only imported it': '',
  // Decided at the first use, once and for all.
  'asked for the backend': `process.env.TSURING_DISABLE = '1'; const { backend } = fs;
    delete process.env.TSURING_DISABLE; if (backend !== 'node' || fs.backend !== 'node') process.exit(9);`,
  'read a file': `await fs.readFile(${FILE});`,
  'has a FileHandle open': `globalThis.handle = await fs.open(${FILE}); await handle.read(Buffer.alloc(9));`,
}))
  test(`a process that ${what} ends by itself`, { timeout }, async () => {
    const ended = await run(`${source} console.log('end')`);
    assert.deepEqual(ended, { status: 0, signal: null, stdout: 'end\n', stderr: '' });
  });

test('a process does not end while it waits for who writes to a pipe', { timeout }, async () => {
  using here = scratch();
  for (const name of ['a', 'b']) makeFifo(here.at(name));
  const ended = await run(`
    import { spawn } from 'node:child_process';
    process.chdir(${JSON.stringify(here.folder)});
    const reading = fs.readFile('a', 'latin1');
    const opening = fs.open('b').then((handle) => handle.readFile('latin1').finally(() => handle.close()));
    Promise.all([reading, opening]).then((told) => console.log(told.join('')));
    const command = 'sleep 0.2; echo written > a; echo later > b';
    spawn('/bin/sh', ['-c', command], { stdio: 'ignore' }).unref();`);
  assert.deepEqual(ended, { status: 0, signal: null, stdout: 'written\nlater\n\n', stderr: '' });
});
