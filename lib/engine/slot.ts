/**
 * What the engine knows of an operation between its entry and its last completion. Slots are used again and again: an
 * operation allocates none.
 */
import type { Iovecs } from '../args/iovecs.ts';
import type { Cqe } from '../cqe.ts';
import { giveHold, type Hold } from '../hold.ts';
import type { Cancellation } from './cancellation.ts';
import type { FixedFile } from './fixed-file.ts';

/** Makes the value of a promise of what the kernel said. Throws what the promise is to be rejected with. */
export type Finish = (res: number, flags: number) => unknown;

/** Gets every completion of an operation that has several: false in `more` with the last. */
export interface Receiver {
  complete(res: number, flags: number, more: boolean, cqe: Cqe): void;
}

/** The kinds of user data, in its highest 4 bits. Below it: 28 bits of generation, 32 bits of the slot's number. */
export const KIND_OPERATION = 1;
/** A request that only cancels another: what it says is of no interest. */
export const KIND_CANCEL = 2;
/** A message of another ring, with 60 bits of its own. */
export const KIND_MESSAGE = 3;

const KIND_SHIFT = 28;
const GENERATION = (1 << KIND_SHIFT) - 1;

/** The high half of user data: a kind, with the generation of `key`. */
export function keyOf(kind: number, key: number): number {
  return (kind << KIND_SHIFT) | (key & GENERATION);
}

/** The kind in the high half of user data. */
export function kindOf(key: number): number {
  return key >>> KIND_SHIFT;
}

export class Slot {
  /** Low half of the user data. */
  readonly index: number;
  /** High half of the user data: kind and generation. Changes whenever the slot is given back. */
  key: number = keyOf(KIND_OPERATION, 0);
  /** The operation's name, for errors. */
  name = '';
  resolve: (value: unknown) => void = nothing;
  finish: Finish | null = null;
  /** A result that is no failure, though it looks like one: -errno. 0 for none. */
  accepts = 0;
  /** The result of the first completion, of an operation that has several and a promise for them all. */
  first: number | null = null;
  /** In the promise's place. */
  receiver: Receiver | null = null;
  /** What the kernel may touch. */
  hold: Hold | null = null;
  /** A buffer of `hold` that had bytes when the operation began: it has none when it was transferred away meanwhile. */
  view: ArrayBufferView | null = null;
  /** The same of operations on several buffers. */
  vectors: Iovecs | null = null;
  /** Of an operation with one of these: where its entry is in the queue, and its number. See Unsent. */
  at = 0;
  entry = 0;
  /** Whether that was transferred away before the kernel was told of it. */
  gone = false;
  path: string | Uint8Array | null = null;
  dest: string | Uint8Array | null = null;
  cancellation: Cancellation | null = null;
  /** Registered files that it names: whose slots stay theirs until it is over. */
  file: FixedFile | null = null;
  into: FixedFile | null = null;
  /** Whether it keeps the process alive. */
  ref = true;
  /** Whether somebody was told of its beginning (diagnostics_channel). */
  traced = false;
  /** Whether the kernel, or the queue, has it. */
  busy = false;
  /** The next free one. */
  next: Slot | null = null;

  constructor(index: number) {
    this.index = index;
  }

  /** The user data as one number. */
  get userData(): bigint {
    return (BigInt(this.key >>> 0) << 32n) | BigInt(this.index);
  }

  /** Forgets the operation. A completion that comes late meets another generation. */
  clear(): void {
    this.key = keyOf(KIND_OPERATION, this.key + 1);
    this.resolve = nothing;
    this.finish = null;
    this.accepts = 0;
    this.first = null;
    this.receiver = null;
    if (this.hold !== null) {
      giveHold(this.hold);
      this.hold = null;
    }
    this.view = null;
    this.vectors = null;
    this.gone = false;
    this.path = null;
    this.dest = null;
    this.cancellation = null;
    if (this.file !== null) {
      this.file.letGo();
      this.file = null;
    }
    if (this.into !== null) {
      this.into.letGo();
      this.into = null;
    }
    this.ref = true;
    this.traced = false;
    this.busy = false;
  }
}

function nothing(): void {}
