/**
 * Operations that complete again and again, as async iterables.
 */
import { EBADFD, ECANCELED, EINVAL, ENOBUFS } from '../../syscalls/errno.ts';
import type { Cqe } from '../cqe.ts';
import type { Sqe } from '../sqe.ts';
import { Cancellation, checkSignal } from './cancellation.ts';
import type { Engine } from './engine.ts';
import { abortError, operationError } from './errors.ts';
import { enter } from './launch.ts';
import type { File } from './operations.ts';
import type { Receiver, Slot } from './slot.ts';

/** Options of an iterable. */
export interface MultishotOptions {
  /** Ends the iteration with an AbortError when it is aborted; what came before is delivered first. */
  signal?: AbortSignal | undefined;
}

/** What an iterable is made of. */
export interface Source<T> {
  /** For errors. */
  readonly name: string;
  readonly file?: File;
  /** Writes the entry of the operation that completes again and again. */
  readonly encode: (sqe: Sqe) => void;
  /** Writes the entry of one that completes once, for kernels without the other. Null where there is none. */
  readonly encodeOnce: ((sqe: Sqe) => void) | null;
  /** Whether the first may be tried. */
  readonly prepare?: () => boolean;
  /**
   * What a completion stands for; undefined for the end. `once`: of the operation that completes once. `crowded`: more stands
   * undelivered than is good, and the kernel has not stopped yet.
   */
  readonly take: (cqe: Cqe, once: boolean, crowded: boolean) => T | undefined;
  /** Whether a result stands for a value. Default: when it is not negative. */
  readonly isValue?: (res: number) => boolean;
  /** Whether the value that was taken last is the last of all. */
  readonly isLast?: () => boolean;
  /** A completion that stands for nothing may have brought something all the same. */
  readonly drop?: (cqe: Cqe) => void;
  /** What nobody will have any more. */
  discard?(value: T): void;
  /** Whether a failure only means that there is nowhere to put what comes, for now. */
  readonly isFull?: (res: number) => boolean;
  /** Whether there is anywhere to put what comes; otherwise has `again` called when there is. */
  readonly hasRoom?: (again: () => void) => boolean;
  /** How much a value weighs against `most`. Default 1. */
  weigh?(value: T): number;
  /** So much may stand undelivered: then the kernel is asked to stop, until half of it is gone. */
  readonly most: number;
}

/**
 * The values of an operation that completes again and again. The operation begins with the first `next`. It is stopped
 * while more stands undelivered than is good, and begun anew when there is room, as when the kernel ends it by itself. To
 * `break` cancels it and gives back what was not delivered.
 */
export class Multishot<T> implements AsyncIterableIterator<T>, AsyncDisposable, Receiver {
  readonly #engine: Engine;
  readonly #source: Source<T>;
  readonly #signal: AbortSignal | undefined;
  #once = false;
  /** Values that nobody has asked for yet. */
  #values: T[] = [];
  #weight = 0;
  /** Who waits for a value: there are none then. */
  #waiters: Waiter<T>[] = [];
  /** The operation in flight. */
  #slot: Slot | null = null;
  /** Waits for room in the queue. */
  #entering = false;
  #pausing = false;
  /** There will be no more values. */
  #ended = false;
  #error: (() => Error) | null = null;
  /** Who waits for the operation's end. */
  #stopped: (() => void)[] = [];
  #ref = true;

  /** `owner`: the ring's, which lives as long as this. */
  constructor(engine: Engine, source: Source<T>, { signal }: MultishotOptions = {}, owner: object = engine) {
    checkSignal(signal);
    owners.set(this, owner);
    this.#engine = engine;
    this.#source = source;
    this.#signal = signal;
    if (signal?.aborted) this.#abort();
    else signal?.addEventListener('abort', this.#abort);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next value. Rejected with what ended the operation, once; then it is over. */
  next(): Promise<IteratorResult<T>> {
    if (this.#values.length > 0) {
      const value = this.#values.shift() as T;
      this.#weight -= this.#weigh(value);
      this.#flow();
      return Promise.resolve({ done: false, value });
    }
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#flow();
      this.#settle();
    });
  }

  /** Cancels the operation, gives back what was not delivered, and is done when the kernel is. */
  async return(): Promise<IteratorResult<T>> {
    this.#end(null);
    for (const value of this.#values.splice(0)) this.#source.discard?.(value);
    this.#weight = 0;
    if (this.#slot !== null) await new Promise<void>((resolve) => this.#stopped.push(resolve));
    return { done: true, value: undefined };
  }

  /** As `return`, rejected with `error`. */
  async throw(error: unknown): Promise<IteratorResult<T>> {
    await this.return();
    throw error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** It keeps the process alive while it goes on: so it is from the beginning. */
  ref(): this {
    return this.#setRef(true);
  }

  /** It does not keep the process alive: for what goes on in the background. */
  unref(): this {
    return this.#setRef(false);
  }

  /** For the engine: a completion. */
  complete(res: number, _flags: number, more: boolean, cqe: Cqe): void {
    if (!more) this.#slot = null;
    const isValue = this.#source.isValue?.(res) ?? res >= 0;
    if (isValue) this.#take(cqe);
    else {
      this.#source.drop?.(cqe);
      this.#fail(res);
    }
    if (more) {
      this.#flow();
      return;
    }
    this.#pausing = false;
    for (const resolve of this.#stopped.splice(0)) resolve();
    this.#settle();
    this.#flow();
  }

  #take(cqe: Cqe): void {
    const value = this.#source.take(cqe, this.#once, this.#weight >= this.#source.most);
    if (value === undefined) this.#end(null);
    else if (this.#waiters.length > 0) this.#waiters.shift()!.resolve({ done: false, value });
    else if (this.#ended && this.#error === null) this.#source.discard?.(value);
    else {
      this.#values.push(value);
      this.#weight += this.#weigh(value);
    }
    if (this.#source.isLast?.()) this.#end(null);
  }

  /** What ends an operation, and whether that ends the iteration. */
  #fail(res: number): void {
    if (
      this.#ended ||
      (res === -ECANCELED && this.#pausing) ||
      res === -ENOBUFS ||
      this.#source.isFull?.(res)
    )
      return;
    if ([-EINVAL, -EBADFD].includes(res) && !this.#once && this.#source.encodeOnce !== null) {
      // The kernel does not know how to go on by itself, or not with this file.
      this.#once = true;
      return;
    }
    const { name } = this.#source;
    this.#end(() => operationError(res, name));
  }

  /** Begins the operation, or stops it, as there is room for values. */
  #flow(): void {
    const { most } = this.#source;
    if (this.#slot !== null) {
      if (this.#weight >= most && !this.#once) this.#pause();
      return;
    }
    if (this.#ended || this.#entering || (this.#weight > 0 && this.#weight >= most / 2)) return;
    this.#begin();
  }

  #begin(): void {
    const source = this.#source;
    try {
      if (!this.#once && source.prepare?.() === false) {
        if (source.encodeOnce === null) throw operationError(-EINVAL, source.name);
        this.#once = true;
      }
      if (!this.#once && source.hasRoom?.(this.#enterAgain) === false) {
        this.#entering = true;
        return;
      }
      const encode = this.#once ? source.encodeOnce! : source.encode;
      const { name, file } = source;
      const slot = enter(this.#engine, { name, encode, ...(file !== undefined && { file }) });
      if (slot === null) {
        this.#entering = true;
        this.#engine.wait(this.#enterAgain);
        return;
      }
      slot.receiver = this;
      slot.cancellation = new Cancellation(this.#engine, slot);
      this.#slot = slot;
      this.#engine.setRef(slot, this.#ref);
      this.#engine.send(slot);
    } catch (error) {
      this.#end(() => error as Error);
      this.#settle();
    }
  }

  readonly #enterAgain = (): void => {
    this.#entering = false;
    this.#flow();
  };

  #pause(): void {
    if (this.#pausing) return;
    this.#pausing = true;
    this.#cancel();
  }

  #cancel(): void {
    const { name } = this.#source;
    this.#slot?.cancellation?.cancel(() => operationError(-ECANCELED, name));
  }

  /** No more values are to come but those that stand here. */
  #end(error: (() => Error) | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#cancel();
    this.#settle();
  }

  readonly #abort = (): void => {
    const reason = this.#signal?.reason;
    this.#end(() => abortError(reason));
  };

  /** Who waits for a value that will not come is told so when the operation is over. */
  #settle(): void {
    if (!this.#ended || this.#slot !== null || this.#values.length > 0) return;
    for (const { resolve, reject } of this.#waiters.splice(0)) {
      const error = this.#error;
      this.#error = null;
      if (error === null) resolve({ done: true, value: undefined });
      else reject(error());
    }
  }

  #weigh(value: T): number {
    return this.#source.weigh?.(value) ?? 1;
  }

  #setRef(ref: boolean): this {
    this.#ref = ref;
    if (this.#slot !== null) this.#engine.setRef(this.#slot, ref);
    return this;
  }
}

const owners = new WeakMap<object, object>();

/** Whoever waits for a value. (Methods: an iterable of less is one of more.) */
interface Waiter<T> {
  resolve(result: IteratorResult<T>): void;
  reject(error: unknown): void;
}
