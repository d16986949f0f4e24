/**
 * Rings made to see whether they can be: the ring and memory parts of the report.
 */
import { IORING_SETUP_CLAMP } from '../../syscalls/constants/setup.ts';
import { tryRing } from '../diagnose/trial.ts';
import { nop } from '../ops/index.ts';
import type { IoUringOptions } from '../options.ts';
import type { MemoryKind } from '../ring-memory.ts';
import { IoUringState } from '../state.ts';
import { type Outcome, outcomeOf } from './outcome.ts';

/** Whether rings can be made. */
export interface RingReport {
  /** A ring that submits by io_uring_enter: a NOP was sent through it. */
  readonly plain: Outcome;
  /** The ring that `new IoUringState(entries)` makes: with SQPOLL. */
  readonly sqpoll: Outcome;
  /** IORING_FEAT_… bits of the kernel, null without a ring. */
  readonly features: number | null;
  /** The largest ring that could be made at this moment, in submission entries; null when none. */
  readonly maxEntries: number | null;
  /** How the memory of a ring was had when nothing was asked for. */
  readonly memory: MemoryKind | null;
  /** Whether each kind of memory can be had. */
  readonly kinds: Readonly<Record<MemoryKind, Outcome>>;
}

/** Makes the rings. Never throws, leaves nothing behind. */
export function ringReport(): RingReport {
  // First of all: what rings just closed still hold counts against the limit.
  const maxEntries = largestRing();
  let features: number | null = null;
  let memory: MemoryKind | null = null;
  const plain = outcomeOf(() =>
    withRing({ flags: 0 }, (ring) => {
      features = ring.features;
      memory = ring.memory.kind;
      roundTrip(ring);
    }),
  );
  const kind = (wanted: MemoryKind) => outcomeOf(() => withRing({ flags: 0, memory: wanted }, () => {}));
  return {
    plain,
    sqpoll: outcomeOf(() => withRing({}, roundTrip)),
    features,
    maxEntries,
    memory,
    kinds: { no_mmap: kind('no_mmap'), overlay: kind('overlay'), view: kind('view') },
  };
}

function withRing(options: IoUringOptions, use: (ring: IoUringState) => void): void {
  const ring = new IoUringState(ENTRIES, options);
  try {
    use(ring);
  } finally {
    ring.close();
  }
}

/** Sends a NOP and waits for it: the other two system calls may be forbidden although a ring was made. */
function roundTrip(ring: IoUringState): void {
  const sqe = ring.getSqe();
  if (sqe === null) throw new Error('The new ring is full.');
  nop(sqe);
  ring.commitSqe();
  ring.submit();
  if (ring.waitCqe({ timeout: TIMEOUT_MS }) === null) throw new Error('A NOP did not complete.');
  ring.advanceCq();
}

function largestRing(): number | null {
  for (let entries = MOST_ENTRIES; entries >= 1; entries /= 2) if (canBeMade(entries)) return entries;
  return null;
}

function canBeMade(entries: number): boolean {
  try {
    return tryRing({ flags: IORING_SETUP_CLAMP, entries, patient: false }) === 0;
  } catch {
    return false;
  }
}

const ENTRIES = 8;
const MOST_ENTRIES = 32_768;
const TIMEOUT_MS = 10_000;
