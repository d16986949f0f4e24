/**
 * What came of the kernels, for people.
 */
import type { DoctorReport } from '../../lib/doctor/report.ts';
import type { Run, Told } from './console.ts';

/** Of one kernel. */
export interface Result {
  /** '6.12', or '7.3 arm64'. */
  readonly series: string;
  readonly date: Date;
  readonly runs: readonly Run[];
  /** What `tsuring doctor --json` says there, by user. */
  readonly reports: Readonly<Record<string, DoctorReport>>;
  readonly ok: boolean;
  /** For whoever waits for it. */
  readonly text: string;
}

/** `date`: when it ran. */
export function resultOf(series: string, told: Told, date: Date): Result {
  const { runs, done, complaints } = told;
  const ok = done && runs.length > 0 && runs.every(isFine);
  const lines = [`Linux ${series}: ${ok ? 'ok' : 'FAILED'}\n`];
  if (!done) lines.push('  it did not come to its end\n');
  for (const run of runs) {
    const { passed, skipped, failed } = counts(run);
    lines.push(`  ${run.user}: ${passed} passed, ${skipped} skipped, ${failed} failed\n`);
    for (const part of run.broken) lines.push(`    broke off, or lines of it were lost: ${part}\n`);
    for (const { file, test, outcome, reason = '' } of run.tests)
      if (outcome === 'failed') lines.push(`    ${file}: ${test}\n${indented(reason)}`);
  }
  for (const complaint of complaints) lines.push(`  the kernel says: ${complaint}\n`);
  const reports = Object.fromEntries(runs.flatMap(({ user, doctor }) => (doctor ? [[user, doctor]] : [])));
  return { series, date, runs, reports, ok, text: lines.join('') };
}

/** A line for each kernel and user. */
export function tableOf(results: readonly Result[]): string {
  const rows = results.flatMap(({ series, runs }) =>
    runs.map((run) => {
      const { passed, skipped, failed } = counts(run);
      return [series, run.user, passed, skipped, failed];
    }),
  );
  const all = [['Linux', 'user', 'passed', 'skipped', 'failed'], ...rows];
  return all.map((row) => `${row.map((cell) => String(cell).padStart(8)).join(' ')}\n`).join('');
}

function isFine(run: Run): boolean {
  return run.doctor !== null && run.broken.length === 0 && counts(run).failed === 0;
}

export function counts({ tests }: Run): { passed: number; skipped: number; failed: number } {
  const of = (outcome: string) => tests.filter((test) => test.outcome === outcome).length;
  return { passed: of('passed'), skipped: of('skipped'), failed: of('failed') };
}

function indented(text: string): string {
  return text.replace(/^/gm, '      ').concat('\n');
}
