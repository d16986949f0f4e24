import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  allocatePages,
  type IoUringOptions,
  IoUringState,
  nop,
  read,
  readFixed,
  type SharedPages,
} from 'tsuring';
import {
  IORING_OP_TIMEOUT,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_CQE32,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQE128,
  IORING_SETUP_SQPOLL,
  IOSQE_ASYNC,
} from 'tsuring/syscalls';
import { times } from './support/effort.ts';
import { collectGarbage, MemoryWatch } from './support/memory-watch.ts';
import { lacksRing, lacksRingInWorker, memoryKind } from './support/needs.ts';
import { patiently } from './support/worker-patience.ts';
import { closePair, drain, type Pair, pipe } from './support/worker-pipes.ts';
import type { Scene } from './support/worker-scenes.ts';
import { startWorker, timeLimit } from './support/worker-start.ts';
import { leftOver, traces, tracesBackTo } from './support/worker-traces.ts';

/** TSURING_SOAK_SECONDS=600 for a real one; TSURING_SOAK_SEED repeats the choices of an earlier run. */
const SECONDS = Number(process.env.TSURING_SOAK_SECONDS ?? times(5));
const SEED = Number(process.env.TSURING_SOAK_SEED ?? Date.now() % 1e9);
const MAX_RINGS = 12;
/** Mappings that koffi (3.3.4) leaves behind of every Worker that made a call: 3, for the stacks of its calls. */
const MAPPINGS_PER_WORKER = 4;
/** Of the entries, and of the rings. */
const MAPPINGS_PER_VIEW = 2;
/** What the process may have grown by between a third of the time and the end. */
const GROWTH_BYTES = 96 * 2 ** 20;

const FLAGS = [
  0,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SQE128,
  IORING_SETUP_CQE32,
].filter((flags) => !lacksRing('these flags', { flags }));
const FLAGS_IN_WORKERS = FLAGS.filter((flags) => !lacksRingInWorker('these flags', { flags }));
const SCENES = ['wait', 'submitAndWait', 'awake', 'reading', 'fixed', 'files', 'timeouts'] as const;

const random = generator(SEED);
const folder = mkdtempSync(join(tmpdir(), 'tsuring-'));
const path = join(folder, 'file');
const content = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (i * 31) >>> 8));
const watch = new MemoryWatch();
/** Workers ended so far. */
let workers = 0;

/** A ring and what is in flight on it. */
interface Busy {
  readonly ring: IoUringState;
  readonly pages: SharedPages;
  readonly pair: Pair;
  /** User data of what was submitted, and what it shall give: a check of its result. */
  readonly inFlight: Map<number, (res: number) => void>;
  registered: boolean;
  next: number;
  /** Reads of the pipe that wait. */
  waiting: number;
}

test(`${SECONDS} s of anything (seed ${SEED})`, { timeout: SECONDS * 2000 + timeLimit * 2 }, async (t) => {
  const lacks = lacksRing('io_uring', {});
  if (lacks) return t.skip(lacks);
  writeFileSync(path, content);
  const file = openSync(path, 'r');
  watch.addAll(8);
  await endOneWorker(file);
  const before = traces();
  const endedBefore = workers;
  const start = performance.now();
  let early: Usage | null = null;
  let busy: Busy[] = [];
  let steps = 0;
  while (performance.now() - start < SECONDS * 1000) {
    busy = await step(busy, file);
    if (++steps % 50 === 0) assert.deepEqual(watch.check(), []);
    if (steps % 100 === 0) await collectGarbage();
    if (early === null && performance.now() - start > SECONDS * 333) early = await usage();
  }
  for (const one of busy) close(one);
  busy = [];
  const late = await usage();
  // A mapped view stays when its Worker is terminated.
  const stay = memoryKind({}) === 'view' ? MAPPINGS_PER_VIEW * (workers - endedBefore) : 0;
  const expected = { ...before, ringMappings: before.ringMappings + stay };
  assert.deepEqual(leftOver(expected, await tracesBackTo(expected)), []);
  assert.deepEqual(watch.check(), []);
  if (early !== null) {
    assert.ok(late.rss - early.rss < GROWTH_BYTES, `RSS went from ${early.rss} to ${late.rss} bytes`);
    const allowed = 200 + MAPPINGS_PER_WORKER * (late.workers - early.workers);
    assert.ok(late.mappings - early.mappings < allowed, `mappings: ${early.mappings}, ${late.mappings}`);
  }
  t.diagnostic(`${steps} steps`);
  closeSync(file);
  rmSync(folder, { recursive: true });
});

async function step(busy: Busy[], file: number): Promise<Busy[]> {
  const choice = random();
  if (busy.length < MAX_RINGS && (choice < 0.15 || busy.length === 0)) return [...busy, make()];
  const index = Math.floor(random() * busy.length);
  const one = busy[index];
  const others = busy.filter((_, i) => i !== index);
  if (choice < 0.55) submitSome(one, file);
  else if (choice < 0.75) reap(one);
  else if (choice < 0.85) settle(one);
  else if (choice < 0.93) {
    close(one);
    return others;
  } else if (choice < 0.98) {
    // Dropped: the collector finds it.
    closePair(one.pair);
    return others;
  } else await endOneWorker(file);
  return busy;
}

function make(): Busy {
  const flags = FLAGS[Math.floor(random() * FLAGS.length)];
  const options: IoUringOptions = { flags, sqThreadIdle: Math.floor(random() * 50) + 1 };
  if (random() < 0.2) options.memory = 'view';
  const ring = new IoUringState(2 ** Math.floor(random() * 9), options);
  const pages = allocatePages(65_536);
  const registered = random() < 0.5;
  // What lies in a huge page counts as all of it, and 2 MiB for each ring are soon all that nobody may lock.
  const plain = process.getuid?.() === 0 ? [new Uint8Array(10_000)] : [];
  if (registered) ring.registerBuffers([pages, ...plain]);
  return { ring, pages, pair: pipe(), inFlight: new Map(), registered, next: 0, waiting: 0 };
}

function submitSome(one: Busy, file: number): void {
  for (let i = Math.floor(random() * 20); i >= 0; i--) {
    // Not more than the completion queue takes, and slots of 4,096 bytes that are not in use.
    if (one.inFlight.size >= Math.min(one.ring.cqEntries, 16)) break;
    const sqe = one.ring.getSqe();
    if (sqe === null) break;
    const id = one.next++;
    const expected = encode(one, file, id);
    const late = one.ring.getSqe()!;
    late.userData = id;
    if (random() < 0.1) late.flags |= IOSQE_ASYNC;
    one.inFlight.set(id, expected);
    one.ring.stageSqe();
  }
  one.ring.submit();
}

/** Fills the ring's current entry with something, and gives what checks its result. */
function encode(one: Busy, file: number, id: number): (res: number) => void {
  const { ring, pages, pair } = one;
  const sqe = ring.getSqe()!;
  const choice = random();
  if (choice < 0.3) {
    nop(sqe);
    return (res) => assert.equal(res, 0);
  }
  if (choice < 0.5) {
    const timespec = new BigUint64Array([0n, BigInt(Math.floor(random() * 3e6))]);
    sqe.rw(IORING_OP_TIMEOUT, -1, sqe.point(timespec, 16), 1, 0);
    return (res) => assert.equal(res, -62);
  }
  if (choice < 0.6 && one.waiting < 4) {
    one.waiting++;
    const buffer = new Uint8Array(4);
    read(sqe, pair[0], buffer, 4, -1);
    return (res) => {
      one.waiting--;
      assert.equal(res, 4);
      assert.equal(Buffer.from(buffer).toString(), 'pipe');
    };
  }
  const slot = [...Array(16).keys()].find((n) => !slotsOf(one).has(n)) ?? 0;
  slotsOf(one).set(slot, id);
  const at = Math.floor(random() * (content.length - 4096));
  const bytes = pages.bytes(slot * 4096, 4096);
  if (one.registered) readFixed(sqe, file, bytes, 4096, at, 0);
  else read(sqe, file, bytes, 4096, at);
  return (res) => {
    assert.equal(res, 4096);
    assert.ok(content.subarray(at, at + 4096).equals(bytes), `a read at ${at} gave something else`);
    slotsOf(one).delete(slot);
  };
}

const slots = new WeakMap<Busy, Map<number, number>>();

function slotsOf(one: Busy): Map<number, number> {
  const known = slots.get(one) ?? new Map<number, number>();
  slots.set(one, known);
  return known;
}

function reap(one: Busy): void {
  one.ring.forEachCqe((cqe) => {
    const id = Number(cqe.userData);
    const check = one.inFlight.get(id);
    assert.ok(check, `a completion of ${id}, which is not in flight`);
    one.inFlight.delete(id);
    check(cqe.res);
  });
}

/** Waits for everything that is in flight: each of it completes exactly once. */
function settle(one: Busy): void {
  const end = performance.now() + timeLimit;
  one.ring.submit();
  if (one.waiting > 0) writeSync(one.pair[1], 'pipe'.repeat(one.waiting));
  while (one.inFlight.size > 0) {
    assert.ok(performance.now() < end, `${one.inFlight.size} operations do not complete`);
    patiently(() => one.ring.submitAndWait(1, { timeout: 1000 }));
    reap(one);
  }
  assert.equal(one.ring.cqReady(), 0);
  assert.equal(drain(one.pair[0]).length, 0);
}

function close(one: Busy): void {
  one.ring.close();
  closePair(one.pair);
}

async function endOneWorker(file: number): Promise<void> {
  const pairs = [pipe(), pipe()];
  const scene = SCENES[Math.floor(random() * SCENES.length)];
  const flags = FLAGS_IN_WORKERS[Math.floor(random() * FLAGS_IN_WORKERS.length)];
  const fds = scene === 'files' ? [file] : pairs.map(([readEnd]) => readEnd);
  const { worker, errors } = await startWorker('worker-scenes', { scene, flags, fds } satisfies Scene);
  await worker.terminate();
  workers++;
  assert.deepEqual(errors, []);
  pairs.forEach(closePair);
}

interface Usage {
  readonly rss: number;
  readonly mappings: number;
  readonly workers: number;
}

async function usage(): Promise<Usage> {
  await collectGarbage();
  const mappings = readFileSync('/proc/self/maps', 'latin1').split('\n').length;
  return { rss: process.memoryUsage().rss, mappings, workers };
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
