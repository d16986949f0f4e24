/**
 * What Node keeps of its FileHandles and tells nobody: enough of it to make one of a descriptor that the ring has opened, and
 * to count what is in flight on it. Node's class has everything else that a FileHandle needs; ours is derived from it.
 *
 * Of a line of Node that was not looked at nothing is taken for granted: there a handle is made by Node's `open`.
 */
import { type FileHandle, node } from './node.ts';

/** Node's class, with what it does not show. */
export interface NodeHandles {
  /** FileHandle of node:fs/promises. */
  readonly FileHandle: new (
    native: object,
  ) => FileHandle;
  /** Of the object that owns the descriptor: made of its number. Null where it may not be. */
  readonly Native: (new (fd: number) => NativeHandle) | null;
  /** Where a FileHandle has it. */
  readonly native: symbol;
  /** Its method that counts one operation more in flight, and that for one less: `close` waits for them. */
  readonly ref: symbol;
  readonly unref: symbol;
}

/** What owns a descriptor, and closes it at last when nobody has closed it. */
export interface NativeHandle {
  readonly fd: number;
  close(): Promise<void>;
  /** Gives the descriptor up, without closing it. */
  releaseFD(): void;
}

/**
 * Looks at a FileHandle of Node's, once. Null when it is not made as expected: then it can only be used as Node's.
 * @throws (rejects) when none can be opened now.
 */
export async function nodeHandles(): Promise<NodeHandles | null> {
  // Of whatever is there everywhere: nothing is read.
  const sample = await node.open('/');
  try {
    const native = symbolOf(sample, 'kHandle');
    const prototype = Object.getPrototypeOf(sample);
    const ref = symbolOf(prototype, 'kRef');
    const unref = symbolOf(prototype, 'kUnref');
    if (native === undefined || ref === undefined || unref === undefined) return null;
    const owner = (sample as Anything)[native];
    if (typeof owner.releaseFD !== 'function' || typeof owner.close !== 'function') return null;
    const known = KNOWN_LINES.includes(Number.parseInt(process.versions.node, 10));
    return {
      FileHandle: sample.constructor as never,
      Native: known ? owner.constructor : null,
      native,
      ref,
      unref,
    };
  } finally {
    await sample.close();
  }
}

function symbolOf(object: object, description: string): symbol | undefined {
  return Object.getOwnPropertySymbols(object).find((symbol) => symbol.description === description);
}

// biome-ignore lint/suspicious/noExplicitAny: an object of which nothing is known.
type Anything = any;

/** Those whose FileHandle was tried: a constructor in C++ aborts the process when it is called in another way. */
const KNOWN_LINES: readonly number[] = [20, 22, 24, 26];
