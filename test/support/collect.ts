/**
 * The garbage collector on demand, without a flag for node.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc: () => void = runInNewContext('gc');

/** Collects until `done()`, with turns of the event loop between for finalizers; false when it never came. */
export async function collectUntil(done: () => boolean): Promise<boolean> {
  for (let n = 0; n < 100; n++) {
    // A new turn first: what a WeakRef gave in this one is kept until its end.
    await new Promise((resolve) => setTimeout(resolve, n));
    gc();
    if (done()) return true;
  }
  return false;
}

/** Collects thoroughly: what is alive after it is held by somebody. */
export async function collect(): Promise<void> {
  for (let n = 0; n < 5; n++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    gc();
  }
}
