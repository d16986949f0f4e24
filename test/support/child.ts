/**
 * Scripts run in a process of their own: for signals, for what happens at an exit, and for flags of node.
 */
import { spawnSync } from 'node:child_process';
import { nodeFlags, root } from './project.ts';
import { timeLimit } from './time-limit.ts';

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ChildOptions {
  /** Flags for node. */
  node?: readonly string[];
  /** A command that runs node: `['strace', '-f']`. */
  under?: readonly string[];
}

/** Runs `source`, the JavaScript of an ES module that may import 'tsuring', to its end. */
export function runScript(source: string, { node = [], under = [] }: ChildOptions = {}): Ended {
  const flags = [...nodeFlags, '--input-type=module', '-e', source];
  const [command, ...rest] = [...under, process.execPath, ...node, ...flags];
  const { status, signal, stdout, stderr } = spawnSync(command, rest, {
    // The package imports itself by its name.
    cwd: root,
    encoding: 'utf8',
    timeout: timeLimit,
    killSignal: 'SIGKILL',
    maxBuffer: 2 ** 26,
  });
  return { status, signal, stdout, stderr };
}

/** Whether a program is installed. */
export function hasProgram(name: string): boolean {
  return spawnSync(name, ['-V']).error === undefined;
}
