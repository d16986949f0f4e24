/**
 * After setuid and its kin tsuring/fs may do what the new user may, and nothing more.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { without } from './support/engine-test.ts';
import { makeFifo } from './support/live-fds.ts';
import { type Scratch, scratch } from './support/live-scratch.ts';
import { lacksRoot } from './support/needs.ts';
import { moduleFile, nodeFlags, root } from './support/project.ts';
import { NOBODY, runNode } from './support/sandbox.ts';

const needsRoot = { ...without, skip: without.skip || lacksRoot() };
const script = join(root, moduleFile('test/support/fs-child'));

/** A folder that everybody may write to, with files and pipes that only root may use. */
function place(): Scratch {
  const here = scratch();
  chmodSync(here.folder, 0o777);
  mkdirSync(here.at('roots'), 0o755);
  here.file('large', Buffer.alloc(900_000));
  for (const name of ['secret', 'kept']) here.file(name, name);
  for (const name of ['fifo', 'waiting']) makeFifo(here.at(name));
  for (const name of ['secret', 'kept', 'fifo', 'waiting', 'large']) chmodSync(here.at(name), 0o600);
  return here;
}

/** What the child tells; at its word the pipes that it reads are written to. */
function run(here: Scratch): Promise<{ stdout: string; stderr: string; status: number | null }> {
  const args = [...nodeFlags, script, 'fs-child', 'identity', here.folder];
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    timeout: without.timeout,
  });
  let [stdout, stderr] = ['', ''];
  child.stdout!.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr!.setEncoding('utf8').on('data', (text) => (stderr += text));
  child.once('message', () => {
    for (const name of ['waiting', 'fifo']) writeFileSync(here.at(name), `to ${name}`);
  });
  return new Promise((resolve) => child.once('close', (status) => resolve({ stdout, stderr, status })));
}

test('as root, as another for a time, as root again, and as the other for good', needsRoot, async () => {
  using here = place();
  const { stdout, stderr, status } = await run(here);
  assert.deepEqual([status, stderr], [0, '']);
  const { backend, told } = JSON.parse(stdout);
  assert.equal(backend, 'io_uring');
  const may = (uid: number) => ['secret', null, null, null, 900_000, null, uid];
  const mayNot = [...Array(5).fill('EACCES'), null, NOBODY];
  assert.deepEqual(told, {
    first: may(0),
    dropped: mayNot,
    back: may(0),
    last: mayNot,
    pipes: ['EACCES', 'EACCES'],
    kept: [4, ''],
    waited: ['to waiting', 'to fifo'],
  });
  assert.equal(readFileSync(here.at('kept'), 'latin1'), 'more');
  const owners = ['first', 'dropped', 'back', 'last'].map((name) => {
    const { uid, gid } = statSync(here.at(name));
    return [uid, gid, readFileSync(here.at(name), 'latin1')];
  });
  assert.deepEqual(owners, [
    [0, 0, 'first'],
    [NOBODY, NOBODY, 'dropped'],
    [0, 0, 'back'],
    [NOBODY, NOBODY, 'last'],
  ]);
});

test('a file that is read again and again while the user changes', needsRoot, async () => {
  using here = place();
  const source = `
    import fs from 'tsuring/fs';
    const path = ${JSON.stringify(here.at('secret'))};
    const read = () => Promise.all(
      Array.from({ length: 60 }, () => fs.readFile(path, 'latin1').catch(({ code }) => code)),
    );
    const told = new Set();
    for (let n = 0; n < 40; n++) {
      for (const [euid, expected] of [[0, 'secret'], [${NOBODY}, 'EACCES']]) {
        process.seteuid(euid);
        for (const outcome of await read()) if (outcome !== expected) told.add(euid + ' ' + outcome);
      }
      process.seteuid(0);
    }
    console.log(fs.backend, JSON.stringify([...told]));`;
  const ended = await runNode(['--input-type=module', '-e', source]);
  assert.deepEqual(ended, { status: 0, signal: null, stdout: 'io_uring []\n', stderr: '' });
});
