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
  /** The machine is up: who will run the suite. */
  | { readonly users: readonly string[] }
  /** A run begins: whose it is, and the processes that it will have. */
  | { readonly user: string; readonly parts: readonly string[] }
  /** What the user of the run finds. */
  | { readonly doctor: DoctorReport }
  | TestLine
  /** The tests of a process are over: so many there were. */
  | { readonly count: number }
  /** A process has ended: with 0, with 1 when tests failed, else not as it should. */
  | { readonly part: string; readonly status: number | null; readonly signal: NodeJS.Signals | null }
  /** The machine is done, and has said everything. */
  | { readonly done: true };

/** The suite run as one user. */
export interface Run {
  readonly user: string;
  readonly doctor: DoctorReport | null;
  readonly tests: readonly TestLine[];
  /** Processes that did not end as they should, or whose lines have not all come. */
  readonly broken: readonly string[];
}

/** What a machine has told. */
export interface Told {
  readonly runs: readonly Run[];
  /** It came to its end, and every run that was to be has begun. A machine that panics just stops. */
  readonly done: boolean;
  /** What the kernel complained of: warnings, oopses, hung tasks. */
  readonly complaints: readonly string[];
}

/** Reads a console. */
export function readConsole(text: string): Told {
  const runs: RunReader[] = [];
  const complaints = new Set<string>();
  let users: readonly string[] = [];
  let done = false;
  for (const raw of text.split('\n')) {
    const line = parse(raw);
    if (line === undefined && COMPLAINT.test(raw)) complaints.add(raw.trim());
    if (line === undefined) continue;
    if ('users' in line) users = line.users;
    else if ('done' in line) done = true;
    else if ('user' in line) runs.push(new RunReader(line.user, line.parts));
    else runs.at(-1)?.take(line);
  }
  const all = users.length > 0 && users.join() === runs.map(({ user }) => user).join();
  return { runs: runs.map((run) => run.result()), done: done && all, complaints: [...complaints] };
}

/** Undefined for what is not ours, or was broken by a line of the kernel's: the counts tell that it is missing. */
function parse(raw: string): Line | undefined {
  const at = raw.indexOf(MARK);
  if (at < 0) return undefined;
  try {
    const line: unknown = JSON.parse(raw.slice(at + MARK.length));
    return typeof line === 'object' && line !== null ? (line as Line) : undefined;
  } catch {
    return undefined;
  }
}

/** The lines of one user's run. */
class RunReader {
  readonly user: string;
  /** Processes of which nothing good is known yet. */
  readonly #open: Set<string>;
  readonly #tests: TestLine[] = [];
  #doctor: DoctorReport | null = null;
  /** Where the lines of the process that runs begin, and how many tests it had. */
  #begin = 0;
  #count: number | null = null;

  constructor(user: string, parts: readonly string[]) {
    this.user = user;
    this.#open = new Set(parts);
  }

  take(line: Line): void {
    if ('outcome' in line) this.#tests.push(line);
    else if ('doctor' in line) this.#doctor = line.doctor;
    else if ('count' in line) this.#count = line.count;
    else if ('part' in line) this.#end(line.part, line.status);
  }

  result(): Run {
    return { user: this.user, doctor: this.#doctor, tests: this.#tests, broken: [...this.#open] };
  }

  #end(part: string, status: number | null): void {
    const tests = this.#tests.slice(this.#begin);
    // A status of 1 without a failed test is that of an error outside of any.
    const failed = tests.some(({ outcome }) => outcome === 'failed');
    const asTold =
      part === 'doctor' ? this.#doctor !== null : tests.length > 0 && this.#count === tests.length;
    if (asTold && status === (failed ? 1 : 0)) this.#open.delete(part);
    this.#begin = this.#tests.length;
    this.#count = null;
  }
}

const COMPLAINT =
  /\b(BUG:|WARNING:|Oops|Kernel panic|general protection fault|blocked for more than|Out of memory:)/;
