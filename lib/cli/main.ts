/**
 * From the command line to a command, and from what it throws to a message and an exit status: 0 done, 1 something
 * failed, 2 wrong usage, 141 the reader of our output has gone (what a shell reports for SIGPIPE).
 */
import { parse, UsageError } from './arguments.ts';
import { HELP } from './help.ts';
import { ClosedPipe, stderr, stdout, WriteError } from './output.ts';
import { version } from './version.ts';

/** A command: its arguments in, the exit status out. */
type Command = (args: string[]) => number | Promise<number>;

/** Runs `tsuring ARGUMENT…` and returns the exit status. Throws only what is a fault of the program itself. */
export async function main(args: string[]): Promise<number> {
  const [name] = args;
  const load = name === undefined ? undefined : COMMANDS.get(name);
  try {
    if (load === undefined) return withoutCommand(args);
    const command = await load();
    return await command(args.slice(1));
  } catch (error) {
    return explain(error, load === undefined ? 'tsuring' : `tsuring ${name}`);
  }
}

// Loaded when asked for: `--help` and `--version` need nothing of what the commands stand on.
const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ['sum', async (): Promise<Command> => (await import('../sum/command.ts')).sumCommand],
  ['doctor', async (): Promise<Command> => (await import('../doctor/command.ts')).doctor],
]);

function withoutCommand(args: string[]): number {
  if (args[0] !== undefined && !args[0].startsWith('-')) throw new UsageError(`unknown command '${args[0]}'`);
  const { values, positionals } = parse(args, {
    help: { type: 'boolean', short: 'h' },
    version: { type: 'boolean', short: 'V' },
  });
  if (values.help) stdout(HELP);
  else if (values.version) stdout(`tsuring ${version()}\n`);
  else if (positionals.length > 0) throw new UsageError('the command must come before its options');
  else throw new UsageError('a command is missing');
  return 0;
}

/** Says what went wrong and returns the exit status for it. */
function explain(error: unknown, command: string): number {
  if (error instanceof ClosedPipe) return CLOSED_PIPE;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (error instanceof UsageError || code?.startsWith('ERR_PARSE_ARGS_')) {
    // Node's message goes on with advice after the first sentence.
    const [message] = (error as Error).message.split('. ');
    stderr(`tsuring: ${message}\nTry '${command} --help' for more information.\n`);
    return WRONG_USAGE;
  }
  // An error of the system is told in its own words; any other is a fault of ours, whose stack is wanted.
  if (syscall === undefined && !(error instanceof WriteError)) throw error;
  stderr(`tsuring: ${(error as Error).message}\n`);
  return FAILED;
}

const FAILED = 1;
const WRONG_USAGE = 2;
const CLOSED_PIPE = 141; // 128 + SIGPIPE
