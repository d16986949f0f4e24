/**
 * The end of the process: what was begun before has happened, as with Node, which waits for its threads then.
 */
import { UringError } from '../../syscalls/error.ts';
import type { Engine } from '../engine/engine.ts';
import { now } from '../timers.ts';

/** Hands over what stands in the queue, and waits for what is being written: for a second at most. */
export function finishWrites(engine: Engine): void {
  engine.flush();
  const end = now() + MOST_MS;
  try {
    while (isWriting(engine) && now() < end) {
      engine.openRing?.waitCqe({ timeout: SLICE_MS });
      engine.flush();
    }
  } catch (error) {
    // A signal, or the ring is of no more use: there is nobody left to be told.
    if (!(error instanceof UringError)) throw error;
  }
}

function isWriting({ slots }: Engine): boolean {
  for (const { name } of slots) if (name === 'write') return true;
  return false;
}

const MOST_MS = 1000;
const SLICE_MS = 10;
