/** How much of what a test repeats is done: 1, or less where a repetition takes longer than elsewhere (TSURING_EFFORT). */
const effort = Number(process.env.TSURING_EFFORT ?? 1);

/** So many repetitions, or fewer. */
export function times(count: number): number {
  return Math.max(1, Math.ceil(count * effort));
}
