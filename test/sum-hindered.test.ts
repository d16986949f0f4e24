/**
 * What `tsuring sum` is built on: files that change while they are read, and systems that have less to give.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Kernel, Result } from 'tsuring/syscalls';
import {
  EMFILE,
  ENOMEM,
  ENOSYS,
  EPERM,
  IORING_FEAT_SQPOLL_NONFIXED,
  IORING_REGISTER_BUFFERS,
  IORING_REGISTER_FILES,
  IORING_REGISTER_FILES_UPDATE,
  IORING_SETUP_SQPOLL,
  io_uring_params,
  linux,
  readStruct,
} from 'tsuring/syscalls';
import { lacksRing, lacksSqpoll } from './support/needs.ts';
import { ProbeKernel } from './support/probe-kernel.ts';
import { NOBODY, tsuring } from './support/sandbox.ts';
import {
  boundaries,
  digestOf,
  fifo,
  file,
  files,
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
const needsSqpoll = { skip: noRing || lacksSqpoll(), timeout: timeLimit };

// --- files that change while they are read

/** The real kernel; before the `nth` io_uring_enter `action` happens. */
function kernelThat(nth: number, action: () => void): Kernel {
  let calls = 0;
  return {
    ...linux,
    enter(...args): Result {
      if (calls++ === nth) action();
      return linux.enter(...args);
    },
  };
}

test('a file that grows or shrinks before the first read', needsRing, () => {
  const { name, content } = file('changing', 12 * page);
  const pages = [2, 5, 12, 13, 14, 40];
  for (const size of boundaries(1, ...pages.map((n) => n * page))) {
    writeFileSync(name, content);
    const kernel = kernelThat(0, () => truncateSync(name, size));
    const { lines } = told([name, files[4].name], { ...small, sqpoll: false, kernel });
    const now = Buffer.concat([content, Buffer.alloc(30 * page)]).subarray(0, size);
    assert.deepEqual(lines, [`${digestOf(now)} ${name}`, files[4].line], `${size} bytes`);
  }
});

test('a file that grows or shrinks in the middle of the reading', needsRing, () => {
  const { name, content } = file('changing', 64 * page);
  const longest = Buffer.concat([content, Buffer.alloc(16 * page + 1)]);
  for (const nth of [1, 2, 5, 10, 20])
    for (const size of boundaries(1, 30 * page, 63 * page, 64 * page, 80 * page)) {
      writeFileSync(name, content);
      const kernel = kernelThat(nth, () => truncateSync(name, size));
      const { lines, figures } = told([name, files[4].name], { ...small, sqpoll: false, kernel });
      // Some of it may have been read before; whatever was, it is one piece from the beginning.
      const length = figures.bytes - files[4].content.length;
      assert.ok(length >= Math.min(size, content.length), `${length} bytes`);
      assert.ok(length <= Math.max(size, content.length), `${length} bytes`);
      assert.deepEqual(lines, [`${digestOf(longest.subarray(0, length))} ${name}`, files[4].line]);
    }
});

test('a file that another process appends to', needsSqpoll, async () => {
  const { name } = file('growing', 0);
  const line = `${'0123456789'.repeat(10)}\n`;
  const script = 'i=0; while [ $i -lt 20000 ]; do echo "$1"; i=$((i+1)); done >> "$0"';
  const writer = spawn('sh', ['-c', script, name, line.trim()]);
  const done = new Promise<void>((resolve) => writer.once('close', () => resolve()));
  let bytes = 0;
  for (let round = 0; round < 50 || writer.exitCode === null; round++) {
    const { lines, figures } = told([name]);
    assert.ok(figures.bytes >= bytes);
    bytes = figures.bytes;
    const content = line.repeat(Math.ceil(bytes / line.length)).slice(0, bytes);
    assert.deepEqual(lines, [`${digestOf(content)} ${name}`]);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await done;
  assert.deepEqual(told([name]).lines, [`${digestOf(line.repeat(20000))} ${name}`]);
});

// --- systems that have less to give

/** The real kernel, but for what `refuse` gives an errno for. */
function refusing(refuse: {
  setup?: (flags: number) => number;
  register?: (opcode: number) => number;
}): Kernel {
  return {
    ...linux,
    setup(entries, params) {
      const errno = refuse.setup?.(readStruct(params, io_uring_params).flags) ?? 0;
      return errno > 0 ? -errno : linux.setup(entries, params);
    },
    register(fd, opcode, arg, count) {
      const errno = refuse.register?.(opcode) ?? 0;
      return errno > 0 ? -errno : linux.register(fd, opcode, arg, count);
    },
  };
}

test('without SQPOLL', needsRing, () => {
  const kernel = refusing({ setup: (flags) => ((flags & IORING_SETUP_SQPOLL) !== 0 ? EPERM : 0) });
  const { lines, figures } = told(mixed, { ...small, sqpoll: true, kernel });
  assert.deepEqual(lines, mixedLines);
  assert.match(String(figures.equipment.sqpoll), /^EPERM: ./);
  assert.equal(figures.equipment.fixedBuffers, true);
});

test('without SQPOLL for files that are not registered (before Linux 5.11)', needsSqpoll, () => {
  const kernel = new ProbeKernel({ hideFeatures: IORING_FEAT_SQPOLL_NONFIXED });
  const open = readdirSync('/proc/self/fd').length;
  const { lines, figures } = told(mixed, { ...small, sqpoll: true, kernel });
  assert.deepEqual(lines, mixedLines);
  assert.match(String(figures.equipment.sqpoll), /5\.11/);
  assert.equal(readdirSync('/proc/self/fd').length, open);
});

test('without registered buffers, without registered files, without both', needsRing, () => {
  const buffers = (opcode: number) => (opcode === IORING_REGISTER_BUFFERS ? ENOMEM : 0);
  const table = (opcode: number) => (opcode === IORING_REGISTER_FILES ? EMFILE : 0);
  for (const sqpoll of [lacksSqpoll() === false, false]) {
    const without = (register: (opcode: number) => number) =>
      told(mixed, { ...small, sqpoll, kernel: refusing({ register }) });
    const first = without(buffers);
    assert.deepEqual(first.lines, mixedLines);
    assert.match(String(first.figures.equipment.fixedBuffers), /^ENOMEM: ./);
    assert.equal(first.figures.equipment.fixedFiles, true);
    const second = without(table);
    assert.deepEqual(second.lines, mixedLines);
    assert.match(String(second.figures.equipment.fixedFiles), /^EMFILE: ./);
    assert.equal(second.figures.equipment.fixedBuffers, true);
    assert.deepEqual(without((opcode) => buffers(opcode) || table(opcode)).lines, mixedLines);
    // The table is there, but the kernel takes no file into it.
    const update = (opcode: number) => (opcode === IORING_REGISTER_FILES_UPDATE ? ENOMEM : 0);
    assert.deepEqual(without(update).lines, mixedLines);
  }
});

test('with locked memory for some of the buffers only', needsRing, () => {
  const counts: number[] = [];
  const kernel: Kernel = {
    ...linux,
    register(fd, opcode, arg, count) {
      if (opcode !== IORING_REGISTER_BUFFERS) return linux.register(fd, opcode, arg, count);
      // A refused number is asked for again for a while: closed rings give their memory back late.
      if (counts.at(-1) !== count) counts.push(count);
      return count > 8 ? -ENOMEM : linux.register(fd, opcode, arg, count);
    },
  };
  const { lines, figures } = told(mixed, { ...small, buffers: 20, kernel });
  assert.deepEqual(lines, mixedLines);
  assert.deepEqual(counts, [20, 10, 5]);
  assert.deepEqual([figures.equipment.fixedBuffers, figures.equipment.buffers], [true, 5]);
});

test('without io_uring', limit, async () => {
  const kernel = refusing({ setup: () => ENOSYS });
  const { path, done } = fifo('without', 'sleep 0.2; printf x');
  const blocking = openSync(path, 'r');
  // In non-blocking mode, so there is nothing at first, but no end either.
  const stdin = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  closeSync(blocking);
  const { lines, figures } = told([...mixed, '-'], { bufferBytes: 2 * page, stdin, kernel });
  closeSync(stdin);
  await done;
  assert.deepEqual(lines, [...mixedLines, `${digestOf('x')} -`]);
  assert.equal(figures.counts, undefined);
  assert.match(String(figures.equipment.ring), /^ENOSYS: ./);
});

test('with everything there is', needsSqpoll, () => {
  const pieces = 2000;
  const { name, line } = file('long', pieces * 2 * page);
  const { lines, figures } = told([name], { ...small, sqpoll: true });
  rmSync(name);
  assert.deepEqual(lines, [line]);
  const { equipment, counts } = figures;
  assert.deepEqual([equipment.sqpoll, equipment.fixedBuffers, equipment.fixedFiles], [true, true, true]);
  // A read for each piece and one for the end; all were seen to complete.
  assert.deepEqual([counts?.sqes, counts?.cqes], [pieces + 1, pieces + 1]);
});

test('as nobody, with little locked memory and files that are not readable', needsRing, async (t) => {
  if (process.getuid?.() !== 0) return t.skip('needs root to become another user');
  const { status: readable } = spawnSync('test', ['-r', import.meta.filename ?? ''], { uid: NOBODY });
  if (readable !== 0) return t.skip('needs a project that nobody can read');
  const inside = mkdtempSync(join(tmpdir(), 'tsuring-nobody-'));
  try {
    spawnSync('chmod', ['755', inside]);
    const [open, secret, hidden] = ['open', 'secret', 'closed/hidden'].map((name) => join(inside, name));
    writeFileSync(open, 'open', { mode: 0o644 });
    writeFileSync(secret, 'secret', { mode: 0o600 });
    mkdirSync(join(inside, 'closed'), { mode: 0o700 });
    const args = ['sum', '--stats', open, secret, hidden, open];
    const { status, stdout, stderr } = await tsuring(args, { user: NOBODY, limit: '-l 64' });
    const line = `${digestOf('open')}  ${open}\n`;
    assert.deepEqual([stdout, status], [line + line, 1]);
    assert.deepEqual(
      stderr.split('\n').filter((text) => text.startsWith('tsuring:')),
      [secret, hidden].map((name) => `tsuring: ${name}: Permission denied`),
    );
    assert.match(stderr, /^registered buffers +no: ENOMEM: ./m);
  } finally {
    rmSync(inside, { recursive: true });
  }
});

test('where a sandbox forbids io_uring', limit, async () => {
  const { status, stdout, stderr } = await tsuring(['sum', '--stats', files[7].name], { deny: EPERM });
  assert.deepEqual([status, stdout], [0, `${files[7].line.replace(' ', '  ')}\n`]);
  assert.match(stderr, /^io_uring +no: EPERM: .*read by node:fs\.$/m);
});
