/**
 * A last shelter for plain buffers of a ring that was closed with operations in flight: the kernel cancels those a
 * few milliseconds after the fd is closed, and may write until then.
 */

/**
 * Keeps `things` reachable for some seconds more. Does not keep the process alive. By the timers of the moment: a test may
 * wind the clock on, and with fake ones that stand still the things are only kept for longer.
 */
export function linger(things: unknown): void {
  kept.add(things);
  setTimeout(() => kept.delete(things), LINGER_MS).unref();
}

/** Late completions were seen some 7 ms after close(fd); a disk that hangs is beyond any number. */
const LINGER_MS = 10_000;
const kept = new Set<unknown>();
