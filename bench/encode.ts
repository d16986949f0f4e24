/**
 * What it costs to fill in an entry: `getSqe`, the operation, `userData`, `stageSqe`. Only that is timed.
 *
 * The ring is restricted to an operation that no row has, so that the kernel looks at none of the entries, whatever
 * they say, and completes each with -EACCES.
 */

import type { FnReturnedObject } from 'tinybench';
import {
  accept,
  allocatePages,
  cancel,
  IoUringState,
  Iovecs,
  Msghdr,
  msgRing,
  nop,
  openat,
  pollAdd,
  read,
  readFixed,
  readv,
  type Sqe,
  send,
  sendmsg,
  splice,
  statx,
  timeout,
} from 'tsuring';
import {
  EACCES,
  IORING_OP_TEE,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_SUBMIT_ALL,
  POLLIN,
} from 'tsuring/syscalls';
import { free, reaper } from './batches.ts';
import type { Maker, Workload } from './measure.ts';

/** What the entries point at. */
interface Things {
  readonly buffer: Buffer;
  readonly iovecs: Iovecs;
  readonly message: Msghdr;
  /** Of the memory that the rows give as a number: a whole page. */
  readonly address: number;
}

export type FamilyName =
  | 'nop'
  | 'read'
  | 'read_fixed'
  | 'readv'
  | 'send'
  | 'sendmsg'
  | 'accept'
  | 'openat'
  | 'statx'
  | 'timeout'
  | 'poll_add'
  | 'cancel'
  | 'splice'
  | 'msg_ring'
  | 'read_held'
  | 'readv_held'
  | 'sendmsg_held'
  | 'openat_string';
type Family = (things: Things) => (sqe: Sqe) => void;

const SAMPLE = 4096;
const FD = 5;
const LENGTH = 4096;
const PATH = 'a/path/that/is/not/there';

/** Memory is an address, as in C, unless the name says that it is held. As in bench/peers/encode.c. */
const families: Readonly<Record<FamilyName, Family>> = {
  nop: () => nop,
  read: ({ address }) => {
    return (sqe) => read(sqe, FD, address, LENGTH, 0);
  },
  read_fixed: ({ address }) => {
    return (sqe) => readFixed(sqe, FD, address, LENGTH, 0, 0);
  },
  readv: ({ iovecs: { address, count } }) => {
    return (sqe) => readv(sqe, FD, address, count, 0);
  },
  send: ({ address }) => {
    return (sqe) => send(sqe, FD, address, LENGTH);
  },
  sendmsg: ({ message: { address } }) => {
    return (sqe) => sendmsg(sqe, FD, address);
  },
  accept: ({ address }) => {
    return (sqe) => accept(sqe, FD, address, address + 128);
  },
  openat: ({ address }) => {
    return (sqe) => openat(sqe, FD, address, 0);
  },
  statx: ({ address }) => {
    return (sqe) => statx(sqe, FD, address, 0, 0x7ff, address + 1024);
  },
  timeout: ({ address }) => {
    return (sqe) => timeout(sqe, address, 1);
  },
  poll_add: () => {
    return (sqe) => pollAdd(sqe, FD, POLLIN);
  },
  cancel: () => {
    return (sqe) => cancel(sqe, 77);
  },
  splice: () => {
    return (sqe) => splice(sqe, FD, -1, FD + 1, -1, LENGTH);
  },
  msg_ring: () => {
    return (sqe) => msgRing(sqe, FD, 1, 77);
  },
  read_held: ({ buffer }) => {
    return (sqe) => read(sqe, FD, buffer, LENGTH, 0);
  },
  readv_held: ({ iovecs }) => {
    return (sqe) => readv(sqe, FD, iovecs, iovecs.count, 0);
  },
  sendmsg_held: ({ message }) => {
    return (sqe) => sendmsg(sqe, FD, message);
  },
  openat_string: () => {
    return (sqe) => openat(sqe, FD, PATH, 0);
  },
};

export type EncodeName = `encode_${FamilyName}`;

export const encodeWorkloads: Readonly<Record<EncodeName, Maker>> = Object.fromEntries(
  Object.entries(families).map(([name, family]): [string, Maker] => [
    `encode_${name}`,
    (depth) => encode(family, depth),
  ]),
) as Record<EncodeName, Maker>;

/** Fills a queue of `depth` entries again and again. */
function encode(family: Family, depth: number): Workload {
  const ring = new IoUringState(depth, { flags: IORING_SETUP_SUBMIT_ALL | IORING_SETUP_R_DISABLED });
  ring.registerRestrictions([{ sqeOp: IORING_OP_TEE }]);
  ring.enableRings();
  const pages = allocatePages(LENGTH);
  pages.bytes().set(Buffer.from(PATH));
  const buffer = Buffer.alloc(LENGTH);
  const iovecs = new Iovecs([buffer]);
  const message = new Msghdr({ buffers: iovecs });
  const prepare = family({ buffer, iovecs, message, address: pages.address });
  const reap = reaper(ring, -EACCES);
  const fill = (): void => {
    for (let i = 0; i < depth; i++) {
      const sqe = free(ring.getSqe());
      prepare(sqe);
      sqe.userData = i;
      ring.stageSqe();
    }
  };
  const run = (): FnReturnedObject => {
    const begin = performance.now();
    let elapsed = 0;
    for (let done = 0; done < SAMPLE; done += depth) {
      const start = performance.now();
      fill();
      elapsed += performance.now() - start;
      ring.submitAndWait(depth);
      reap(depth);
    }
    return { overriddenDuration: elapsed, overriddenIterationCost: performance.now() - begin };
  };
  return { ops: SAMPLE, run, close: () => ring.close(), memory: [pages, message] };
}
