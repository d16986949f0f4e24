/**
 * The `tsuring` command as a shell sees it: output, exit status, pipes, signals, and what it says to mistakes.
 */
import assert from 'node:assert/strict';
import { type StdioOptions, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoName, libc } from 'tsuring/syscalls';
import { bytesOf, parse } from '../lib/cli/arguments.ts';
import { paintFor } from '../lib/cli/colour.ts';
import { quote, strerror } from '../lib/cli/failure.ts';
import { draw } from '../lib/cli/progress.ts';
import { bytes, clock, count } from '../lib/cli/units.ts';
import { moduleFile, nodeFlags, root } from './support/project.ts';
import { timeLimit } from './support/time-limit.ts';

const limit = { timeout: timeLimit };
const node = [process.execPath, ...nodeFlags, moduleFile('lib/cli')];
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const folder = mkdtempSync(join(tmpdir(), 'tsuring-cli-'));
after(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command, from the project's folder. */
function tsuring(args: readonly string[], input = ''): Promise<Ended> {
  return run([...node, ...args], input);
}

/** Runs `script` in a shell; in it `tsuring` is the command. */
function shell(script: string): Promise<Ended> {
  const quoted = node.map((word) => `'${word}'`).join(' ');
  return run(['sh', '-c', `tsuring() { ${quoted} "$@"; }\n${script}`], '');
}

function run([file, ...args]: string[], input: string): Promise<Ended> {
  const env = { ...process.env, LC_ALL: 'C.UTF-8' };
  const child = spawn(file, args, { cwd: root, env, timeout: timeLimit });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('latin1').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  // Who does not read its stdin is not to be blamed.
  child.stdin.on('error', () => {}).end(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve({ status, signal, stdout, stderr }));
  });
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const hello = file('hello', 'hello\n');
const line = `${digestOf('hello\n')}  ${hello}\n`;

// --- help, version, mistakes

test('help and version', limit, async () => {
  const [help, short, sum, plain, v] = await Promise.all([
    tsuring(['--help']),
    tsuring(['-h']),
    tsuring(['sum', '--help']),
    tsuring(['--version']),
    tsuring(['-V']),
  ]);
  for (const ended of [help, short, sum, plain, v]) assert.deepEqual([ended.status, ended.stderr], [0, '']);
  assert.match(help.stdout, /^Usage: tsuring COMMAND .*\n/);
  for (const command of ['sum', 'doctor']) assert.match(help.stdout, new RegExp(`^  ${command} `, 'm'));
  assert.equal(short.stdout, help.stdout);
  assert.match(
    Buffer.from(sum.stdout, 'latin1').toString(),
    /^Usage: tsuring sum \[--stats\] \[--\] \[FILE…\]\n/,
  );
  assert.match(sum.stdout, /^ +--stats /m);
  assert.equal(plain.stdout, `tsuring ${version}\n`);
  assert.equal(v.stdout, plain.stdout);
});

test('the built command tells the same version', limit, async (t) => {
  const built = join(root, 'dist/lib/cli.js');
  if (!existsSync(built)) return t.skip('needs `npm run build`');
  assert.match(readFileSync(built, 'utf8'), /^#!\/usr\/bin\/env node\n/);
  const { stdout, status } = await run([process.execPath, built, '--version'], '');
  assert.deepEqual([stdout, status], [`tsuring ${version}\n`, 0]);
});

test('wrong usage is told on stderr, with status 2', limit, async () => {
  const cases: [args: string[], message: string, command: string][] = [
    [[], 'a command is missing', 'tsuring'],
    [['summ'], "unknown command 'summ'", 'tsuring'],
    [[''], "unknown command ''", 'tsuring'],
    [['--nonsense'], "Unknown option '--nonsense'", 'tsuring'],
    [['--', 'sum'], 'the command must come before its options', 'tsuring'],
    [['sum', '--nonsense', hello], "Unknown option '--nonsense'", 'tsuring sum'],
    [['sum', '-x'], "Unknown option '-x'", 'tsuring sum'],
    [['sum', '--stats=yes', hello], "Option '--stats' does not take an argument", 'tsuring sum'],
  ];
  const ended = await Promise.all(cases.map(([args]) => tsuring(args)));
  for (const [i, [args, message, command]] of cases.entries()) {
    const stderr = `tsuring: ${message}\nTry '${command} --help' for more information.\n`;
    assert.deepEqual(ended[i], { status: 2, signal: null, stdout: '', stderr }, args.join(' '));
  }
});

// --- sum

test('sums, failures and the exit status', limit, async () => {
  const spaced = file('with space', 'x');
  const [good, bad, ended] = await Promise.all([
    tsuring(['sum', hello, spaced]),
    tsuring(['sum', hello, `${folder}/none`, folder, `${spaced}s`, hello]),
    tsuring(['sum', '--', hello, '--stats']),
  ]);
  assert.deepEqual(good, {
    status: 0,
    signal: null,
    stdout: `${line}${digestOf('x')}  ${spaced}\n`,
    stderr: '',
  });
  assert.deepEqual([bad.status, bad.stdout], [1, line + line]);
  const none = 'No such file or directory';
  assert.equal(
    bad.stderr,
    `tsuring: ${folder}/none: ${none}\ntsuring: ${folder}: Is a directory\ntsuring: '${spaced}s': ${none}\n`,
  );
  assert.deepEqual([ended.status, ended.stdout, ended.stderr], [1, line, `tsuring: --stats: ${none}\n`]);
});

test('stdin: no FILE, `-`, a pipe, a file, and none at all', limit, async () => {
  const text = 'x'.repeat(1_000_000);
  const [none, dash, twice, redirected, closed] = await Promise.all([
    tsuring(['sum'], text),
    tsuring(['sum', hello, '-', hello], 'abc'),
    tsuring(['sum', '-', '-'], 'abc'),
    shell(`tsuring sum < ${hello}`),
    shell('tsuring sum <&-'),
  ]);
  assert.deepEqual([none.stdout, none.stderr, none.status], [`${digestOf(text)}  -\n`, '', 0]);
  assert.deepEqual([dash.stdout, dash.status], [`${line}${digestOf('abc')}  -\n${line}`, 0]);
  assert.equal(twice.stdout, `${digestOf('abc')}  -\n${digestOf('')}  -\n`);
  assert.equal(redirected.stdout, `${digestOf('hello\n')}  -\n`);
  // Node opens /dev/null where stdin is closed.
  assert.equal(closed.stdout, `${digestOf('')}  -\n`);
});

test('names that are not UTF-8 come through as they are', limit, async () => {
  const odd = Buffer.concat([Buffer.from(`${folder}/odd`), Buffer.of(0xff, 0x0a, 0xc3)]);
  writeFileSync(odd, 'odd');
  const { status, stdout, stderr } = await shell(
    `cd ${folder}; odd=$(printf 'odd\\377\\n\\303'); cd ${root}; tsuring sum '' "${folder}/$odd" "${folder}/x$odd"`,
  );
  const name = Buffer.concat([
    Buffer.from(`${folder}/odd`),
    Buffer.of(0xff),
    Buffer.from('\\n'),
    Buffer.of(0xc3),
  ]);
  assert.equal(stdout, `\\${digestOf('odd')}  ${name.toString('latin1')}\n`);
  assert.equal(status, 1);
  assert.match(stderr, /^tsuring: '': No such file/);
  assert.ok(
    stderr.includes(`tsuring: '${folder}/xodd'$'\\377\\n\\303': No such file or directory\n`),
    stderr,
  );
});

test('--stats on stderr, stdout as without', limit, async () => {
  const { status, stdout, stderr } = await tsuring(['sum', '--stats', hello]);
  assert.deepEqual([status, stdout], [0, line]);
  assert.match(stderr, /^read +6 bytes in \d+\.\d+ s, \d+\.\d\d GB\/s$/m);
  assert.match(stderr, /^hashing +\d+\.\d+ s, \d+ %$/m);
  assert.match(stderr, /^waiting +\d+\.\d+ s, \d+ %: bound by /m);
  if (stderr.includes('io_uring  ')) return assert.match(stderr, /^io_uring +no: .*node:fs/m);
  assert.match(stderr, /^SQEs +2$/m);
  assert.match(stderr, /^io_uring_enter +\d+ calls$/m);
  assert.match(stderr, /^SQPOLL wakeups +\d+$/m);
  assert.match(stderr, /^ring memory +(no_mmap|overlay|view)$/m);
  for (const what of ['SQPOLL', 'registered buffers', 'registered files'])
    assert.match(stderr, new RegExp(`^${what} +(yes|no: .)`, 'm'));
});

test('sha256sum accepts it', limit, async (t) => {
  if (spawnSync('sha256sum', ['--version']).error) return t.skip('needs sha256sum');
  const names = readdirSync(join(root, 'lib')).filter((name) => name.endsWith('.ts'));
  const paths = names.map((name) => join('lib', name));
  const { stdout } = await tsuring(['sum', ...paths]);
  const { stdout: theirs } = spawnSync('sha256sum', paths, { cwd: root, encoding: 'latin1' });
  assert.equal(stdout, theirs);
  assert.equal(spawnSync('sha256sum', ['-c'], { cwd: root, input: stdout }).status, 0);
});

// --- pipes that close, outputs that are full, signals

test('a reader that has gone ends it quietly', limit, async () => {
  const child = spawn(node[0], [...node.slice(1), 'sum', hello, hello], { cwd: root });
  // Before node has even started.
  child.stdout.destroy();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const status = await new Promise((resolve) => child.once('close', resolve));
  assert.deepEqual([status, stderr], [141, '']);
  const [help, version] = await Promise.all([
    shell('exec 3>&1; { tsuring --help; echo $? >&3; } | true'),
    shell('exec 3>&1; { sleep 0.5; tsuring --version; echo $? >&3; } | true'),
  ]);
  assert.deepEqual([version.stdout, version.stderr, help.stderr], ['141\n', '', '']);
});

test('an output that cannot be written', limit, async () => {
  if (!existsSync('/dev/full')) return;
  const { status, stderr } = await shell(`tsuring sum ${hello} > /dev/full`);
  assert.deepEqual([status, stderr], [1, 'tsuring: write error: No space left on device\n']);
  assert.equal((await shell(`tsuring sum ${hello} ${folder} 2>&-`)).status, 1);
});

test('a slow reader of a pipe in non-blocking mode gets everything', limit, async () => {
  const path = join(folder, 'fifo');
  assert.equal(spawnSync('mkfifo', [path]).status, 0);
  // Open for both at first, so that neither end has to wait for the other.
  const both = openSync(path, 'r+');
  const [writing, reading] = [openSync(path, 'w'), openSync(path, 'r')];
  closeSync(both);
  const names = Array.from({ length: 2000 }, () => hello);
  const stdio: StdioOptions = ['ignore', writing, 'inherit'];
  const child = spawn(node[0], [...node.slice(1), 'sum', ...names], { cwd: root, stdio });
  const ended = new Promise((resolve) => child.once('close', resolve));
  // Both have it in common; starting the child has put it into blocking mode.
  assert.equal(libc().syscall(NR_FCNTL, writing, F_SETFL, constants.O_NONBLOCK, 0, 0, 0), 0);
  closeSync(writing);
  const reader = spawn('sh', ['-c', 'sleep 2; cat'], { stdio: [reading, 'pipe', 'inherit'] });
  closeSync(reading);
  let output = '';
  reader.stdout?.setEncoding('latin1').on('data', (text) => (output += text));
  await new Promise((resolve) => reader.once('close', resolve));
  assert.equal(await ended, 0);
  assert.ok(output === line.repeat(2000), `${output.length} characters`);
});

const NR_FCNTL = process.arch === 'arm64' ? 25 : 72;
const F_SETFL = 4;

test('Ctrl-C ends the wait for a silent stdin', limit, async () => {
  const child = spawn(node[0], [...node.slice(1), 'sum'], { cwd: root, stdio: 'pipe' });
  const ended = new Promise((resolve) => child.once('close', (status, signal) => resolve([status, signal])));
  await ringOf(child.pid);
  child.kill('SIGINT');
  assert.deepEqual(await ended, [null, 'SIGINT']);
});

/** Waits until the process has a ring, or for a while where it cannot have any. */
async function ringOf(pid: number | undefined): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const fds = `/proc/${pid}/fd`;
    const targets = readdirSync(fds).map((fd) => {
      try {
        return readlinkSync(join(fds, fd));
      } catch {
        return '';
      }
    });
    if (targets.some((target) => target.includes('io_uring'))) return;
    await sleep(50);
  }
}

// --- the parts

test('operands and their bytes', () => {
  const parsed = parse(['a', '--stats', '-', '--', '--b', ''], { stats: { type: 'boolean' } });
  assert.deepEqual(parsed.positionals, ['a', '-', '--b', '']);
  assert.deepEqual(parsed.at, [0, 2, 4, 5]);
  assert.equal(parsed.values.stats, true);
  assert.deepEqual(bytesOf(['é', '']), [Buffer.from('é'), Buffer.alloc(0)]);
  // Not the arguments of this process: the text is all there is.
  assert.deepEqual(bytesOf(['\ufffd', 'no argument']), [Buffer.from('\ufffd'), Buffer.from('no argument')]);
});

test('names are quoted and errors worded as coreutils does', (t) => {
  const { stdout } = spawnSync('sha256sum', ['--version'], { encoding: 'utf8' });
  if (!stdout?.includes('GNU coreutils')) return t.skip('needs the sha256sum of coreutils');
  const names = [
    'plain',
    'a b',
    'a\nb',
    "it's",
    "it's $x",
    'a:b',
    'a~',
    '~',
    'a=b',
    'a{b',
    '{',
    '#x',
    'a#',
    'a]',
    '\t',
    '"',
    "'",
    'a\x7f',
  ];
  const env = { ...process.env, LC_ALL: 'C.UTF-8' };
  const ended = spawnSync('sha256sum', ['--', ...names], { cwd: '/proc/self/fdinfo', env, encoding: 'utf8' });
  const expected = names.map((name) => `sha256sum: ${quote(Buffer.from(name))}: ${strerror(2)}`);
  assert.deepEqual(ended.stderr.trimEnd().split('\n'), expected);
  assert.equal(quote(Buffer.from('日本é')), '日本é');
  assert.equal(quote(Buffer.from('\u200b\u0085')), "'\u200b'$'\\302\\205'");
  assert.equal(quote(Buffer.of(0x61, 0xff, 0x62)), "'a'$'\\377''b'");
  assert.equal(quote(Buffer.alloc(0)), "''");
});

test('every errno has words that begin with a capital letter', () => {
  for (let errno = 1; errno <= 133; errno++)
    if (errnoName(errno)) assert.match(strerror(-errno), /^[A-Z.]/, `${errno}`);
});

test('numbers as people read them', () => {
  assert.deepEqual([0, 999, 1000, 1_073_741_824, 99_960_000, 999_600_000].map(bytes), [
    '0 B',
    '999 B',
    '1.00 kB',
    '1.07 GB',
    '100 MB',
    '1.00 GB',
  ]);
  assert.deepEqual([0, 999, 1000, 1234567].map(count), ['0', '999', '1,000', '1,234,567']);
  assert.deepEqual([0, 7, 61, 3723].map(clock), ['0:00', '0:07', '1:01', '1:02:03']);
});

test('the progress bar fits into its line', () => {
  const moment = { done: 5e8, total: 2e9, seconds: 2 };
  assert.equal(
    draw(moment, 80),
    `[${'='.repeat(7)}${' '.repeat(23)}]  25 %  500 MB of 2.00 GB  250 MB/s  0:06 left`,
  );
  for (const width of [1, 5, 20, 40, 60, 80, 200])
    for (const total of [undefined, 0, 5e8, 2e9]) assert.ok(draw({ ...moment, total }, width).length < width);
  assert.equal(draw({ ...moment, total: undefined }, 80), '500 MB  250 MB/s');
});

test('colours only for a terminal, and not with NO_COLOR', () => {
  const notTerminal = paintFor(spawnSync('true').pid > 0 ? 1_000_000 : 0, {});
  assert.equal(notTerminal.enabled, false);
  assert.equal(notTerminal.red('text'), 'text');
  assert.equal(paintFor(1, { NO_COLOR: '1' }).enabled, false);
  assert.equal(paintFor(1, { TERM: 'dumb' }).enabled, false);
});
