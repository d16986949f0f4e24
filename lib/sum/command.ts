/**
 * `tsuring sum`.
 */
import { statSync } from 'node:fs';
import { isatty } from 'node:tty';
import { bytesOf, parse } from '../cli/arguments.ts';
import { paintFor } from '../cli/colour.ts';
import { quote, strerror } from '../cli/failure.ts';
import { stderr, stdout } from '../cli/output.ts';
import { Progress } from '../cli/progress.ts';
import { lineOf } from './line.ts';
import { reportOf } from './report.ts';
import { isStdin } from './source.ts';
import { sum } from './sum.ts';

/** Runs the command and returns the exit status: 1 when a file could not be read. */
export function sumCommand(args: string[]): number {
  const { values, at } = parse(args, {
    help: { type: 'boolean', short: 'h' },
    stats: { type: 'boolean' },
  });
  if (values.help) {
    stdout(HELP);
    return 0;
  }
  const raw = bytesOf(args);
  const files = at.length > 0 ? at.map((index) => raw[index]) : [Buffer.from('-')];
  return sumFiles(files, values.stats === true);
}

function sumFiles(files: readonly Uint8Array[], stats: boolean): number {
  const progress = new Progress(() => bytesIn(files));
  // Somebody is typing: the bar would be in the way.
  const typed = isatty(STDIN) && files.some(isStdin);
  let status = 0;
  try {
    const figures = sum(files, {
      onSum(name, digest) {
        progress.clear();
        stdout(lineOf(digest, name));
      },
      onFailure(name, errno) {
        progress.clear();
        stderr(`tsuring: ${quote(name)}: ${strerror(errno)}\n`);
        status = 1;
      },
      onProgress: progress.enabled && !typed ? (bytes) => progress.tick(bytes) : undefined,
    });
    progress.clear();
    if (stats) stderr(reportOf(figures, paintFor(STDERR)));
  } finally {
    progress.clear();
  }
  return status;
}

/** How many bytes the files have in all; undefined when there are some that nobody can tell of. */
function bytesIn(files: readonly Uint8Array[]): number | undefined {
  let total = 0;
  for (const name of files) {
    if (isStdin(name)) return undefined;
    const stats = statSync(Buffer.from(name), { throwIfNoEntry: false });
    if (stats === undefined || stats.isDirectory()) continue;
    if (!stats.isFile()) return undefined;
    total += stats.size;
  }
  return total;
}

const STDIN = 0;
const STDERR = 2;

const HELP = `Usage: tsuring sum [--stats] [--] [FILE…]

Print SHA-256 sums as sha256sum does; \`sha256sum -c\` checks them. Without FILE, or when FILE is -, read standard
input. The files are read through an io_uring, many reads at a time, while they are hashed. Where io_uring or a part
of it is not to be had, it works without.

Options:
      --stats   tell on stderr how much was read and how fast, and through what
  -h, --help    print this text

The exit status is 0 when all sums were printed, 1 when a FILE could not be read (the others are still summed),
2 for wrong usage, and 141 when the reader of the output has gone.
`;
