/**
 * Runs the package in a child process under conditions that stand in io_uring's way.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DoctorReport } from '../../lib/doctor/report.ts';
import { isCompiled, moduleFile, nodeFlags, root } from './project.ts';

/** Generous: a child that takes so long hangs, also in an emulator. */
export const TIME_LIMIT_MS = 300_000;

/** The user that nobody is: without privileges, and with locked memory of its own account. */
export const NOBODY = 65_534;

/** What a child finds. */
export interface Conditions {
  /** Becomes this user and group before anything of the package is loaded. Needs root. */
  user?: number;
  /** Arguments of the shell's `ulimit`: '-l 64' for 64 KiB of locked memory, '-n 200' for 200 descriptors. */
  limit?: string;
  /** A seccomp filter lets the three system calls fail with this errno. */
  deny?: number;
  /** JavaScript that runs before anything of the package is loaded. */
  before?: string;
  /** The folder of the package. Default: the project. */
  folder?: string;
}

/** How a child ended. */
export interface Ended {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What came of importing both subpaths and making a ring. */
export interface Attempt {
  /** Names that the imports gave, of each subpath one. */
  readonly imported: readonly string[];
  /** The ring was made. */
  readonly made: boolean;
  /** What was thrown instead. */
  readonly error: {
    readonly isUringError: boolean;
    readonly code: string;
    readonly errno: number;
    readonly syscall: string;
    readonly fix: string;
    readonly message: string;
  } | null;
}

/** An attempt, and the report and exit status of `tsuring doctor --json` in the same process. */
export interface Examined {
  readonly attempt: Attempt;
  readonly report: DoctorReport;
  readonly status: number;
}

/** Runs Node with TypeScript, `args` being a script and its arguments, or `-e` and a program. */
export function runNode(args: readonly string[], conditions: Conditions = {}): Promise<Ended> {
  const { user, limit, deny, before, folder = root } = conditions;
  // The folder may be another, where the name tsx would not be found.
  const flags = isCompiled ? [] : nodeFlags.with(-1, import.meta.resolve('tsx'));
  const node = [process.execPath, ...flags];
  const preloads = user === undefined ? [] : [dropTo(user)];
  if (before !== undefined) preloads.push(before);
  const imports = preloads.flatMap((code) => [
    '--import',
    `data:text/javascript,${encodeURIComponent(code)}`,
  ]);
  let command = [...node, ...imports, ...args];
  if (limit !== undefined) command = ['/bin/sh', '-c', `ulimit ${limit} && exec "$0" "$@"`, ...command];
  const filter = join(root, moduleFile('test/support/deny'));
  if (deny !== undefined) command = [...node, filter, String(deny), ...command];
  // Another user cannot write to caches of ours.
  return run(command, folder, user === undefined ? {} : { TSX_DISABLE_CACHE: '1' });
}

/**
 * Imports both subpaths, tries to make a ring of `entries`, and then runs `tsuring doctor --json`. The ring is the
 * default one, but without SQPOLL for another user, who may not have that before Linux 5.13.
 */
export async function examine(entries: number, conditions: Conditions = {}): Promise<Examined> {
  const options = conditions.user === undefined ? '{}' : '{ "flags": 0 }';
  const ended = await runNode(['--input-type=module', '-e', PROGRAM, String(entries), options], conditions);
  const [first, ...rest] = ended.stdout.split('\n');
  if (first === '' || ended.status === null || ended.stderr !== '')
    throw new Error(`the child ended with ${JSON.stringify(ended)}`);
  const report = JSON.parse(rest.join('\n')) as DoctorReport;
  return { attempt: JSON.parse(first) as Attempt, report, status: ended.status };
}

/** Runs `tsuring` with these arguments. */
export function tsuring(args: readonly string[], conditions: Conditions = {}): Promise<Ended> {
  return runNode([moduleFile('lib/cli'), ...args], conditions);
}

/** Sets a sysctl for the time of `action`, and back however that ends. */
export async function withSysctl<T>(path: string, value: string, action: () => Promise<T>): Promise<T> {
  const before = readFileSync(path, 'utf8');
  const restore = (): void => writeFileSync(path, before);
  process.once('exit', restore);
  writeFileSync(path, value);
  try {
    return await action();
  } finally {
    restore();
    process.off('exit', restore);
  }
}

/** Whether a file can be written; for sysctls, which exist only on some systems and are often read-only. */
export function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function run([file, ...args]: string[], cwd: string, more: NodeJS.ProcessEnv): Promise<Ended> {
  const env = { ...process.env, NO_COLOR: '1', ...more };
  const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: TIME_LIMIT_MS });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve({ status, signal, stdout, stderr }));
  });
}

function dropTo(user: number): string {
  return `process.setgroups([]); process.setgid(${user}); process.setuid(${user});`;
}

const PROGRAM = `
const { IoUringState, nop } = await import('tsuring');
const { UringError, ioUringSetup } = await import('tsuring/syscalls');
const imported = [nop.name, ioUringSetup.name];
let made = false;
let error = null;
try {
  const [, entries, options] = process.argv;
  new IoUringState(Number(entries), JSON.parse(options)).close();
  made = true;
} catch (caught) {
  const { code, errno, syscall, fix, message } = caught;
  error = { isUringError: caught instanceof UringError, code, errno, syscall, fix, message };
}
process.stdout.write(JSON.stringify({ imported, made, error }) + '\\n');
const { main } = await import('./${moduleFile('lib/cli/main')}');
process.exitCode = await main(['doctor', '--json']);
`;
