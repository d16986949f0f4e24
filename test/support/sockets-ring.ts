/**
 * A ring beside sockets, for one test: operations go out one by one, and what they gave is read off before the ring
 * may use its place again.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { acceptDirect, cancel, type IoUringState, Iovecs, provideBuffers, type Sqe, send } from 'tsuring';
import {
  ECANCELED,
  EINVAL,
  errnoName,
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_BUFFER,
  IORING_CQE_F_MORE,
  IORING_CQE_F_NOTIF,
  IORING_CQE_F_SOCK_NONEMPTY,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IOSQE_BUFFER_SELECT,
} from 'tsuring/syscalls';
import { live } from './live.ts';
import { lacksDefer, lacksOpcode, lacksRing } from './needs.ts';
import { type OpenRing, openRing } from './open-ring.ts';
import { Sockets } from './sockets.ts';
import { timeLimit } from './time-limit.ts';

/** A completion, copied. */
export interface Done {
  readonly userData: number;
  readonly res: number;
  readonly flags: number;
}

/** Flags of completions. */
export const MORE: number = IORING_CQE_F_MORE;
export const NOTIF: number = IORING_CQE_F_NOTIF;
export const NONEMPTY: number = IORING_CQE_F_SOCK_NONEMPTY;

/** Flags of a completion that took the buffer `id`, with `others`. */
export function took(id: number, others = 0): number {
  return ((id << IORING_CQE_BUFFER_SHIFT) | IORING_CQE_F_BUFFER | others) >>> 0;
}

export class Scene implements Disposable {
  readonly open: OpenRing;
  readonly ring: IoUringState;
  readonly sockets: Sockets = new Sockets();
  /** Whether completions appear only inside a call that asks for them. */
  readonly defers: boolean;
  /** What the kernel may write to and no operation in flight names, so that the ring does not hold it. */
  readonly kept: unknown[] = [];
  #operations = 0;

  constructor(flags: number) {
    this.open = openRing(16, { flags });
    this.ring = this.open.ring;
    this.defers = (flags & IORING_SETUP_DEFER_TASKRUN) !== 0;
  }

  /** Puts an operation into the queue without telling the kernel; gives its user data. */
  stage(encode: (sqe: Sqe) => void): number {
    const sqe = this.ring.getSqe();
    assert(sqe !== null, 'the ring has room');
    encode(sqe);
    // Beyond 32 bits, so that both halves are looked at.
    const userData = 2 ** 40 + ++this.#operations;
    sqe.userData = userData;
    this.ring.stageSqe();
    return userData;
  }

  /** Submits an operation, which the kernel must take; gives its user data. */
  start(encode: (sqe: Sqe) => void): number {
    const userData = this.stage(encode);
    assert.equal(this.ring.submit(), 1);
    assert.equal(this.ring.sqReady(), 0);
    return userData;
  }

  /** The next completion, acknowledged. */
  next(): Done {
    const cqe = this.ring.waitCqe({ timeout: timeLimit });
    assert(cqe !== null, 'a completion comes');
    const done = { userData: Number(cqe.userData), res: cqe.res, flags: cqe.flags };
    this.ring.advanceCq();
    return done;
  }

  /** The next completion, which must be this operation's: its result and flags. */
  ended(userData: number): [res: number, flags: number] {
    const done = this.next();
    assert.equal(done.userData, userData, 'the completion is of the operation that was awaited');
    return [done.res, done.flags];
  }

  /** Does one operation, and gives its result: no flags may be set, and nothing else completes. */
  once(encode: (sqe: Sqe) => void): number {
    const [res, flags] = this.ended(this.start(encode));
    assert.equal(flags, 0);
    this.idle();
    return res;
  }

  /** Cancels an operation that waits, or goes on and on: its last completion is -ECANCELED. */
  stop(userData: number): void {
    const cancelling = this.start((sqe) => cancel(sqe, userData));
    const done = this.all(2);
    assert.deepEqual(done.get(cancelling), { userData: cancelling, res: 0, flags: 0 });
    assert.deepEqual(done.get(userData), { userData, res: -ECANCELED, flags: 0 });
  }

  /** `once`, with the result that must come. */
  gives(encode: (sqe: Sqe) => void, res: number, message?: string): void {
    assert.equal(this.once(encode), res, message);
  }

  /** The next `count` completions by user data, in whatever order they came. */
  all(count: number): Map<number, Done> {
    const done = Array.from({ length: count }, () => this.next());
    const byUserData = new Map(done.map((one) => [one.userData, one]));
    assert.equal(byUserData.size, count, 'each completed once');
    return byUserData;
  }

  /** Nothing is queued and nothing stands ready, also not in the kernel. */
  idle(): void {
    this.ring.getEvents();
    this.open.expect({ sq: 0, cq: 0 });
  }

  [Symbol.dispose](): void {
    this.open[Symbol.dispose]();
    this.sockets[Symbol.dispose]();
  }
}

/** Provided buffers of one group, with the IDs 0, 1, 2 …, for the kernel to choose from. */
export class Buffers {
  readonly group: number;
  readonly #scene: Scene;
  readonly #length: number;
  readonly #memory: Buffer;

  constructor(scene: Scene, group: number, count: number, length: number) {
    this.#scene = scene;
    this.group = group;
    this.#length = length;
    this.#memory = Buffer.alloc(count * length);
    scene.kept.push(this.#memory);
    this.give(0, count);
  }

  /** Gives buffers, the first time or again. */
  give(first: number, count = 1): void {
    const from = this.#memory.subarray(first * this.#length);
    const giving = this.#scene.start((sqe) =>
      provideBuffers(sqe, from, this.#length, count, this.group, first),
    );
    const [res] = this.#scene.ended(giving);
    assert(res >= 0, errnoName(res));
  }

  /** The first bytes of a buffer. */
  bytes(id: number, length: number): Buffer {
    return this.#memory.subarray(id * this.#length, id * this.#length + length);
  }

  /** What a completion says is in the buffer that it took. */
  text([res, flags]: [res: number, flags: number]): string {
    assert.equal(flags & IORING_CQE_F_BUFFER, IORING_CQE_F_BUFFER);
    return this.bytes(flags >>> IORING_CQE_BUFFER_SHIFT, res).toString();
  }

  /** Has an entry choose from this group. */
  choose(sqe: Sqe): void {
    sqe.flags |= IOSQE_BUFFER_SELECT;
    sqe.bufIndex = this.group;
  }
}

/** `live`, once for each kind of ring; a test that leaves a completion behind fails. */
export function liveOnRings(
  covers: readonly string[],
  name: string,
  needs: readonly (string | false)[],
  body: (scene: Scene, context: TestContext) => void | Promise<void>,
): void {
  for (const { kind, flags, lacks } of rings)
    live(covers, `${name} (${kind})`, [lacks, ...needs], async (context) => {
      using scene = new Scene(flags);
      await body(scene, context);
      scene.idle();
    });
}

/** For what came with the same kernel as an operation, of which the kernel can be asked. */
export function lacksWith(what: string, opcode: string): string | false {
  return lacksOpcode(opcode) && `needs ${what}`;
}

/** For connections accepted into slots. Before, the slot was not looked at, and a descriptor was made. */
export function lacksAcceptDirect(): string | false {
  const none = lacksRing('io_uring', {});
  if (none) return none;
  using scene = new Scene(0);
  scene.ring.registerFiles([-1]);
  const listener = scene.sockets.listener({ abstract: scene.sockets.abstract() });
  scene.sockets.client(listener);
  const [res] = scene.ended(scene.start((sqe) => acceptDirect(sqe, listener.fd, 0, 0, 0, 0)));
  if (res > 0) scene.sockets.keep(res);
  return res === 0 ? false : 'needs direct descriptors (Linux 5.15)';
}

/**
 * For a flag of IORING_OP_SEND or _SEND_ZC in `ioprio`: an unknown one is refused before it is found that the file is
 * no socket. Kernels that do not look at all have no IORING_OP_SEND_ZC either.
 */
export function lacksSendFlag(what: string, flag: number, prepare: typeof send = send): string | false {
  if (lacksOpcode('IORING_OP_SEND_ZC')) return `needs ${what}`;
  using scene = new Scene(0);
  const iovecs = new Iovecs([new Uint8Array(1)]);
  const trying = scene.start((sqe) => {
    prepare(sqe, scene.sockets.file(), iovecs, 1);
    sqe.ioprio |= flag;
  });
  const [res, flags] = scene.ended(trying);
  if ((flags & MORE) !== 0) scene.ended(trying);
  return res === -EINVAL && `needs ${what}`;
}

const rings = [
  { kind: 'plain ring', flags: 0, lacks: lacksRing('io_uring', {}) },
  {
    kind: 'DEFER_TASKRUN',
    flags: IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
    lacks: lacksDefer(),
  },
];
