/**
 * A small io_uring over plain memory, for what the real one cannot be brought to: indexes that begin near 2^32, errors
 * on demand, features and flags of other kernels. It knows IORING_OP_NOP (its result in `len`, as with
 * IORING_NOP_INJECT_RESULT); any other opcode completes with -EINVAL and ends its batch, as the real one does.
 */
import assert from 'node:assert/strict';
import type { Kernel, Result } from 'tsuring/syscalls';
import {
  EBADF,
  EINVAL,
  ETIME,
  IORING_ENTER_EXT_ARG,
  IORING_ENTER_GETEVENTS,
  IORING_ENTER_SQ_WAKEUP,
  IORING_FEAT_EXT_ARG,
  IORING_FEAT_MIN_TIMEOUT,
  IORING_FEAT_NODROP,
  IORING_FEAT_SINGLE_MMAP,
  IORING_NOP_INJECT_RESULT,
  IORING_OFF_CQ_RING,
  IORING_OFF_SQ_RING,
  IORING_OP_NOP,
  IORING_OP_NOP128,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_NO_MMAP,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_SQ_REWIND,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_SUBMIT_ALL,
  IORING_SQ_CQ_OVERFLOW,
  IORING_SQ_NEED_WAKEUP,
  IOSQE_CQE_SKIP_SUCCESS,
  io_uring_params,
  linux,
  MAP_ANONYMOUS,
  MAP_FIXED,
  POLLIN,
  readStruct,
  writeStruct,
} from 'tsuring/syscalls';

export interface FakeOptions {
  /** Where the heads and tails begin. Default 0xffff_fff0: they wrap after 16 entries. */
  start?: number;
  /** IORING_FEAT_… Default: SINGLE_MMAP, NODROP, EXT_ARG and MIN_TIMEOUT. */
  features?: number;
  /** IORING_SETUP_… that it takes. Default: SQPOLL, CQSIZE, NO_SQARRAY and SUBMIT_ALL. NO_MMAP never. */
  flags?: number;
  /** Maps over addresses of the caller's choosing (MAP_FIXED), as Linux 5.10 does. Default: -EINVAL. */
  overlay?: boolean;
}

/** What one io_uring_enter does other than what it was asked for. */
export interface Step {
  /** Runs first. */
  before?: () => void;
  /** Consumes nothing, and gives -errno. */
  errno?: number;
  /** Consumes at most so many entries. */
  take?: number;
}

interface Completion {
  readonly low: number;
  readonly high: number;
  readonly res: number;
}

export class FakeKernel implements Kernel {
  /** Steps for the next io_uring_enter calls, in order; without one a call does what it says. */
  readonly script: Step[] = [];
  /** Runs when an enter would block: what it makes complete is what was waited for. */
  onWait: (() => void) | undefined;
  /** Every io_uring_enter: what it asked for. */
  readonly enters: { toSubmit: number; minComplete: number; flags: number }[] = [];
  /** Fds that are open and mappings that stand. */
  readonly open: Set<number> = new Set();
  readonly mapped: Map<number, ArrayBuffer> = new Map();
  readonly #features: number;
  readonly #accepted: number;
  readonly #start: number;
  readonly #overlay: boolean;
  readonly #waiting: Completion[] = [];
  #flags = 0;
  #sqEntries = 0;
  #cqEntries = 0;
  #sq = new Int32Array(0);
  #cq = new Int32Array(0);
  #sqes = new Int32Array(0);
  #fd = 100;

  constructor({
    start = 0xffff_fff0,
    features = ALL_FEATURES,
    flags = ALL_FLAGS,
    overlay = false,
  }: FakeOptions = {}) {
    this.#start = start;
    this.#features = features;
    this.#accepted = flags;
    this.#overlay = overlay;
  }

  pageSize(): number {
    return linux.pageSize();
  }

  setup(entries: number, params: Uint8Array): Result {
    const { flags, cq_entries } = readStruct(params, io_uring_params);
    if (entries === 0 || (flags & ~this.#accepted) !== 0) return -EINVAL;
    this.#flags = flags;
    this.#sqEntries = 2 ** Math.ceil(Math.log2(entries));
    const wanted = (flags & IORING_SETUP_CQSIZE) !== 0 ? cq_entries : 2 * this.#sqEntries;
    this.#cqEntries = 2 ** Math.ceil(Math.log2(wanted));
    const bytes = (words: Record<string, number>, side: string) =>
      Object.fromEntries(Object.entries(words).map(([name, word]) => [`${side}_off.${name}`, word * 4]));
    writeStruct(params, io_uring_params, {
      sq_entries: this.#sqEntries,
      cq_entries: this.#cqEntries,
      features: this.#features,
      ...bytes({ ...SQ, array: this.#arrayAt() }, 'sq'),
      ...bytes(CQ, 'cq'),
    });
    this.open.add(++this.#fd);
    return this.#fd;
  }

  mmap(
    address: number,
    length: number,
    _protection: number,
    flags: number,
    fd: number,
    offset: number,
  ): Result {
    if ((flags & MAP_ANONYMOUS) !== 0) return this.#replace(address, length);
    if (!this.open.has(fd)) return -EBADF;
    const fixed = (flags & MAP_FIXED) !== 0;
    if (fixed && !this.#overlay) return -EINVAL;
    const buffer = fixed ? linux.view(address, length) : new ArrayBuffer(length);
    const at = fixed ? address : 0x1_0000 * (1 + this.mapped.size);
    this.mapped.set(at, buffer);
    this.#begin(new Int32Array(buffer), offset);
    return at;
  }

  view(address: number, length: number): ArrayBuffer {
    const buffer = this.mapped.get(address);
    assert.equal(buffer?.byteLength, length, 'a view of what is mapped');
    return buffer!;
  }

  munmap(address: number): Result {
    this.mapped.delete(address);
    return 0;
  }

  enter(fd: number, toSubmit: number, minComplete: number, flags: number): Result {
    this.enters.push({ toSubmit, minComplete, flags });
    const { before, errno = 0, take = toSubmit }: Step = this.script.shift() ?? {};
    before?.();
    if (!this.open.has(fd)) return -EBADF;
    if (errno !== 0) return -errno;
    const sqpoll = (this.#flags & IORING_SETUP_SQPOLL) !== 0;
    if ((flags & IORING_ENTER_SQ_WAKEUP) !== 0) this.wake();
    const taken = sqpoll ? toSubmit : this.#consume(Math.min(take, toSubmit));
    if ((flags & IORING_ENTER_GETEVENTS) === 0 || taken < toSubmit) return taken;
    this.#flush();
    if (this.#ready() < minComplete) this.onWait?.();
    if (this.#ready() >= minComplete || taken > 0) return taken;
    assert.ok((flags & IORING_ENTER_EXT_ARG) !== 0, 'a wait without a time limit would block for ever');
    return -ETIME;
  }

  register(): Result {
    return 0;
  }

  poll(fd: number): Result {
    if (fd < 0) return 0;
    if (this.#ready() === 0) this.onWait?.();
    return this.#ready() > 0 || this.#waiting.length > 0 ? POLLIN : 0;
  }

  eventfd(): Result {
    return -EINVAL;
  }

  adopt(fd: number): Result {
    return fd;
  }

  disown(fd: number): Result {
    return fd;
  }

  close(fd: number): Result {
    return this.open.delete(fd) ? 0 : -EBADF;
  }

  /** Posts a completion from nowhere. */
  post(userData: number, res: number): void {
    this.#post({ low: userData, high: 0, res });
  }

  /** The SQPOLL thread goes to sleep. */
  sleep(): void {
    Atomics.or(this.#sq, SQ.flags, IORING_SQ_NEED_WAKEUP);
  }

  /** The SQPOLL thread awakes, and takes what is there. */
  wake(): void {
    Atomics.and(this.#sq, SQ.flags, ~IORING_SQ_NEED_WAKEUP);
    this.turn();
  }

  /** One turn of the SQPOLL thread: it takes what is there, unless it sleeps. */
  turn(): void {
    if ((Atomics.load(this.#sq, SQ.flags) & IORING_SQ_NEED_WAKEUP) === 0) this.#consume(this.#sqEntries);
  }

  /** Fresh pages in the place of the ring's: who still looks at them sees zeros. */
  #replace(address: number, length: number): Result {
    const buffer = this.mapped.get(address);
    assert.equal(buffer?.byteLength, length, 'what is replaced is what was mapped');
    this.mapped.delete(address);
    new Uint8Array(buffer!).fill(0);
    return address;
  }

  #arrayAt(): number {
    if ((this.#flags & IORING_SETUP_NO_SQARRAY) !== 0) return 0;
    // Behind the completion entries, as in the real kernel.
    return CQ.cqes + this.#cqEntries * 4;
  }

  #begin(words: Int32Array<ArrayBuffer>, offset: number): void {
    const single = (this.#features & IORING_FEAT_SINGLE_MMAP) !== 0;
    if (offset === IORING_OFF_SQ_RING) {
      this.#sq = words;
      words.fill(this.#start, SQ.head, SQ.tail + 1);
    }
    if (offset === IORING_OFF_CQ_RING || (single && offset === IORING_OFF_SQ_RING)) {
      this.#cq = words;
      words.fill(this.#start, CQ.head, CQ.tail + 1);
    }
    if (offset !== IORING_OFF_SQ_RING && offset !== IORING_OFF_CQ_RING) this.#sqes = words;
  }

  #consume(most: number): number {
    const rewind = (this.#flags & IORING_SETUP_SQ_REWIND) !== 0;
    const head = rewind ? 0 : this.#sq[SQ.head];
    const there = rewind ? this.#sqEntries : (Atomics.load(this.#sq, SQ.tail) - head) | 0;
    assert.ok(there >= 0 && there <= this.#sqEntries, `${there} entries stand in the queue`);
    let taken = 0;
    for (let go = true; go && taken < Math.min(most, there); taken++) {
      const wide = this.#isWide(head + taken);
      go = this.#run(head + taken);
      if (wide) taken++;
    }
    if (!rewind) Atomics.store(this.#sq, SQ.head, (head + taken) | 0);
    return taken;
  }

  /** Whether it takes two slots, which must follow each other. */
  #isWide(index: number): boolean {
    const wide = (this.#sqes[this.#place(index)] & 0xff) === IORING_OP_NOP128;
    if (wide) assert.notEqual((index + 1) & (this.#sqEntries - 1), 0, 'an entry of 128 bytes in one piece');
    return wide;
  }

  #place(index: number): number {
    const slot = index & (this.#sqEntries - 1);
    const array = this.#arrayAt();
    return (array > 0 ? this.#sq[array + slot] : slot) * 16;
  }

  /** One entry. False when it ends the batch. */
  #run(index: number): boolean {
    const at = this.#place(index);
    const [opcode, low, high] = [this.#sqes[at] & 0xff, this.#sqes[at + 8], this.#sqes[at + 9]];
    const inject = (this.#sqes[at + 7] & IORING_NOP_INJECT_RESULT) !== 0;
    const nop = opcode === IORING_OP_NOP || opcode === IORING_OP_NOP128;
    if (nop && ((this.#sqes[at] >> 8) & IOSQE_CQE_SKIP_SUCCESS) !== 0) return true;
    this.#post({ low, high, res: nop ? (inject ? this.#sqes[at + 6] : 0) : -EINVAL });
    return nop || (this.#flags & IORING_SETUP_SUBMIT_ALL) !== 0;
  }

  #post(completion: Completion): void {
    if (this.#waiting.length > 0 || this.#ready() >= this.#cqEntries) {
      this.#waiting.push(completion);
      Atomics.or(this.#sq, SQ.flags, IORING_SQ_CQ_OVERFLOW);
      return;
    }
    const tail = this.#cq[CQ.tail];
    const at = CQ.cqes + (tail & (this.#cqEntries - 1)) * 4;
    this.#cq.set([completion.low, completion.high, completion.res, 0], at);
    Atomics.store(this.#cq, CQ.tail, (tail + 1) | 0);
  }

  #flush(): void {
    const waiting = this.#waiting.splice(0);
    Atomics.and(this.#sq, SQ.flags, ~IORING_SQ_CQ_OVERFLOW);
    for (const completion of waiting) this.#post(completion);
  }

  #ready(): number {
    const ready = (this.#cq[CQ.tail] - Atomics.load(this.#cq, CQ.head)) | 0;
    assert.ok(ready >= 0 && ready <= this.#cqEntries, `${ready} completions stand in the queue`);
    return ready;
  }
}

// Indexes of 32-bit words: heads and tails stand beside one another, and nothing where the real kernel has it.
const SQ = { head: 2, tail: 3, ring_mask: 4, ring_entries: 5, flags: 6, dropped: 7 };
const CQ = { head: 10, tail: 11, ring_mask: 12, ring_entries: 13, overflow: 14, flags: 15, cqes: 16 };

const ALL_FEATURES =
  IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_MIN_TIMEOUT;
const ALL_FLAGS =
  IORING_SETUP_SQPOLL | IORING_SETUP_CQSIZE | IORING_SETUP_NO_SQARRAY | IORING_SETUP_SUBMIT_ALL;

// Said once, so that nobody adds it above: a kernel that pins JavaScript's memory needs the real one.
assert.equal(ALL_FLAGS & IORING_SETUP_NO_MMAP, 0);
