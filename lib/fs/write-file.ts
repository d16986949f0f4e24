/**
 * writeFile and appendFile, as node:fs/promises has them.
 */
import type { Engine } from '../engine/engine.ts';
import { plainFlags, plainOptions, plainPath, type WholeFileOptions, WRITING } from './arguments.ts';
import { closing } from './closing.ts';
import { fileHandles, isOpenHandle } from './file-handle.ts';
import { type FileHandle, type NodeFs, node } from './node.ts';
import { isDevice } from './open.ts';
import { bufferEngine } from './transfer.ts';
import { writableBytes, writeOpenFile } from './write-open-file.ts';

// Functions without a name of their own take that of the constant, also when all is bundled.

/** Writes a whole file. As fsPromises.writeFile of Node. */
export const writeFile: NodeFs['writeFile'] = async (path, data, options) => {
  // Not Node's function: what goes on on one handle knows of each other.
  if (isOpenHandle(path)) return path.writeFile(data as string, options as BufferEncoding);
  return writeByRing(path, data, options, 'w') ?? node.writeFile(path, data, options);
};

/** Writes behind what is in a file. As fsPromises.appendFile of Node. */
export const appendFile: NodeFs['appendFile'] = async (path, data, options) => {
  if (isOpenHandle(path)) return path.appendFile(data, options as BufferEncoding);
  return writeByRing(path, data, options, 'a') ?? node.appendFile(path, data, options);
};

/** Null when it is Node's to do, or to refuse. */
function writeByRing(path: unknown, data: unknown, given: unknown, usual: string): Promise<void> | null {
  const engine = bufferEngine();
  const options = engine === null ? null : plainOptions(given, WRITING);
  const bytes = options === null ? null : writableBytes(data, options.encoding);
  const name = bytes === null ? null : plainPath(path);
  if (engine === null || options === null || bytes === null || name === null) return null;
  if (isDevice(name) || options.signal?.aborted || plainFlags(options.flag) === null) return null;
  // At once, whatever happens to the arguments meanwhile.
  const opening = node.open(name, (options.flag ?? usual) as string, options.mode as number);
  return writeOpened(engine, opening, bytes, bytes.byteLength, options);
}

async function writeOpened(
  engine: Engine,
  opening: Promise<FileHandle>,
  bytes: Uint8Array,
  length: number,
  { signal, flush }: WholeFileOptions,
): Promise<void> {
  const [opened, handles] = await Promise.all([opening, fileHandles()]);
  // Only written from where it stands: a pipe is as good as a file, and need not be told from one.
  const handle = handles === null ? opened : handles.convert(opened);
  await closing(handle, async () => {
    await writeOpenFile(engine, { fd: handle.fd, traffic: null }, bytes, length, signal);
    if (flush) await handle.sync();
  });
}
