/**
 * What stands in the way of a part of io_uring here, and what to do about it.
 */
import { bytesText, type SystemFacts } from '../diagnose/facts.ts';
import type { RingReport } from './ring.ts';

/** One sentence for each obstacle, the worst first. Without a ring the reason for that is the only one. */
export function obstaclesOf(ring: RingReport, facts: SystemFacts): string[] {
  if (!ring.plain.ok) return [ring.plain.fix ?? 'No ring can be made.'];
  return [
    ...(ring.sqpoll.ok ? [] : [`No ring with SQPOLL can be made. ${ring.sqpoll.fix}`]),
    ...smallRings(ring, facts),
    ...privateMemory(ring),
  ];
}

function smallRings({ maxEntries }: RingReport, { memlock, ipcLock }: SystemFacts): string[] {
  if (maxEntries === null || maxEntries >= MOST_ENTRIES) return [];
  const most = `Rings can have at most ${maxEntries} of ${MOST_ENTRIES} entries here`;
  if (ipcLock !== false || memlock === undefined || memlock.soft === Infinity)
    return [`${most}: the kernel or the memory cgroup has no more memory for them.`];
  return [`${most}, for RLIMIT_MEMLOCK is ${bytesText(memlock.soft)}: raise it (\`ulimit -l\`).`];
}

function privateMemory({ memory }: RingReport): string[] {
  if (memory !== 'view') return [];
  return [
    "A ring's memory cannot be a SharedArrayBuffer here, so rings cannot be shared with Workers: it takes Linux 6.5 or later (IORING_SETUP_NO_MMAP).",
  ];
}

const MOST_ENTRIES = 32_768;
