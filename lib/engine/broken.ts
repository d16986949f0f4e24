/**
 * What the kernel may answer to a submission beside a number: a reason to try again, or the end of the ring.
 */
import { EAGAIN, EBUSY, EINTR, ENOMEM } from '../../syscalls/errno.ts';
import { UringError } from '../../syscalls/error.ts';
import { Cqe } from '../cqe.ts';
import { rejectFrom } from './errors.ts';
import type { Slots } from './slots.ts';

/** Whether it passes: no memory, no room, a signal. What was not taken stays in the queue. */
export function isPassing(error: unknown): boolean {
  return error instanceof UringError && PASSING.includes(error.errno);
}

/** Ends all operations with `error`. What the kernel may still write to stays held for good. */
export function abandonAll(slots: Slots, error: UringError): void {
  for (const slot of slots) {
    if (slot.hold !== null) lost.add(slot.hold);
    slot.hold = null;
    slot.cancellation?.end();
    const { receiver, resolve } = slot;
    if (receiver !== null) receiver.complete(error.errno, 0, false, NO_CQE);
    else rejectFrom(resolve, () => error);
    slots.give(slot);
  }
}

const PASSING: readonly number[] = [-EAGAIN, -EBUSY, -EINTR, -ENOMEM];
const NO_CQE = new Cqe();
const lost = new Set<unknown>();
