/**
 * open, as node:fs/promises has it: the ring opens what is there already, Node what is to be made or emptied, which the kernel
 * would give to a thread of its own that is no faster.
 */
import { O_CREAT, O_PATH, O_TMPFILE, O_TRUNC } from '../../syscalls/constants/fcntl.ts';
import { ENXIO } from '../../syscalls/errno.ts';
import type { Engine } from '../engine/engine.ts';
import { isPlainMode, plainFlags, plainPath } from './arguments.ts';
import { fsEngine } from './backend.ts';
import { fileHandles } from './file-handle.ts';
import { type FileHandle, type NodeFs, node } from './node.ts';
import { openAt } from './open-at.ts';
import { isPipe, openPipe } from './pipes.ts';

/**
 * Opens a file. As fsPromises.open of Node; the FileHandle is Node's, too, and reads and writes by io_uring, but for pipes and
 * what is in /dev.
 */
export const open: NodeFs['open'] = async (path, flags, mode) => {
  const engine = fsEngine();
  const name = plainPath(path);
  const bits = plainFlags(flags);
  if (engine === null || name === null || bits === null || !isPlainMode(mode))
    return node.open(path, flags, mode);
  if (isDevice(name) || (bits & O_PATH) !== 0) return node.open(path, flags, mode);
  if ((bits & (O_CREAT | O_TRUNC)) !== 0 || (bits & O_TMPFILE) === O_TMPFILE)
    return openByNode(engine, node.open(path, flags, mode));
  const handles = await fileHandles();
  if (handles === null || handles.make === null) return openByNode(engine, node.open(name, flags, mode));
  try {
    const fd = await openAt(engine, { path: name, flags: bits });
    if (!(await isPipe(engine, fd))) return handles.make(fd);
    return handles.makeNodes(await openPipe(engine, name, bits, fd));
  } catch (error) {
    // The ring does not wait for who reads a pipe that is to be written to, nor for a device; or there is none any more.
    if ((error as NodeJS.ErrnoException).errno !== -ENXIO && engine.ended === null) throw error;
    return node.open(name, flags, mode);
  }
};

/** Whether a path may lead to a device, which is opened in its own way: in /dev, but for its memory file system. */
export function isDevice(path: string): boolean {
  return path.startsWith('/dev/') && !path.startsWith('/dev/shm/');
}

/** What Node opens, reading and writing by the ring. Not a pipe: the ring would take positions, which are mistakes there. */
async function openByNode(engine: Engine, opening: Promise<FileHandle>): Promise<FileHandle> {
  const [handle, handles] = await Promise.all([opening, fileHandles()]);
  return handles === null || (await isPipe(engine, handle.fd)) ? handle : handles.convert(handle);
}
