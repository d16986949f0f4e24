/**
 * What serves the functions of this thread: its engine, made at the first use, or Node alone.
 */
import { takeCancelled } from '../engine/cancellation.ts';
import { Engine } from '../engine/engine.ts';
import { checkEngineOptions } from '../engine/options.ts';
import { finishWrites } from './at-exit.ts';

/** What serves `tsuring/fs`. */
export interface FsBackend {
  /** 'io_uring', or 'node': then every function is that of node:fs/promises. */
  readonly backend: 'io_uring' | 'node';
  /** Why it is Node. Null with io_uring. */
  readonly reason: string | null;
}

/**
 * What serves this thread, which is decided at the first call of this or of another function: io_uring where there is one.
 * Node where there is none, where the environment says TSURING_DISABLE=1, and under Node's permission model, which would not
 * see what a ring does.
 */
export function fsBackend(): FsBackend {
  fsEngine();
  return { backend: reason === null ? 'io_uring' : 'node', reason };
}

/** The engine of this thread; null when Node serves it. */
export function fsEngine(): Engine | null {
  if (engine === undefined) decide();
  else if (engine?.ended) fallBack(engine.ended().message);
  return engine as Engine | null;
}

let engine: Engine | null | undefined;
let reason: string | null = null;

function decide(): void {
  const forbidden = whyNot();
  if (forbidden !== null) {
    fallBack(forbidden);
    return;
  }
  const made = new Engine(checkEngineOptions({}));
  takeCancelled(made);
  try {
    made.ring;
    engine = made;
    process.on('exit', () => finishWrites(made));
  } catch (error) {
    fallBack((error as Error).message);
  }
}

function whyNot(): string | null {
  if (process.platform !== 'linux') return `There is no io_uring on ${process.platform}`;
  if (process.env.TSURING_DISABLE === '1') return 'TSURING_DISABLE=1 in the environment';
  if ((process as { permission?: unknown }).permission !== undefined)
    return 'The permission model of Node is in force, which does not see what a ring does';
  return null;
}

function fallBack(why: string): void {
  engine = null;
  reason = why;
}
