/**
 * The engine: operations go in, are submitted together once the running JavaScript is through, and settle their promises.
 *
 * A turn: `begin` and `start` stage entries; `process.nextTick` brings the flush behind everything that stands in the
 * microtask queue; the flush submits with one system call and reaps what completed at once. What did not complete has the
 * eventfd armed, and the event loop wakes us. A flush whose promises start the next one is an inline round: after some of
 * them the event loop has its turn (see Turns).
 */
import { IORING_CQE_F_MORE } from '../../syscalls/constants/cqe.ts';
import { EAGAIN, EBADF, EBUSY, EINTR, ENOMEM } from '../../syscalls/errno.ts';
import { UringError } from '../../syscalls/error.ts';
import { isView } from '../../syscalls/is-view.ts';
import type { Cqe } from '../cqe.ts';
import { giveHold } from '../hold.ts';
import type { Sqe } from '../sqe.ts';
import type { IoUringState } from '../state.ts';
import { rejectFrom } from './errors.ts';
import { failure } from './failure.ts';
import type { FilePath } from './operations.ts';
import type { CheckedEngineOptions } from './options.ts';
import { makeRing } from './ring-setup.ts';
import { KIND_OPERATION, KIND_SHIFT, type Slot } from './slot.ts';
import { Slots } from './slots.ts';
import { traceEnd, traceStart, tracing } from './trace.ts';
import { Turns } from './turns.ts';
import { Waiting } from './waiting.ts';
import { Waker } from './waker.ts';

/** Completions that are no operation's: messages, tags, what a cancelling request says. */
export type OtherCompletion = (index: number, key: number, res: number, flags: number) => void;

export class Engine {
  readonly options: CheckedEngineOptions;
  readonly slots: Slots = new Slots();
  readonly turns: Turns = new Turns();
  /** Takes completions of the other kinds: by kind. */
  readonly others: (OtherCompletion | undefined)[] = [];
  /** Completions of operations so far. */
  completed = 0;
  /** Operations so far. */
  started = 0;
  /** Turns of the event loop that completions caused. */
  wakeups = 0;
  /** How often completions waited in the kernel because the queue was full. */
  overflows = 0;
  /** Completions that belonged to nothing. */
  strays = 0;
  /** Whether operations keep the process alive at all. */
  keepsAlive = true;
  /** Called when the last operation is over, while the engine closes. */
  idle: (() => void) | null = null;
  /** Why there are no more operations, once there are none. */
  ended: (() => Error) | null = null;
  #ring: IoUringState | null = null;
  /** Of the ring that is closed. */
  #enters = 0;
  #waker: Waker | null = null;
  /** Operations in flight that keep the process alive. */
  #refs = 0;
  #referenced = false;
  #armed = false;
  #scheduled = false;
  #draining = false;
  #pumping = false;
  /** Whether what was called for there being room found too little of it. */
  #stalled = false;
  readonly #waiting = new Waiting();

  constructor(options: CheckedEngineOptions) {
    this.options = options;
  }

  /** The ring, made now if there is none yet. @throws UringError where it cannot be had. */
  get ring(): IoUringState {
    return this.#ring ?? this.#open();
  }

  /** The ring, if there is one. */
  get openRing(): IoUringState | null {
    return this.#ring;
  }

  /** Calls of io_uring_enter so far. */
  get enters(): number {
    return this.#ring?.counts.enters ?? this.#enters;
  }

  /** Operations that wait for room. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * An entry to be encoded and given to `start`; null when there is no room: then `wait`.
   * @throws what `ended` gives; UringError where no ring can be had.
   */
  begin(): Sqe | null {
    if (this.ended !== null) throw this.ended();
    if (this.#waiting.size > 0 && !this.#pumping) return null;
    return this.ring.getSqe() ?? this.#makeRoom(1);
  }

  /** Whether `count` entries can be had now one after the other, submitted by one system call. */
  hasRoom(count: number): boolean {
    if (this.#waiting.size > 0 && !this.#pumping) return false;
    return (
      this.ring.sqSpaceLeft() >= count || (this.#makeRoom(count) !== null && this.ring.sqSpaceLeft() >= count)
    );
  }

  /** Has `again` called when there is room, after all that waits already. */
  wait(again: () => void): void {
    this.#waiting.add(again);
    this.#schedule();
  }

  /** As `wait`, but before all others. */
  waitFirst(again: () => void): void {
    this.#stalled = true;
    this.#waiting.addFirst(again);
    this.#schedule();
  }

  /** Takes the entry that `begin` gave, and what it points at. It goes to the kernel with the next flush. */
  start(sqe: Sqe, name: string, path: FilePath | null = null, dest: FilePath | null = null): Slot {
    const slot = this.slots.take();
    const { words, at } = sqe;
    words[at + 8] = slot.index;
    words[at + 9] = slot.key;
    slot.name = name;
    slot.path = path;
    slot.dest = dest;
    const { held } = sqe;
    if (held !== null) {
      slot.hold = held;
      sqe.held = null;
      const { first } = held;
      if (isView(first) && first.byteLength > 0) slot.view = first;
    }
    (this.#ring as IoUringState).stageSqe();
    this.started++;
    this.#refs++;
    if (tracing()) traceStart(slot);
    this.#schedule();
    return slot;
  }

  /** Takes an entry whose completion is of another kind than an operation's. */
  startOther(sqe: Sqe, index: number, key: number): void {
    const { words, at } = sqe;
    words[at + 8] = index;
    words[at + 9] = key;
    (this.#ring as IoUringState).stageSqe();
    this.#schedule();
  }

  /** Whatever was encoded into the entry of `begin` is void. */
  abandon(sqe: Sqe): void {
    if (sqe.held === null) return;
    giveHold(sqe.held);
    sqe.held = null;
  }

  /** The promise of an operation that was just started. */
  promise<T>(slot: Slot): Promise<T> {
    promised = slot;
    return new Promise<T>(takeResolvers);
  }

  /** Whether the operation keeps the process alive. */
  setRef(slot: Slot, ref: boolean): void {
    if (slot.ref === ref) return;
    slot.ref = ref;
    this.#refs += ref ? 1 : -1;
    this.updateRef();
  }

  /** Submits all that was started, and settles what is complete. */
  flush(): void {
    if (this.#ring === null || this.#draining) return;
    this.#disarm();
    this.#submit();
    this.#drain();
    if (this.#waiting.size > 0) this.#pump();
    this.#rest();
  }

  /** Follows what is in flight: whether the process is kept alive. */
  updateRef(): void {
    const wanted = this.keepsAlive && this.#refs > 0;
    if (wanted === this.#referenced || this.#waker === null) return;
    this.#referenced = wanted;
    if (wanted) this.#waker.ref();
    else this.#waker.unref();
  }

  /** Gives back ring and eventfd. Nothing may be in flight. */
  release(): void {
    this.#waker?.close();
    this.#waker = null;
    this.#enters = this.enters;
    this.#ring?.close();
    this.#ring = null;
  }

  readonly #tick = (): void => {
    this.#scheduled = false;
    if (this.turns.mayGoOn()) this.flush();
    else {
      this.#scheduled = true;
      setImmediate(this.#resume);
    }
  };

  readonly #resume = (): void => {
    this.#scheduled = false;
    this.turns.begin();
    this.flush();
  };

  readonly #wake = (): void => {
    this.wakeups++;
    this.turns.begin();
    this.flush();
  };

  readonly #complete = (cqe: Cqe): void => {
    const { words, at } = cqe;
    const index = words[at];
    const key = words[at + 1];
    const res = words[at + 2];
    const flags = words[at + 3];
    const slot = this.slots.find(index, key);
    if (slot === null) this.#other(index, key, res, flags);
    else if (slot.receiver !== null) this.#receive(slot, res, flags);
    else if ((flags & IORING_CQE_F_MORE) !== 0) {
      // Of an operation that was run without regard to its several completions: the first one counts.
      slot.resolve(res);
      slot.receiver = NOBODY;
    } else this.#settle(slot, res, flags);
  };

  #open(): IoUringState {
    const ring = makeRing(this.options);
    try {
      const waker = new Waker(this.#wake);
      this.#waker = waker;
      ring.registerEventfd(waker.fd);
      ring.cqEventfdToggle(false);
    } catch (error) {
      this.#waker?.close();
      this.#waker = null;
      ring.close();
      throw error;
    }
    this.#ring = ring;
    return ring;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(this.#tick);
  }

  /** The queue is full, or has fewer free entries than are wanted: what is in it goes out now. */
  #makeRoom(count: number): Sqe | null {
    // In the midst of completions nothing can be reaped; it waits until they are through.
    if (this.#draining) return null;
    this.#disarm();
    this.#submit();
    this.#drain();
    const ring = this.#ring as IoUringState;
    return ring.sqSpaceLeft() >= count ? ring.getSqe() : null;
  }

  #submit(): void {
    const ring = this.#ring as IoUringState;
    try {
      ring.submitAndGetEvents();
    } catch (error) {
      // What was not taken stays in the queue, and goes with the next flush: see #rest.
      if (!(error instanceof UringError && LATER.includes(error.errno))) throw error;
    }
  }

  #drain(): void {
    const ring = this.#ring as IoUringState;
    this.#draining = true;
    try {
      if (ring.cqHasOverflow) this.overflows++;
      ring.forEachCqe(this.#complete);
    } finally {
      this.#draining = false;
    }
  }

  #pump(): void {
    const ring = this.#ring as IoUringState;
    this.#pumping = true;
    this.#stalled = false;
    try {
      while (this.#waiting.size > 0 && !this.#stalled && ring.sqSpaceLeft() > 0) this.#waiting.next()();
    } finally {
      this.#pumping = false;
    }
    this.#schedule();
  }

  /** Until something happens: has the eventfd armed, or a flush to come. */
  #rest(): void {
    const ring = this.#ring;
    if (ring === null) return;
    if (this.slots.used === 0) {
      this.updateRef();
      this.idle?.();
      return;
    }
    if (!ring.usesSqpoll && ring.sqReady() > 0) this.#scheduleLater();
    this.updateRef();
    this.#arm(ring);
  }

  /** From now on a completion wakes the event loop. */
  #arm(ring: IoUringState): void {
    if (!this.#armed) {
      this.#armed = true;
      ring.cqEventfdToggle(true);
    }
    // What came between the last look and the arming signalled nobody.
    if (ring.peekCqe() !== null) this.#schedule();
  }

  #disarm(): void {
    if (!this.#armed) return;
    this.#armed = false;
    (this.#ring as IoUringState).cqEventfdToggle(false);
  }

  /** The kernel took not everything: for want of memory, or of room for completions. */
  #scheduleLater(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setTimeout(this.#resume, RETRY_MS);
  }

  #settle(slot: Slot, res: number, flags: number): void {
    this.completed++;
    if (slot.ref) this.#refs--;
    const { resolve, finish, view } = slot;
    if (res >= 0 && finish === null && slot.cancellation === null && (view === null || view.byteLength > 0)) {
      if (slot.traced) traceEnd(slot, res, null);
      this.slots.give(slot);
      resolve(res);
      return;
    }
    const problem = failure(slot, res);
    if (slot.traced) traceEnd(slot, res, problem);
    slot.cancellation?.end();
    this.slots.give(slot);
    if (problem !== null) rejectFrom(resolve, problem);
    else if (finish === null) resolve(res);
    else this.#finish(resolve, finish, res, flags);
  }

  #finish(
    resolve: (value: unknown) => void,
    finish: (res: number, flags: number) => unknown,
    res: number,
    flags: number,
  ): void {
    try {
      resolve(finish(res, flags));
    } catch (error) {
      resolve(Promise.reject(error));
    }
  }

  #receive(slot: Slot, res: number, flags: number): void {
    const receiver = slot.receiver!;
    const more = (flags & IORING_CQE_F_MORE) !== 0;
    if (!more) {
      this.completed++;
      if (slot.ref) this.#refs--;
      if (slot.traced) traceEnd(slot, res, res < 0 ? failure(slot, res) : null);
    }
    receiver.complete(res, flags, more);
    if (more) return;
    slot.cancellation?.end();
    this.slots.give(slot);
  }

  #other(index: number, key: number, res: number, flags: number): void {
    const kind = key >>> KIND_SHIFT;
    const take = kind === KIND_OPERATION ? undefined : this.others[kind];
    if (take === undefined) this.strays++;
    else take(index, key, res, flags);
  }
}

/** What a submission can meet and get over: the entries stay in the queue. */
const LATER: readonly number[] = [-EAGAIN, -EBUSY, -EINTR, -ENOMEM];
const RETRY_MS = 1;
const NOBODY = { complete(): void {} };

/** The slot whose promise is being made: its resolvers go there without a closure for each. */
let promised: Slot;
function takeResolvers(resolve: (value: never) => void, reject: (error: unknown) => void): void {
  promised.resolve = resolve as (value: unknown) => void;
  promised.reject = reject;
}

/** As of the ring: every call after `close`. */
export function closedError(): Error {
  return new UringError(EBADF, 'io_uring_enter');
}
