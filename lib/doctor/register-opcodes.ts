/**
 * The opcodes of io_uring_register(2) that the kernel has. Each is called on a throw-away ring with arguments that it
 * can do nothing with, such that an opcode which is there gives another answer than EINVAL, and one which is not there
 * nothing but EINVAL.
 */

import { IO_URING_QUERY_OPCODES } from '../../syscalls/constants/query.ts';
import * as constants from '../../syscalls/constants/register.ts';
import {
  IORING_SETUP_CQE32,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
} from '../../syscalls/constants/setup.ts';
import { EBADF, EINVAL, EOPNOTSUPP } from '../../syscalls/errno.ts';
import { io_uring_query_hdr, io_uring_query_opcode } from '../../syscalls/layouts/query.ts';
import type { Result } from '../../syscalls/libc.ts';
import { addressOf } from '../../syscalls/memory.ts';
import { makeStruct, readStruct } from '../../syscalls/struct.ts';
import { ioUringRegister } from '../../syscalls/uring.ts';
import { withTrialRing } from '../diagnose/trial.ts';
import { codeOf } from './outcome.ts';

/** One opcode; `name` is null for one newer than this package, `supported` when it could not be tried. */
export interface RegisterOpcodeReport {
  readonly opcode: number;
  readonly name: string | null;
  readonly supported: boolean | null;
  /** The errno that told. */
  readonly code: string | null;
}

/** What IORING_REGISTER_QUERY (Linux 6.18) says of the kernel. */
export interface QueryReport {
  readonly requestOpcodes: number;
  readonly registerOpcodes: number;
  /** Bits that the kernel knows, as hexadecimal numbers. */
  readonly setupFlags: string;
  readonly features: string;
  readonly enterFlags: string;
  readonly sqeFlags: string;
}

/**
 * Every opcode that is known to us or to the kernel, by number; tried only where rings are `possible`, else as the
 * query tells. Never throws.
 */
export function registerOpcodesReport(query: QueryReport | null, possible: boolean): RegisterOpcodeReport[] {
  const count = query?.registerOpcodes;
  const rows = TRIALS.map(([name, trial], opcode): RegisterOpcodeReport => {
    if (!possible)
      return { opcode, name, supported: count === undefined ? null : opcode < count, code: null };
    const result = attempt(() => trial(opcode));
    return { opcode, name, supported: supported(result), code: result === undefined ? null : codeOf(result) };
  });
  for (let opcode = rows.length; opcode < (count ?? 0); opcode++)
    rows.push({ opcode, name: null, supported: true, code: null });
  return rows;
}

/** IORING_REGISTER_QUERY for the opcodes and flags; null before Linux 6.18. Never throws. */
export function queryReport(): QueryReport | null {
  const answer = new Uint8Array(io_uring_query_opcode.size);
  const result = attempt(() => {
    const header = makeStruct(io_uring_query_hdr, {
      query_op: IO_URING_QUERY_OPCODES,
      query_data: addressOf(answer),
      size: answer.length,
    });
    const called = ioUringRegister(NO_RING, constants.IORING_REGISTER_QUERY, header, 0);
    return called < 0 ? called : readStruct(header, io_uring_query_hdr).result;
  });
  if (result === undefined || result < 0) return null;
  const query = readStruct(answer, io_uring_query_opcode);
  const hex = (bits: bigint) => `0x${bits.toString(16)}`;
  return {
    requestOpcodes: query.nr_request_opcodes,
    registerOpcodes: query.nr_register_opcodes,
    setupFlags: hex(query.ring_setup_flags),
    features: hex(query.feature_flags),
    enterFlags: hex(query.enter_flags),
    sqeFlags: hex(query.sqe_flags),
  };
}

function attempt(trial: () => Result): Result | undefined {
  try {
    return trial();
  } catch {
    return undefined;
  }
}

function supported(result: Result | undefined): boolean | null {
  if (result === undefined || result === -EBADF) return null;
  // EOPNOTSUPP: the kernel was built without what the opcode is for.
  return result !== -EINVAL && result !== -EOPNOTSUPP;
}

type Trial = (opcode: number) => Result;

/** Nothing is ever mapped here: the kernel fails to read its argument, with EFAULT. */
const NOWHERE = 1;
const NO_RING = -1;
const DEFERRED: number = IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER;

const on =
  (flags: number, argument: number, count: number): Trial =>
  (opcode) =>
    withRing(flags, (fd) => ioUringRegister(fd, opcode, argument, count));
const fault = (count: number): Trial => on(0, NOWHERE, count);
/** There is nothing to unregister: ENXIO. */
const nothing: Trial = on(0, 0, 0);
const blind =
  (count: number): Trial =>
  (opcode) =>
    ioUringRegister(NO_RING, opcode, NOWHERE, count);
/** Its answer to an ID that there is not is EINVAL too, so it gets one that there is. */
const unregisterPersonality: Trial = (opcode) =>
  withRing(0, (fd) => {
    const id = ioUringRegister(fd, constants.IORING_REGISTER_PERSONALITY, 0, 0);
    return id < 0 ? id : ioUringRegister(fd, opcode, 0, id);
  });

/**
 * A kernel that does not know the flags of the ring is older than the opcode: EINVAL. A ring that cannot be made for
 * another reason tells nothing of the opcode: that is unknown.
 */
function withRing(flags: number, use: (fd: number) => Result): Result {
  let called = false;
  const result = withTrialRing({ flags }, (fd) => {
    called = true;
    return use(fd);
  });
  return called || result === -EINVAL ? result : -EBADF;
}

const TRIALS: readonly (readonly [name: string, trial: Trial])[] = [
  ['IORING_REGISTER_BUFFERS', fault(1)],
  ['IORING_UNREGISTER_BUFFERS', nothing],
  ['IORING_REGISTER_FILES', fault(1)],
  ['IORING_UNREGISTER_FILES', nothing],
  ['IORING_REGISTER_EVENTFD', fault(1)],
  ['IORING_UNREGISTER_EVENTFD', nothing],
  ['IORING_REGISTER_FILES_UPDATE', fault(1)],
  ['IORING_REGISTER_EVENTFD_ASYNC', fault(1)],
  ['IORING_REGISTER_PROBE', fault(1)],
  ['IORING_REGISTER_PERSONALITY', nothing],
  ['IORING_UNREGISTER_PERSONALITY', unregisterPersonality],
  // Only for rings that are disabled: EBADFD.
  ['IORING_REGISTER_RESTRICTIONS', fault(1)],
  ['IORING_REGISTER_ENABLE_RINGS', nothing],
  ['IORING_REGISTER_FILES2', fault(32)],
  ['IORING_REGISTER_FILES_UPDATE2', fault(32)],
  ['IORING_REGISTER_BUFFERS2', fault(32)],
  ['IORING_REGISTER_BUFFERS_UPDATE', fault(32)],
  ['IORING_REGISTER_IOWQ_AFF', fault(1)],
  ['IORING_UNREGISTER_IOWQ_AFF', nothing],
  ['IORING_REGISTER_IOWQ_MAX_WORKERS', fault(2)],
  ['IORING_REGISTER_RING_FDS', fault(1)],
  ['IORING_UNREGISTER_RING_FDS', fault(1)],
  ['IORING_REGISTER_PBUF_RING', fault(1)],
  ['IORING_UNREGISTER_PBUF_RING', fault(1)],
  ['IORING_REGISTER_SYNC_CANCEL', fault(1)],
  ['IORING_REGISTER_FILE_ALLOC_RANGE', fault(0)],
  ['IORING_REGISTER_PBUF_STATUS', fault(1)],
  ['IORING_REGISTER_NAPI', fault(1)],
  ['IORING_UNREGISTER_NAPI', fault(1)],
  ['IORING_REGISTER_CLOCK', fault(0)],
  ['IORING_REGISTER_CLONE_BUFFERS', fault(1)],
  ['IORING_REGISTER_SEND_MSG_RING', blind(1)],
  ['IORING_REGISTER_ZCRX_IFQ', on(DEFERRED | IORING_SETUP_CQE32, NOWHERE, 1)],
  ['IORING_REGISTER_RESIZE_RINGS', on(DEFERRED, NOWHERE, 1)],
  ['IORING_REGISTER_MEM_REGION', fault(1)],
  ['IORING_REGISTER_QUERY', blind(0)],
  ['IORING_REGISTER_ZCRX_CTRL', fault(0)],
  ['IORING_REGISTER_BPF_FILTER', fault(1)],
];
