/**
 * The ring's own opening of what is there.
 */
import { AT_FDCWD } from '../../syscalls/constants/fcntl.ts';
import type { Engine } from '../engine/engine.ts';
import { launch } from '../engine/launch.ts';
import { openat } from '../ops/openclose.ts';

/** Gives the descriptor. `sqeFlags`: IOSQE_ASYNC to wait for the other end of a pipe. */
export function openAt(
  engine: Engine,
  path: string,
  flags: number,
  sqeFlags = 0,
  signal?: AbortSignal,
): Promise<number> {
  return launch(engine, {
    name: 'open',
    path,
    options: { sqeFlags, signal },
    encode: (sqe) => openat(sqe, AT_FDCWD, path, flags, 0),
  });
}
