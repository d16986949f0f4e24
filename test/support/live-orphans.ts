/**
 * Children of this process that Node does not know of, and so does not reap: a shell leaves them behind, and they come
 * to us because we ask for orphans (PR_SET_CHILD_SUBREAPER). What they do they are told line by line.
 */
import assert from 'node:assert/strict';
import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import { libc } from 'tsuring/syscalls';
import { pipe } from './worker-pipes.ts';

export interface Orphan {
  readonly pid: number;
  /** Its process group, which is its own alone. */
  readonly group: number;
  /** Ends it with this code. */
  exit(code: number): void;
}

/** A child that waits to be told its exit code. Gone when disposed; whoever wants it reaped does so before. */
export class Orphans implements Disposable {
  readonly #ends: number[] = [];
  readonly #pids: number[] = [];

  constructor() {
    assert.equal(libc().syscall(PRCTL, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0, 0), 0);
  }

  make(): Orphan {
    const [readEnd, writeEnd] = pipe();
    // Node takes 'detached' here too: the shell leads a group of its own, in which it leaves the child.
    const options: SpawnSyncOptions & { detached: boolean } = {
      stdio: ['ignore', 'pipe', 'inherit', readEnd],
      detached: true,
      encoding: 'utf8',
    };
    const script = '(read code; exit $code) <&3 >/dev/null 2>&1 & echo $!';
    const shell = spawnSync('/bin/sh', ['-c', script], options);
    closeSync(readEnd);
    this.#ends.push(writeEnd);
    const pid = Number(shell.stdout);
    assert.ok(pid > 1, `a child: ${shell.stdout} ${shell.error}`);
    this.#pids.push(pid);
    return { pid, group: shell.pid, exit: (code) => writeSync(writeEnd, `${code}\n`) };
  }

  /** Whether the process is there still, alive or not reaped. */
  static exists(pid: number): boolean {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  }

  [Symbol.dispose](): void {
    for (const pid of this.#pids) if (Orphans.exists(pid)) process.kill(pid, 'SIGKILL');
    for (const end of this.#ends) closeSync(end);
  }
}

const PRCTL = process.arch === 'arm64' ? 167 : 157;
const PR_SET_CHILD_SUBREAPER = 36;
