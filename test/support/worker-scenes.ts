/**
 * The Worker of the tests that end one in the middle: goes into the scene it is told, says so, and stays there.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { MemoryKind } from '../../lib/index.ts';
import { allocatePages, IoUringState, nop, read, readFixed, type Sqe } from '../../lib/index.ts';
import { IORING_OP_TIMEOUT, IORING_OP_WRITE } from '../../syscalls/constants/opcodes.ts';
import { IORING_SETUP_SQPOLL } from '../../syscalls/constants/setup.ts';
import { IOSQE_ASYNC } from '../../syscalls/constants/sqe.ts';
import { patiently, whenUnlocked } from './worker-patience.ts';

/** What the Worker is told. */
export interface Scene {
  readonly scene:
    | 'wait'
    | 'submitAndWait'
    | 'published'
    | 'awake'
    | 'reading'
    | 'fixed'
    | 'files'
    | 'timeouts'
    | 'making'
    | 'allocating';
  /** Setup flags of the ring. */
  readonly flags: number;
  readonly memory?: MemoryKind;
  /** What is read from: pipes, sockets, or one regular file. */
  readonly fds?: readonly number[];
  /** Where `published` writes to. */
  readonly target?: number;
  /** How the Worker goes on when everything is under way. Default: it sits in its event loop. */
  readonly next?: 'wait' | 'exit' | 'throw' | 'end' | 'busy';
}

const scenes: Record<Scene['scene'], () => void> = {
  wait,
  submitAndWait,
  published,
  awake,
  reading,
  fixed,
  files,
  timeouts,
  making,
  allocating,
};
const data = workerData as Scene;

function wait(): void {
  const ring = makeRing();
  ready();
  patiently(() => ring.waitCqe());
}

function submitAndWait(): void {
  const ring = makeRing();
  nop(ring.getSqe()!);
  ring.stageSqe();
  ready();
  patiently(() => ring.submitAndWait(2));
}

/** Entries stand in the ring, and nobody has told the kernel: with SQPOLL its thread sleeps. */
function published(): void {
  const ring = makeRing(1);
  if (ring.usesSqpoll) while (!ring.sqNeedsWakeup) pause(1);
  for (let i = 0; i < 4; i++) {
    write(ring.getSqe()!, data.target!, Buffer.from('published, never submitted\n'));
    ring.commitSqe();
  }
  ready();
}

/** An SQPOLL thread that is awake finds work all the time. */
function awake(): void {
  const ring = makeRing(60_000);
  ready();
  for (;;) {
    for (let i = 0; i < 32 && ring.sqSpaceLeft() > 0; i++) {
      nop(ring.getSqe()!);
      ring.commitSqe();
    }
    if (!ring.usesSqpoll) ring.submit();
    ring.forEachCqe(() => {});
  }
}

/** A read in flight on every fd: half of them into pages, half into plain buffers. */
function reading(): void {
  const ring = makeRing();
  const pages = allocatePages(65_536);
  data.fds!.forEach((fd, i) => {
    const sqe = ring.getSqe()!;
    read(sqe, fd, i % 2 === 0 ? pages.bytes(i * 4096, 4096) : new Uint8Array(4096), 4096, -1);
    sqe.userData = i;
    ring.commitSqe();
  });
  submitAll(ring);
  go(ring);
}

/** The same into registered buffers. */
function fixed(): void {
  const ring = makeRing();
  const pages = allocatePages(65_536);
  const plain = new Uint8Array(65_536);
  whenUnlocked(() => ring.registerBuffers([pages, plain]));
  data.fds!.forEach((fd, i) => {
    const sqe = ring.getSqe()!;
    readFixed(sqe, fd, (i % 2 === 0 ? pages.bytes() : plain).subarray(i * 4096), 4096, -1, i % 2);
    sqe.userData = i;
    ring.commitSqe();
  });
  submitAll(ring);
  go(ring);
}

/** Reads of a file, always 32 in flight, every other one by a worker thread of the kernel. */
function files(): void {
  const ring = makeRing();
  const pages = allocatePages(32 * 4096);
  let block = 0;
  const next = (slot: number) => {
    const sqe = ring.getSqe()!;
    read(sqe, data.fds![0], pages.bytes(slot * 4096, 4096), 4096, (block++ % 64) * 4096);
    sqe.userData = slot;
    if (slot % 2 === 1) sqe.flags = IOSQE_ASYNC;
    ring.stageSqe();
  };
  for (let slot = 0; slot < 32; slot++) next(slot);
  submitAll(ring);
  ready();
  for (;;) {
    const slots: number[] = [];
    ring.forEachCqe((cqe) => {
      if (cqe.res !== 4096) throw new Error(`A read gave ${cqe.res}`);
      slots.push(Number(cqe.userData));
    });
    slots.forEach(next);
    patiently(() => ring.submitAndWait(1));
  }
}

/** Timeouts that are due within the next moments: their completions come late. */
function timeouts(): void {
  const ring = makeRing();
  for (let i = 0; i < 32; i++) {
    const timespec = new BigUint64Array([0n, BigInt(i) * 1_000_000n]);
    const sqe = ring.getSqe()!;
    sqe.rw(IORING_OP_TIMEOUT, -1, sqe.point(timespec, 16), 1, 0);
    sqe.userData = i;
    ring.commitSqe();
  }
  submitAll(ring);
  go(ring);
}

/** Rings made and closed, or left to the collector, without end. */
function making(): void {
  makeRing().close();
  ready();
  for (let i = 0; ; i++) {
    const ring = newRing(2000);
    nop(ring.getSqe()!);
    ring.commitSqe();
    if (i % 3 > 0) submitAll(ring);
    ring.close();
  }
}

/** Pages taken and left to the collector, without end. */
function allocating(): void {
  allocatePages(65_536);
  ready();
  for (;;) allocatePages(65_536);
}

function makeRing(sqThreadIdle = 2000): IoUringState {
  const ring = newRing(sqThreadIdle);
  // A ring that the collector took would not be ended by terminate().
  kept.push(ring);
  return ring;
}

function newRing(sqThreadIdle: number): IoUringState {
  const { flags, memory } = data;
  return new IoUringState(64, { flags, sqThreadIdle, ...(memory ? { memory } : {}) });
}

const kept: unknown[] = [];

function submitAll(ring: IoUringState): void {
  ring.submit();
  if ((data.flags & IORING_SETUP_SQPOLL) !== 0) while (ring.sqReady() > 0) ring.wakeSqpoll();
}

function write(sqe: Sqe, fd: number, text: Uint8Array): void {
  sqe.rw(IORING_OP_WRITE, fd, sqe.point(text, text.length), text.length, -1);
}

function go(ring: IoUringState): void {
  ready();
  if (data.next === 'wait') patiently(() => ring.waitCqes(64));
}

function ready(): void {
  parentPort!.postMessage('ready');
}

function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

scenes[data.scene]();
if (data.next === 'exit') process.exit(3);
if (data.next === 'throw') throw new Error('thrown on purpose');
if (data.next === 'busy') for (;;);
if (data.next !== 'end') parentPort!.on('message', () => {});
