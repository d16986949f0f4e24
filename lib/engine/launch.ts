/**
 * From a request to an operation in flight.
 */
import {
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_IO_DRAIN,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
} from '../../syscalls/constants/sqe.ts';
import { invalidValue } from '../../syscalls/invalid.ts';
import { Cancellation, checkCancelOptions } from './cancellation.ts';
import type { Engine } from './engine.ts';
import { checkFiles, holdFiles, letGoFiles, refuseClosed } from './named-files.ts';
import { complete, type Request } from './operations.ts';
import type { Slot } from './slot.ts';

/** Starts the operation, or has it wait for room. The promise is its result's; it never throws. */
export function launch<T>(engine: Engine, request: Request): Promise<T> {
  try {
    if (request.options !== undefined) checkCancelOptions(request.options);
    refuseClosed(request);
    const slot = enter(engine, request);
    if (slot !== null) return engine.promise<T>(slot);
    return new Promise((resolve) => waitFor(engine, request, (again) => resolve(settled<T>(engine, again))));
  } catch (error) {
    return Promise.reject(error);
  }
}

/**
 * Has the request enter when there is room, and tells `take` how. Until then the files that it names stay open, though
 * somebody closes them.
 */
export function waitFor(engine: Engine, request: Request, take: (enter: () => Slot) => void): void {
  holdFiles(request);
  const attempt = (): void => {
    let slot: Slot | null;
    try {
      if (request.options !== undefined) checkCancelOptions(request.options);
      slot = enter(engine, request);
    } catch (error) {
      letGoFiles(request);
      take(() => {
        throw error;
      });
      return;
    }
    if (slot === null) {
      engine.wait(attempt);
      return;
    }
    const entered = slot;
    letGoFiles(request);
    take(() => entered);
  };
  engine.wait(attempt);
}

function settled<T>(engine: Engine, enter: () => Slot): Promise<T> {
  try {
    return engine.promise<T>(enter());
  } catch (error) {
    return Promise.reject(error);
  }
}

/**
 * Encodes the operation, and stages it; null when there is no room. Call `send` or `promise` of the engine with the slot
 * when it is filled in. Throws for what cannot be encoded.
 */
export function enter(engine: Engine, request: Request): Slot | null {
  const sqe = engine.begin();
  if (sqe === null) return null;
  try {
    checkFiles(engine, request);
    request.encode(sqe);
    complete(sqe, request);
    refuseLinked(sqe.flags);
  } catch (error) {
    engine.abandon(sqe);
    throw error;
  }
  const { name, finish, accepts, path, dest, options, file, into } = request;
  const slot = engine.start(sqe, name, path, dest);
  if (typeof file === 'object') {
    file.hold();
    slot.file = file;
  }
  if (into !== undefined) {
    into.hold();
    slot.into = into;
  }
  if (finish !== undefined) slot.finish = finish;
  if (accepts !== undefined) slot.accepts = accepts;
  if (options?.signal !== undefined || options?.timeout !== undefined)
    slot.cancellation = new Cancellation(engine, slot, options);
  return slot;
}

/** Flags that concern other operations, or leave out the completion by which the engine knows that one is over. */
function refuseLinked(flags: number): void {
  if ((flags & FOREIGN) !== 0)
    throw invalidValue('sqeFlags', flags, 'must not link, drain or skip completions: see chain()');
}

const FOREIGN = IOSQE_IO_LINK | IOSQE_IO_HARDLINK | IOSQE_IO_DRAIN | IOSQE_CQE_SKIP_SUCCESS;
