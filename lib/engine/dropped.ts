/**
 * Engines that nobody has any more, and that nobody has closed.
 */
import type { Engine } from './engine.ts';
import { closedError } from './errors.ts';

/** Has `engine` released when `owner` is collected, and when what is in flight then is over. Says so once per process. */
export function releaseWhenDropped(owner: object, engine: Engine): void {
  dropped.register(owner, engine, engine);
}

/** The owner was closed. */
export function forget(engine: Engine): void {
  dropped.unregister(engine);
}

const dropped = new FinalizationRegistry<Engine>((engine) => {
  if (engine.openRing === null) return;
  // Somebody may well await what is in flight, or waits for room: it comes to its own end.
  if (engine.slots.used === 0 && engine.waiting === 0 && engine.listeners.size === 0) end(engine);
  else engine.idle = () => end(engine);
  if (warned) return;
  warned = true;
  process.emitWarning(
    'An IoUring was dropped without close(); its ring was released by the garbage collector',
    {
      code: 'TSURING_DROPPED_RING',
    },
  );
});
let warned = false;

function end(engine: Engine): void {
  engine.idle = null;
  engine.ended = closedError;
  engine.sayEnded();
  engine.release();
}
