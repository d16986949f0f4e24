/**
 * Our side of the rows: what bench/peers/uring.c does, step by step the same, by an IoUringState.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { allocatePages, type Cqe, IoUringState, nop, read, readFixed, type Sqe } from 'tsuring';
import { EBADF, IORING_SETUP_SQPOLL, IORING_SETUP_SUBMIT_ALL } from 'tsuring/syscalls';
import type { Workload } from './measure.ts';

export type WorkloadName = 'nop' | 'read' | 'read_fixed' | 'direct' | 'sqpoll' | 'encode';

/** What a row reads: a file of `blocks` blocks of 4 KiB. */
export interface Data {
  readonly path: string;
  readonly blocks: number;
}

export const BLOCK = 4096;
const ENCODE_ENTRIES = 4096;

/** Operations between two looks at the clock: as `sample_ops` in uring.c. */
const SAMPLE: Readonly<Record<WorkloadName, number>> = {
  nop: 1024,
  read: 512,
  read_fixed: 512,
  direct: 32,
  sqpoll: 512,
  encode: ENCODE_ENTRIES,
};

/** A workload on a ring of its own. */
export function ours(name: WorkloadName, depth: number, data: Data): Workload {
  if (name === 'nop') return nops(depth);
  if (name === 'sqpoll') return polled(depth);
  if (name === 'encode') return encode();
  return reads(name, depth, data);
}

function nops(depth: number): Workload {
  const ring = new IoUringState(128, { flags: 0 });
  const reap = reaper(ring, 0);
  const batch = (): void => {
    for (let i = 0; i < depth; i++) {
      const sqe = free(ring.getSqe());
      nop(sqe);
      sqe.userData = i;
      ring.stageSqe();
    }
    ring.submitAndWait(depth);
    reap(depth);
  };
  return { ...batches(batch, depth, SAMPLE.nop), close: () => ring.close() };
}

function reads(name: 'read' | 'read_fixed' | 'direct', depth: number, { path, blocks }: Data): Workload {
  const ring = new IoUringState(128, { flags: 0 });
  const fd = openSync(path, constants.O_RDONLY | (name === 'direct' ? constants.O_DIRECT : 0));
  const pages = allocatePages(depth * BLOCK);
  const { address } = pages;
  pages.bytes().fill(1);
  if (name === 'read_fixed') ring.registerBuffers([pages]);
  const reap = reaper(ring, BLOCK);
  let next = 0;
  const batch = (prepare: (sqe: Sqe, to: number, at: number) => void): void => {
    for (let i = 0; i < depth; i++) {
      const sqe = free(ring.getSqe());
      prepare(sqe, address + i * BLOCK, next * BLOCK);
      sqe.userData = i;
      ring.stageSqe();
      next = next + 1 === blocks ? 0 : next + 1;
    }
    ring.submitAndWait(depth);
    reap(depth);
  };
  const plain = (sqe: Sqe, to: number, at: number): void => read(sqe, fd, to, BLOCK, at);
  const fixed = (sqe: Sqe, to: number, at: number): void => readFixed(sqe, fd, to, BLOCK, at, 0);
  const one = name === 'read_fixed' ? () => batch(fixed) : () => batch(plain);
  const close = (): void => {
    ring.close();
    closeSync(fd);
  };
  return { ...batches(one, depth, SAMPLE[name]), close, memory: pages };
}

/** By polling: the kernel's thread is awake, so no system call is made at all, and `close` makes sure of that. */
function polled(depth: number): Workload {
  const ring = new IoUringState(128, { flags: IORING_SETUP_SQPOLL, sqThreadIdle: 2000 });
  let sum = 0;
  const see = (cqe: Cqe): void => {
    if (cqe.res !== 0) throw new Error(`res is ${cqe.res}`);
    sum += cqe.userDataLow;
  };
  const batch = (): void => {
    sum = 0;
    for (let i = 0; i < depth; i++) {
      const sqe = free(ring.getSqe());
      nop(sqe);
      sqe.userData = i;
      ring.stageSqe();
    }
    ring.submit();
    let seen = 0;
    for (let spins = 1; seen < depth; spins++) {
      seen += ring.forEachCqe(see);
      if (spins % SPINS_BEFORE_A_LOOK === 0) ring.wakeSqpoll();
    }
    if (sum !== (depth * (depth - 1)) / 2) throw new Error('The completions are not those of the batch');
  };
  const close = (): void => {
    const { enters, wakeups } = ring.counts;
    ring.close();
    if (enters !== wakeups) throw new Error(`${enters - wakeups} calls of io_uring_enter were made`);
  };
  return { ...batches(batch, depth, SAMPLE.sqpoll), close };
}

/** Fills the whole queue; only that is timed. The reads name no file, so they complete at once. */
function encode(): Workload {
  const ring = new IoUringState(ENCODE_ENTRIES, { flags: IORING_SETUP_SUBMIT_ALL });
  const pages = allocatePages(BLOCK);
  const { address } = pages;
  const reap = reaper(ring, -EBADF);
  const fill = (): void => {
    for (let i = 0; i < ENCODE_ENTRIES; i++) {
      const sqe = free(ring.getSqe());
      read(sqe, -1, address, BLOCK, 0);
      sqe.userData = i;
      ring.stageSqe();
    }
  };
  return {
    ops: ENCODE_ENTRIES,
    run: () => {
      const start = performance.now();
      fill();
      const elapsed = performance.now() - start;
      ring.submitAndWait(ENCODE_ENTRIES);
      reap(ENCODE_ENTRIES);
      return { overriddenDuration: elapsed, overriddenIterationCost: performance.now() - start };
    },
    close: () => ring.close(),
    memory: pages,
  };
}

/** So many batches that their operations make a sample. */
function batches(batch: () => void, depth: number, sample: number): { ops: number; run: () => void } {
  const rounds = Math.ceil(sample / depth);
  const run = (): void => {
    for (let i = 0; i < rounds; i++) batch();
  };
  return { ops: rounds * depth, run };
}

/** Looks at every completion that is there: its result, and whose it is. */
function reaper(ring: IoUringState, expected: number): (count: number) => void {
  let sum = 0;
  const see = (cqe: Cqe): void => {
    if (cqe.res !== expected) throw new Error(`res is ${cqe.res}, not ${expected}`);
    sum += cqe.userDataLow;
  };
  return (count) => {
    sum = 0;
    const seen = ring.forEachCqe(see);
    if (seen !== count || sum !== (count * (count - 1)) / 2)
      throw new Error(`${seen} completions of ${count}, or not those of the batch`);
  };
}

function free(sqe: Sqe | null): Sqe {
  if (sqe === null) throw new Error('The submission queue is full');
  return sqe;
}

const SPINS_BEFORE_A_LOOK = 1_000_000;
