/**
 * A ring of provided buffers: memory that the kernel chooses from when a request has something to put there.
 */
import { IORING_CQE_BUFFER_SHIFT, IORING_CQE_F_BUFFER } from '../syscalls/constants/cqe.ts';
import { EBADF, EINVAL, ENOENT } from '../syscalls/errno.ts';
import { UringError } from '../syscalls/error.ts';
import { checkInteger, invalidState, invalidType, outOfRange } from '../syscalls/invalid.ts';
import { allocatePages, type SharedPages } from '../syscalls/memory.ts';
import { BufferAccounts, type BufferPieces } from './buffer-ring-accounts.ts';
import { BufferRingEntries } from './buffer-ring-entries.ts';
import { addressIn, viewOf } from './buffer-ring-given.ts';
import { type BufferRingMemory, registerEntries } from './buffer-ring-memory.ts';
import { type BufferRingOptions, checkBufferRingOptions, MAX_BYTES } from './buffer-ring-options.ts';
import type { Cqe } from './cqe.ts';
import { BufferRingRegistrations, resourcesOf } from './register/buffer-rings.ts';
import type { Pointer } from './sqe.ts';
import type { IoUringState } from './state.ts';

/**
 * A group of provided buffers. A request with IOSQE_BUFFER_SELECT and `sqe.bufIndex` set to the group brings no memory:
 * the kernel takes a buffer for it when there is something to put there, and the completion tells which. Many requests
 * can wait with few buffers.
 *
 * A buffer goes round: it is with the kernel; a completion says that it was used, and must be *taken* (`view`, `views` or
 * `take`, once for each completion, in the order of the queue); you read the bytes; you `recycle` it, and `publish` hands
 * all that were recycled back with one store. When none is left requests end with -ENOBUFS, multishot ones too.
 *
 * MSG_WAITALL goes neither with an incremental group nor with bundles: when the bytes come in parts, Linux (seen with 6.18)
 * counts the first part only, and gives the rest of the memory to the next request, too.
 *
 * The memory of its buffers is held until the ring is closed: a request may have chosen one before `close`.
 *
 * Since Linux 5.19. io_uring_setup_buf_ring.
 */
export class BufferRing implements Disposable {
  /** The ring that it is registered with. */
  readonly ring: IoUringState;
  /** For `sqe.bufIndex`. */
  readonly group: number;
  /** How many buffers can be with the kernel at a time, a power of two. */
  readonly entries: number;
  /** `entries - 1`. io_uring_buf_ring_mask. */
  readonly mask: number;
  /** The bytes of the buffers that were made with it; 0 when all are your own. */
  readonly bufferSize: number;
  /** The memory of these; null when all are your own. Buffer `id` begins at `id * bufferSize`. */
  readonly pages: SharedPages | null;
  /** Whether buffers are filled by one completion after the other (IOU_PBUF_RING_INC). */
  readonly incremental: boolean;
  readonly #memory: BufferRingMemory;
  readonly #entries: BufferRingEntries;
  readonly #accounts: BufferAccounts;
  readonly #minLeft: number;
  /** What was given with `add`, by buffer ID. Held by the ring as a whole, so that what is replaced is let go. */
  readonly #given: (Pointer | undefined)[] = [];
  /** The whole of each buffer, when it was asked for. */
  readonly #buffers: (Uint8Array | undefined)[] = [];
  #closed = false;

  /**
   * Registers a group with a ring. With `bufferSize` the buffers are made, and given to the kernel.
   * @throws TypeError, RangeError for arguments; UringError EEXIST when the group is taken, EINVAL where the kernel
   * does not have what was asked for, ENOMEM beyond the limit of locked memory, EBADF when the ring is closed.
   */
  constructor(ring: IoUringState, options: BufferRingOptions) {
    if (!(ring instanceof BufferRingRegistrations))
      throw invalidType('ring', 'an instance of IoUringState', ring);
    const checked = checkBufferRingOptions(options);
    const { group, entries, bufferSize, incremental, minLeft } = checked;
    const pages = bufferSize > 0 ? (checked.pages ?? allocatePages(entries * bufferSize)) : null;
    this.#memory = registerEntries(ring, checked);
    this.#entries = new BufferRingEntries(this.#memory.bytes, entries);
    this.#accounts = new BufferAccounts(this.#entries, entries, incremental, minLeft);
    this.#minLeft = Math.max(minLeft, 1);
    this.ring = ring;
    this.group = group;
    this.entries = entries;
    this.mask = entries - 1;
    this.bufferSize = bufferSize;
    this.pages = pages;
    this.incremental = incremental;
    // In an array: pages alone are not kept, since registered ones outlive their addresses. These do not.
    resourcesOf(ring).keep([[pages], this.#given]);
    if (pages === null) return;
    for (let id = entries - 1; id >= 0; id--)
      this.#accounts.place(id, pages.address + id * bufferSize, bufferSize);
    if (!checked.provide) return;
    for (let id = 0; id < entries; id++) this.#accounts.give(id, bufferSize);
    this.publish();
  }

  // --- giving buffers to the kernel

  /**
   * Stages a buffer of your own behind those that were staged before: the kernel has it with the next `publish` or
   * `advance`. io_uring_buf_ring_add; its offset is counted here.
   * @param memory where the buffer is. A number or bigint is an address, and you keep its memory; anything else is
   * held until the ring is closed, or another memory is given for this ID.
   * @param length bytes, at most those of the memory.
   * @param bufferId 0 to 65,535: what completions will name it by.
   * @throws ERR_INVALID_STATE when this ID is with the kernel, or when `entries` buffers are: it might overwrite one that
   * was not taken yet. UringError EBADF when it is closed.
   */
  add(memory: Pointer, length: number, bufferId: number): void {
    this.#refuseClosed();
    checkInteger('bufferId', bufferId, 0, MAX_ID);
    checkInteger('length', length, this.#minLeft, MAX_BYTES);
    const address = addressIn(memory, length);
    this.#refuseProvided(bufferId);
    if (this.#given[bufferId] !== memory || this.#accounts.sizeOf(bufferId) !== length)
      this.#buffers[bufferId] = undefined;
    this.#given[bufferId] = memory;
    this.#accounts.place(bufferId, address, length);
    this.#accounts.give(bufferId, length);
  }

  /**
   * Stages a buffer again, with the memory that it had last. Allocates nothing.
   * @param length the first so many bytes only: what there is to send. Default: as many as it was made or added with.
   * @throws ERR_INVALID_STATE when it is with the kernel (recycled twice, or its completion was not taken), when it has
   * no memory yet, and as `add`.
   */
  recycle(bufferId: number, length?: number): void {
    const accounts = this.#accounts;
    const size = accounts.sizeOf(bufferId);
    if (size === 0 || this.#closed || accounts.provided >= this.entries || accounts.isProvided(bufferId))
      throw this.#notRecyclable(bufferId);
    if (length !== undefined) checkInteger('length', length, this.#minLeft, size);
    accounts.give(bufferId, length ?? size);
  }

  /** Stages all buffers again that the last completion taken has used up. Gives their number. See `pieces`. */
  recycleTaken(): number {
    const { ids, usedUp } = this.#accounts.pieces;
    for (let i = 0; i < usedUp; i++) this.recycle(ids[i]);
    this.#accounts.pieces.usedUp = 0;
    return usedUp;
  }

  /** Hands all staged buffers to the kernel with one store of the tail. Gives their number. No system call. */
  publish(): number {
    const count = this.#entries.staged;
    this.advance(count);
    return count;
  }

  /** Hands the `count` buffers that were staged first to the kernel. io_uring_buf_ring_advance. */
  advance(count: number): void {
    this.#refuseClosed();
    if (count === 0) return;
    checkInteger('count', count, 0, this.#entries.staged);
    this.#entries.publish(count);
  }

  /**
   * Acknowledges `count` completions of the ring, and hands `buffers` staged buffers to the kernel.
   * io_uring_buf_ring_cq_advance, __io_uring_buf_ring_cq_advance.
   */
  cqAdvance(count: number, buffers: number = count): void {
    checkInteger('buffers', buffers, 0, this.#entries.staged);
    this.ring.advanceCq(count);
    this.advance(buffers);
  }

  // --- what completions brought

  /**
   * The bytes of a completion that took one buffer: a view, no copy, good until the buffer is recycled. Null when it took
   * none. Empty when it took one for nothing (a failure, the end of a file): mostly the buffer is used up then, too; see
   * `isProvided`. In an incremental group the bytes begin where the last completion of the buffer ended.
   * @param asked see `take`.
   * @throws ERR_INVALID_STATE as `take`, and for a bundle of several buffers: then nothing is taken.
   */
  view(cqe: Cqe, asked?: number): Uint8Array | null {
    return this.#take(cqe, asked, false) ? this.#viewOf(0) : null;
  }

  /**
   * The bytes of a completion, a view for each of the buffers that it took, in the order of the stream: of a bundle
   * (IORING_RECVSEND_BUNDLE, since Linux 6.10) there can be many. None when it took none.
   * @param asked see `take`. @throws ERR_INVALID_STATE as `take`.
   */
  views(cqe: Cqe, asked?: number): Uint8Array[] {
    const views: Uint8Array[] = [];
    const count = this.take(cqe, asked);
    for (let i = 0; i < count; i++) views.push(this.#viewOf(i));
    return views;
  }

  /**
   * Takes a completion without making views: where its bytes are stands in `pieces`. Allocates nothing, and makes no
   * system call, unless the request has failed: then the kernel is asked whether the buffer was used up.
   * @param asked for a completion of one buffer that does not stand for `res` bytes: the length that the request asked
   * for. In an incremental group a read of a regular file and a request with IOSQE_ASYNC take that much of a buffer,
   * or what is left of it, however little they bring; and a receive with MSG_TRUNC may tell of more than it brought.
   * The piece is so long then.
   * @returns how many pieces there are: 0 when the completion took no buffer.
   * @throws ERR_INVALID_STATE when the buffer is not with the kernel: the completion was taken before, or is of another
   * group; and when there are not so many bytes. Then nothing is taken.
   */
  take(cqe: Cqe, asked?: number): number {
    return this.#take(cqe, asked, true) ? this.#accounts.pieces.count : 0;
  }

  /** Where the bytes of the completion are that was taken last. Always the same object. */
  get pieces(): BufferPieces {
    return this.#accounts.pieces;
  }

  /**
   * The whole of a buffer: always the same view. What a piece says of it holds until the buffer is recycled.
   * @throws ERR_INVALID_STATE when it has no memory yet, or was given as an address.
   */
  buffer(bufferId: number): Uint8Array {
    const known = this.#buffers[bufferId];
    if (known !== undefined) return known;
    checkInteger('bufferId', bufferId, 0, MAX_ID);
    const view = this.#wholeOf(bufferId);
    this.#buffers[bufferId] = view;
    return view;
  }

  // --- how it stands

  /** Buffers that are with the kernel or staged, as far as completions were taken. */
  get provided(): number {
    return this.#accounts.provided;
  }

  /** Buffers that are staged and not published. */
  get staged(): number {
    return this.#entries.staged;
  }

  /** Whether a buffer is with the kernel or staged; else it is yours. */
  isProvided(bufferId: number): boolean {
    return this.#accounts.isProvided(checkInteger('bufferId', bufferId, 0, MAX_ID));
  }

  /** How many buffers the kernel has taken, modulo 65,536. One system call. Since Linux 6.8. io_uring_buf_ring_head. */
  head(): number {
    this.#refuseClosed();
    return this.ring.bufRingHead(this.group);
  }

  /** How many buffers the kernel can still take. One system call. Since Linux 6.8. io_uring_buf_ring_available. */
  available(): number {
    return (this.#entries.tail - this.head()) & 0xffff;
  }

  /**
   * Asks the kernel which buffers it has taken, and counts those as yours that no completion told of: a bundle that was
   * cut short while sending has taken more than it sent. One system call. Call it when no request is under way and
   * every completion was taken: what is outstanding would be lost.
   *
   * Since Linux 6.8.
   * @returns the number of buffers that are yours now and were not before.
   */
  reclaim(): number {
    return this.#accounts.reclaim(this.head());
  }

  /**
   * Where the entries are: 16 bytes each, `struct io_uring_buf`; the tail in the last two of the first. Where the kernel's
   * pages were mapped there is nothing once it is closed.
   */
  get memory(): { readonly kind: 'user' | 'mmap'; readonly bytes: Uint8Array } {
    const { kind, bytes } = this.#memory;
    return { kind, bytes };
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Takes the registration back. Idempotent. Requests that want a buffer of the group then end with -ENOBUFS; those that
   * have one complete, and can still be taken. io_uring_free_buf_ring.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      if (!this.ring.closed) this.ring.unregisterBufRing(this.group);
    } catch (error) {
      // Somebody took it back by hand.
      if (!(error instanceof UringError && GONE.includes(error.errno))) throw error;
    } finally {
      this.#entries.detach();
      this.#memory.release();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #take(cqe: Cqe, asked: number | undefined, several: boolean): boolean {
    const { flags, res } = cqe;
    const accounts = this.#accounts;
    if ((flags & IORING_CQE_F_BUFFER) === 0) {
      accounts.pieces.clear();
      return false;
    }
    const id = flags >>> IORING_CQE_BUFFER_SHIFT;
    if (asked !== undefined) accounts.takeOne(id, checkInteger('asked', asked, 0, MAX_BYTES));
    else if (res >= 0) accounts.take(id, res, several);
    else if (this.#isSpared(id)) accounts.takeNothing(id);
    else accounts.take(id, 0, several);
    return true;
  }

  /**
   * Whether the kernel still has the buffer that a failed request names. Before 6.12 such a buffer was always gone; since
   * then only when the request had it for good, as those of worker threads and all that send.
   */
  #isSpared(id: number): boolean {
    if (this.incremental || this.#closed) return false;
    try {
      return this.#accounts.isAhead(id, this.ring.bufRingHead(this.group));
    } catch {
      // Too old to be asked.
      return false;
    }
  }

  #viewOf(piece: number): Uint8Array {
    const { ids, offsets, lengths } = this.#accounts.pieces;
    const id = ids[piece];
    const { pages } = this;
    if (pages !== null && this.#given[id] === undefined)
      return new Uint8Array(
        pages.buffer,
        pages.byteOffset + id * this.bufferSize + offsets[piece],
        lengths[piece],
      );
    return this.buffer(id).subarray(offsets[piece], offsets[piece] + lengths[piece]);
  }

  #wholeOf(id: number): Uint8Array {
    const given = this.#given[id];
    const size = this.#accounts.sizeOf(id);
    const { pages } = this;
    if (given === undefined && pages !== null && size > 0) return pages.bytes(id * this.bufferSize, size);
    const view = viewOf(given, size);
    if (view !== null) return view;
    throw invalidState(`There is no view of buffer ${id}: it has no memory yet, or was given as an address`);
  }

  #refuseClosed(): void {
    if (this.#closed || this.ring.closed) throw closedError();
  }

  #refuseProvided(id: number): void {
    const { provided } = this.#accounts;
    if (this.#accounts.isProvided(id)) throw invalidState(`Buffer ${id} is with the kernel already`);
    if (provided >= this.entries)
      throw invalidState(`All ${this.entries} entries are taken: take completions first`);
  }

  #notRecyclable(id: number): Error {
    if (!(Number.isInteger(id) && id >= 0 && id <= MAX_ID)) return badId(id);
    if (this.#closed) return closedError();
    try {
      this.#refuseProvided(id);
    } catch (error) {
      return error as Error;
    }
    return invalidState(`Buffer ${id} has no memory yet: give it with add()`);
  }
}

const MAX_ID = 0xffff;
const GONE: readonly number[] = [-ENOENT, -EINVAL];

function badId(id: unknown): Error {
  if (typeof id !== 'number') return invalidType('bufferId', 'of type number', id);
  return outOfRange('bufferId', `>= 0 && <= ${MAX_ID}`, id);
}

function closedError(): UringError {
  return new UringError(
    EBADF,
    'io_uring_register',
    'This buffer ring or its ring is closed: make a new one.',
  );
}
