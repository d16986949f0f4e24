/**
 * What `tsuring sum` is built on: right sums for every kind of file.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EBADF, EISDIR, ENOENT } from 'tsuring/syscalls';
import { ClosedPipe } from '../lib/cli/output.ts';
import { lineOf } from '../lib/sum/line.ts';
import { sum } from '../lib/sum/sum.ts';
import { lacksRing } from './support/needs.ts';
import {
  boundaries,
  digestOf,
  fifo,
  file,
  files,
  folder,
  mixed,
  mixedLines,
  page,
  small,
  told,
} from './support/sum-files.ts';
import { timeLimit } from './support/time-limit.ts';

const noRing = lacksRing('io_uring', {});
const limit = { timeout: timeLimit };
const needsRing = { skip: noRing, timeout: timeLimit };

test('sizes around every boundary, one by one', needsRing, () => {
  for (const { name, line } of files) assert.deepEqual(told([name]).lines, [line]);
});

test('many files at once, in order, the failures among them', needsRing, () => {
  const open = readdirSync('/proc/self/fd').length;
  const { lines, figures } = told(mixed);
  assert.deepEqual(lines, mixedLines);
  assert.equal(
    figures.bytes,
    files.reduce((all, { content }) => all + content.length, files[0].content.length),
  );
  assert.equal(figures.equipment.ring, true);
  assert.equal(readdirSync('/proc/self/fd').length, open);
});

test('the sizes around the buffers that are used by default', needsRing, () => {
  const sizes = boundaries(128 * 1024, 256 * 1024, 48 * 256 * 1024);
  const large = sizes.map((size) => file(`large-${size}`, size));
  const names = large.map(({ name }) => name);
  assert.deepEqual(
    told(names, {}).lines,
    large.map(({ line }) => line),
  );
  for (const name of names) rmSync(name);
});

test('one buffer is enough', needsRing, () => {
  assert.deepEqual(told(mixed, { buffers: 1, bufferBytes: 2 * page }).lines, mixedLines);
});

test('hundreds of failures in a row, and no file at all', needsRing, () => {
  const names = Array.from({ length: 300 }, (_, i) => join(folder, `none-${i}`));
  assert.deepEqual(told([...names, files[3].name]).lines, [
    ...names.map((name) => `${ENOENT} ${name}`),
    files[3].line,
  ]);
  assert.deepEqual(told([]).lines, []);
});

test('files of /proc and /sys, whose sizes are not what they hold', needsRing, () => {
  const names = ['/proc/version', '/proc/filesystems', '/proc/kallsyms', '/sys/kernel/uevent_seqnum'];
  // Twice the same, so fit for a comparison.
  const steady = names.filter((name) => read(name)?.equals(read(name) ?? Buffer.alloc(0)));
  assert.ok(steady.length > 0);
  assert.deepEqual(
    told(steady).lines,
    steady.map((name) => `${digestOf(readFileSync(name))} ${name}`),
  );
});

function read(name: string): Buffer | undefined {
  try {
    return readFileSync(name);
  } catch {
    return undefined;
  }
}

test('an empty device', needsRing, () => {
  assert.deepEqual(told(['/dev/null']).lines, [`${digestOf('')} /dev/null`]);
});

test('a name that is not UTF-8', needsRing, () => {
  const name = Buffer.concat([Buffer.from(`${folder}/odd-`), Buffer.of(0xff, 0xfe)]);
  writeFileSync(name, 'odd');
  const names: Uint8Array[] = [];
  sum([name], { onSum: (given) => names.push(given), onFailure: () => assert.fail() }, small);
  assert.deepEqual(Buffer.from(names[0]), name);
  rmSync(name);
});

test('more than 4 GiB', limit, (t) => {
  if (noRing) return t.skip(noRing);
  const start = performance.now();
  createHash('sha256')
    .update(new Uint8Array(2 ** 22))
    .digest();
  const seconds = Math.round(((performance.now() - start) / 1000) * 1024);
  if (seconds > 8 && process.env.TSURING_SLOW !== '1')
    return t.skip(`needs TSURING_SLOW=1, or a machine that hashes 4 GiB in 8 s; this takes ${seconds} s`);
  const name = join(folder, 'sparse');
  writeFileSync(name, '');
  truncateSync(name, 2 ** 32);
  appendFileSync(name, 'tail!');
  const { lines, figures } = told([name], {});
  rmSync(name);
  // As sha256sum and openssl have it for 4,294,967,301 bytes, all zero but the last five.
  const expected = 'fbab6d9a79df0a84cea59a2686e1b12b1cfe341b1b71571578cf4d161c0a3f7b';
  assert.deepEqual(lines, [`${expected} ${name}`]);
  assert.equal(figures.bytes, 2 ** 32 + 5);
});

// --- pipes and stdin

test('a FIFO that is written in bits and pieces', needsRing, async () => {
  const { path, done } = fifo('bits', 'printf a; sleep 0.2; printf bc; sleep 0.2; seq 1 50000');
  const numbers = Array.from({ length: 50000 }, (_, i) => `${i + 1}\n`).join('');
  assert.deepEqual(told([files[5].name, path, files[6].name]).lines, [
    files[5].line,
    `${digestOf(`abc${numbers}`)} ${path}`,
    files[6].line,
  ]);
  await done;
});

test('a silent pipe is waited for without spinning', needsRing, async () => {
  const { path, done } = fifo('silent', 'sleep 1; printf x');
  const { lines, figures } = told([path]);
  await done;
  assert.deepEqual(lines, [`${digestOf('x')} ${path}`]);
  // Slices of 100 ms, give or take a slow machine: a loop would make them by the hundred thousand.
  assert.ok((figures.counts?.enters ?? 0) < 2000, `${figures.counts?.enters} calls of io_uring_enter`);
});

test('what stands behind a pipe is opened only when the pipe has ended', needsRing, async () => {
  const copy = join(folder, 'copy');
  writeFileSync(copy, 'old');
  const { path, done } = fifo('tee', `sleep 0.3; echo new | tee ${copy}`);
  const { lines } = told([path, copy]);
  await done;
  assert.deepEqual(lines, [`${digestOf('new\n')} ${path}`, `${digestOf('new\n')} ${copy}`]);
});

test('a FIFO named twice is opened twice', needsRing, async () => {
  const { path, done } = fifo('twice', 'printf 1; exec > /dev/null; sleep 0.3; printf 2 > "$0"');
  const { lines } = told([path, path]);
  await done;
  assert.deepEqual(lines, [`${digestOf('1')} ${path}`, `${digestOf('2')} ${path}`]);
});

test('stdin, from where it stands', needsRing, () => {
  const { name, content } = files[files.length - 1];
  const stdin = openSync(name, 'r');
  readSync(stdin, Buffer.alloc(100));
  const { lines } = told(['-', files[2].name, '-'], { ...small, stdin });
  const rest = digestOf(content.subarray(100));
  assert.deepEqual(lines, [`${rest} -`, files[2].line, `${digestOf('')} -`]);
  // It is not ours to close.
  assert.equal(readSync(stdin, Buffer.alloc(1)), 0);
  closeSync(stdin);
});

test('stdin that cannot be read', needsRing, () => {
  const cases: [stdin: number, errno: number][] = [
    [openSync(folder, 'r'), EISDIR],
    [openSync(join(folder, 'write-only'), 'w'), EBADF],
  ];
  for (const [stdin, errno] of cases) {
    assert.deepEqual(told(['-', files[2].name], { ...small, stdin }).lines, [`${errno} -`, files[2].line]);
    closeSync(stdin);
  }
});

test('a pipe in non-blocking mode', needsRing, async () => {
  const { path, done } = fifo('nonblocking', 'sleep 0.3; printf a; sleep 0.3; printf b');
  const blocking = openSync(path, 'r');
  const stdin = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  closeSync(blocking);
  const { lines } = told(['-'], { ...small, stdin });
  closeSync(stdin);
  await done;
  assert.deepEqual(lines, [`${digestOf('ab')} -`]);
});

// --- the rest

test('a listener that throws ends it, and everything is given back', needsRing, () => {
  const open = readdirSync('/proc/self/fd').length;
  const names = files.map(({ name }) => Buffer.from(name));
  const onSum = () => {
    throw new ClosedPipe();
  };
  assert.throws(() => sum(names, { onSum, onFailure: () => {} }, small), ClosedPipe);
  assert.equal(readdirSync('/proc/self/fd').length, open);
});

test('odd names as sha256sum prints them', limit, (t) => {
  const version = spawnSync('sha256sum', ['--version'], { encoding: 'utf8' }).stdout ?? '';
  if (!version.includes('GNU coreutils')) return t.skip('needs the sha256sum of coreutils');
  const inside = join(folder, 'odd');
  mkdirSync(inside);
  const names = ['a\nb', 'c\rd', 'e\\f', 'g h', '*i', '-j', 'tab\tk', '\\', 'é', "'", '"', ' '];
  const all = [...names.map((name) => Buffer.from(name)), Buffer.of(0xff, 0x6c), Buffer.of(0x6d, 0xc3, 0x0a)];
  for (const name of all) writeFileSync(Buffer.concat([Buffer.from(`${inside}/`), name]), name);
  const env = { ...process.env, LC_ALL: 'C' };
  const theirs = spawnSync('sh', ['-c', 'sha256sum -- *'], { cwd: inside, env }).stdout.toString('latin1');
  const sorted = all.sort((a, b) => Buffer.compare(a, b));
  const ours = Buffer.concat(sorted.map((name) => lineOf(digestOf(name), name)));
  assert.deepEqual(ours.toString('latin1').split('\n'), theirs.split('\n'));
  const check = ['--strict', '--quiet', '-c'];
  const checked = spawnSync('sha256sum', check, { cwd: inside, input: ours, encoding: 'utf8' });
  assert.deepEqual([checked.status, checked.stdout, checked.stderr], [0, '', '']);
});
