/**
 * The command line of `npm run bench`.
 */
import { parseArgs } from 'node:util';

export interface Arguments {
  readonly help: boolean;
  readonly quick: boolean;
  /** Rows whose name matches. */
  readonly only: RegExp | null;
  /** Where the results go; null for bench/results.json. */
  readonly out: string | null;
}

export const usage = `Usage: npm run bench -- [--quick] [--only PATTERN] [--out FILE]

Measures this package beside liburing in C and node:fs, prints a table, and writes
bench/results.json and docs/bench.svg.

  --quick         the same in a few minutes, and less exact
  --only PATTERN  only the rows whose name matches (a regular expression, without regard to case);
                  then nothing is written unless --out is given
  --out FILE      write the results to FILE and the chart beside it, as .svg
  --help          this
`;

/** Throws an Error whose message is for the user. */
export function parseArguments(words: string[]): Arguments {
  const { values } = parseArgs({
    args: words,
    options: {
      help: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      out: { type: 'string' },
    },
  });
  const { help, quick, only, out } = values;
  if (out === '') throw new Error('--out needs the name of a file');
  return {
    help: help === true,
    quick: quick === true,
    only: only === undefined ? null : new RegExp(only, 'i'),
    out: out ?? null,
  };
}
