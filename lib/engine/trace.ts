/**
 * diagnostics_channel: `tsuring:op:start`, `tsuring:op:end`, `tsuring:op:error`. Without a subscriber nothing is made.
 */
import { channel } from 'node:diagnostics_channel';
import type { Slot } from './slot.ts';

/** What subscribers get: the same object at the beginning and at the end of an operation. */
export interface OperationTrace {
  /** The operation's name: 'read'. */
  readonly operation: string;
  readonly path?: string | Uint8Array;
  readonly dest?: string | Uint8Array;
  /** At the end: what the kernel said, a result or -errno. */
  result?: number;
  /** With `tsuring:op:error`: what the promise is rejected with. */
  error?: unknown;
}

const started = channel('tsuring:op:start');
const ended = channel('tsuring:op:end');
const failed = channel('tsuring:op:error');

/** Whether anybody wants to know. */
export function tracing(): boolean {
  return started.hasSubscribers || ended.hasSubscribers || failed.hasSubscribers;
}

const traces = new WeakMap<Slot, OperationTrace>();

export function traceStart(slot: Slot): void {
  slot.traced = true;
  const { name, path, dest } = slot;
  const trace: OperationTrace = {
    operation: name,
    ...(path !== null && { path }),
    ...(dest !== null && { dest }),
  };
  traces.set(slot, trace);
  started.publish(trace);
}

/** `problem` makes the error of an operation that failed; null for one that did not. */
export function traceEnd(slot: Slot, result: number, problem: (() => unknown) | null): void {
  const trace = traces.get(slot);
  if (trace === undefined) return;
  traces.delete(slot);
  trace.result = result;
  if (problem === null) ended.publish(trace);
  else {
    trace.error = problem();
    failed.publish(trace);
  }
}
