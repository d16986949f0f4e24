/**
 * Command-line arguments: options, operands, and the bytes behind them.
 */
import { readFileSync } from 'node:fs';
import { type ParseArgsConfig, parseArgs } from 'node:util';

/** The user called the command wrongly: a message for stderr, then exit status 2. */
export class UsageError extends Error {}

/** Parsed arguments. */
export interface Parsed {
  /** The options that were given, by their long name. */
  readonly values: Readonly<Record<string, unknown>>;
  /** The operands as text. */
  readonly positionals: readonly string[];
  /** Where each operand stood in the arguments. */
  readonly at: readonly number[];
}

/** Options may stand before and after operands; after `--` everything is an operand, and `-` always is. */
export function parse(args: string[], options: NonNullable<ParseArgsConfig['options']>): Parsed {
  const { values, tokens } = parseArgs({ args, options, allowPositionals: true, tokens: true });
  const operands = tokens.flatMap((token) => (token.kind === 'positional' ? [token] : []));
  return { values, positionals: operands.map(({ value }) => value), at: operands.map(({ index }) => index) };
}

/**
 * The bytes of `args`, which are the last arguments of this process. Node decodes them as UTF-8, which replaces what
 * is none; where that happened the kernel still has them as they were.
 */
export function bytesOf(args: readonly string[]): Buffer[] {
  const decoded = args.map((text) => Buffer.from(text));
  if (!args.some((text) => text.includes(REPLACEMENT))) return decoded;
  const raw = commandLine().slice(-args.length);
  // Not the arguments of the process (or its title was changed): there is nothing better than the text.
  const same = args.every((text, i) => text.includes(REPLACEMENT) || raw[i]?.equals(decoded[i]));
  return same && raw.length === args.length ? raw : decoded;
}

function commandLine(): Buffer[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync('/proc/self/cmdline');
  } catch {
    return [];
  }
  const args: Buffer[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0, start);
    args.push(bytes.subarray(start, end < 0 ? bytes.length : end));
    start += args[args.length - 1].length + 1;
  }
  return args;
}

const REPLACEMENT = '\ufffd';
