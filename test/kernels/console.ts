/**
 * What a machine says on its console: lines of JSON behind a mark, among whatever its kernel has to say.
 */
import type { DoctorReport } from '../../lib/doctor/report.ts';

/** Begins each line of ours. */
export const MARK = '@tsuring ';

/** One test. */
export interface TestLine {
  readonly file: string;
  /** With the suites that it stands in. Empty: the file itself. */
  readonly test: string;
  readonly outcome: 'passed' | 'skipped' | 'failed';
  /** Milliseconds. */
  readonly ms: number;
  /** What is missing, or how it failed. */
  readonly reason?: string;
}

/** A line of the console. */
export type Line =
  | TestLine
  /** A run begins: whose it is. */
  | { readonly user: string }
  /** A run's tests are over: so many there were. */
  | { readonly count: number }
  /** A run's process has ended. */
  | { readonly status: number }
  | { readonly doctor: DoctorReport }
  /** The machine is done, and has said everything. */
  | { readonly done: true };

/** The suite run as one user. */
export interface Run {
  readonly user: string;
  readonly tests: readonly TestLine[];
  /** The process ended as it should, and all its lines have come. */
  readonly whole: boolean;
}

/** What a machine has told. */
export interface Told {
  readonly runs: readonly Run[];
  readonly doctor: DoctorReport | null;
  /** It came to its end. A machine that panics just stops. */
  readonly done: boolean;
  /** What the kernel complained of: warnings, oopses, hung tasks. */
  readonly complaints: readonly string[];
}

/** Reads a console. */
export function readConsole(text: string): Told {
  const runs: { user: string; tests: TestLine[]; count?: number; status?: number }[] = [];
  const complaints: string[] = [];
  let doctor: DoctorReport | null = null;
  let done = false;
  for (const raw of text.split('\n')) {
    const at = raw.indexOf(MARK);
    if (at < 0) {
      if (COMPLAINT.test(raw)) complaints.push(raw.trim());
      continue;
    }
    const line = parse(raw.slice(at + MARK.length));
    if (line === null) continue;
    if ('user' in line) runs.push({ user: line.user, tests: [] });
    else if ('outcome' in line) runs.at(-1)?.tests.push(line);
    else if ('doctor' in line) doctor = line.doctor;
    else if ('done' in line) done = true;
    else Object.assign(runs.at(-1) ?? {}, line);
  }
  const whole = ({ tests, count, status }: (typeof runs)[number]) =>
    count === tests.length && status !== undefined && status <= 1;
  return {
    runs: runs.map((run) => ({ user: run.user, tests: run.tests, whole: whole(run) })),
    doctor,
    done,
    complaints,
  };
}

/** Null when the kernel has written into the middle of it; the count tells that it is missing. */
function parse(json: string): Line | null {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

const COMPLAINT =
  /\b(BUG:|WARNING:|Oops|Kernel panic|general protection fault|blocked for more than|Out of memory:)/;
