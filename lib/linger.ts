/**
 * A last shelter for plain buffers of a ring that was closed with operations in flight: the kernel cancels those a
 * few milliseconds after the fd is closed, and may write until then.
 */
import { setTimeout } from './timers.ts';

/** Keeps `things` reachable for some seconds more. Does not keep the process alive. */
export function linger(things: unknown): void {
  kept.add(things);
  setTimeout(() => kept.delete(things), LINGER_MS).unref();
}

/** Late completions were seen some 7 ms after close(fd); a disk that hangs is beyond any number. */
const LINGER_MS = 10_000;
const kept = new Set<unknown>();
