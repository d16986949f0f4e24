/**
 * Pipes with a name, which the ring opens as with O_NONBLOCK, and Node does not: there a reader waits for a writer.
 */
import { O_ACCMODE, O_NONBLOCK, O_RDONLY, POSIX_FADV_NORMAL } from '../../syscalls/constants/fcntl.ts';
import { POLLHUP, POLLIN } from '../../syscalls/constants/poll.ts';
import { IOSQE_ASYNC } from '../../syscalls/constants/sqe.ts';
import { isSince518 } from '../engine/direct.ts';
import type { Engine } from '../engine/engine.ts';
import { launch } from '../engine/launch.ts';
import { fadvise } from '../ops/advise.ts';
import { pollAdd } from '../ops/poll.ts';
import { closeFd } from './close-fd.ts';
import { openAt } from './open-at.ts';

/** Whether an open file is a pipe, which refuses advice about how it will be read; or cannot be asked. */
export async function isPipe(engine: Engine, fd: number): Promise<boolean> {
  try {
    await launch<number>(engine, {
      name: 'open',
      encode: (sqe) => fadvise(sqe, fd, 0, 0, POSIX_FADV_NORMAL),
    });
    return false;
  } catch {
    return true;
  }
}

/**
 * Waits until a pipe has a writer, as open does without O_NONBLOCK. `fd` is the pipe as the ring has opened it; gives the
 * descriptor to be used in its place.
 *
 * The pipe is opened once more by a thread of the kernel's, which waits. But that would miss a writer who has come and gone
 * before: so what it has written, or that it is gone, is looked out for at the first descriptor. On old kernels that alone
 * is done: two threads that wait hold up there whatever comes after them.
 */
export async function openPipe(engine: Engine, path: string, flags: number, fd: number): Promise<number> {
  if ((flags & O_ACCMODE) !== O_RDONLY || (flags & O_NONBLOCK) !== 0) return fd;
  if (!isSince518(engine.ring)) {
    await look(engine, fd);
    return fd;
  }
  const { signal, abort } = abortion();
  const waiting = openAt(engine, { path, flags, sqeFlags: IOSQE_ASYNC, signal });
  const looking = look(engine, fd, signal);
  let used = fd;
  try {
    used = await Promise.race([waiting, looking.then(() => fd)]);
    return used;
  } catch (error) {
    used = -1;
    throw error;
  } finally {
    abort();
    const [opened] = await Promise.allSettled([waiting, looking]);
    if (used !== fd) await closeFd(engine, fd);
    if (opened.status === 'fulfilled' && opened.value !== used) await closeFd(engine, opened.value);
  }
}

/** Until there is something to be read, or nobody is left who could write. */
function look(engine: Engine, fd: number, signal?: AbortSignal): Promise<number> {
  return launch<number>(engine, {
    name: 'open',
    options: { signal },
    encode: (sqe) => pollAdd(sqe, fd, POLLIN | POLLHUP),
  });
}

function abortion(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
