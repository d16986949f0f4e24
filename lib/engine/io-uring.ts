/**
 * io_uring in Node's event loop.
 */
import { checkInteger } from '../../syscalls/invalid.ts';
import { isView } from '../../syscalls/is-view.ts';
import { read as encodeRead } from '../ops/read.ts';
import { write as encodeWrite } from '../ops/write.ts';
import type { Sqe } from '../sqe.ts';
import { Arena } from './arena.ts';
import { BufferPool } from './buffer-pool.ts';
import { type CancelOptions, checkCancelOptions, takeCancelled } from './cancellation.ts';
import { Chain, type ChainOptions } from './chain.ts';
import { runChain } from './chain-run.ts';
import { type CloseOptions, closeEngine, within } from './close.ts';
import { fixed } from './direct-operations.ts';
import { forget, releaseWhenDropped } from './dropped.ts';
import { Engine } from './engine.ts';
import type { BufferOptions } from './file-operations.ts';
import { FileTable } from './file-table.ts';
import type { FixedFile } from './fixed-file.ts';
import { launch } from './launch.ts';
import { LendingPool, type LentBuffer } from './lending-pool.ts';
import { Messages } from './messages.ts';
import { Multishot, type MultishotOptions, type Source } from './multishot.ts';
import type { File, OperationOptions, Request } from './operations.ts';
import { checkEngineOptions, type EngineOptions } from './options.ts';
import type { Lending, RecvOptions } from './receive-operations.ts';
import { RingOperations } from './ring-operations.ts';
import type { EngineStats } from './stats.ts';
import { sendZeroCopy, type ZeroCopySent } from './zero-copy.ts';

/**
 * Operations of the kernel as promises. All that are started together go to the kernel with one system call; completions
 * come through the event loop. The ring itself is made at the first operation, and belongs to this thread. It keeps the
 * process alive only while operations are in flight.
 */
export class IoUring extends RingOperations {
  readonly #engine: Engine;
  #closing: Promise<void> | null = null;
  #pool: BufferPool | null = null;
  #lendingPool: LendingPool | null = null;

  /** @throws TypeError, RangeError for options. Where there is no io_uring the first operation says so. */
  constructor(options: EngineOptions = {}) {
    super();
    this.#engine = new Engine(checkEngineOptions(options));
    takeCancelled(this.#engine);
    releaseWhenDropped(this, this.#engine);
  }

  /**
   * Any operation of tsuring's functions: `ring.run(fsync, fd, 0)`. Gives what the kernel said, a number.
   */
  run<A extends unknown[]>(operation: (sqe: Sqe, ...args: A) => void, ...args: A): Promise<number> {
    return launch(this.#engine, { name: operation.name, encode: (sqe) => operation(sqe, ...args) });
  }

  /** @inheritdoc */
  override read(fd: File, buffer: ArrayBufferView, options?: BufferOptions): Promise<number>;
  override read(fd: File, options: Lending<RecvOptions>): Multishot<LentBuffer>;
  override read(fd: File, options?: RecvOptions): Multishot<Buffer>;
  override read(
    fd: File,
    buffer?: ArrayBufferView | RecvOptions,
    options?: BufferOptions,
  ): Promise<number> | Multishot<Buffer | LentBuffer> {
    const view = buffer as ArrayBufferView;
    return this.#shortly('read', encodeRead, fd, view, options) ?? super.read(fd, view, options);
  }

  /** @inheritdoc */
  override write(fd: File, buffer: ArrayBufferView, options?: BufferOptions): Promise<number> {
    return this.#shortly('write', encodeWrite, fd, buffer, options) ?? super.write(fd, buffer, options);
  }

  /**
   * Operations that are submitted together, in one piece, each to begin when the one before it is done: `build` calls
   * their methods on the chain that it is given.
   *
   *     await ring.chain((link) => [link.write(fd, data), link.fsync(fd), link.renameat('new', 'old')]);
   *
   * The kernel goes on when fsync, fallocate, ftruncate, statx, xattrs, or an operation on names (unlinkat, mkdirat,
   * renameat, linkat, symlinkat) has failed. So what follows one of these is submitted when it has succeeded; all else goes
   * in one piece.
   *
   * Gives the results of the promises that `build` returns, when all of the chain is over. An operation that fails, or
   * does less than was asked, cancels those behind it, unless they are linked hard. A `timeout` of one of them limits its
   * time from when it begins; one of the chain, that of all. Since Linux 5.5. io_uring_enter(2), IOSQE_IO_LINK.
   * @throws (rejects with) the error of the link that failed, with its number as `link` and those of the cancelled ones as
   * `cancelled`; each promise of its own is rejected with the same numbers. RangeError for more links than the ring has
   * entries.
   */
  async chain<T extends readonly unknown[] | []>(
    build: (chain: Chain) => T,
    options: ChainOptions = {},
  ): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
    checkCancelOptions(options);
    const chain = new Chain();
    let results: T;
    try {
      results = build(chain);
    } catch (error) {
      chain.abandon(error);
      throw error;
    } finally {
      chain.seal();
    }
    await runChain(this.#engine, chain, options);
    return (await Promise.all(results)) as { -readonly [K in keyof T]: Awaited<T[K]> };
  }

  /**
   * The ring's descriptor, by which other rings reach it: see `msgRing`. It is not yours to close.
   * @throws UringError where no ring can be had, EBADF when it is closed.
   */
  get fd(): number {
    const { ended } = this.#engine;
    if (ended !== null) throw ended();
    return this.#engine.ring.fd;
  }

  /** @inheritdoc @throws TypeError; UringError as `fd`. */
  override messages(options?: Pick<CancelOptions, 'signal'>): Messages {
    return new Messages(this.#engine, options);
  }

  /**
   * A Buffer of `size` bytes of the ring's own memory: zeroed, from a page's start on, as O_DIRECT wants it, and registered:
   * `read`, `write` and `sendZc` with it, or a part of it, go out as READ_FIXED, WRITE_FIXED and their kin. It can be shared
   * with Workers, is never moved or detached, and is given back when nothing refers to it. Where the kernel (before Linux
   * 5.19) or the limit of locked memory forbids registration it is as good, only slower.
   * @throws TypeError, RangeError for `size`; UringError where no ring can be had, EBADF when it is closed.
   */
  allocate(size: number): Buffer {
    const engine = this.#engine;
    if (engine.ended !== null) throw engine.ended();
    engine.arena ??= new Arena(engine);
    return engine.arena.allocate(size);
  }

  /**
   * An empty slot of the ring's registered files, for a file without a descriptor: give it to an operation as `into`. It is
   * yours to close.
   * @throws UringError ENFILE when none is left.
   */
  fixedFile(): FixedFile {
    return this.reserve();
  }

  /**
   * Registers the file of a descriptor, which may then be closed: operations find a registered one faster.
   * io_uring_register_files_update.
   * @throws TypeError, RangeError; UringError EBADF for what is not open or is a ring; ENFILE as `fixedFile`.
   */
  registerFile(fd: number): FixedFile {
    return this.files.register(checkInteger('fd', fd, 0, 0x7fff_ffff));
  }

  /** @inheritdoc */
  override closeFixed(file: FixedFile, options?: OperationOptions): Promise<void> {
    try {
      if (options !== undefined) checkCancelOptions(options);
      return fixed(file).close();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Submits what was started at once, rather than when the running JavaScript is through, and settles what is complete. */
  flush(): void {
    this.#engine.flush();
  }

  /** Operations keep the process alive while they are in flight: so it is from the beginning. */
  ref(): this {
    this.#engine.keepsAlive = true;
    this.#engine.updateRef();
    return this;
  }

  /** Operations in flight do not keep the process alive. */
  unref(): this {
    this.#engine.keepsAlive = false;
    this.#engine.updateRef();
    return this;
  }

  /** What the engine has done so far. */
  stats(): EngineStats {
    const { started, completions, slots, wakeups, overflows, turns, waiting, enters } = this.#engine;
    const { completed, strays } = completions;
    return {
      submitted: started,
      completed,
      inFlight: slots.used,
      waiting,
      enters,
      wakeups,
      overflows,
      inlineRounds: turns.rounds,
      yields: turns.yields,
      strays,
    };
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closing !== null;
  }

  /**
   * Refuses new operations, cancels those in flight, waits for the completion of every one, and gives the ring back.
   * Afterwards nothing of the kernel's can touch memory. Idempotent.
   * @throws Error ETIMEDOUT when `timeout` milliseconds were not enough, naming the operations: a disk's read cannot be
   * cancelled. Their memory stays pinned until they complete.
   */
  close(options: CloseOptions = {}): Promise<void> {
    if (this.#closing === null) {
      forget(this.#engine);
      this.#closing = closeEngine(this.#engine);
    }
    if (options.timeout === undefined) this.ref();
    return options.timeout === undefined
      ? this.#closing
      : within(this.#engine, this.#closing, options.timeout);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Reads or writes without making a request: what is done most. Null when more is asked for, or there is no room. */
  #shortly(
    name: string,
    encode: typeof encodeRead,
    fd: File,
    buffer: ArrayBufferView,
    options: BufferOptions | undefined,
  ): Promise<number> | null {
    if (typeof fd !== 'number' || !isView(buffer) || !isPlain(options)) return null;
    const engine = this.#engine;
    let sqe: Sqe | null = null;
    try {
      sqe = engine.begin();
      if (sqe === null) return null;
      encode(sqe, fd, buffer, options?.length ?? buffer.byteLength, options?.offset ?? -1);
      return engine.promise(engine.start(sqe, name));
    } catch (error) {
      if (sqe !== null) engine.abandon(sqe);
      return Promise.reject(error);
    }
  }

  protected override iterate<T>(source: Source<T>, options: MultishotOptions | undefined): Multishot<T> {
    return new Multishot(this.#engine, source, options, this);
  }

  protected override get lendingPool(): LendingPool {
    this.#lendingPool ??= new LendingPool(this.#engine);
    return this.#lendingPool;
  }

  protected override get pool(): BufferPool {
    this.#pool ??= new BufferPool(this.#engine);
    return this.#pool;
  }

  protected override get files(): FileTable {
    this.#engine.files ??= new FileTable(this.#engine, this);
    return this.#engine.files;
  }

  protected override reserve(): FixedFile {
    return this.files.reserve();
  }

  protected override sendZeroCopy(request: Request): Promise<ZeroCopySent> {
    return sendZeroCopy(this.#engine, request);
  }

  protected override refuse<T>(error: unknown): Promise<T> {
    return Promise.reject(error);
  }

  protected override request<T>(request: Request): Promise<T> {
    return launch<T>(this.#engine, request);
  }
}

/** Whether the options are those of the short way. */
function isPlain(options: BufferOptions | undefined): boolean {
  if (options === undefined) return true;
  if (typeof options !== 'object' || options === null) return false;
  const { signal, timeout, sqeFlags, ioprio, personality, rwFlags } = options;
  return (
    signal === undefined &&
    timeout === undefined &&
    sqeFlags === undefined &&
    ioprio === undefined &&
    personality === undefined &&
    rwFlags === undefined
  );
}
