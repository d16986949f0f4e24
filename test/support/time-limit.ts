/** Milliseconds that one test may take: for hangs only, so generous, since emulated machines are 30 times slower. */
export const timeLimit = 300_000;
