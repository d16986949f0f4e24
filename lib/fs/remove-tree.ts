/**
 * A folder, removed with all that is in it: many names at a time.
 *
 * Folders are opened one below the other, never through a link (O_NOFOLLOW), and names are removed in what is open: whoever puts
 * a link in a folder's place meanwhile gains nothing.
 */
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
} from '../../syscalls/constants/fcntl.ts';
import { EEXIST, ENOTEMPTY, EPERM } from '../../syscalls/errno.ts';
import type { Engine } from '../engine/engine.ts';
import { launch } from '../engine/launch.ts';
import { unlinkat } from '../ops/fs.ts';
import { openat } from '../ops/openclose.ts';
import { closeFd } from './close-fd.ts';
import { node } from './node.ts';

/** Whether it is gone: a folder, with all that is in it. What cannot be removed stays, without a word. */
export function removeTree(engine: Engine, path: string): Promise<boolean> {
  return removeFolder(engine, AT_FDCWD, Buffer.from(path), LANES);
}

/** With so many folders at a time below it. */
async function removeFolder(engine: Engine, within: number, name: Buffer, lanes: number): Promise<boolean> {
  // As Node: what may not be removed, for another reason than what is in it, keeps that.
  const why = await remove(engine, within, name, AT_REMOVEDIR);
  if (why === 0) return true;
  if (why !== -ENOTEMPTY && why !== -EEXIST && why !== -EPERM) return false;
  await empty(engine, within, name, lanes);
  return (await remove(engine, within, name, AT_REMOVEDIR)) === 0;
}

async function empty(engine: Engine, within: number, name: Buffer, lanes: number): Promise<void> {
  let fd = -1;
  try {
    fd = await openFolder(engine, within, name);
    const entries = await node.readdir(`/proc/self/fd/${fd}`, { withFileTypes: true, encoding: 'buffer' });
    const folders = entries.filter((entry) => entry.isDirectory());
    const each = Math.max(1, Math.floor(lanes / Math.max(1, folders.length)));
    await inLanes(lanes, folders, (folder) => removeFolder(engine, fd, folder.name, each));
    const others = entries.filter((entry) => !entry.isDirectory());
    await inLanes(FILES, others, (other) => remove(engine, fd, other.name, 0));
  } catch {
    // It may not be read, or is gone.
  } finally {
    if (fd >= 0) await closeFd(engine, fd);
  }
}

function openFolder(engine: Engine, within: number, name: Buffer): Promise<number> {
  return launch<number>(engine, {
    name: 'open',
    encode: (sqe) => openat(sqe, within, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0),
  });
}

/** 0, or -errno. */
async function remove(engine: Engine, within: number, name: Buffer, flags: number): Promise<number> {
  try {
    await launch(engine, { name: 'unlink', encode: (sqe) => unlinkat(sqe, within, name, flags) });
    return 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).errno ?? -1;
  }
}

/** Calls `action` for each item, so many at a time. */
async function inLanes<T>(
  lanes: number,
  items: readonly T[],
  action: (item: T) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) await action(items[next++]);
  };
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane));
}

/** Folders at a time, all together: each has a descriptor. */
const LANES = 8;
/** Files at a time in each of them. */
const FILES = 64;
