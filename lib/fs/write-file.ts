/**
 * writeFile and appendFile, as node:fs/promises has them.
 */
import { plainOptions, plainPath } from './arguments.ts';
import { fsEngine } from './backend.ts';
import { fileHandles } from './file-handle.ts';
import { type NodeFs, node } from './node.ts';
import { isDevice } from './open.ts';
import { bufferEngine } from './transfer.ts';
import { writableBytes, writeOpenFile } from './write-open-file.ts';

/** Writes a whole file. As fsPromises.writeFile of Node. */
export const writeFile: NodeFs['writeFile'] = async function writeFile(path, data, options) {
  if (!(await wroteByRing(path, data, options, 'w'))) await node.writeFile(path, data, options);
};

/** Writes behind what is in a file. As fsPromises.appendFile of Node. */
export const appendFile: NodeFs['appendFile'] = async function appendFile(path, data, options) {
  if (!(await wroteByRing(path, data, options, 'a'))) await node.appendFile(path, data, options);
};

/** False when it is Node's to do, or to refuse. */
async function wroteByRing(path: unknown, data: unknown, given: unknown, usual: string): Promise<boolean> {
  const options = fsEngine() === null ? null : plainOptions(given, WRITING);
  const bytes = options === null ? null : writableBytes(data, options.encoding);
  const handles = bytes === null ? null : await fileHandles();
  if (options === null || bytes === null || handles === null || options.signal?.aborted) return false;
  const { signal, flush, flag, mode } = options;
  const whole = signal === undefined ? undefined : { signal };
  if (handles.isHandle(path)) {
    if (path.fd < 0) return false;
    await path.writeFile(bytes, whole as never);
    return true;
  }
  const engine = bufferEngine();
  const name = plainPath(path);
  if (engine === null || name === null || isDevice(name)) return false;
  // Only written from where it stands: a pipe is as good as a file, and need not be told from one.
  const opened = await node.open(name, (flag ?? usual) as string, mode as number);
  const handle = handles.convert(opened);
  try {
    await writeOpenFile(engine, handle.fd, bytes, signal);
    if (flush) await handle.sync();
  } finally {
    await handle.close();
  }
  return true;
}

const WRITING: ReadonlySet<string> = new Set(['encoding', 'flag', 'mode', 'flush', 'signal']);
