/**
 * Provided buffers that are lent to whoever receives, without a copy, until he gives them back.
 *
 * Each is a WebAssembly memory of its own: to grow that by nothing detaches its ArrayBuffer, so that nobody reaches the
 * bytes any more, and leaves the memory where it is. (Buffers of foreign memory cannot be detached on Node 20.) Freed, it
 * leaves the address space: also when a Worker is terminated, the kernel writes nowhere else.
 */
import type { BufferRing } from '../buffer-ring.ts';
import type { Cqe } from '../cqe.ts';
import { BufferGroup } from './buffer-group.ts';
import type { Engine } from './engine.ts';

/** What was received, in memory that the ring wants back. */
export class LentBuffer implements Disposable {
  /** The bytes. From `release` on there are none, here and in all that was made of it: they cannot be reached any more. */
  readonly data: Buffer;
  #giveBack: (() => void) | null;

  /** For the engine. */
  constructor(data: Buffer, giveBack: () => void) {
    this.data = data;
    this.#giveBack = giveBack;
  }

  /** Whether `release` was called. */
  get released(): boolean {
    return this.#giveBack === null;
  }

  /** Gives the memory back to the ring. Idempotent. When this and `data` become garbage that happens, too: late. */
  release(): void {
    const giveBack = this.#giveBack;
    this.#giveBack = null;
    giveBack?.();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

export class LendingPool {
  /** For `sqe.bufIndex`. */
  readonly group: number;
  readonly bufferSize: number;
  readonly #engine: Engine;
  readonly #group: BufferGroup;
  #memories: LendingMemory[] = [];
  /** Who waits for a buffer. */
  #waiting: (() => void)[] = [];
  readonly #self = new WeakRef(this);
  /** One for all pools: one that becomes garbage itself can silence all others (see Arena). */
  static readonly #garbage = new FinalizationRegistry<{ pool: WeakRef<LendingPool>; id: number }>((lent) => {
    const pool = lent.pool.deref();
    if (pool !== undefined) pool.#takeBack(lent.id);
  });

  constructor(engine: Engine) {
    this.#group = new BufferGroup(engine, LENDING_GROUP, (count) => this.#prepare(count));
    this.#engine = engine;
    engine.atEnd.add(() => this.#wake());
    this.group = this.#group.id;
    this.bufferSize = this.#group.bufferSize;
  }

  /** Of all buffers together. */
  get byteLength(): number {
    return this.#engine.options.bufferCount * this.bufferSize;
  }

  /** Makes the buffers, when there are none yet. False where the kernel has no such thing (before Linux 5.19). */
  prepare(): boolean {
    return this.#group.buffers !== null;
  }

  /** The buffer of a completion; undefined when it took none or brought nothing. */
  lend(cqe: Cqe): LentBuffer | undefined {
    const buffers = this.#group.buffers;
    if (buffers === null || buffers.take(cqe, this.#group.broughtBy(cqe)) === 0) return undefined;
    const { ids, lengths } = buffers.pieces;
    const id = ids[0];
    if (lengths[0] === 0) {
      this.#recycleTaken(buffers);
      return undefined;
    }
    const token = {};
    const lent = new LentBuffer(Buffer.from(this.#memories[id].buffer, 0, lengths[0]), () => {
      LendingPool.#garbage.unregister(token);
      this.#takeBack(id);
    });
    LendingPool.#garbage.register(lent, { pool: this.#self, id }, token);
    lend(lent.data, lent);
    return lent;
  }

  /** A copy of the bytes of a completion, as if it were lent: where buffers would be missed. */
  copy(cqe: Cqe): LentBuffer | undefined {
    const lent = this.lend(cqe);
    if (lent === undefined) return undefined;
    const data = Buffer.allocUnsafeSlow(lent.data.length);
    lent.data.copy(data);
    lent.release();
    return LendingPool.own(data);
  }

  /** A completion that brought nothing: its buffer, if it took one, is given back. */
  giveBack(cqe: Cqe): void {
    const buffers = this.#group.buffers;
    if (buffers === null) return;
    buffers.take(cqe, this.#group.broughtBy(cqe));
    this.#recycleTaken(buffers);
  }

  /** Whether there is a buffer; otherwise `again` is called when one has come back. */
  hasBuffer(again: () => void): boolean {
    const buffers = this.#group.buffers;
    if (buffers === null || buffers.provided > 0 || this.#engine.ended !== null) return true;
    this.#waiting.push(again);
    return false;
  }

  /** As what a completion brings where the kernel has no provided buffers: memory of its own. */
  static own(data: Buffer): LentBuffer {
    const memory = data.buffer as ArrayBuffer;
    return new LentBuffer(data, () => {
      if (memory.byteLength > 0) structuredClone(memory, { transfer: [memory] });
    });
  }

  #prepare(count: number): (buffers: BufferRing) => void {
    const pages = Math.ceil(this.bufferSize / WASM_PAGE_BYTES);
    const memories = Array.from(
      { length: count },
      () => new WebAssembly.Memory({ initial: pages, maximum: pages }),
    );
    return (buffers) => {
      this.#memories = memories;
      for (let id = 0; id < count; id++) buffers.add(memories[id].buffer, this.bufferSize, id);
      buffers.publish();
    };
  }

  #takeBack(id: number): void {
    const memory = this.#memories[id];
    memory.grow(0);
    const buffers = this.#group.buffers;
    // Without the ring nobody wants it any more.
    if (buffers === null || buffers.closed || buffers.ring.closed) return;
    buffers.recycle(id);
    buffers.publish();
    this.#wake();
  }

  #wake(): void {
    for (const again of this.#waiting.splice(0)) again();
  }

  #recycleTaken(buffers: BufferRing): void {
    buffers.recycleTaken();
    buffers.publish();
  }
}

/** As long as somebody has `data` it stays lent. */
export function lend(data: Buffer, lent: LentBuffer): void {
  leases.set(data, lent);
}

const leases = new WeakMap<Buffer, LentBuffer>();

const LENDING_GROUP = 1;
const WASM_PAGE_BYTES = 65_536;

interface LendingMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** The little that is used of it: neither es2023 nor the types of Node declare it. */
declare const WebAssembly: {
  readonly Memory: new (descriptor: { initial: number; maximum: number }) => LendingMemory;
};
