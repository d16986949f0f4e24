/**
 * What this process has of the things that a ring may leave behind.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { timeLimit } from './worker-start.ts';

export interface Traces {
  /** Open fds. */
  fds: number;
  /** Those of them that are rings. */
  ringFds: number;
  /** Mappings of rings (memory of kind `view` and `overlay`). */
  ringMappings: number;
  /** Threads of the kernel that poll for a ring of ours. */
  sqThreads: number;
}

/** Counts them now. */
export function traces(): Traces {
  const links = readdirSync('/proc/self/fd').map(linkOf);
  const maps = readFileSync('/proc/self/maps', 'latin1').split('\n');
  return {
    // The folder that is being read has an fd too, gone by the time it is looked at.
    fds: links.filter((link) => link !== undefined).length,
    ringFds: links.filter((link) => link === RING).length,
    ringMappings: maps.filter((line) => line.endsWith(RING)).length,
    sqThreads: readdirSync('/proc/self/task').filter((task) => nameOf(task).startsWith('iou-sqp-')).length,
  };
}

/** Counts again until there is no more of anything than in `before`, or the time is over. The kernel ends threads late. */
export async function tracesBackTo(before: Traces): Promise<Traces> {
  const end = performance.now() + timeLimit;
  for (;;) {
    const now = traces();
    const more = (Object.keys(now) as (keyof Traces)[]).some((key) => now[key] > before[key]);
    if (!more || performance.now() > end) return now;
    await sleep(20);
  }
}

/** Whether some thing is left over in `now` that was not there in `before`. */
export function leftOver(before: Traces, now: Traces): string[] {
  return (Object.keys(now) as (keyof Traces)[])
    .filter((key) => now[key] > before[key])
    .map((key) => `${key}: ${before[key]} before, ${now[key]} now`);
}

/** The fds that are rings. */
export function ringFds(): number[] {
  return readdirSync('/proc/self/fd')
    .filter((fd) => linkOf(fd) === RING)
    .map(Number);
}

const RING = 'anon_inode:[io_uring]';

function linkOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}

function nameOf(task: string): string {
  try {
    return readFileSync(`/proc/self/task/${task}/comm`, 'latin1');
  } catch {
    return '';
  }
}
