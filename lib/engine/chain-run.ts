/**
 * A chain on its way through the kernel.
 */

import { IOSQE_IO_DRAIN, IOSQE_IO_HARDLINK, IOSQE_IO_LINK } from '../../syscalls/constants/sqe.ts';
import { ECANCELED, EOPNOTSUPP, ETIME, ETIMEDOUT } from '../../syscalls/errno.ts';
import { UringError } from '../../syscalls/error.ts';
import { outOfRange } from '../../syscalls/invalid.ts';
import { timespec } from '../args/timespec.ts';
import { giveHold } from '../hold.ts';
import { linkTimeout } from '../ops/timeout.ts';
import type { Sqe } from '../sqe.ts';
import { clearTimeout, setTimeout } from '../timers.ts';
import { Cancellation, canCancelPastDrain } from './cancellation.ts';
import { type Chain, type ChainOptions, giveSqe, type Link } from './chain.ts';
import type { Engine } from './engine.ts';
import { abortError, operationError, rejectFrom } from './errors.ts';
import { failure } from './failure.ts';
import { checkFiles } from './named-files.ts';
import { isPassedOver } from './passed-over.ts';
import { settle } from './settle.ts';
import type { Slot } from './slot.ts';

/** What a broken chain adds to the errors of its links. */
export interface ChainError extends Error {
  /** The number of the link that broke the chain, from 0 on: it failed, or did less than was asked. */
  link: number;
  /** The numbers of the links that were cancelled for it. */
  cancelled: readonly number[];
}

/** How a link ended that did not succeed. */
interface Failure {
  readonly index: number;
  readonly make: () => Error;
  readonly cancelled: boolean;
}

/**
 * Submits the chain. Done when all of it is over, whatever came of it: the promises of its links tell.
 * @throws what was wrong with a link, and what `begin` does: then none is begun.
 */
export function runChain(engine: Engine, chain: Chain, options: ChainOptions): Promise<void> {
  const { links, mistake } = chain;
  return new Promise<void>((resolve, reject) => {
    try {
      if (mistake !== undefined) throw mistake;
      for (const { request } of links) checkFiles(engine, request);
      const ended = (): void => {
        chain.letGo();
        resolve();
      };
      if (links.length === 0) resolve();
      else new ChainRun(engine, links, options, ended).begin();
    } catch (error) {
      chain.abandon(error);
      reject(error);
    }
  });
}

class ChainRun {
  readonly #engine: Engine;
  readonly #links: readonly Link[];
  readonly #options: ChainOptions;
  readonly #ended: () => void;
  readonly #cancellations: Cancellation[] = [];
  readonly #failures: Failure[] = [];
  readonly #timedOut = new Set<number>();
  /** The first link that was not submitted. */
  #next = 0;
  #drained = false;
  /** Completions that are to come: of the links, and of their timeouts. */
  #pending = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Why all of it was asked to end. */
  #why: (() => Error) | null = null;

  constructor(engine: Engine, links: readonly Link[], options: ChainOptions, ended: () => void) {
    this.#engine = engine;
    this.#links = links;
    this.#options = options;
    this.#ended = ended;
  }

  /** Begins with the first link, now or when there is room. @throws RangeError for more than the queue takes. */
  begin(): void {
    const entries = entriesOf(this.#links);
    const most = this.#engine.ring.sqEntries;
    if (entries > most)
      throw outOfRange('the number of links', `<= ${most}, the entries of the ring`, entries);
    const { signal, timeout, drain } = this.#options;
    if (drain && !canCancelPastDrain(this.#engine.ring))
      throw new UringError(EOPNOTSUPP, 'io_uring_enter', 'drain needs Linux 6.1.');
    this.#submit();
    signal?.addEventListener('abort', this.#abort);
    if (timeout !== undefined) this.#timer = setTimeout(this.#expire, timeout).unref();
  }

  /** Submits the next links in one piece, now or when there is room: up to one whose failure the kernel passes over. */
  #submit(): void {
    const from = this.#next;
    let end = from + 1;
    if (this.#options.hard) end = this.#links.length;
    else while (end < this.#links.length && !isPassedOver(this.#links[end - 1].sqe.opcode)) end++;
    const entries = entriesOf(this.#links.slice(from, end));
    const attempt = (): void => {
      // More than one entry is wanted: what is called for there being room may have to wait once more.
      if (this.#engine.ended !== null) this.#refuse(from, this.#engine.ended);
      else if (this.#why !== null) this.#refuse(from, this.#why);
      else if (this.#engine.hasRoom(entries)) this.#enter(from, end);
      else this.#engine.waitFirst(attempt);
    };
    if (this.#engine.ended === null && this.#engine.waiting === 0 && this.#engine.hasRoom(entries))
      this.#enter(from, end);
    else this.#engine.wait(attempt);
  }

  #enter(from: number, end: number): void {
    const { hard = false, drain = false } = this.#options;
    const slots: Slot[] = [];
    this.#next = end;
    for (let index = from; index < end; index++) {
      const link = this.#links[index];
      const { name, path, dest, options, accepts } = link.request;
      const sqe = this.#copy(link.sqe);
      const limited = hasTimeout(link);
      const goesOn = index < end - 1;
      if (limited || (goesOn && !hard)) sqe.flags |= IOSQE_IO_LINK;
      if (goesOn && hard) sqe.flags |= IOSQE_IO_HARDLINK;
      if (index === 0 && drain) sqe.flags |= IOSQE_IO_DRAIN;
      const slot = this.#engine.start(sqe, name, path, dest);
      slot.receiver = { complete: (res, flags, more) => more || this.#done(index, slot, res, flags) };
      if (accepts !== undefined) slot.accepts = accepts;
      slot.cancellation = new Cancellation(this.#engine, slot, { signal: options?.signal });
      this.#cancellations.push(slot.cancellation);
      slots.push(slot);
      this.#pending++;
      if (limited) this.#limit(index, options!.timeout!, goesOn);
    }
    if (from === 0 && drain) this.#engine.drains++;
    this.#engine.hope(end - from);
    for (const slot of slots) this.#engine.send(slot);
    if (this.#options.signal?.aborted) this.#abort();
  }

  /** The entry behind a link that limits its time. */
  #limit(index: number, milliseconds: number, goesOn: boolean): void {
    const sqe = this.#engine.begin() as Sqe;
    linkTimeout(sqe, timespec(milliseconds));
    if (goesOn) sqe.flags |= IOSQE_IO_LINK;
    const slot = this.#engine.start(sqe, 'linkTimeout');
    slot.receiver = {
      complete: (res) => {
        if (res === -ETIME) this.#timedOut.add(index);
        this.#over();
      },
    };
    this.#pending++;
    this.#engine.send(slot);
  }

  #copy(from: Sqe): Sqe {
    const sqe = this.#engine.begin() as Sqe;
    const { words, at } = sqe;
    for (let word = 0; word < SQE_WORDS; word++) words[at + word] = from.words[word];
    sqe.held = from.held;
    from.held = null;
    giveSqe(from);
    return sqe;
  }

  #done(index: number, slot: Slot, res: number, flags: number): void {
    const { resolve, request } = this.#links[index];
    const { finish, name, path, dest } = request;
    const make = failure(slot, res);
    if (make === null) settle(resolve, finish, res, flags);
    else {
      const late = () => (this.#timedOut.has(index) ? operationError(-ETIMEDOUT, name, path, dest) : make());
      this.#failures.push({ index, make: late, cancelled: res === -ECANCELED });
    }
    this.#over();
  }

  /** One completion less to come. With the last one of those submitted it is known whether it goes on. */
  #over(): void {
    if (--this.#pending > 0) return;
    if (this.#options.drain && !this.#drained) {
      this.#drained = true;
      this.#engine.drains--;
    }
    if (this.#next === this.#links.length) this.#end();
    else if (this.#failures.length > 0) this.#refuse(this.#next, null);
    else if (this.#why !== null) this.#refuse(this.#next, this.#why);
    else this.#submit();
  }

  /** The links from `from` on are not submitted: for what happened before them, or for `why`. */
  #refuse(from: number, why: (() => Error) | null): void {
    for (let index = from; index < this.#links.length; index++) {
      const { sqe, request } = this.#links[index];
      if (sqe.held !== null) giveHold(sqe.held);
      sqe.held = null;
      giveSqe(sqe);
      const { name, path, dest } = request;
      const make = why ?? (() => operationError(-ECANCELED, name, path, dest));
      this.#failures.push({ index, make, cancelled: why === null || index > from });
    }
    this.#next = this.#links.length;
    this.#end();
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#ended();
    if (this.#failures.length === 0) return;
    this.#failures.sort((a, b) => a.index - b.index);
    const failed = this.#failures.find(({ index, cancelled }) => !cancelled || this.#timedOut.has(index));
    const link = failed?.index ?? Math.max(0, this.#failures[0].index - 1);
    const cancelled = this.#failures.filter(({ index }) => index !== link).map(({ index }) => index);
    // First the one that broke the chain, which may be cancelled from its beginning: who awaits all of it is told of that.
    this.#failures.sort((a, b) => Number(b.index === link) - Number(a.index === link));
    for (const { index, make } of this.#failures)
      rejectFrom(this.#links[index].resolve, () => Object.assign(make(), { link, cancelled }));
  }

  #cancel(why: () => Error): void {
    if (this.#why !== null) return;
    this.#why = why;
    for (const cancellation of this.#cancellations) cancellation.cancel(why);
  }

  readonly #abort = (): void => {
    const reason = this.#options.signal?.reason;
    this.#cancel(() => abortError(reason));
  };

  readonly #expire = (): void => this.#cancel(() => operationError(-ETIMEDOUT, 'chain'));
}

function hasTimeout({ request }: Link): boolean {
  return request.options?.timeout !== undefined;
}

/** With the entries of the timeouts. */
function entriesOf(links: readonly Link[]): number {
  return links.length + links.filter(hasTimeout).length;
}

/** 64 bytes. */
const SQE_WORDS = 16;
