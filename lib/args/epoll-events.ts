/**
 * `struct epoll_event`, which is 12 bytes long and packed on x64, 16 bytes elsewhere.
 */
import { checkInteger, invalidType, outOfRange } from '../../syscalls/invalid.ts';
import { epoll_event } from '../../syscalls/layouts/epoll.ts';
import type { Memory } from '../../syscalls/memory.ts';
import type { U64 } from '../sqe.ts';
import { placeOf, u64Of } from './words.ts';

/**
 * One `struct epoll_event` for epollCtl: which events to watch for (EPOLLIN, EPOLLET …), and 64 bits of yours, such as
 * the fd, that come back with them.
 * @throws TypeError, RangeError for what does not fit.
 */
export function epollEvent(events: number, data: U64): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(epoll_event.size);
  const view = new DataView(bytes.buffer);
  // Negative with EPOLLET, by JavaScript's `|`.
  view.setUint32(EVENTS, checkInteger('events', events, -0x8000_0000, 0xffff_ffff) >>> 0, true);
  view.setBigUint64(DATA, toU64(data), true);
  return bytes;
}

/**
 * Room for the events that epollWait gives: `epollWait(sqe, fd, events, events.capacity)`. When the CQE is there, the
 * first `res` of them are valid. Use it again when they were read.
 */
export class EpollEvents implements Memory {
  /** Where the room begins in memory. */
  readonly address: number;
  readonly byteLength: number;
  /** How many events there is room for. */
  readonly capacity: number;
  readonly #view: DataView;

  /** @throws RangeError for a capacity that is not positive. */
  constructor(capacity: number) {
    this.capacity = checkInteger('capacity', capacity, 1, MAX_EVENTS);
    this.byteLength = capacity * epoll_event.size;
    const memory = new ArrayBuffer(this.byteLength);
    this.address = placeOf(memory);
    this.#view = new DataView(memory);
  }

  /** Which events came for entry `index`: EPOLLIN, EPOLLHUP …. RangeError beyond the capacity. */
  events(index: number): number {
    return this.#view.getUint32(this.#at(index) + EVENTS, true);
  }

  /** The 64 bits that were given to epollCtl: a number while it is a safe integer, a bigint beyond. */
  data(index: number): U64 {
    const at = this.#at(index) + DATA;
    return u64Of(this.#view.getUint32(at, true), this.#view.getUint32(at + 4, true));
  }

  #at(index: number): number {
    return checkInteger('index', index, 0, this.capacity - 1) * epoll_event.size;
  }
}

function toU64(data: U64): bigint {
  if (typeof data !== 'bigint' && typeof data !== 'number')
    throw invalidType('data', 'of type number or bigint', data);
  if (typeof data === 'number' && !Number.isSafeInteger(data))
    throw outOfRange('data', 'a safe integer or a bigint', data);
  const wide = BigInt(data);
  if (wide >= 1n << 64n || wide < -(1n << 63n)) throw outOfRange('data', 'an integer of 64 bits', data);
  return BigInt.asUintN(64, wide);
}

const EVENTS = epoll_event.fields.events[0];
const DATA = epoll_event.fields['data.u64'][0];
/** EP_MAX_EVENTS of the kernel. */
const MAX_EVENTS = Math.floor(0x7fff_ffff / epoll_event.size);
