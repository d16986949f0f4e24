/**
 * The runs on other kernels (test/kernels/): what `tsuring doctor` said there is held to the table of the design, and a
 * machine that breaks off is not taken for one that passed.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { DoctorReport } from '../lib/doctor/report.ts';
import { MARK } from './kernels/console.ts';
import { GIVEN } from './kernels/given.ts';
import { newestPackages } from './kernels/kernels.ts';
import { newsOf } from './kernels/news.ts';
import { type Result, resultOf, tableOf } from './kernels/results.ts';
import { runScript } from './support/child.ts';

/** For each row of the page what the kernels between two lines of Linux give. */
const COLUMNS = ['5.10', '6.1', '6.12', '6.16', '6.18', '6.19', '7.0'] as const;
const TABLE: Readonly<Record<string, readonly (string | boolean)[]>> = {
  operations: ['37', '49', '58', '63', '63', '65', '65'],
  features: ['0x7ff', '0x1fff', '0xffff', '0x3ffff', '0x3ffff', '0x3ffff', '0x3ffff'],
  memory: ['overlay', 'view', 'no_mmap', 'no_mmap', 'no_mmap', 'no_mmap', 'no_mmap'],
  SQPOLL: since('5.10'),
  'SQPOLL, as nobody': since('5.10'),
  SINGLE_ISSUER: since('6.1'),
  DEFER_TASKRUN: since('6.1'),
  COOP_TASKRUN: since('6.1'),
  'buffer rings': since('6.1'),
  'registered ring fds': since('6.1'),
  NO_SQARRAY: since('6.12'),
  HYBRID_IOPOLL: since('6.16'),
  CQE_MIXED: since('6.18'),
  SQE_MIXED: since('6.19'),
  SQ_REWIND: since('7.0'),
  'kernel.io_uring_disabled': since('6.12'),
};

function since(first: (typeof COLUMNS)[number]): boolean[] {
  return COLUMNS.map((_, n) => n >= COLUMNS.indexOf(first));
}

const folder = new URL('vectors/doctor/', import.meta.url);
const files = readdirSync(folder);

test('the oldest and the newest kernels are among them, and another architecture', () => {
  const names = files.map((file) => file.replace('.json', ''));
  for (const name of ['5.10', '6.1', '6.12', '6.18']) assert.ok(names.includes(name), name);
  assert.ok(names.some((name) => / arm64$/.test(name)));
  assert.ok(names.some((name) => /^7\./.test(name)));
});

for (const file of files)
  test(`Linux ${file.replace('.json', '')} gives what the design says`, () => {
    const reports = reportsOf(file);
    const column = columnOf(file);
    for (const [name, values] of Object.entries(TABLE)) {
      const { value, user = 'root' } = GIVEN.find((row) => row.name === name)!;
      assert.equal(value(reports[user]), values[column], `${name}, ${user}`);
    }
    // Each flag is there from the release on that it is said to be of.
    for (const { name, since: first, supported } of reports.root.setupFlags)
      assert.equal(supported, version(file) >= version(first), `${name} since ${first}`);
    assert.deepEqual(Object.keys(reports), ['root', 'nobody']);
    for (const report of Object.values(reports)) {
      assert.equal(report.ok, true);
      assert.match(file, new RegExp(`^${report.system.release.match(/^\d+\.\d+/)?.[0]}( arm64)?\\.json$`));
    }
  });

for (const [kind, rowsOf] of [
  ['opcodes', ({ opcodes }: DoctorReport) => opcodes],
  ['register', ({ registerOpcodes }: DoctorReport) => registerOpcodes],
] as const)
  test(`the constants of ${kind} say since when there is what they name`, () => {
    const said = releases(`${kind}.ts`);
    for (const file of files)
      for (const { name, supported } of rowsOf(reportsOf(file).root)) {
        const since = said.get(name ?? '');
        assert.ok(since !== undefined, `${name}`);
        const due = version(file) >= version(since);
        // Old kernels that are cared for are given newer things.
        if (file === '5.10.json' && supported) assert.ok(version(since) <= version('5.15'), `${name}`);
        else assert.equal(supported, due, `${name} since ${since}, ${file}`);
      }
  });

/** What the documentation of constants says at its end: 'IORING_OP_NOP' → '5.1'. */
function releases(file: string): Map<string, string> {
  const source = readFileSync(new URL(`../syscalls/constants/${file}`, import.meta.url), 'utf8');
  const matches = source.matchAll(/since (\d+\.\d+)\. \*\/\nexport const (IORING_\w+)/g);
  return new Map([...matches].map(([, since, name]) => [name, since]));
}

test('what a kernel has new', () => {
  const rows = (...names: readonly string[]) =>
    ['A', 'B', 'C'].map((name) => ({ name, supported: names.includes(name) }));
  const report = (operations: readonly string[], registrations: readonly string[]) =>
    ({ opcodes: rows(...operations), registerOpcodes: rows(...registrations) }) as never as DoctorReport;
  const reports: [string, DoctorReport][] = [
    ['5.10', report(['B'], [])],
    ['6.1', report(['B', 'A'], [])],
    ['6.2', report(['B'], ['C'])],
  ];
  assert.deepEqual(newsOf(reports), [
    { series: '5.10', operations: ['B'], registrations: [] },
    { series: '6.1', operations: ['A'], registrations: [] },
    { series: '6.2', operations: [], registrations: ['C'] },
  ]);
});

function reportsOf(file: string): Record<string, DoctorReport> {
  return JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
}

/** The last column whose kernel is not newer than that of the file. */
function columnOf(file: string): number {
  return COLUMNS.findLastIndex((name) => version(name) <= version(file));
}

function version(name: string): number {
  const [major, minor] = name.split(/[. ]/).map(Number);
  return major * 1000 + minor;
}

const [report] = files.map((file) => reportsOf(file).root);
const PASSED = { file: 'ring', test: 'a', outcome: 'passed', ms: 1 };
const SKIPPED = { ...PASSED, outcome: 'skipped', reason: 'needs more; there are 3' };
const whole = (user: string): readonly object[] => [
  { user, parts: ['doctor', 'together', 'soak'] },
  { doctor: report },
  { part: 'doctor', status: 0 },
  PASSED,
  SKIPPED,
  { count: 2 },
  { part: 'together', status: 0 },
  PASSED,
  { count: 1 },
  { part: 'soak', status: 0 },
];
const WHOLE: readonly object[] = [
  { users: ['root', 'nobody'] },
  ...whole('root'),
  ...whole('nobody'),
  { done: true },
];

/** What becomes of a console with these lines, and others of the kernel's. */
function outcome(lines: readonly object[], text = '[    1.0] hello\r\n'): Result {
  return resultOf(
    '6.1',
    text + lines.map((line) => `${MARK}${JSON.stringify(line)}\r\n`).join(''),
    new Date(),
  );
}

test('a console that tells everything', () => {
  const { ok, runs, reports } = outcome(WHOLE);
  assert.equal(ok, true);
  assert.deepEqual(
    runs.map(({ user, tests }) => [user, tests.length]),
    [
      ['root', 3],
      ['nobody', 3],
    ],
  );
  assert.deepEqual(reports, { root: report, nobody: report });
});

test('a console that lacks a line, or breaks off', () => {
  for (const n of WHOLE.keys()) {
    const without = WHOLE.filter((_, i) => i !== n);
    assert.equal(outcome(without).ok, false, `without ${JSON.stringify(WHOLE[n]).slice(0, 60)}`);
    assert.equal(outcome(WHOLE.slice(0, n)).ok, false, `${n} lines`);
  }
});

test('what failed is told', () => {
  const at = WHOLE.indexOf(PASSED);
  const failed = WHOLE.with(at, { ...PASSED, outcome: 'failed', reason: 'wrong' });
  assert.match(outcome(failed).text, /FAILED[\s\S]*ring: a\n *wrong/);
  // As a signal leaves it, as Node does after a fault, and after an error that is no test's.
  for (const status of [null, 7, 1])
    assert.equal(outcome(WHOLE.with(at + 3, { part: 'together', status })).ok, false);
  assert.match(tableOf([outcome([])]), /6\.1 .*FAILED/);
  assert.match(tableOf([outcome(WHOLE)]), /needs more: 6\.1/);
});

test('a test that stands in no suite of a file is told as failed', () => {
  const script = `import { describe, test } from 'node:test';
    process.argv.push('ring,soak');
    describe('ring', () => test('a', () => {}));
    describe('stray', () => test('b', () => {}));
    test('c', () => {});`;
  const reporter = fileURLToPath(new URL('kernels/reporter.ts', import.meta.url));
  // Of the runner that runs this file: with it the reporter would not be asked.
  const under = ['env', '-u', 'NODE_TEST_CONTEXT'];
  const { stdout, stderr } = runScript(script, { node: ['--test-reporter', reporter], under });
  const lines = stdout
    .split(MARK)
    .slice(1)
    .map((line) => JSON.parse(line));
  const told = lines.map(({ file, test, outcome, count }) => count ?? [file, test, outcome]);
  assert.deepEqual(told, [['ring', 'a', 'passed'], ['stray', 'b', 'failed'], ['c', '', 'failed'], 3], stderr);
});

test('what the kernel complains of is told', () => {
  const { ok, text } = outcome(WHOLE, '[  9.1] BUG: kernel NULL pointer dereference\r\nfine\r\n');
  assert.equal(ok, false);
  assert.match(text, /the kernel says: .*NULL pointer/);
});

test('of each line of Linux the newest package that holds a kernel', () => {
  const names = [
    'linux-image-6.1.0-9-cloud-amd64',
    'linux-image-6.1.0-40-cloud-amd64',
    'linux-image-6.19.6+deb13-cloud-amd64',
    'linux-binary-6.19.6+deb13-cloud-amd64',
    'linux-binary-6.19.14+deb13-cloud-amd64',
    'linux-image-6.19.14+deb13-cloud-amd64',
    'linux-image-cloud-amd64',
  ];
  assert.deepEqual(Object.fromEntries(newestPackages(names)), {
    '6.1': 'linux-image-6.1.0-40-cloud-amd64',
    '6.19': 'linux-binary-6.19.14+deb13-cloud-amd64',
  });
});
