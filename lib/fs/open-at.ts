/**
 * The ring's own opening of what is there.
 */
import { AT_FDCWD } from '../../syscalls/constants/fcntl.ts';
import type { Engine } from '../engine/engine.ts';
import { launch } from '../engine/launch.ts';
import { openat } from '../ops/openclose.ts';

/** What is to be opened. */
export interface Opening {
  readonly path: string;
  /** Where that is, when it was called otherwise. */
  readonly place?: string;
  readonly flags: number;
  /** IOSQE_ASYNC to wait for the other end of a pipe. */
  readonly sqeFlags?: number;
  readonly signal?: AbortSignal;
}

/** Gives the descriptor. */
export function openAt(
  engine: Engine,
  { path, place = path, flags, sqeFlags = 0, signal }: Opening,
): Promise<number> {
  return launch(engine, {
    name: 'open',
    path,
    options: { sqeFlags, signal },
    encode: (sqe) => openat(sqe, AT_FDCWD, place, flags, 0),
  });
}
