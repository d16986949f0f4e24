/**
 * Streams through small groups of buffers, thousands of random steps: every byte arrives once, in order, and stays as it
 * is until its buffer is given back, whatever the sizes and the order of things. SEED=… runs one again.
 */
import assert from 'node:assert/strict';
import { type BufferRingOptions, recv, recvMultishot, type Sqe } from 'tsuring';
import {
  ENOBUFS,
  IORING_CQE_F_MORE,
  IORING_RECVSEND_BUNDLE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
} from 'tsuring/syscalls';
import type { Cqe } from '../lib/cqe.ts';
import {
  BufferScene,
  lacksBufferRings,
  lacksBundles,
  lacksIncremental,
  lacksRecvMultishot,
  lacksStatus,
  memories,
  pattern,
  patternAt,
} from './support/buffer-rings.ts';
import { times } from './support/effort.ts';
import { live } from './support/live.ts';
import { lacksDefer, lacksSqpoll } from './support/needs.ts';
import { randomBelow, seed } from './support/random.ts';
import { trySend } from './support/sockets.ts';
import { timeLimit } from './support/time-limit.ts';

const STEPS = Number(process.env.TSURING_RANDOM_STEPS ?? times(3000));

interface Mode {
  readonly name: string;
  readonly incremental?: boolean;
  readonly bundle?: boolean;
  readonly multishot?: boolean;
  readonly lacks: string | false;
}

const multishot = lacksRecvMultishot();
const modes: readonly Mode[] = [
  { name: 'one by one', lacks: lacksBufferRings() },
  { name: 'multishot', multishot: true, lacks: multishot },
  { name: 'bundles', bundle: true, lacks: lacksBundles() },
  { name: 'multishot bundles', bundle: true, multishot: true, lacks: lacksBundles() },
  { name: 'incremental, one by one', incremental: true, lacks: lacksIncremental() },
  { name: 'incremental multishot', incremental: true, multishot: true, lacks: lacksIncremental() },
  { name: 'incremental bundles', incremental: true, bundle: true, lacks: lacksIncremental() },
  {
    name: 'incremental multishot bundles',
    incremental: true,
    bundle: true,
    multishot: true,
    lacks: lacksIncremental(),
  },
];

const kinds = [
  { kind: 'plain', flags: 0, lacks: false as const },
  { kind: 'SQPOLL', flags: IORING_SETUP_SQPOLL, lacks: lacksSqpoll() },
  {
    kind: 'DEFER_TASKRUN',
    flags: IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
    lacks: lacksDefer(),
  },
];

const mapped = memories[1].lacks === false;

for (const [n, mode] of modes.entries())
  for (const [k, { kind, flags, lacks }] of kinds.entries()) {
    // Each mode with both memories, each kind of ring with both.
    const { memory } = mapped ? memories[(n + k) & 1] : memories[0];
    const covers = [mode.multishot ? 'recvMultishot' : 'recv', 'registerBufRing', 'unregisterBufRing'];
    live(covers, `${mode.name}: ${kind}, ${memory}, seed ${seed}`, [mode.lacks, lacks], () => {
      const random = randomBelow(seed + n * 8 + k);
      for (let round = 0; round < 4; round++) {
        using walk = new Walk(mode, { memory }, flags, random);
        walk.run(STEPS / 4);
      }
    });
  }

/** One connection: what was sent into it, what came out. */
interface Stream {
  readonly here: number;
  readonly there: number;
  /** Where its bytes lie in the pattern. */
  readonly base: number;
  sent: number;
  got: number;
  armed: boolean;
}

/** Bytes of a buffer that were delivered: they must stay until it is given back. */
interface Piece {
  readonly bytes: Uint8Array;
  readonly start: number;
}

class Walk implements Disposable {
  readonly #mode: Mode;
  readonly #random: (limit: number) => number;
  readonly #scene: BufferScene;
  readonly #streams: Stream[];
  readonly #ids: number;
  /** What completions have left in each buffer. */
  readonly #filled: Piece[][];
  /** Buffers that are ours. */
  readonly #ours: number[] = [];
  /** Buffers that have memory. */
  readonly #known = new Set<number>();

  constructor(
    mode: Mode,
    options: Partial<BufferRingOptions>,
    flags: number,
    random: (limit: number) => number,
  ) {
    this.#mode = mode;
    this.#random = random;
    const entries = 2 ** random(6);
    const bufferSize = 1 + random(300);
    const incremental = mode.incremental === true;
    this.#scene = new BufferScene({ entries, bufferSize, incremental, ...options }, { flags });
    const { sockets } = this.#scene;
    this.#streams = Array.from({ length: 1 + random(3) }, (_, n) => {
      const [here, there] = random(2) === 0 ? sockets.tcp() : sockets.pair();
      return { here, there, base: n * 70_001, sent: 0, got: 0, armed: false };
    });
    // More buffers than there are entries: some are always ours.
    this.#ids = entries + random(4);
    this.#filled = Array.from({ length: this.#ids }, () => []);
    for (let id = 0; id < entries; id++) this.#known.add(id);
    for (let id = entries; id < this.#ids; id++) this.#ours.push(id);
  }

  run(steps: number): void {
    const what = [
      () => this.#send(),
      () => this.#arm(),
      () => this.#reap(),
      () => this.#giveBack(),
      () => this.#publish(),
    ];
    for (let n = 0; n < steps; n++) what[this.#random(what.length)]();
    this.#drain();
    for (const { sent, got } of this.#streams) assert.equal(got, sent, 'every byte has arrived');
    const { buffers } = this.#scene;
    assert.equal(buffers.provided + this.#ours.length, this.#ids, 'every buffer is somewhere');
    for (let id = 0; id < this.#ids; id++) assert.equal(buffers.isProvided(id), !this.#ours.includes(id));
    if (lacksStatus() === false) assert.equal(buffers.available(), buffers.provided - buffers.staged);
  }

  [Symbol.dispose](): void {
    this.#scene[Symbol.dispose]();
  }

  #send(): void {
    const stream = this.#pick(this.#streams);
    const length = this.#random(8) === 0 ? this.#random(3000) : 1 + this.#random(200);
    if (stream.sent - stream.got > 5000) return;
    const taken = trySend(stream.there, pattern(stream.base + stream.sent, length));
    if (taken > 0) stream.sent += taken;
  }

  #arm(): void {
    const stream = this.#pick(this.#streams);
    if (stream.armed) return;
    stream.armed = true;
    this.#scene.start(this.#streams.indexOf(stream), (sqe) => this.#encode(sqe, stream.here));
  }

  #encode(sqe: Sqe, fd: number): void {
    const { bundle, multishot } = this.#mode;
    if (multishot) recvMultishot(sqe, fd);
    else recv(sqe, fd, 0, bundle && this.#random(2) === 0 ? 0 : 1 + this.#random(1000));
    if (bundle) sqe.ioprio |= IORING_RECVSEND_BUNDLE;
  }

  /** Takes some of what has completed, and waits if something must. */
  #reap(): void {
    const { ring } = this.#scene;
    const due = this.#streams.some(({ armed, sent, got }) => armed && sent > got);
    if (due) assert.ok(ring.waitCqe({ timeout: timeLimit }), 'a completion comes');
    else ring.getEvents();
    for (let n = this.#random(6); n >= 0; n--) {
      const cqe = ring.peekCqe();
      if (cqe === null) return;
      this.#take(cqe);
      ring.advanceCq();
    }
  }

  #take(cqe: Cqe): void {
    const stream = this.#streams[Number(cqe.userData)];
    const { buffers } = this.#scene;
    if ((cqe.flags & IORING_CQE_F_MORE) === 0) stream.armed = false;
    const views = this.#mode.bundle
      ? buffers.views(cqe)
      : [buffers.view(cqe)].filter((view) => view !== null);
    const { ids, usedUp, count } = buffers.pieces;
    assert.equal(count, views.length);
    if (cqe.res < 0) assert.equal(cqe.res, -ENOBUFS);
    let length = 0;
    for (const [i, bytes] of views.entries()) {
      const piece = { bytes, start: stream.base + stream.got };
      check(piece);
      this.#filled[ids[i]].push(piece);
      stream.got += bytes.length;
      length += bytes.length;
    }
    assert.equal(length, Math.max(cqe.res, 0));
    for (let i = 0; i < usedUp; i++) this.#ours.push(ids[i]);
  }

  /** Looks at some of our buffers again, and recycles them. */
  #giveBack(): void {
    const { buffers } = this.#scene;
    for (let n = this.#random(this.#ours.length + 1); n > 0; n--) {
      if (buffers.provided === buffers.entries) return;
      const at = this.#random(this.#ours.length);
      const [id] = this.#ours.splice(at, 1);
      for (const piece of this.#filled[id]) check(piece);
      this.#filled[id] = [];
      if (this.#known.has(id) && this.#random(4) > 0)
        buffers.recycle(id, this.#lengthFor(buffers.buffer(id).length));
      else this.#addOwn(id);
    }
  }

  #addOwn(id: number): void {
    const memory = Buffer.alloc(1 + this.#random(400));
    this.#scene.buffers.add(memory, this.#lengthFor(memory.length), id);
    this.#known.add(id);
  }

  #lengthFor(size: number): number {
    return this.#random(3) === 0 ? 1 + this.#random(size) : size;
  }

  #publish(): void {
    const { buffers } = this.#scene;
    if (this.#random(2) === 0) buffers.publish();
    else buffers.advance(this.#random(buffers.staged + 1));
  }

  /** Until nothing is under way and nothing is left to receive. */
  #drain(): void {
    const { buffers, ring } = this.#scene;
    while (this.#streams.some(({ sent, got }) => sent > got)) {
      for (const _ of this.#streams) this.#arm();
      this.#reap();
      this.#giveBack();
      buffers.publish();
    }
    for (const [n, stream] of this.#streams.entries())
      if (stream.armed && ring.cqReady() === 0) this.#end(n, stream);
    ring.getEvents();
    for (let cqe = ring.peekCqe(); cqe !== null; cqe = ring.peekCqe()) {
      this.#take(cqe);
      ring.advanceCq();
    }
  }

  /** The peer goes, and the receive ends. */
  #end(n: number, stream: Stream): void {
    this.#scene.sockets.close(stream.there);
    while (stream.armed) {
      const cqe = this.#scene.ring.waitCqe({ timeout: timeLimit });
      assert(cqe !== null, `stream ${n} ends`);
      this.#take(cqe);
      this.#scene.ring.advanceCq();
    }
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random(list.length)];
  }
}

function check({ bytes, start }: Piece): void {
  for (let i = 0; i < bytes.length; i++)
    if (bytes[i] !== patternAt(start + i))
      assert.fail(`byte ${i} of ${bytes.length} at ${start} is ${bytes[i]}`);
}
