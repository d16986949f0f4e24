/**
 * Arguments that need no interpretation. Whatever else is given goes to Node's function, which knows what to make of it, or
 * how to refuse it.
 */
import { fileURLToPath } from 'node:url';
import { isFlags, type OpenFlags, openFlags } from '../engine/open-flags.ts';

/** The path as text; null for what is not plainly one. */
export function plainPath(path: unknown): string | null {
  const text = typeof path === 'string' ? path : pathOf(path);
  return text !== null && text.length > 0 && !text.includes('\0') ? text : null;
}

function pathOf(url: unknown): string | null {
  try {
    return url instanceof URL && url.protocol === 'file:' ? fileURLToPath(url) : null;
  } catch {
    // A proxy may throw at whatever is asked.
    return null;
  }
}

/** The flags of open(2), with O_CLOEXEC; null for what is not plainly some. */
export function plainFlags(flags: unknown): number | null {
  if (flags === undefined || flags === null) return openFlags('r');
  if (typeof flags === 'number') return (flags | 0) === flags && flags >= 0 ? openFlags(flags) : null;
  return isFlags(flags) ? openFlags(flags as OpenFlags) : null;
}

/** Whether they are plainly permissions of a file that is made. */
export function isPlainMode(mode: unknown): boolean {
  return mode === undefined || mode === null || (typeof mode === 'number' && mode >>> 0 === mode);
}

/** A position as the kernel takes it: -1 for the file's own; undefined for what is not plainly one. */
export function plainPosition(position: unknown): number | undefined {
  if (position === undefined || position === null) return -1;
  return typeof position === 'number' && position >= 0 && Number.isSafeInteger(position)
    ? position
    : undefined;
}

/** Of reading or writing a whole file. */
export interface WholeFileOptions {
  readonly encoding: BufferEncoding | null;
  readonly flag: unknown;
  readonly mode: unknown;
  readonly flush: boolean;
  readonly signal: AbortSignal | undefined;
}

/** The options of reading, and of writing, that need no interpretation. */
export const READING: ReadonlySet<string> = new Set(['encoding', 'flag', 'signal']);
export const WRITING: ReadonlySet<string> = new Set(['encoding', 'flag', 'mode', 'flush', 'signal']);

/** Null for what is not plainly that, or has other options than those that are `known`. */
export function plainOptions(options: unknown, known: ReadonlySet<string>): WholeFileOptions | null {
  try {
    return lookAt(options, known);
  } catch {
    // A getter that throws does so for Node as well, which makes a rejection of it.
    return null;
  }
}

/** Whether they plainly say that folders are removed with all that is in them, and nothing else that matters for that. */
export function isPlainRm(options: unknown): options is { recursive: true } {
  if (typeof options !== 'object' || options === null) return false;
  try {
    for (const name in options) if (name !== 'recursive' && name !== 'force') return false;
    const { recursive, force } = options as Record<string, unknown>;
    return recursive === true && (typeof force === 'boolean' || !('force' in options));
  } catch {
    return false;
  }
}

function lookAt(options: unknown, known: ReadonlySet<string>): WholeFileOptions | null {
  if (options === undefined || options === null) return NONE;
  if (typeof options === 'string') {
    const encoding = plainEncoding(options);
    return encoding === undefined ? null : { ...NONE, encoding };
  }
  if (typeof options !== 'object') return null;
  for (const name in options) if (!known.has(name)) return null;
  const { flag, mode, flush, signal, encoding: given } = options as Record<string, unknown>;
  const encoding = plainEncoding(given);
  if (encoding === undefined) return null;
  if (signal !== undefined && !(signal instanceof AbortSignal)) return null;
  if (flush !== undefined && flush !== null && typeof flush !== 'boolean') return null;
  return { encoding, flag: flag || undefined, mode, flush: flush === true, signal };
}

/** Null for bytes; undefined for what is not plainly an encoding. */
function plainEncoding(encoding: unknown): BufferEncoding | null | undefined {
  if (encoding === undefined || encoding === null) return null;
  return typeof encoding === 'string' && Buffer.isEncoding(encoding) ? encoding : undefined;
}

const NONE: WholeFileOptions = {
  encoding: null,
  flag: undefined,
  mode: undefined,
  flush: false,
  signal: undefined,
};
