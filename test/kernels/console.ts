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
  /** The tests of a process are over: so many there were. */
  | { readonly count: number }
  /** A process has ended: with 0, with 1 when tests failed, else not as it should. */
  | { readonly part: string; readonly status: number | null }
  /** What the user of the run finds. */
  | { readonly doctor: DoctorReport }
  /** The machine is done, and has said everything. */
  | { readonly done: true };

/** The suite run as one user. */
export interface Run {
  readonly user: string;
  readonly doctor: DoctorReport | null;
  readonly tests: readonly TestLine[];
  /** Processes that ended not as they should, or whose lines have not all come. */
  readonly broken: readonly string[];
}

/** What a machine has told. */
export interface Told {
  readonly runs: readonly Run[];
  /** It came to its end. A machine that panics just stops. */
  readonly done: boolean;
  /** What the kernel complained of: warnings, oopses, hung tasks. */
  readonly complaints: readonly string[];
}

/** Reads a console. */
export function readConsole(text: string): Told {
  const runs: { user: string; doctor: DoctorReport | null; tests: TestLine[]; broken: string[] }[] = [];
  /** Of the process whose lines come: tests seen, and told. */
  let seen = 0;
  let count = 0;
  const complaints: string[] = [];
  let done = false;
  for (const raw of text.split('\n')) {
    const at = raw.indexOf(MARK);
    if (at < 0) {
      if (COMPLAINT.test(raw)) complaints.push(raw.trim());
      continue;
    }
    const line = parse(raw.slice(at + MARK.length));
    if (line === null) continue;
    const run = runs.at(-1);
    if ('user' in line) runs.push({ user: line.user, doctor: null, tests: [], broken: [] });
    else if ('outcome' in line) {
      run?.tests.push(line);
      seen++;
    } else if ('doctor' in line && run) run.doctor = line.doctor;
    else if ('count' in line) count = line.count;
    else if ('part' in line) {
      if (line.status === null || line.status > 1 || seen !== count) run?.broken.push(line.part);
      seen = 0;
      count = 0;
    } else if ('done' in line) done = true;
  }
  return { runs, done, complaints };
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
