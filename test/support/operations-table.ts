/**
 * Makes docs/operations.md: runs the live tests on this kernel and writes down what each operation and registration has
 * of vectors and tests. With --check it writes nothing, and fails when the page names other tests than there are. With
 * --notes FILE it runs nothing, but takes the notes of a run of the tests that had TSURING_LIVE_NOTES=FILE.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as ops from '../../lib/ops/index.ts';
import * as opcodes from '../../syscalls/constants/opcodes.ts';
import * as registers from '../../syscalls/constants/register.ts';
import { LIVE_NOTES, type LiveNote } from './live.ts';
import { nodeFlags, root } from './project.ts';
import { registerMethods } from './register-methods.ts';

const page = join(root, 'docs/operations.md');

/** The functions of lib/ops/ with the opcode that the vectors show, and the number of their vectors. */
interface Operation {
  readonly name: string;
  readonly opcode: string;
  readonly vectors: number;
}

const { values } = parseArgs({ options: { check: { type: 'boolean' }, notes: { type: 'string' } } });
const notes = values.notes === undefined ? runLiveTests() : notesIn(values.notes);
const text = pageOf(notes);
if (!values.check) writeFileSync(page, text);
else if (withoutOutcomes(readFileSync(page, 'utf8')) !== withoutOutcomes(text)) {
  console.error('docs/operations.md tells of other tests than there are: run `npm run table`');
  process.exitCode = 1;
}
const bare = [...operations().map(({ name }) => name), ...Object.values(registerMethods).flat()].filter(
  (name) => !notes.some(({ covers }) => covers.includes(name)),
);
if (bare.length > 0) {
  console.error(`no live test covers ${bare.join(', ')}`);
  process.exitCode = 1;
}

function runLiveTests(): LiveNote[] {
  const folder = mkdtempSync(join(tmpdir(), 'tsuring-table-'));
  const file = join(folder, 'notes');
  writeFileSync(file, '');
  const tests = readdirSync(join(root, 'test'))
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(root, 'test', name))
    .filter((path) => /\blive\w*\(/.test(readFileSync(path, 'utf8')));
  const flags = [...nodeFlags, '--test', '--test-concurrency=1'];
  const { status } = spawnSync(process.execPath, [...flags, ...tests], {
    cwd: root,
    env: { ...process.env, [LIVE_NOTES]: file },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const made = notesIn(file);
  rmSync(folder, { recursive: true });
  if (status !== 0) throw new Error('a live test failed: run `npm test`');
  return made;
}

function notesIn(file: string): LiveNote[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

function operations(): Operation[] {
  const vectors: { fn: string; sqe: string }[] = JSON.parse(
    readFileSync(join(root, 'test/vectors/sqe.json'), 'utf8'),
  );
  const camel = (fn: string) =>
    fn.replace('io_uring_prep_', '').replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const names = new Map(Object.entries(opcodes).map(([name, value]) => [value as number, name]));
  return Object.keys(ops)
    .map((name) => {
      const own = vectors.filter(({ fn }) => camel(fn) === name);
      const opcode =
        name === 'recvZc' ? opcodes.IORING_OP_RECV_ZC : Number.parseInt(own[0].sqe.slice(0, 2), 16);
      return { name, opcode: names.get(opcode)!, vectors: own.length };
    })
    .sort((a, b) => numberOf(a.opcode) - numberOf(b.opcode));
}

function numberOf(name: string): number {
  return (opcodes as unknown as Record<string, number>)[name];
}

function pageOf(all: readonly LiveNote[]): string {
  const rows = operations().map(
    ({ name, opcode, vectors }) =>
      `| \`${name}\` | ${opcode.replace('IORING_OP_', '')} | ${vectors} | ${testsOf(name, all)} |`,
  );
  const known = registers as unknown as Record<string, number>;
  const registerRows = Object.entries(registerMethods)
    .sort(([a], [b]) => known[a] - known[b])
    .map(([opcode, methods]) => {
      const tests = methods.map((method) => testsOf(method, all)).join('<br>');
      const names = methods.map((method) => `\`${method}\``).join(', ');
      return `| ${known[opcode]} ${opcode.replace('IORING_', '')} | ${names} | ${tests} |`;
    });
  return `# Operations and registrations

Made by the tests (\`npm run table\`), on Linux ${release().split(/[-+]/)[0]}. *vectors*: entries compared byte for byte with those
of liburing's function. *live tests*: the files of tests that do it for real, with their number, and of those that were
skipped on this kernel what it lacks.

## Operations

| function | opcode | vectors | live tests |
|---|---|---|---|
${rows.join('\n')}

## Registrations

| opcode | methods and functions | live tests |
|---|---|---|
${registerRows.join('\n')}
`;
}

function testsOf(name: string, all: readonly LiveNote[]): string {
  const own = all.filter(({ covers }) => covers.includes(name));
  if (own.length === 0) return 'none';
  const files = [...new Set(own.map(({ file }) => file))].sort();
  const passed = own.filter(({ outcome }) => outcome === 'passed').length;
  const reasons = [
    ...new Set(own.filter(({ outcome }) => outcome === 'skipped').map(({ reason }) => reason)),
  ];
  const skipped = own.length - passed;
  const lacking = skipped === 0 ? '' : `; ${skipped} skipped: ${reasons.join('; ').replaceAll('|', '/')}`;
  return `${files.join(', ')}: ${passed} passed${lacking}`;
}

/** What differs between kernels is left out: which tests there are is compared, not how they ended. */
function withoutOutcomes(text: string): string {
  return text
    .replace(/: \d+ passed.*?(?=<br>| \|)/g, '')
    .replace(/ on Linux [^ ]+/, '')
    .trim();
}
