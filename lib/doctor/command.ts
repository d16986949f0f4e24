/**
 * `tsuring doctor`: what this system offers of io_uring, and what stands in the way.
 */
import { parse, UsageError } from '../cli/arguments.ts';
import { paintFor } from '../cli/colour.ts';
import { stdout } from '../cli/output.ts';
import { doctorReport } from './report.ts';
import { tableOf } from './table.ts';

/**
 * Runs the command with the arguments that follow its name.
 * @returns the exit status: 0 when a ring can be made, 1 when not. @throws UsageError for wrong arguments.
 */
export async function doctor(args: string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help) {
    stdout(HELP);
    return 0;
  }
  if (positionals.length > 0) throw new UsageError(`doctor takes no operand, such as '${positionals[0]}'`);
  const report = doctorReport();
  if (values.json) stdout(`${JSON.stringify(report, undefined, 2)}\n`);
  else stdout(tableOf(report, paintFor(STDOUT), process.stdout.columns ?? DEFAULT_COLUMNS));
  return report.ok ? 0 : 1;
}

const HELP = `Usage: tsuring doctor [--json]

Tell what io_uring offers on this system, and what stands in the way: whether a ring can be made and of which memory,
every setup flag, feature, operation and register opcode, and the limits. Everything is tried, on small rings that are
closed at once.

Options:
  --json       print the report as JSON
  -h, --help   print this text

The exit status is 0 when a ring can be made, 1 when not, 2 for wrong usage.
`;

const STDOUT = 1;
const DEFAULT_COLUMNS = 100;
