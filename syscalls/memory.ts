/**
 * Memory that both JavaScript and the kernel use: page-aligned shared memory, and the address of any buffer.
 *
 * What makes it safe to let the kernel write here late: a SharedArrayBuffer never moves and is never detached, and
 * one of more than 32 MiB (the largest threshold of glibc's malloc) comes from mmap and goes back by munmap, so that
 * its addresses are not given to the next allocation while the kernel holds the pages, whoever frees it, V8's
 * collector or the end of a terminated Worker. Only address space is spent: pages never touched are never filled.
 */
import { types } from 'node:util';
import {
  MADV_NOHUGEPAGE,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
} from './constants/mman.ts';
import { UringError } from './error.ts';
import { checkInteger, invalidType, invalidValue } from './invalid.ts';
import { isView } from './is-view.ts';
import { libc } from './libc.ts';

/** Anything whose bytes have an address: a Buffer, another typed array, a DataView, or a whole (Shared)ArrayBuffer. */
export type BufferSource = ArrayBufferView | ArrayBuffer | SharedArrayBuffer;

/** Memory that knows its address and keeps what it needs reachable: SharedPages, or an argument such as Msghdr. */
export interface Memory {
  /** Of the first byte; stays right as long as the object lives. */
  readonly address: number;
  readonly byteLength: number;
}

/** Whether this is Memory, not a buffer. */
export function isMemory(value: unknown): value is Memory {
  return typeof value === 'object' && value !== null && typeof (value as Memory).address === 'number';
}

/** The size of a page of this system in bytes: 4,096 on x64; 4,096, 16,384 or 65,536 on arm64. sysconf(3). */
export function pageSize(): number {
  page ??= libc().sysconf(SC_PAGESIZE);
  return page;
}

/**
 * The address of a buffer's first byte, as a number (user space ends below 2^53). Stays right as long as the buffer
 * lives and is not transferred away. Throws TypeError for what is no buffer or is detached.
 */
export function addressOf(buffer: BufferSource): number {
  if (isView(buffer)) return baseOf(buffer.buffer) + buffer.byteOffset;
  return baseOf(buffer);
}

/**
 * `byteLength` bytes (rounded up to whole pages) of zeroed, page-aligned shared memory at a fixed address. It lives
 * as long as anything refers to the object or its `buffer`, and its pages serve nobody else while the kernel may still
 * write to them. Its address may: hand the object to an operation, not the number, or keep the object yourself.
 * Less than 2 MiB is in no huge page: it takes, and counts as locked when it is registered, what it is.
 * Throws RangeError for a length that is not positive or cannot be had.
 */
export function allocatePages(byteLength: number): SharedPages {
  checkInteger('byteLength', byteLength, 1, MAX_BYTES);
  const size = pageSize();
  const wanted = Math.ceil(byteLength / size) * size;
  const buffer = separateBuffer(Math.max(wanted + size, MUNMAP_BYTES));
  const base = baseOf(buffer);
  const header = base % size;
  // Of the whole mapping: those side by side stay one to the kernel.
  if (wanted < HUGE_BYTES) refuseHugePages(base - header, header + buffer.byteLength);
  return new SharedPages(buffer, Math.ceil(base / size) * size - base, wanted);
}

/**
 * A page-aligned part of a SharedArrayBuffer. `buffer`, `byteOffset` and `byteLength` can be posted to a Worker and
 * put together there again by `new SharedPages(…)`: the address is the same in every thread.
 */
export class SharedPages implements Memory {
  readonly buffer: SharedArrayBuffer;
  /** Where the pages begin in `buffer`. */
  readonly byteOffset: number;
  /** A whole number of pages, in bytes. */
  readonly byteLength: number;
  /** Where the pages begin in memory. */
  readonly address: number;

  constructor(buffer: SharedArrayBuffer, byteOffset: number, byteLength: number) {
    if (!types.isSharedArrayBuffer(buffer))
      throw invalidType('buffer', 'an instance of SharedArrayBuffer', buffer);
    const address = baseOf(buffer) + checkInteger('byteOffset', byteOffset, 0, buffer.byteLength);
    checkInteger('byteLength', byteLength, 1, buffer.byteLength - byteOffset);
    if (address % pageSize() !== 0 || byteLength % pageSize() !== 0)
      throw invalidValue('byteOffset', byteOffset, 'and byteLength must give whole pages');
    this.buffer = buffer;
    this.byteOffset = byteOffset;
    this.byteLength = byteLength;
    this.address = address;
  }

  /**
   * Whether these are pages as `allocatePages` makes them, that leave the process when they are freed. Those of a
   * smaller SharedArrayBuffer may serve another allocation while the kernel still writes to them.
   */
  get isSeparate(): boolean {
    return this.buffer.byteLength >= MUNMAP_BYTES;
  }

  /** The bytes from `offset` on, `length` of them (default: all that follow). RangeError beyond the end. */
  bytes(offset = 0, length: number = this.byteLength - offset): Uint8Array<SharedArrayBuffer> {
    checkInteger('offset', offset, 0, this.byteLength);
    checkInteger('length', length, 0, this.byteLength - offset);
    return new Uint8Array(this.buffer, this.byteOffset + offset, length);
  }

  /**
   * Puts fresh zero pages in the place of these. What the kernel still holds of the old ones it keeps to itself: a
   * late write can no longer be seen here. Every registration of these pages with a living ring is thereby void
   * (the ring goes on with the old pages), in whatever thread it was made. mmap(2) with MAP_FIXED.
   */
  renew(): void {
    const fixed = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS;
    const at = libc().mmap(this.address, this.byteLength, PROT_READ | PROT_WRITE, fixed, -1, 0);
    if (at < 0) throw new UringError(at, 'mmap');
    if (this.byteLength < HUGE_BYTES) refuseHugePages(this.address, this.byteLength);
  }
}

/** The bytes of a path or name with the NUL that C expects. TypeError when it contains a NUL itself. */
export function cString(text: string | Uint8Array): Uint8Array {
  if (typeof text !== 'string' && !(text instanceof Uint8Array))
    throw invalidType('path', 'of type string or an instance of Buffer', text);
  const nul = typeof text === 'string' ? text.includes('\0') : text.includes(0);
  if (nul) throw invalidValue('path', text, 'must be without null bytes');
  // From Node's pool, whose address is known: an array of its own would cost microseconds.
  if (typeof text === 'string') return Buffer.from(`${text}\0`);
  const terminated = new Uint8Array(text.length + 1);
  terminated.set(text);
  return terminated;
}

/** The text from `offset` up to the next NUL (or the end), as UTF-8. */
export function readCString(bytes: Uint8Array, offset = 0): string {
  checkInteger('offset', offset, 0, bytes.length);
  const end = bytes.indexOf(0, offset);
  return Buffer.from(bytes.subarray(offset, end < 0 ? bytes.length : end)).toString();
}

/**
 * Where the system gives huge pages to whoever does not refuse them, the first touch of a page would fill 2 MiB, and all
 * of it would count as locked when it is registered. A kernel without huge pages says EINVAL, and need not be told.
 */
function refuseHugePages(address: number, byteLength: number): void {
  libc().madvise(address, byteLength, MADV_NOHUGEPAGE);
}

/**
 * A SharedArrayBuffer of at least `bytes` in a mapping of its own. malloc makes one for so large a wish, unless its
 * heap happens to have a hole of that size (or it was told to map nothing): then WebAssembly's memory does, which
 * reserves 10 GiB of addresses for each. Where these are not to be had either the buffer is never freed.
 */
function separateBuffer(bytes: number): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(bytes);
  if (isMapping(baseOf(buffer))) return buffer;
  const pages = Math.ceil(bytes / WASM_PAGE_BYTES);
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer;
  } catch {
    unfreed.add(buffer);
    return buffer;
  }
}

/**
 * Whether malloc made a mapping for what begins at `base`. glibc: then it begins 16 bytes behind a page boundary, and
 * the word before it, the size of the chunk, has the bit IS_MMAPPED. musl maps everything of that size.
 */
function isMapping(base: number): boolean {
  if (!libc().isGlibc) return true;
  // Another allocator in glibc's place (LD_PRELOAD) aligns otherwise, and may keep for itself what is freed.
  if (base % pageSize() !== MALLOC_HEADER_BYTES) return false;
  return (libc().peek(base - 8) & IS_MMAPPED) !== 0;
}

/** The little that is used of it: neither es2023 nor the types of Node declare it. */
declare const WebAssembly: {
  readonly Memory: new (descriptor: {
    initial: number;
    maximum: number;
    shared: true;
  }) => { readonly buffer: SharedArrayBuffer };
};

const unfreed = new Set<SharedArrayBuffer>();
const WASM_PAGE_BYTES = 65536;
const MALLOC_HEADER_BYTES = 16;
const IS_MMAPPED = 2;
const SC_PAGESIZE = 30; // _SC_PAGESIZE, the same in glibc and musl
const MAX_BYTES = 2 ** 40;
/** Those of x64, and of arm64 with pages of 4 KiB: smaller pieces gain nothing by them. */
const HUGE_BYTES = 2 * 2 ** 20;
/** Above glibc's DEFAULT_MMAP_THRESHOLD_MAX (32 MiB), so that malloc never serves it from its heap. */
const MUNMAP_BYTES = 33 * 2 ** 20;
let page: number | undefined;

/** Base addresses of ArrayBuffers: looking one up costs half of asking. The base of a living buffer never changes. */
const bases = new WeakMap<ArrayBufferLike, number>();

function baseOf(buffer: ArrayBufferLike): number {
  const known = bases.get(buffer);
  // A transferred buffer has no bytes left: its old address is somebody else's.
  if (known !== undefined && buffer.byteLength > 0) return known;
  return askBase(buffer);
}

function askBase(buffer: ArrayBufferLike): number {
  // Also those of another realm (node:vm), as test runners give them to programs.
  if (!types.isAnyArrayBuffer(buffer))
    throw invalidType('buffer', 'an instance of Buffer, TypedArray, DataView or (Shared)ArrayBuffer', buffer);
  if (buffer.byteLength === 0) return emptyBase(buffer);
  const base = libc().addressOf(new Uint8Array(buffer));
  bases.set(buffer, base);
  return base;
}

/** An empty buffer has no address worth a name: 0, which the kernel reads as NULL. A detached one is a mistake. */
function emptyBase(buffer: ArrayBufferLike): number {
  if ((buffer as { detached?: boolean }).detached || bases.has(buffer))
    throw invalidValue('buffer', buffer, 'must not be detached');
  return 0;
}
