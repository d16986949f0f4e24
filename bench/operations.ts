/**
 * Our side of the rows that make operations: NOPs, reads, and NOPs without a system call.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { allocatePages, type Cqe, IoUringState, nop, read, readFixed, type Sqe } from 'tsuring';
import { IORING_SETUP_SQPOLL } from 'tsuring/syscalls';
import { batches, free, reaper } from './batches.ts';
import { BLOCK, type Data } from './files.ts';
import type { Maker, Workload } from './measure.ts';

export type OperationName = 'nop' | 'nop_registered_fd' | 'read' | 'read_fixed' | 'direct' | 'sqpoll';

export const operationWorkloads: Readonly<Record<OperationName, Maker>> = {
  nop: (depth) => nops(depth, false),
  nop_registered_fd: (depth) => nops(depth, true),
  read: (depth, data) => reads('read', depth, data),
  read_fixed: (depth, data) => reads('read_fixed', depth, data),
  direct: (depth, data) => reads('direct', depth, data),
  sqpoll: polled,
};

/** Operations between two looks at the clock: as in bench/peers/operations.c. */
const SAMPLE = { nop: 1024, read: 512, read_fixed: 512, direct: 32, sqpoll: 512 };

function nops(depth: number, registered: boolean): Workload {
  const ring = new IoUringState(128, { flags: 0 });
  if (registered) ring.registerRingFd();
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

const SPINS_BEFORE_A_LOOK = 1_000_000;
