/**
 * A watch for writes to memory that nobody should write to: many buffers, filled with a pattern and looked at again.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** A byte that is not what it was. */
export interface ForeignWrite {
  /** Which buffer, and where in it. */
  readonly buffer: number;
  readonly offset: number;
  /** The 16 bytes from there on (fewer at the end), in hex. */
  readonly found: string;
}

/** Buffers whose content is known. Made right after memory was freed, they are likely to get just that memory. */
export class MemoryWatch {
  readonly buffers: Buffer[] = [];
  readonly #expected = new Map<number, Buffer>();

  /** Adds `count` buffers of `byteLength` bytes, each a piece of memory of its own. */
  add(count: number, byteLength: number): void {
    if (!this.#expected.has(byteLength)) this.#expected.set(byteLength, patternOf(byteLength));
    // Not Buffer.alloc: that takes small ones out of a pool.
    for (let i = 0; i < count; i++) this.buffers.push(patternOf(byteLength));
  }

  /** Adds buffers of many sizes, from those of a ring's pages up to what malloc maps by itself: about `megabytes`. */
  addAll(megabytes: number): void {
    const each = (megabytes * 2 ** 20) / SIZES.length;
    for (const size of SIZES) this.add(Math.max(1, Math.floor(each / size)), size);
  }

  /** The first wrong byte of every buffer that was written to. */
  check(): ForeignWrite[] {
    // What the buffers are compared with may itself be what was written to.
    for (const [byteLength, expected] of this.#expected)
      if (expected.some((byte) => byte !== PATTERN)) this.#expected.set(byteLength, patternOf(byteLength));
    return this.buffers.flatMap((buffer, index) => {
      if (buffer.equals(this.#expected.get(buffer.length)!)) return [];
      const offset = buffer.findIndex((byte) => byte !== PATTERN);
      return [{ buffer: index, offset, found: buffer.toString('hex', offset, offset + 16) }];
    });
  }

  /** Looks again and again for `milliseconds`; ends early when something was found. */
  async checkFor(milliseconds: number): Promise<ForeignWrite[]> {
    const end = performance.now() + milliseconds;
    for (;;) {
      const found = this.check();
      if (found.length > 0 || performance.now() > end) return found;
      await sleep(1);
    }
  }
}

function patternOf(byteLength: number): Buffer {
  return Buffer.from(new ArrayBuffer(byteLength)).fill(PATTERN);
}

/** Collects garbage now, runs finalizers, and collects what they let go. */
export async function collectGarbage(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    gc();
    await sleep(0);
    await new Promise(setImmediate);
  }
  // Backing stores are freed by a thread of V8.
  await sleep(2);
}

/** Collects garbage now; finalizers run only in later turns of the event loop. */
export const gc: () => void = (() => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
})();

/** No page that a kernel or an allocator fills looks like this. */
const PATTERN = 0xa5;
const SIZES: readonly number[] = [4096, 8192, 12_288, 20_480, 65_536, 120_000, 1 << 20, 4 << 20];
