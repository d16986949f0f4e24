/**
 * Makes docs/kernels.md and test/vectors/doctor/ of the results.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DoctorReport } from '../../lib/doctor/report.ts';
import { root } from '../support/project.ts';
import { counts, type Result } from './results.ts';

/** Writes the page and the reports that it tells of. */
export function writePage(results: readonly Result[], notes: readonly string[]): void {
  const reports = new Map(
    results.flatMap(({ series, doctor }) => (doctor === null ? [] : [[series, doctor]])),
  );
  const folder = join(root, 'test/vectors/doctor');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [series, report] of reports)
    writeFileSync(join(folder, `${series}.json`), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(join(root, 'docs/kernels.md'), pageOf(results, reports, notes));
}

function pageOf(
  results: readonly Result[],
  reports: ReadonlyMap<string, DoctorReport>,
  notes: readonly string[],
): string {
  const today = new Date().toISOString().slice(0, 10);
  return `# Kernels

Made by \`npm run test:kernels -- --write\` on ${today}: each kernel of Debian's, booted in an emulator, ran the tests.

## What a kernel gives

As \`tsuring doctor\` tells it in these machines, as root. *memory*: where a ring's memory comes from by default; see
[design.md](design.md). A sign of × means no.

${givenTable(reports)}

## What the tests did

${outcomeTable(results)}
${notes.map((note) => `\n${note}\n`).join('')}
## What was skipped, and why

The number of tests that were skipped, as root + as nobody.

${skippedTable(results)}
`;
}

/** What the page tells of each kernel. A test holds it to the table of the design. */
export const GIVEN: readonly (readonly [name: string, value: (report: DoctorReport) => string | boolean])[] =
  [
    ['operations', ({ opcodes }) => String(opcodes.filter(({ supported }) => supported).length)],
    [
      'register opcodes',
      ({ registerOpcodes }) => String(registerOpcodes.filter(({ supported }) => supported).length),
    ],
    ['features', ({ ring }) => `0x${(ring.features ?? 0).toString(16)}`],
    ['memory', ({ ring }) => ring.memory ?? 'none'],
    ['overlay possible', ({ ring }) => ring.kinds.overlay.ok],
    ['SQPOLL', ({ ring }) => ring.sqpoll.ok],
    ...(
      [
        'R_DISABLED',
        'SUBMIT_ALL',
        'COOP_TASKRUN',
        'SINGLE_ISSUER',
        'DEFER_TASKRUN',
        'SQE128',
        'CQE32',
        'NO_MMAP',
        'REGISTERED_FD_ONLY',
        'NO_SQARRAY',
        'HYBRID_IOPOLL',
        'CQE_MIXED',
        'SQE_MIXED',
        'SQ_REWIND',
      ] as const
    ).map((name) => [name, setup(`IORING_SETUP_${name}`)] as const),
    ['buffer rings', register('IORING_REGISTER_PBUF_RING')],
    ['registered ring fds', register('IORING_REGISTER_RING_FDS')],
    ['resizing', register('IORING_REGISTER_RESIZE_RINGS')],
    ['registered waits', register('IORING_REGISTER_MEM_REGION')],
    ['kernel.io_uring_disabled', ({ limits }) => limits.ioUringDisabled !== null],
  ];

function setup(flag: string): (report: DoctorReport) => boolean {
  return ({ setupFlags }) => setupFlags.find(({ name }) => name === flag)?.supported === true;
}

function register(opcode: string): (report: DoctorReport) => boolean {
  return ({ registerOpcodes }) => registerOpcodes.find(({ name }) => name === opcode)?.supported === true;
}

function givenTable(reports: ReadonlyMap<string, DoctorReport>): string {
  const sign = (value: string | boolean) => (value === true ? 'yes' : value === false ? '×' : value);
  const rows = GIVEN.map(([name, value]) => [
    name,
    ...[...reports.values()].map((report) => sign(value(report))),
  ]);
  const release = [...reports.values()].map(({ system }) => system.release.split(/[-+]/)[0]);
  return table([['', ...reports.keys()], ['release', ...release], ...rows]);
}

function outcomeTable(results: readonly Result[]): string {
  const rows = results.map(({ series, runs }) => [
    series,
    ...runs.map((run) => {
      const { passed, skipped, failed } = counts(run);
      return `${passed} passed, ${skipped} skipped, ${failed} failed${run.whole ? '' : ', not to its end'}`;
    }),
  ]);
  const users = results[0]?.runs.map(({ user }) => `as ${user}`) ?? [];
  return table([['Linux', ...users], ...rows]);
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
