/**
 * Which buffers are with the kernel, in which order it takes them, and how far each is used: what a completion stands
 * for follows from that, since it names one buffer and a number of bytes only.
 *
 * The kernel takes buffers in the order in which they were given, whatever their IDs are. Completions need not come in
 * that order (those of worker threads do not), so each buffer knows the one that was given after it.
 */
import { invalidState } from '../syscalls/invalid.ts';
import type { BufferRingEntries } from './buffer-ring-entries.ts';

/**
 * Where the bytes of a completion are: `count` pieces, in the order of the stream. Overwritten by the next `take`.
 */
export class BufferPieces {
  count = 0;
  /** How many of the buffers, from the first on, are used up: they are yours until they are recycled. */
  usedUp = 0;
  /** Buffer IDs. */
  readonly ids: Uint16Array;
  /** Where in its buffer each piece begins, in bytes. */
  readonly offsets: Uint32Array;
  /** The bytes of each. */
  readonly lengths: Uint32Array;

  constructor(most: number) {
    this.ids = new Uint16Array(most);
    this.offsets = new Uint32Array(most);
    this.lengths = new Uint32Array(most);
  }

  /** Nothing was taken. */
  clear(): void {
    this.count = 0;
    this.usedUp = 0;
  }
}

export class BufferAccounts {
  /** Buffers that are with the kernel, or staged for it. */
  provided = 0;
  readonly pieces: BufferPieces;
  readonly #entries: BufferRingEntries;
  readonly #incremental: boolean;
  /** An incremental buffer with fewer bytes left is used up. */
  readonly #minLeft: number;
  // By buffer ID:
  /** The slot where it was given to the kernel, or OURS. */
  #slots = new Int32Array(0);
  /** The buffer that was given after it, or NONE. */
  #next = new Int32Array(0);
  /** Where its memory begins. */
  #addresses = new Float64Array(0);
  /** The bytes of its memory; 0 for a buffer that was never given. */
  #sizes = new Uint32Array(0);
  /** The bytes that were given of it. */
  #lengths = new Uint32Array(0);
  /** The bytes that completions have accounted for. */
  #used = new Uint32Array(0);
  #last = NONE;

  constructor(entries: BufferRingEntries, most: number, incremental: boolean, minLeft: number) {
    this.#entries = entries;
    this.#incremental = incremental;
    this.#minLeft = Math.max(minLeft, 1);
    this.pieces = new BufferPieces(most);
  }

  /** Names the memory of a buffer that is not with the kernel. */
  place(id: number, address: number, size: number): void {
    if (id >= this.#slots.length) this.#grow(id + 1);
    this.#addresses[id] = address;
    this.#sizes[id] = size;
  }

  /** The bytes of a buffer's memory; 0 when it has none. */
  sizeOf(id: number): number {
    return id < this.#sizes.length ? this.#sizes[id] : 0;
  }

  isProvided(id: number): boolean {
    return id < this.#slots.length && this.#slots[id] !== OURS;
  }

  /** Stages a buffer that is ours and has memory. */
  give(id: number, length: number): void {
    this.#slots[id] = this.#entries.push(this.#addresses[id], length, id);
    this.#lengths[id] = length;
    this.#used[id] = 0;
    // In this order: it may be its own predecessor.
    if (this.#last !== NONE) this.#next[this.#last] = id;
    this.#next[id] = NONE;
    this.#last = id;
    this.provided++;
  }

  /**
   * Enters into `pieces` where the bytes of a completion are that names the buffer `id`. Nothing is changed when it
   * throws: ERR_INVALID_STATE for a buffer that is not with the kernel, for more bytes than there are, and for more
   * than one buffer unless `several`.
   */
  take(id: number, bytes: number, several: boolean): void {
    if (!this.isProvided(id)) throw notProvided(id);
    const rest = this.#rest(id);
    if (bytes > rest) {
      if (!several) throw tooManyForOne(id, bytes, rest);
      if (!this.#reaches(id, bytes)) throw tooMany(id, bytes);
    }
    this.pieces.clear();
    let left = bytes - this.#use(id, bytes, rest);
    for (let next = this.#next[id]; left > 0; next = this.#next[next])
      left -= this.#use(next, left, this.#rest(next));
  }

  /** As `take`, for a completion that has used `bytes` of this buffer only, or what was left of it. */
  takeOne(id: number, bytes: number): void {
    if (!this.isProvided(id)) throw notProvided(id);
    this.pieces.clear();
    this.#use(id, bytes, this.#rest(id));
  }

  /** As `take`, for a completion that has used nothing of this buffer. */
  takeNothing(id: number): void {
    if (!this.isProvided(id)) throw notProvided(id);
    const { pieces } = this;
    pieces.clear();
    pieces.count = 1;
    pieces.ids[0] = id;
    pieces.offsets[0] = this.#used[id];
    pieces.lengths[0] = 0;
  }

  /** Whether a buffer stands where the kernel, with its `head`, has not come by yet. */
  isAhead(id: number, head: number): boolean {
    return this.isProvided(id) && this.#entries.isAhead(this.#slots[id], id, head);
  }

  /**
   * Brings the accounts in line with the kernel's `head`: buffers that it has passed are ours. To be called when no
   * completion is outstanding. Gives their number.
   */
  reclaim(head: number): number {
    const before = this.provided;
    const kept: [id: number, slot: number][] = [];
    for (const slot of this.#entries.slotsFrom(head)) kept.push([this.#entries.bufferIdAt(slot), slot]);
    this.#slots.fill(OURS);
    for (const [id, slot] of kept) {
      this.#slots[id] = slot;
      if (this.#incremental) this.#used[id] = this.#entries.addressAt(slot) - this.#addresses[id];
    }
    this.provided = kept.length;
    return before - this.provided;
  }

  /** One more piece: up to `bytes` of the `rest` of a buffer. Gives how many. */
  #use(id: number, bytes: number, rest: number): number {
    const { pieces } = this;
    const length = bytes < rest ? bytes : rest;
    const i = pieces.count++;
    pieces.ids[i] = id;
    pieces.offsets[i] = this.#used[id];
    pieces.lengths[i] = length;
    this.#used[id] += length;
    if (!this.#incremental || rest - length < this.#minLeft) {
      this.#slots[id] = OURS;
      this.provided--;
      pieces.usedUp++;
    }
    return length;
  }

  /** The bytes that the next completion can find in a buffer. */
  #rest(id: number): number {
    const length = this.#lengths[id] - this.#used[id];
    if (this.#incremental) return length;
    // Before 7.1 a bundle of limited length cuts the entry itself, and whoever takes the buffer then sees the cut one.
    const slot = this.#slots[id];
    const seen = this.#entries.lengthAt(slot);
    // Completions that were overtaken find another buffer in their slot.
    return seen < length && this.#entries.bufferIdAt(slot) === id ? seen : length;
  }

  /** Whether so many bytes can be in this buffer and those given after it. */
  #reaches(id: number, bytes: number): boolean {
    let left = bytes;
    for (let n = this.provided; n > 0 && id !== NONE && this.#slots[id] !== OURS; n--) {
      left -= this.#rest(id);
      if (left <= 0) return true;
      id = this.#next[id];
    }
    return false;
  }

  #grow(count: number): void {
    const size = Math.min(2 ** Math.ceil(Math.log2(count)), MAX_BUFFERS);
    const from = this.#slots.length;
    this.#slots = enlarged(this.#slots, new Int32Array(size)).fill(OURS, from);
    this.#next = enlarged(this.#next, new Int32Array(size)).fill(NONE, from);
    this.#addresses = enlarged(this.#addresses, new Float64Array(size));
    this.#sizes = enlarged(this.#sizes, new Uint32Array(size));
    this.#lengths = enlarged(this.#lengths, new Uint32Array(size));
    this.#used = enlarged(this.#used, new Uint32Array(size));
  }
}

const OURS = -1;
const NONE = -1;
const MAX_BUFFERS = 65536;

function enlarged<T extends Int32Array | Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

function notProvided(id: number): Error {
  return invalidState(
    `Buffer ${id} is not with the kernel: its completion was taken before, or is of another group`,
  );
}

function tooManyForOne(id: number, bytes: number, rest: number): Error {
  return invalidState(
    `Buffer ${id} has ${rest} bytes, not ${bytes}: take a bundle with views(), or say how many bytes were asked for`,
  );
}

function tooMany(id: number, bytes: number): Error {
  return invalidState(`From buffer ${id} on there are no ${bytes} bytes with the kernel`);
}
