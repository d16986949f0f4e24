/**
 * A whole file that one chain does not read: large, or of a kind that is asked for differently.
 */
import type { WholeFileOptions } from './arguments.ts';
import { closing } from './closing.ts';
import { fileHandles } from './file-handle.ts';
import { node } from './node.ts';
import { open } from './open.ts';
import { readOpenFile } from './read-open-file.ts';
import { bufferEngine } from './transfer.ts';

/** `before`: what was read of it before, and is gone if it is a terminal. */
export async function readThroughHandle(
  path: string,
  options: WholeFileOptions,
  before: Buffer | null,
): Promise<unknown> {
  const { encoding, signal, flag } = options;
  const handle = await open(path, (flag ?? 'r') as string, 0o666);
  const engine = (await fileHandles())?.isOurs(handle) ? bufferEngine() : null;
  const plain = { encoding, signal } as never;
  return closing(handle, async () => {
    try {
      if (engine === null) return await handle.readFile(plain);
      return await readOpenFile(engine, { fd: handle.fd, traffic: null, before }, options);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
      // What cannot be read Node tells in its own words.
      return node.readFile(path, { ...(plain as object), flag: flag as string });
    }
  });
}
