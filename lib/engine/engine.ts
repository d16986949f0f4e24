/**
 * The engine: operations go in, are submitted together once the running JavaScript is through, and settle their promises.
 *
 * A turn: `begin` and `start` stage entries; `process.nextTick` brings the flush behind everything that stands in the
 * microtask queue; the flush submits with one system call and reaps what completed at once. What did not complete has the
 * alarm armed, and the event loop wakes us. A flush whose promises start the next one is an inline round: after some of
 * them the event loop has its turn (see Turns).
 */

import { IORING_OP_NOP } from '../../syscalls/constants/opcodes.ts';
import { UringError } from '../../syscalls/error.ts';
import { invalidState } from '../../syscalls/invalid.ts';
import { isView } from '../../syscalls/is-view.ts';
import { Iovecs } from '../args/iovecs.ts';
import { Msghdr } from '../args/msghdr.ts';
import { giveHold } from '../hold.ts';
import type { Sqe } from '../sqe.ts';
import type { IoUringState } from '../state.ts';
import { nextTick, setImmediate, setTimeout } from '../timers.ts';
import { Alarm } from './alarm.ts';
import type { Arena } from './arena.ts';
import { abandonAll, isPassing } from './broken.ts';
import type { BufferGroup } from './buffer-group.ts';
import { Completions } from './completions.ts';
import type { FileTable } from './file-table.ts';
import { Identity } from './identity.ts';
import { Listeners } from './listeners.ts';
import type { Messages } from './messages.ts';
import type { FilePath } from './operations.ts';
import type { CheckedEngineOptions } from './options.ts';
import { makeRing } from './ring-setup.ts';
import { nothing } from './settle.ts';
import type { Slot } from './slot.ts';
import { Slots } from './slots.ts';
import { traceStart, tracing } from './trace.ts';
import { Turns } from './turns.ts';
import { Unsent } from './unsent.ts';
import { Waiting } from './waiting.ts';

export class Engine {
  readonly options: CheckedEngineOptions;
  readonly slots: Slots = new Slots();
  readonly turns: Turns = new Turns();
  /** Operations so far. */
  started = 0;
  /** Turns of the event loop that completions caused. */
  wakeups = 0;
  /** How often completions waited in the kernel because the queue was full. */
  overflows = 0;
  /** Whether operations keep the process alive at all. */
  keepsAlive = true;
  /** Chains that wait for all that was submitted before. */
  drains = 0;
  /** Those who want what other rings send: `listen` and `unlisten`. */
  readonly listeners: Listeners = new Listeners();
  readonly completions: Completions = new Completions(this.slots, this.listeners);
  /** What waits for something else than the kernel, and has to know when there are no more operations. */
  readonly atEnd: Set<() => void> = new Set();
  /** Its groups of provided buffers. */
  readonly groups: BufferGroup[] = [];
  /** Its registered memory, once there is some. */
  arena: Arena | null = null;
  /** Its registered files, once there are some. */
  files: FileTable | null = null;
  /** Called when the last operation is over, while the engine closes. */
  idle: (() => void) | null = null;
  /** Why there are no more operations, once there are none. */
  ended: (() => Error) | null = null;
  #ring: IoUringState | null = null;
  /** Of the ring that is closed. */
  #enters = 0;
  #alarm: Alarm | null = null;
  #scheduled = false;
  /** Completions that the next submission may give at once, which takes several runs of deferred work: of chains. */
  #atOnce = 0;
  /** Whether the entry of `begin` is being encoded. */
  #encoding = false;
  #draining = false;
  #pumping = false;
  /** Whether what was called for there being room found too little of it. */
  #stalled = false;
  /** For room in the submission queue. */
  readonly #waiting = new Waiting<() => void>();
  readonly #unsent = new Unsent();
  /** With SQPOLL: as whom operations run. */
  #identity: Identity | null = null;

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
    if (this.#encoding) throw invalidState('Another operation is being encoded');
    if (this.#waiting.size > 0 && !this.#pumping) return null;
    const sqe = this.ring.getSqe() ?? this.#makeRoom(1);
    this.#encoding = sqe !== null;
    return sqe;
  }

  /** As `begin` for what goes before all others and also when no more operations are taken; null when it cannot be now. */
  beginFirst(): Sqe | null {
    if (this.#ring === null || this.#encoding) return null;
    const sqe = this.#ring.getSqe();
    this.#encoding = sqe !== null;
    return sqe;
  }

  /** Whether `count` entries can be had now one after the other, submitted by one system call. */
  hasRoom(count: number): boolean {
    if (this.#encoding || (this.#waiting.size > 0 && !this.#pumping)) return false;
    if (this.ring.sqSpaceLeft() >= count) return true;
    try {
      return this.#makeRoom(count) !== null;
    } catch (error) {
      if (!(error instanceof UringError)) throw error;
      // The flush that is to come meets the same, and tells all who wait.
      return false;
    }
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

  /**
   * Takes the entry that `begin` gave, and what it points at. Fill in the slot, then call `send` or `promise`: it goes to
   * the kernel with the next flush.
   */
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
      if (isView(first) && first.byteLength > 0) {
        slot.view = first;
        this.arena?.fix(sqe, first);
      } else if (first instanceof Iovecs) slot.vectors = first;
      else if (first instanceof Msghdr) slot.vectors = first.iovecs;
    }
    this.#unsent.add(sqe, slot.view === null && slot.vectors === null ? null : slot);
    this.#identity?.stage(sqe);
    (this.#ring as IoUringState).stageSqe();
    this.#encoding = false;
    this.started++;
    this.completions.refs++;
    return slot;
  }

  /** The slot of an operation is filled in: it may complete from now on. */
  send(slot: Slot): void {
    this.#schedule();
    if (tracing()) traceStart(slot);
  }

  /** As `send`. The promise of the operation. */
  promise<T>(slot: Slot): Promise<T> {
    const promise = new Promise<T>(takeResolvers);
    slot.resolve = takenResolve;
    // A promise holds the asynchronous context of whoever awaits it.
    takenResolve = nothing;
    this.send(slot);
    return promise;
  }

  /** A chain of so many entries was begun, which may complete without waiting for anything. */
  hope(completions: number): void {
    this.#atOnce += completions;
  }

  /** Takes an entry whose completion is of another kind than an operation's. */
  startOther(sqe: Sqe, index: number, key: number): void {
    const { words, at } = sqe;
    words[at + 8] = index;
    words[at + 9] = key;
    this.#unsent.add(sqe, null);
    (this.#ring as IoUringState).stageSqe();
    this.#encoding = false;
    this.#schedule();
  }

  /** Whatever was encoded into the entry of `begin` is void. */
  abandon(sqe: Sqe): void {
    this.#encoding = false;
    // The entry stays the next one: nothing that it names is held any more.
    sqe.rw(IORING_OP_NOP, -1, 0, 0, 0);
    if (sqe.held === null) return;
    giveHold(sqe.held);
    sqe.held = null;
  }

  /** Whether the operation keeps the process alive. */
  setRef(slot: Slot, ref: boolean): void {
    if (slot.ref === ref) return;
    slot.ref = ref;
    this.completions.refs += ref ? 1 : -1;
    this.updateRef();
  }

  /** Submits all that was started, and settles what is complete. */
  flush(): void {
    if (this.#ring === null || this.#draining) return;
    try {
      this.#turn(this.#ring);
    } catch (error) {
      if (!(error instanceof UringError)) throw error;
      this.#break(error);
    } finally {
      this.#rest();
    }
  }

  /** Follows what is in flight: whether the process is kept alive. */
  updateRef(): void {
    this.#alarm?.keep(this.keepsAlive && (this.completions.refs > 0 || this.listeners.keepAlive));
  }

  /** Has `messages` told what other rings send. @throws as `begin`. */
  listen(messages: Messages): void {
    if (this.ended !== null) throw this.ended();
    // Whoever is told the ring's number may send at once.
    if (this.#ring === null) this.#open();
    this.listeners.add(messages);
    this.#rest();
  }

  unlisten(messages: Messages): void {
    this.listeners.delete(messages);
    this.#rest();
  }

  /** There are no more operations: for those who wait. */
  sayEnded(): void {
    this.listeners.end(this.ended);
    for (const told of this.atEnd) told();
  }

  /** Gives back ring and eventfd. Nothing may be in flight. */
  release(): void {
    this.#alarm?.close();
    this.#alarm = null;
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

  #open(): IoUringState {
    if (this.ended !== null) throw this.ended();
    const ring = makeRing(this.options);
    try {
      this.#alarm = new Alarm(ring, this.#wake);
    } catch (error) {
      ring.close();
      throw error;
    }
    this.#ring = ring;
    if (ring.usesSqpoll) this.#identity = new Identity(ring);
    return ring;
  }

  /** Behind all microtasks that are to run, also from a timer, where the next tick comes before them. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // As queueMicrotask, which makes an AsyncResource each time.
    RESOLVED.then(this.#soon);
  }

  readonly #soon = (): void => nextTick(this.#tick);

  /** In a moment, when the kernel may take what it has not taken now. */
  #scheduleLater(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    if ((this.#ring as IoUringState).usesSqpoll) setImmediate(this.#resume);
    else setTimeout(this.#resume, RETRY_MS).unref();
  }

  #turn(ring: IoUringState): void {
    this.#alarm?.disarm();
    this.#submit(ring);
    this.#drain(ring);
    if (this.#waiting.size > 0) this.#pump(ring);
  }

  /** The queue is full, or has fewer free entries than are wanted: what is in it goes out now. */
  #makeRoom(count: number): Sqe | null {
    // In the midst of completions nothing can be reaped; it waits until they are through.
    if (this.#draining) return null;
    const ring = this.#ring as IoUringState;
    this.#alarm?.disarm();
    // Whatever comes of it, it is looked after again.
    this.#schedule();
    this.#submit(ring);
    this.#drain(ring);
    // Somebody may have closed the ring who was told of a completion.
    if (this.ended !== null) throw this.ended();
    return ring.sqSpaceLeft() >= count ? ring.getSqe() : null;
  }

  #submit(ring: IoUringState): void {
    this.#identity?.publish();
    const atOnce = this.#atOnce;
    this.#atOnce = 0;
    this.#unsent.check();
    try {
      if (ring.usesSqpoll) ring.submit();
      else ring.submitAndGetEvents(atOnce);
    } catch (error) {
      // What was not taken stays in the queue, and goes with a later flush: see #rest.
      if (!isPassing(error)) throw error;
    } finally {
      this.#unsent.sent(ring.usesSqpoll ? 0 : ring.sqReady());
    }
  }

  #drain(ring: IoUringState): void {
    if (this.#draining) return;
    this.#draining = true;
    try {
      if (ring.cqHasOverflow) this.overflows++;
      ring.forEachCqe(this.completions.take);
    } catch (error) {
      if (!isPassing(error)) throw error;
    } finally {
      this.#draining = false;
    }
  }

  /** Calls what waits for room as long as there is some; all of it when no more operations are taken. */
  #pump(ring: IoUringState): void {
    this.#pumping = true;
    this.#stalled = false;
    const before = ring.sqReady();
    try {
      while (this.#waiting.size > 0 && !this.#stalled && (this.ended !== null || ring.sqSpaceLeft() > 0))
        this.#waiting.next()();
    } finally {
      this.#pumping = false;
    }
    if (ring.sqReady() > before) this.#schedule();
  }

  /** Until something happens: has the alarm armed, or a flush to come. */
  #rest(): void {
    const ring = this.#ring;
    const alarm = this.#alarm;
    if (ring === null || alarm === null) return;
    this.updateRef();
    if (this.slots.used === 0 && this.#waiting.size === 0 && this.listeners.size === 0) {
      this.idle?.();
      return;
    }
    if ((!ring.usesSqpoll && ring.sqReady() > 0) || this.#waiting.size > 0) this.#scheduleLater();
    if (alarm.arm()) this.#schedule();
  }

  /** What is complete has happened: a descriptor was opened, or closed. */
  #drainLast(): void {
    try {
      if (this.#ring !== null && !this.#ring.closed) this.#drain(this.#ring);
    } catch (error) {
      // More is in the kernel, and cannot be had any more.
      if (!(error instanceof UringError)) throw error;
    }
  }

  /** The ring cannot be used any more: completions are lost. What the kernel may still write to stays held for good. */
  #break(error: UringError): void {
    this.#drainLast();
    this.ended = () => error;
    abandonAll(this.slots, error);
    this.completions.refs = 0;
    this.sayEnded();
    while (this.#waiting.size > 0) this.#waiting.next()();
    this.release();
    this.idle?.();
  }
}

const RETRY_MS = 1;
const RESOLVED = Promise.resolve();

/** The resolver of the promise made last: it goes into the slot without a closure for each. */
let takenResolve: (value: unknown) => void = nothing;
function takeResolvers(resolve: (value: never) => void): void {
  takenResolve = resolve as (value: unknown) => void;
}
