/**
 * The end of an engine: what is in flight is cancelled and waited for.
 */

import { ECANCELED, ETIMEDOUT } from '../../syscalls/errno.ts';
import { checkInteger } from '../../syscalls/invalid.ts';
import { clearTimeout, setTimeout } from '../timers.ts';
import { Cancellation } from './cancellation.ts';
import type { Engine } from './engine.ts';
import { closedError, operationError } from './errors.ts';

export interface CloseOptions {
  /** Milliseconds to wait at most. Default: as long as it takes. */
  timeout?: number;
}

/** Refuses new operations and cancels the others; done when the kernel has let go of the last, and the ring is released. */
export function closeEngine(engine: Engine): Promise<void> {
  engine.ended = closedError;
  engine.sayEnded();
  if (engine.openRing === null) return Promise.resolve();
  const done = new Promise<void>((resolve) => {
    engine.idle = () => {
      engine.idle = null;
      engine.release();
      resolve();
    };
  });
  // Whoever waits for the end shall live to see it.
  engine.keepsAlive = true;
  for (const slot of engine.slots) {
    engine.setRef(slot, true);
    slot.cancellation ??= new Cancellation(engine, slot);
    const { name, path, dest } = slot;
    slot.cancellation.cancel(() => operationError(-ECANCELED, name, path, dest));
  }
  engine.flush();
  return done;
}

/**
 * The same promise, but rejected after `timeout` milliseconds, naming what is in flight by then. That goes on, and keeps
 * its memory; it no longer keeps the process alive.
 */
export function within(engine: Engine, closing: Promise<void>, timeout: number): Promise<void> {
  checkInteger('options.timeout', timeout, 0, 0x7fff_ffff);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      engine.keepsAlive = false;
      engine.updateRef();
      reject(timeoutError(engine));
    }, timeout);
    closing.then(() => {
      clearTimeout(timer);
      resolve();
    }, reject);
  });
}

function timeoutError(engine: Engine): Error {
  const counts = new Map<string, number>();
  for (const { name } of engine.slots) counts.set(name, (counts.get(name) ?? 0) + 1);
  const operations = [...counts].map(([name, count]) => (count === 1 ? name : `${count} × ${name}`));
  const error = operationError(-ETIMEDOUT, 'close');
  error.message += `: the kernel still has ${operations.join(', ')}`;
  return Object.assign(error, { operations });
}
