/**
 * Numbers that look random, the same ones for the same seed: `SEED=… node --test …` runs a test again.
 */

/** The seed of this run. Name it in the test. */
export const seed: number = Number(process.env.SEED ?? Date.now() % 2 ** 32);

/** A function that gives an integer of 0 to below `limit`. */
export function randomBelow(start: number = seed): (limit: number) => number {
  let state = start >>> 0 || 1;
  return (limit) => {
    // xorshift32
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}
