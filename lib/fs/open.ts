/**
 * open, as node:fs/promises has it: the ring opens what is there already, Node what is to be made or emptied, which the kernel
 * would give to a thread of its own that is no faster.
 */
import { O_CREAT, O_PATH, O_TMPFILE, O_TRUNC } from '../../syscalls/constants/fcntl.ts';
import { ENXIO } from '../../syscalls/errno.ts';
import type { Engine } from '../engine/engine.ts';
import { plainFlags, plainMode, plainPath } from './arguments.ts';
import { fsEngine } from './backend.ts';
import { type FileHandles, fileHandles } from './file-handle.ts';
import { type FileHandle, type NodeFs, node } from './node.ts';
import { isPipe, openAt, openPipe } from './pipes.ts';

/**
 * Opens a file. As fsPromises.open of Node; the FileHandle is Node's, too, and reads and writes by io_uring, but for pipes and
 * what is in /dev.
 */
export const open: NodeFs['open'] = async function open(path, flags, mode) {
  const engine = fsEngine();
  const handles = engine === null ? null : await fileHandles();
  const name = plainPath(path);
  if (engine === null || handles === null || name === null || isDevice(name))
    return node.open(path, flags, mode);
  const bits = plainFlags(flags);
  if (bits === null || plainMode(mode) === null || (bits & BY_NODE) !== 0 || handles.make === null)
    return convert(engine, handles, await node.open(path, flags, mode));
  try {
    const fd = await openAt(engine, name, bits);
    if (!(await isPipe(engine, fd))) return handles.make(fd);
    return handles.makeNodes(await openPipe(engine, name, bits, fd));
  } catch (error) {
    // The ring does not wait for who reads a pipe that is to be written to, nor for a device.
    if ((error as NodeJS.ErrnoException).errno !== -ENXIO) throw error;
    return node.open(path, flags, mode);
  }
};

/** Whether a path may lead to a device, which is opened in its own way. */
export function isDevice(path: string): boolean {
  return path.startsWith('/dev/');
}

async function convert(engine: Engine, handles: FileHandles, handle: FileHandle): Promise<FileHandle> {
  return (await isPipe(engine, handle.fd)) ? handle : handles.convert(handle);
}

/** What makes or empties a file goes to a thread of the kernel's in any case; O_PATH opens nothing. */
const BY_NODE = O_CREAT | O_TRUNC | O_TMPFILE | O_PATH;
