/**
 * Groups of provided buffers for one test: a ring, a group of it, and sockets to fill the buffers from; and what such
 * tests need of the system.
 */
import assert from 'node:assert/strict';
import {
  BufferRing,
  type BufferRingOptions,
  cancel64,
  type IoUringOptions,
  type IoUringState,
  type Sqe,
} from 'tsuring';
import {
  ECANCELED,
  EINVAL,
  IORING_FEAT_RECVSEND_BUNDLE,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_TASKRUN_FLAG,
  IOSQE_BUFFER_SELECT,
} from 'tsuring/syscalls';
import { Cqe } from '../../lib/cqe.ts';
import { lacksFeature, lacksOpcode, lacksRegister, lacksRing } from './needs.ts';
import { type OpenRing, openRing } from './open-ring.ts';
import { Sockets } from './sockets.ts';
import { timeLimit } from './time-limit.ts';

export type Encode = (sqe: Sqe) => void;

/** The group of every scene. */
export const GROUP = 5;

export class BufferScene implements Disposable {
  readonly open: OpenRing;
  readonly ring: IoUringState;
  readonly sockets: Sockets = new Sockets();
  readonly buffers: BufferRing;

  constructor(buffers: Omit<BufferRingOptions, 'group'>, options: IoUringOptions = {}) {
    this.open = openRing(16, { cqEntries: 1024, ...options });
    this.ring = this.open.ring;
    this.buffers = new BufferRing(this.ring, { group: GROUP, ...buffers });
  }

  /** Submits an operation that takes its buffers from the group, or from another. */
  start(userData: number, encode: Encode, group: number = GROUP): void {
    const sqe = this.ring.getSqe();
    assert(sqe !== null, 'the ring has room');
    encode(sqe);
    sqe.flags |= IOSQE_BUFFER_SELECT;
    sqe.bufIndex = group;
    sqe.userData = userData;
    this.ring.commitSqe();
    this.ring.submit();
  }

  /** Waits for the next completion and lets `look` at it, before it is acknowledged. */
  next<T>(userData: number, look: (cqe: Cqe) => T): T {
    const cqe = this.ring.waitCqe({ timeout: timeLimit });
    assert(cqe !== null, 'a completion comes');
    assert.equal(cqe.userData, userData, `of the operation that was awaited; res ${cqe.res}`);
    try {
      return look(cqe);
    } finally {
      this.ring.advanceCq();
    }
  }

  /** The result of the next completion, which must have these flags and no buffer. */
  ended(userData: number, flags = 0): number {
    return this.next(userData, (cqe) => {
      assert.equal(cqe.flags & ~UNCERTAIN, flags);
      assert.equal(this.buffers.take(cqe), 0);
      return cqe.res;
    });
  }

  /** The bytes of the next completion as text. The buffers stay taken. */
  text(userData: number): string {
    return this.next(userData, (cqe) => {
      assert(cqe.res >= 0, `res ${cqe.res}`);
      const views = this.buffers.views(cqe);
      const text = Buffer.concat(views).toString();
      assert.equal(text.length, cqe.res);
      return text;
    });
  }

  /** Cancels the operation with this user data, which has taken no buffer and completes once more. */
  cancel(userData: number): void {
    const sqe = this.ring.getSqe();
    assert(sqe !== null, 'the ring has room');
    cancel64(sqe, userData, 0);
    sqe.userData = -1;
    this.ring.commitSqe();
    this.ring.submit();
    const results = new Map<unknown, number>();
    while (results.size < 2) {
      assert(this.ring.waitCqe({ timeout: timeLimit }) !== null, 'a completion comes');
      this.ring.forEachCqe((cqe) => {
        results.set(cqe.userData, cqe.res);
        assert.equal(this.buffers.take(cqe), 0);
      });
    }
    assert.deepEqual([results.get(userData), results.get(2n ** 64n - 1n)], [-ECANCELED, 0]);
  }

  /** Nothing is queued and nothing stands ready, also not in the kernel. */
  idle(): void {
    this.ring.getEvents();
    this.open.expect({ sq: 0, cq: 0 });
  }

  [Symbol.dispose](): void {
    this.buffers.close();
    this.open[Symbol.dispose]();
    this.sockets[Symbol.dispose]();
  }
}

/** Flags that depend on what the socket knows of itself: IORING_CQE_F_SOCK_NONEMPTY. */
export const UNCERTAIN = 4;

/** A completion as the kernel would write it. */
export function completion(res: number, flags: number): Cqe {
  const cqe = new Cqe();
  cqe.words = Int32Array.of(0, 0, res, flags);
  return cqe;
}

/** `length` bytes of an endless pattern, from its byte `start` on: no two places within 64 KiB look alike. */
export function pattern(start: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = patternAt(start + i);
  return bytes;
}

export function patternAt(index: number): number {
  return (index & 1) === 0 ? (index >>> 1) & 0xff : (index >>> 9) & 0xff;
}

/** The ways to submit and to complete. */
export const ways: readonly {
  readonly way: string;
  readonly flags: number;
  readonly lacks: string | false;
}[] = Object.entries({
  plain: 0,
  SQPOLL: IORING_SETUP_SQPOLL,
  COOP_TASKRUN: IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
  DEFER_TASKRUN: IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
}).map(([way, flags]) => ({ way, flags, lacks: lacksRing(way, { flags }) }));

/** The two places for the entries. */
export const memories: readonly { readonly memory: 'user' | 'mmap'; readonly lacks: string | false }[] = [
  { memory: 'user', lacks: lacksBufferRings() },
  { memory: 'mmap', lacks: lacksOption('IOU_PBUF_RING_MMAP (Linux 6.4)', { memory: 'mmap' }) },
];

export function lacksBufferRings(): string | false {
  return lacksRegister('IORING_REGISTER_PBUF_RING');
}

export function lacksIncremental(): string | false {
  return lacksOption('IOU_PBUF_RING_INC (Linux 6.12)', { incremental: true });
}

export function lacksMinLeft(): string | false {
  return lacksOption('min_left of a buffer ring (Linux 7.1, or an older one that was mended)', {
    incremental: true,
    minLeft: 8,
  });
}

export function lacksBundles(): string | false {
  return (
    lacksBufferRings() ||
    lacksFeature('IORING_FEAT_RECVSEND_BUNDLE (Linux 6.10)', IORING_FEAT_RECVSEND_BUNDLE)
  );
}

export function lacksStatus(): string | false {
  return lacksBufferRings() || lacksRegister('IORING_REGISTER_PBUF_STATUS');
}

/** For receives that go on. Nothing tells of it; it came with IORING_OP_SEND_ZC. */
export function lacksRecvMultishot(): string | false {
  return lacksBufferRings() || (lacksOpcode('IORING_OP_SEND_ZC') && 'needs multishot receives (Linux 6.0)');
}

function lacksOption(what: string, options: Partial<BufferRingOptions>): string | false {
  const none = lacksBufferRings();
  if (none) return none;
  using open = openRing(1);
  try {
    new BufferRing(open.ring, { group: 0, entries: 1, bufferSize: 64, ...options }).close();
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).errno !== -EINVAL) throw error;
    return `needs ${what}`;
  }
}
