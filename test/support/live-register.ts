/**
 * What the live tests of register methods have in common.
 */
import assert from 'node:assert/strict';
import { openSync, readSync } from 'node:fs';
import {
  type BufferSource,
  type IoUringOptions,
  type IoUringState,
  type Memory,
  readFixed,
  type Sqe,
  type U64,
} from 'tsuring';
import { type OpenRing, openRing } from './open-ring.ts';
import { timeLimit } from './time-limit.ts';

/** Submits one operation. */
export function start(open: OpenRing, fill: (sqe: Sqe) => void, userData: U64 = 0): void {
  const sqe = open.ring.getSqe();
  assert.ok(sqe !== null);
  fill(sqe);
  sqe.userData = userData;
  open.ring.commitSqe();
  // An SQPOLL thread may have taken it already.
  assert.ok(open.ring.submit() >= 1 || open.ring.usesSqpoll);
}

/** Waits for the next completion: its user data and result. */
export function next({ ring }: OpenRing): [userData: number | bigint, res: number] {
  const cqe = ring.waitCqe({ timeout: timeLimit });
  assert.ok(cqe !== null, 'a completion comes');
  const { userData, res } = cqe;
  ring.advanceCq();
  return [userData, res];
}

/** Submits one operation alone and gives its result. */
export function does(open: OpenRing, fill: (sqe: Sqe) => void): number {
  start(open, fill, 3);
  const [userData, res] = next(open);
  assert.equal(userData, 3);
  return res;
}

/** The user data of the next `count` completions, which must be all, and say nothing else. */
export function tagsOf(open: OpenRing, count: number): (number | bigint)[] {
  const all = Array.from({ length: count }, () => {
    const cqe = open.ring.waitCqe({ timeout: timeLimit });
    assert.ok(cqe !== null, 'a tag comes');
    const { userData, res, flags } = cqe;
    assert.deepEqual([res, flags], [0, 0]);
    open.ring.advanceCq();
    return userData;
  });
  open.expect({ sq: 0, cq: 0 });
  return all;
}

/** For something that a register method does only on newer kernels: tries it on a ring. */
export function lacksCall(
  what: string,
  call: (ring: IoUringState) => void,
  options?: IoUringOptions,
): string | false {
  try {
    using open = openRing(1, options);
    call(open.ring);
    return false;
  } catch (error) {
    return `needs ${what}: ${(error as Error).message}`;
  }
}

/** For tags that come when a whole table goes. Before Linux 6.13 they came only for what was replaced or closed. */
export function lacksTagsAtEnd(): string | false {
  return lacksCall('tags of whole tables (Linux 6.13)', (ring) => {
    ring.registerBuffersTags([new Uint8Array(8)], [1]);
    ring.unregisterBuffers();
    if (ring.peekCqe() === null) throw new Error('none came');
  });
}

/** What io_uring_register(2) throws for an errno. */
export function refusal(code: string): object {
  return { name: 'UringError', code, syscall: 'io_uring_register' };
}

/** A file to read from, open as long as the process lives, and what it begins with. */
export const contentFd: number = openSync(process.execPath, 'r');
export const content: Buffer = Buffer.alloc(5000);
readSync(contentFd, content, 0, content.length, 0);

/** What READ_FIXED of up to 100 bytes of that file into each buffer gives, buffer i with the index i. */
export function reads(open: OpenRing, buffers: readonly (BufferSource | Memory)[]): number[] {
  return buffers.map((buffer, i) => {
    const length = Math.min(buffer.byteLength, 100);
    return does(open, (sqe) => readFixed(sqe, contentFd, buffer, length, 0, i));
  });
}

/** What `make` gives, seen without being held. */
export function held(make: () => Uint8Array): WeakRef<Uint8Array> {
  return new WeakRef(make());
}

/** Closes a ring whose buffers are then let go at once, not seconds later. */
export function closeWithoutLinger(ring: IoUringState): void {
  const original = globalThis.setTimeout;
  const timers: (() => void)[] = [];
  const fake = (callback: () => void) => {
    timers.push(callback);
    return { unref: () => {} };
  };
  globalThis.setTimeout = fake as unknown as typeof setTimeout;
  try {
    ring.close();
  } finally {
    globalThis.setTimeout = original;
  }
  for (const timer of timers) timer();
}
