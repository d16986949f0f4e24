/**
 * Makes docs/kernels.md and test/vectors/doctor/ of the results.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DoctorReport } from '../../lib/doctor/report.ts';
import { root } from '../support/project.ts';
import { GIVEN } from './given.ts';
import { LANDMARKS } from './kernels.ts';
import { LEFT_OUT, ROOT_ONLY } from './left-out.ts';
import { newsOf } from './news.ts';
import { counts, isForeign, type Result, skipped } from './results.ts';

/** Writes the page and the reports that it tells of. Throws when a kernel is missing that must not. */
export function writePage(results: readonly Result[]): void {
  const missing = LANDMARKS.filter((series) => !results.some(({ name }) => name === series));
  if (missing.length > 0) throw new Error(`no run of Linux ${missing.join(', ')} is kept`);
  const folder = join(root, 'test/vectors/doctor');
  mkdirSync(folder, { recursive: true });
  for (const { name, reports } of results)
    writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(reports)}\n`);
  for (const file of readdirSync(folder))
    if (!results.some(({ name }) => file === `${name}.json`)) rmSync(join(folder, file));
  writeFileSync(join(root, 'docs/kernels.md'), pageOf(results));
}

function pageOf(results: readonly Result[]): string {
  return `# Kernels

Made by \`npm run test:kernels\`: each of these kernels of Debian's ran the tests, in an emulator. What loops repeat they
repeat less often there than elsewhere, and some files of tests are left out: ${reasonsOf(LEFT_OUT)}. As root only:
${reasonsOf(ROOT_ONLY)}.

## What a kernel gives

As \`tsuring doctor\` tells it in these machines, as root where nothing else is said. *memory*: where that of a ring comes
from by default, see [design.md](design.md). × means no, ? that it could not be tried.

${givenTable(results)}

### Operations and registrations

Each in the first of these kernels that has it; this 5.10 has more than its number says, namely some of what 5.11 to
5.15 brought. The names are those of the constants, without \`IORING_OP_\` and \`IORING_\`.

${newsTable(results)}

## What the tests did

${outcomeTable(results)}

## What was skipped, and why

The number of tests that were skipped: as root + as nobody.

${skippedTable(results)}
`;
}

function reasonsOf(files: Readonly<Record<string, string>>): string {
  return Object.entries(files)
    .map(([name, reason]) => `${name} (${reason})`)
    .join(', ');
}

function givenTable(results: readonly Result[]): string {
  const sign = (value: string | boolean | null) =>
    value === true ? 'yes' : value === false ? '×' : (value ?? '?');
  const cell = (
    report: DoctorReport | undefined,
    value: (report: DoctorReport) => string | boolean | null,
  ) => (report === undefined ? '?' : sign(value(report)));
  const rows = GIVEN.map(({ name, value, user = 'root' }) => [
    name,
    ...results.map(({ reports }) => cell(reports[user], value)),
  ]);
  const releases = results.map(({ reports }) => cell(reports.root, release));
  return table([['', ...results.map(({ name }) => name)], ['release', ...releases], ...rows]);
}

/** Of x64: the others are no older than the newest there. */
function newsTable(results: readonly Result[]): string {
  const own = results.filter(({ name, reports }) => !isForeign(name) && reports.root !== undefined);
  const cell = (names: readonly string[]) =>
    names.map((name) => name.replace(/^IORING_(OP_)?/, '')).join(', ') || '–';
  const rows = newsOf(own.map(({ name, reports }) => [name, reports.root])).map(
    ({ series, operations, registrations }) => [series, cell(operations), cell(registrations)],
  );
  return table([['Linux', 'operations', 'registrations'], ...rows]);
}

/** '5.10.262', which Debian's older kernels tell as their version only. */
function release({ system }: DoctorReport): string {
  return /Debian (\d+(\.\d+)+)/.exec(system.version)?.[1] ?? system.release;
}

function outcomeTable(results: readonly Result[]): string {
  const users = ['root', 'nobody'];
  const rows = results.map(({ name, date, runs, ok }) => [
    name,
    date.toISOString().slice(0, 10),
    ...users.map((user) => {
      const run = runs.find((each) => each.user === user);
      if (run === undefined) return 'did not run';
      const { passed, skipped: left, failed } = counts(run);
      return `${passed} passed, ${left} skipped, ${failed} failed`;
    }),
    ok ? 'ok' : 'FAILED',
  ]);
  return table([['Linux', 'run on', ...users.map((user) => `as ${user}`), ''], ...rows]);
}

function skippedTable(results: readonly Result[]): string {
  const cell = (numbers: readonly number[]) => (numbers.some((n) => n > 0) ? numbers.join(' + ') : '');
  const rows = [...skipped(results)].map(([reason, cells]) => [
    reason.replace(/\|/g, '\\|'),
    ...cells.map(cell),
  ]);
  return table([['reason', ...results.map(({ name }) => name)], ...rows]);
}

function table([head, ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}
