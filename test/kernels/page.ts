/**
 * Makes docs/kernels.md and test/vectors/doctor/ of the results.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support/project.ts';
import { GIVEN } from './given.ts';
import { counts, type Result } from './results.ts';

/** Writes the page and the reports that it tells of. */
export function writePage(results: readonly Result[]): void {
  const folder = join(root, 'test/vectors/doctor');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { series, reports } of results)
    writeFileSync(join(folder, `${series}.json`), `${JSON.stringify(reports)}\n`);
  writeFileSync(join(root, 'docs/kernels.md'), pageOf(results));
}

function pageOf(results: readonly Result[]): string {
  return `# Kernels

Made by \`npm run test:kernels\`: each of these kernels of Debian's ran the tests, in an emulator.

## What a kernel gives

As \`tsuring doctor\` tells it in these machines, as root where nothing else is said. *memory*: where that of a ring comes
from by default, see [design.md](design.md). × means no.

${givenTable(results)}

## What the tests did

${outcomeTable(results)}

## What was skipped, and why

The number of tests that were skipped: as root + as nobody.

${skippedTable(results)}
`;
}

function givenTable(results: readonly Result[]): string {
  const sign = (value: string | boolean) => (value === true ? 'yes' : value === false ? '×' : value);
  const release = ({ reports }: Result) => Object.values(reports)[0]?.system.release.split(/[-+]/)[0] ?? '';
  const rows = GIVEN.map(({ name, value, user = 'root' }) => [
    name,
    ...results.map(({ reports }) => (reports[user] === undefined ? '' : sign(value(reports[user])))),
  ]);
  return table([['', ...results.map(({ series }) => series)], ['release', ...results.map(release)], ...rows]);
}

function outcomeTable(results: readonly Result[]): string {
  const rows = results.map(({ series, date, runs }) => [
    series,
    date.toISOString().slice(0, 10),
    ...runs.map((run) => {
      const { passed, skipped, failed } = counts(run);
      return `${passed} passed, ${skipped} skipped, ${failed} failed${run.broken.length > 0 ? ', not to its end' : ''}`;
    }),
  ]);
  const users = results[0]?.runs.map(({ user }) => `as ${user}`) ?? [];
  return table([['Linux', 'run on', ...users], ...rows]);
}

function skippedTable(results: readonly Result[]): string {
  const reasons = new Map<string, number[][]>();
  for (const [column, { runs }] of results.entries())
    for (const [place, { tests }] of runs.entries())
      for (const { outcome, reason = 'no reason' } of tests) {
        if (outcome !== 'skipped') continue;
        const name = shortened(reason);
        const cells = reasons.get(name) ?? results.map((result) => result.runs.map(() => 0));
        cells[column][place]++;
        reasons.set(name, cells);
      }
  const rows = [...reasons].sort(([a], [b]) => (a < b ? -1 : 1));
  const cell = (numbers: readonly number[]) => (numbers.some((n) => n > 0) ? numbers.join(' + ') : '');
  return table([
    ['reason', ...results.map(({ series }) => series)],
    ...rows.map(([name, cells]) => [name, ...cells.map(cell)]),
  ]);
}

/** Without what an error adds: the thing that is missing comes first. */
function shortened(reason: string): string {
  return reason
    .split(/: E[A-Z0-9]+\b/)[0]
    .replace(/\|/g, '\\|')
    .slice(0, 120);
}

function table([head, ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}
