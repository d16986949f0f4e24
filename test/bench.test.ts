/**
 * The bench, one row of it: that it runs, and that what it writes has the form that docs/bench.md tells of.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { IoUringState } from 'tsuring';
import { nodeFlags, root } from './support/project.ts';

const timeLimit = 600_000;

const known = [
  ...depths('nop', 1, 8, 32, 128),
  ...depths('read', 1, 8, 32, 128),
  ...depths('read_fixed', 1, 8, 32, 128),
  ...depths('read O_DIRECT', 1, 8, 32),
  ...depths('sqpoll nop', 1, 32),
  'nop depth 1, registered fd',
  'nop depth 1, time limit',
  'nop depth 1, registered wait',
  'wait in vain',
  'registered wait in vain',
  'encode a read',
  'encode nop',
  'encode read_fixed',
  'encode readv',
  'encode send',
  'encode sendmsg',
  'encode accept',
  'encode openat',
  'encode statx',
  'encode timeout',
  'encode poll_add',
  'encode cancel',
  'encode splice',
  'encode msg_ring',
  'encode a read, Buffer',
  'encode readv, Iovecs',
  'encode sendmsg, Msghdr',
  'encode openat, string',
  'recycle a buffer',
  'recycle 32 buffers',
  'recv depth 32',
  'recv multishot depth 32',
  'msg_ring between threads',
  'nop, shared ring',
  'sum of 1 GiB',
  'heap growth, nop',
  'heap growth, read',
  ...depths('promise read', 1, 8, 32, 128),
  ...depths('promise read, arena,', 1, 32),
  ...depths('promise read O_DIRECT', 1, 8, 32),
  'write and fsync',
  'write and fsync, 16 files',
  'open, stat, read, close of 10,000 files, 1 at a time',
  'open, stat, read, close of 10,000 files, 16 at a time',
  'open, stat, read, close of 10,000 files, 256 at a time',
  ...echoes('TCP echo'),
  ...echoes('TCP echo, IoUringState'),
  'latency of a read while the loop is busy',
  'lateness of a timer',
  'heap growth, promise read',
  ...many('readFile of 10,000 files of 1 KiB', 1, 16, 256),
  ...many('writeFile of 10,000 files of 1 KiB', 1, 16, 256),
  ...many('writeFile of 1,000 files of 1 KiB with flush', 1, 16),
  'stat of 10,000 files, 16 at a time',
  'cp of a tree of 10,000 files',
  'rm of a tree of 10,000 files',
  'cp of a tree of 4 GiB',
  'stream of 1 GiB',
  ...many('FileHandle.read of 4 KiB anywhere in 4 GiB', 1, 16, 128),
];

/** Of the kinds that the first test does not have. */
const oneOfEach = [
  'nop depth 1, registered fd',
  'registered wait in vain',
  'encode a read',
  'encode openat, string',
  'recycle 32 buffers',
  'recv multishot depth 32',
  'msg_ring between threads',
  'nop, shared ring',
  'promise read depth 32',
  'promise read, arena, depth 32',
  'promise read O_DIRECT depth 8',
  'write and fsync, 16 files',
  'open, stat, read, close of 10,000 files, 16 at a time',
  'TCP echo, 32 connections of 64 bytes',
  'TCP echo, IoUringState, 32 connections of 64 bytes',
  'latency of a read while the loop is busy',
  'lateness of a timer',
  'readFile of 10,000 files of 1 KiB, 16 at a time',
  'writeFile of 1,000 files of 1 KiB with flush, 16 at a time',
  'stream of 1 GiB',
];

test('a quick run of one row writes its results where it is told to', { skip: noRing() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tsuring-bench-test-'));
  try {
    const before = committed();
    const out = join(folder, 'results.json');
    const { status, stdout, stderr } = bench('--quick', '--only', '^nop depth 8$', '--out', out);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^nop depth 8 .* ns/m);

    const rows: unknown = JSON.parse(readFileSync(out, 'utf8'));
    assert.ok(Array.isArray(rows) && rows.length === 1);
    const [{ name, ours, peers, ratio, ...others }] = rows;
    assert.deepEqual([name, Object.keys(others)], ['nop depth 8', []]);
    assert.ok(ours > 0 && Number.isFinite(ours));
    assert.deepEqual(Object.keys(ratio), Object.keys(peers));
    for (const peer of Object.keys(peers)) assert.ok(Math.abs(ratio[peer] - peers[peer] / ours) < 0.01, peer);
    // Where there is no compiler, the run says so in the place of the column.
    if (!('liburing' in peers)) assert.match(stdout, /^Without the liburing columns: /m);

    assert.match(readFileSync(join(folder, 'results.svg'), 'utf8'), /^<svg [\s\S]*<\/svg>\n$/);
    assert.deepEqual(committed(), before, 'the committed results stay as they are');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('without --out, some of the rows, one of each kind, are shown only', { skip: noRing() }, () => {
  const before = committed();
  const folders = leftBehind();
  const { status, stdout, stderr } = bench('--quick', '--only', `^(${oneOfEach.join('|')})$`);
  assert.equal(status, 0, stderr);
  for (const name of oneOfEach) {
    const line = stdout.split('\n').find((text) => text.startsWith(name)) ?? '';
    // What the kernel lacks is named in its place.
    assert.match(line.slice(name.length), /^ +[0-9.]+ (ns|µs|ms) |^: left out: it needs ./, name);
  }
  assert.deepEqual(committed(), before);
  assert.deepEqual(leftBehind(), folders);
});

test('a run that is interrupted leaves no servers behind', { skip: noRing() }, async (t) => {
  const folders = leftBehind();
  const args = [...nodeFlags, 'bench/run.ts', '--only', '^TCP echo, 1 connection of 64'];
  const run = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(run, 'exit');
  let said = '';
  run.stdout.on('data', (bytes) => {
    said += bytes;
  });
  try {
    let servers: number[] = [];
    await until(() => {
      servers = childrenOf(run.pid!).filter((pid) => /engine-echo|build\/epoll/.test(commandOf(pid)));
      return servers.length === 4 || said.includes('left out');
    });
    if (servers.length < 4) {
      t.skip(said);
      return;
    }
    run.kill('SIGINT');
    assert.deepEqual(await ended, [1, null]);
    await until(() => servers.every((pid) => !/engine-echo|build\/epoll/.test(commandOf(pid))));
    assert.deepEqual(leftBehind(), folders);
  } finally {
    run.kill('SIGKILL');
    await ended;
  }
});

test('--help names every row', () => {
  const { status, stdout } = bench('--help');
  assert.equal(status, 0);
  const names = stdout.slice(stdout.indexOf('Rows:')).match(/(?<=^ {2}).+$/gm);
  // In the order of the table. Names are for good: a new row is added here, and none goes.
  assert.deepEqual(names, known);
});

test('wrong arguments: status 2 and a message', () => {
  const wrong = [['--fast'], ['--only'], ['--only', '('], ['--only', 'no such row'], ['--out', ''], ['file']];
  for (const words of wrong) {
    const { status, stdout, stderr } = bench(...words);
    assert.deepEqual([status, stdout], [2, ''], words.join(' '));
    assert.match(stderr, /^bench: ./);
  }
});

function bench(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  const args = [...nodeFlags, 'bench/run.ts', ...words];
  return spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', timeout: timeLimit });
}

function many(name: string, ...depths: number[]): string[] {
  return depths.map((depth) => `${name}, ${depth} at a time`);
}

function depths(name: string, ...values: number[]): string[] {
  return values.map((depth) => `${name} depth ${depth}`);
}

function echoes(name: string): string[] {
  const loads = ['1 connection', '32 connections', '128 connections'];
  return ['64', '4096'].flatMap((bytes) => loads.map((load) => `${name}, ${load} of ${bytes} bytes`));
}

/** What a run must not touch: when it was written, and how long it is. */
function committed(): [number, number][] {
  return ['bench/results.json', 'docs/bench.svg'].map((path) => {
    const found = statSync(join(root, path), { throwIfNoEntry: false });
    return [found?.mtimeMs ?? 0, found?.size ?? 0];
  });
}

async function until(isSo: () => boolean): Promise<void> {
  const end = Date.now() + timeLimit;
  while (!isSo()) {
    assert.ok(Date.now() < end, 'it takes too long');
    await setTimeout(50);
  }
}

function childrenOf(pid: number): number[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return all.map(Number).filter((one) => parentOf(one) === pid);
}

function parentOf(pid: number): number | null {
  try {
    return Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return null;
  }
}

/** Empty when there is no such process any more. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function leftBehind(): string[] {
  return readdirSync(tmpdir()).filter((name) => /^tsuring-bench-(?!test)/.test(name));
}

function noRing(): string | false {
  try {
    new IoUringState(1, { flags: 0 }).close();
    return false;
  } catch (error) {
    return `needs io_uring: ${(error as Error).message}`;
  }
}
