/**
 * What came of the kernels, for people.
 */
import type { DoctorReport } from '../../lib/doctor/report.ts';
import { type Run, readConsole } from './console.ts';

/** Of one kernel. */
export interface Result {
  /** '6.12', or '7.3 arm64'. */
  readonly name: string;
  readonly date: Date;
  readonly runs: readonly Run[];
  /** What `tsuring doctor --json` says there, by user. */
  readonly reports: Readonly<Record<string, DoctorReport>>;
  readonly ok: boolean;
  /** For whoever waits for it. */
  readonly text: string;
}

/** Whether a name of a kernel is of another architecture than x64. */
export function isForeign(name: string): boolean {
  return name.includes(' ');
}

/** `date`: when it ran. */
export function resultOf(name: string, console: string, date: Date): Result {
  const { runs, done, complaints } = readConsole(console);
  const ok = done && complaints.length === 0 && runs.every(isFine);
  const reports = Object.fromEntries(runs.flatMap(({ user, doctor }) => (doctor ? [[user, doctor]] : [])));
  const lines = [`Linux ${name}: ${verdict(ok)}`, ...runs.flatMap(describe)];
  for (const complaint of complaints) lines.push(`  the kernel says: ${complaint}`);
  if (!done)
    lines.push('  it did not come to its end; last it said:', indented(console.trimEnd().slice(-1000)));
  return { name, date, runs, reports, ok, text: `${lines.join('\n')}\n` };
}

/** A line for each kernel and user, and why tests were skipped. */
export function tableOf(results: readonly Result[]): string {
  const rows = results.flatMap(({ name, ok, runs }) => [
    ...runs.map((run) => {
      const { passed, skipped, failed } = counts(run);
      return [name, run.user, passed, skipped, failed, verdict(ok)];
    }),
    ...(runs.length === 0 ? [[name, '', '', '', '', verdict(ok)]] : []),
  ]);
  const all = [['Linux', 'user', 'passed', 'skipped', 'failed', ''], ...rows];
  const table = all.map((row) => row.map((cell) => String(cell).padStart(10)).join(''));
  const reasons = [...skipped(results)].map(([reason, cells]) => {
    const each = cells.flatMap((numbers, n) => (numbers.some((x) => x > 0) ? [results[n].name] : []));
    return `  ${reason}: ${each.join(', ')}`;
  });
  return [...table, ...(reasons.length > 0 ? ['Skipped:', ...reasons] : []), ''].join('\n');
}

export function counts({ tests }: Run): { passed: number; skipped: number; failed: number } {
  const of = (outcome: string) => tests.filter((test) => test.outcome === outcome).length;
  return { passed: of('passed'), skipped: of('skipped'), failed: of('failed') };
}

/** For each reason, in the order of the alphabet: the number of skipped tests, by result and run. */
export function skipped(results: readonly Result[]): Map<string, number[][]> {
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
  return new Map([...reasons].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Without what an error adds, or was measured: the thing that is missing comes first. */
function shortened(reason: string): string {
  return reason.split(/\n|; |: E[A-Z0-9]+\b/)[0].slice(0, 120);
}

function isFine(run: Run): boolean {
  return run.broken.length === 0 && counts(run).failed === 0;
}

function verdict(ok: boolean): string {
  return ok ? 'ok' : 'FAILED';
}

function describe(run: Run): string[] {
  const { passed, skipped, failed } = counts(run);
  const lines = [`  ${run.user}: ${passed} passed, ${skipped} skipped, ${failed} failed`];
  for (const part of run.broken) lines.push(`    broke off, or lines of it were lost: ${part}`);
  for (const { file, test, outcome, reason = '' } of run.tests)
    if (outcome === 'failed') lines.push(`    ${file}: ${test}`, indented(reason));
  return lines;
}

function indented(text: string): string {
  return text.replace(/^/gm, '      ');
}
