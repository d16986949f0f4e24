/**
 * writeFile and appendFile, as node:fs/promises has them.
 */
import { plainMode, plainOptions, plainPath } from './arguments.ts';
import { fsEngine } from './backend.ts';
import { fileHandles } from './file-handle.ts';
import { type NodeFs, node } from './node.ts';
import { isDevice, open } from './open.ts';
import { writableBytes } from './write-open-file.ts';

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
  const name = plainPath(path);
  const permissions = plainMode(mode);
  if (name === null || permissions === null || isDevice(name)) return false;
  const handle = await open(name, (flag ?? usual) as string, permissions);
  try {
    await handle.writeFile(bytes, whole as never);
    if (flush) await handle.sync();
  } finally {
    await handle.close();
  }
  return true;
}

const WRITING: ReadonlySet<string> = new Set(['encoding', 'flag', 'mode', 'flush', 'signal']);
