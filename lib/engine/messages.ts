/**
 * What other rings send to this one: completions that belong to no operation.
 */
import { checkInteger } from '../../syscalls/invalid.ts';
import { type CancelOptions, checkSignal } from './cancellation.ts';
import type { Engine } from './engine.ts';
import { abortError } from './errors.ts';
import { KIND_MESSAGE, keyOf } from './slot.ts';

/** A message of another ring. */
export interface RingMessage {
  /** 32 bits with a sign. */
  readonly value: number;
  /** A number up to 2^53 - 1. */
  readonly data: number;
}

/** The user data that brings `data` to an engine. @throws TypeError, RangeError. */
export function messageData(data: number): bigint {
  checkInteger('data', data, 0, Number.MAX_SAFE_INTEGER);
  const high = keyOf(KIND_MESSAGE, Math.floor(data / 0x1_0000_0000));
  return (BigInt(high >>> 0) << 32n) | BigInt(data >>> 0);
}

/**
 * The messages that come to a ring, from when this was made on; those that nobody has asked for yet are kept, as many as
 * come. It keeps the process alive unless `unref` is called, until its end: by `break`, `return`, its signal, or the ring's
 * close.
 */
export class Messages implements AsyncIterableIterator<RingMessage>, AsyncDisposable {
  readonly #engine: Engine;
  readonly #signal: AbortSignal | undefined;
  readonly #values: RingMessage[] = [];
  #waiters: { resolve: (result: IteratorResult<RingMessage>) => void; reject: (error: unknown) => void }[] =
    [];
  #ended = false;
  #error: (() => Error) | null = null;
  #ref = true;

  /** @throws TypeError; what making a ring throws. */
  constructor(engine: Engine, { signal }: Pick<CancelOptions, 'signal'> = {}) {
    checkSignal(signal);
    this.#engine = engine;
    this.#signal = signal;
    engine.listen(this);
    if (signal?.aborted) this.#abort();
    else signal?.addEventListener('abort', this.#abort);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<RingMessage>> {
    const value = this.#values.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (!this.#ended)
      return new Promise((resolve, reject) => {
        this.#waiters.push({ resolve, reject });
      });
    const error = this.#error;
    this.#error = null;
    if (error !== null) return Promise.reject(error());
    return Promise.resolve({ done: true, value: undefined });
  }

  async return(): Promise<IteratorResult<RingMessage>> {
    this.#values.length = 0;
    this.end(null);
    return { done: true, value: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  ref(): this {
    return this.#setRef(true);
  }

  unref(): this {
    return this.#setRef(false);
  }

  /** Whether it keeps the process alive. */
  get keepsAlive(): boolean {
    return this.#ref && !this.#ended;
  }

  /** For the engine: a message has come. */
  take(value: number, index: number, key: number): void {
    const message: RingMessage = { value, data: (key & 0x0fff_ffff) * 0x1_0000_0000 + (index >>> 0) };
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) waiter.resolve({ done: false, value: message });
    else this.#values.push(message);
  }

  /** For the engine: no more will come. */
  end(error: (() => Error) | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#engine.unlisten(this);
    for (const { resolve, reject } of this.#waiters.splice(0)) {
      const why = this.#error;
      this.#error = null;
      if (why === null) resolve({ done: true, value: undefined });
      else reject(why());
    }
  }

  readonly #abort = (): void => {
    const reason = this.#signal?.reason;
    this.end(() => abortError(reason));
  };

  #setRef(ref: boolean): this {
    this.#ref = ref;
    this.#engine.updateRef();
    return this;
  }
}
