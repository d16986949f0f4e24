/**
 * The ring's own closing of a descriptor that nobody else has.
 */
import { closeSync } from 'node:fs';
import type { Engine } from '../engine/engine.ts';
import { launch } from '../engine/launch.ts';
import { close } from '../ops/openclose.ts';

/** Closes it, also when the engine ends before it could. @throws (rejects) as close(2). */
export async function closeFd(engine: Engine, fd: number): Promise<void> {
  try {
    await launch(engine, { name: 'close', encode: (sqe) => close(sqe, fd) });
  } catch (error) {
    // The ring has not done it, and will not.
    if (engine.ended !== null) closeSync(fd);
    else throw error;
  }
}
