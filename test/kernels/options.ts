/**
 * The command line of `npm run test:kernels`.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../support/project.ts';

const USAGE = `npm run test:kernels [-- OPTION… [KERNEL…]]

KERNEL is a line of Linux, such as 6.12, or arm64 for the newest on that architecture. Without any: 5.10, 6.1, 6.12,
6.18, the newest, and arm64.
  --all             every line that Debian carries, and arm64
  --ends            the oldest and the newest
  --only PATTERN    the files of tests whose name matches the regular expression
  --users NAMES     root, nobody, or root,nobody (default)
  --minutes N       how long one kernel may take (default 90)
  --page            run nothing, but make docs/kernels.md and test/vectors/doctor/ of the last run of each kernel
                    with all files, as both users
  --need            fail, rather than tell, when something that the machines are made of is missing
`;

export interface Options {
  readonly kernels: readonly string[];
  readonly all: boolean;
  readonly ends: boolean;
  readonly only: string;
  readonly users: string;
  readonly minutes: number;
  readonly page: boolean;
  readonly need: boolean;
}

/** Ends the process after --help, and with 2 and the usage when there is something wrong. */
export function readOptions(): Options {
  try {
    const { values, positionals } = parseArgs({
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        all: { type: 'boolean', default: false },
        ends: { type: 'boolean', default: false },
        only: { type: 'string', default: '' },
        users: { type: 'string', default: 'root,nobody' },
        minutes: { type: 'string', default: '90' },
        page: { type: 'boolean', default: false },
        need: { type: 'boolean', default: false },
      },
      allowPositionals: true,
    });
    if (values.help) {
      process.stdout.write(USAGE);
      process.exit(0);
    }
    return checked({ ...values, minutes: Number(values.minutes), kernels: [...new Set(positionals)] });
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

function checked(options: Options): Options {
  const { kernels, all, ends, only, users, minutes } = options;
  for (const name of kernels)
    if (!/^(\d+\.\d+|arm64)$/.test(name)) throw new Error(`${name} is no line of Linux`);
  if (Number(kernels.length > 0) + Number(all) + Number(ends) > 1)
    throw new Error('--all, --ends and named kernels do not go together');
  if (!['root', 'nobody', 'root,nobody'].includes(users)) throw new Error(`there are no users ${users}`);
  if (!(minutes > 0)) throw new Error('--minutes wants a number');
  const pattern = new RegExp(only);
  const names = readdirSync(join(root, 'test')).map((file) => file.replace('.test.ts', ''));
  if (!names.some((name) => pattern.test(name))) throw new Error(`no file of tests is called ${only}`);
  return options;
}
