/**
 * The kernel's rules for io_uring_setup(2) as data: which numbers and flags it refuses with EINVAL (or EOVERFLOW)
 * together, whatever its version. Source: io_uring_sanitise_params, io_uring_fill_params, rings_size and
 * io_sq_offload_create of the kernel.
 */
import {
  IORING_SETUP_CLAMP,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_CQE_MIXED,
  IORING_SETUP_CQE32,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_HYBRID_IOPOLL,
  IORING_SETUP_IOPOLL,
  IORING_SETUP_NO_MMAP,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_REGISTERED_FD_ONLY,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQ_AFF,
  IORING_SETUP_SQ_REWIND,
  IORING_SETUP_SQE_MIXED,
  IORING_SETUP_SQE128,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_TASKRUN_FLAG,
} from '../../syscalls/constants/setup.ts';
import { flagNames } from './flags.ts';

/** What io_uring_setup was asked for, the flags in the kernel's form. */
export interface SetupRequest {
  readonly entries: number;
  readonly cqEntries: number;
  readonly flags: number;
}

/** Each rule that the request breaks, as a clause that names the combination and says what to do. */
export function brokenRules(request: SetupRequest): string[] {
  return [...brokenSizes(request), ...brokenFlags(request.flags)];
}

/** Entries that are right by themselves but too few for entries of two sizes: EOVERFLOW. */
export function brokenMixture({ entries, cqEntries, flags }: SetupRequest): string[] {
  const has = (flag: number) => (flags & flag) !== 0;
  const clauses: string[] = [];
  if (has(IORING_SETUP_SQE_MIXED) && entries < 2)
    clauses.push('IORING_SETUP_SQE_MIXED needs 2 entries or more, not 1');
  if (has(IORING_SETUP_CQE_MIXED) && has(IORING_SETUP_CQSIZE) && cqEntries < 2)
    clauses.push('IORING_SETUP_CQE_MIXED needs 2 completion entries or more, not 1');
  return clauses;
}

function brokenSizes({ entries, cqEntries, flags }: SetupRequest): string[] {
  const has = (flag: number) => (flags & flag) !== 0;
  if (entries === 0) return ['a ring cannot have 0 entries, ask for 1 to 32,768'];
  if (entries > MAX_ENTRIES && !has(IORING_SETUP_CLAMP))
    return [`a ring cannot have ${text(entries)} entries, ask for at most 32,768 or add IORING_SETUP_CLAMP`];
  if (!has(IORING_SETUP_CQSIZE)) return [];
  if (cqEntries === 0) return ['IORING_SETUP_CQSIZE needs cqEntries, which is 0'];
  if (cqEntries > MAX_CQ_ENTRIES && !has(IORING_SETUP_CLAMP))
    return [
      `with cqEntries ${text(cqEntries)} the completion queue is too large, ask for at most 65,536 or add IORING_SETUP_CLAMP`,
    ];
  const sq = powerOfTwo(Math.min(entries, MAX_ENTRIES));
  if (powerOfTwo(Math.min(cqEntries, MAX_CQ_ENTRIES)) >= sq) return [];
  return [
    `with cqEntries ${text(cqEntries)} the completion queue is smaller than the submission queue, ask for at least ${text(sq)}`,
  ];
}

function brokenFlags(flags: number): string[] {
  const clauses: string[] = [];
  for (const [flag, others] of EXCLUSIVE)
    if ((flags & flag) !== 0 && (flags & others) !== 0)
      clauses.push(`${names(flag)} does not go with ${names(flags & others)}, leave one out`);
  for (const [flag, others] of NEEDED)
    if ((flags & flag) !== 0 && (flags & others) === 0)
      clauses.push(`${names(flag)} needs ${flagNames(others).join(' or ')}, add it`);
  return clauses;
}

/** The flag goes with none of the others. */
const EXCLUSIVE: readonly (readonly [flag: number, others: number])[] = [
  [IORING_SETUP_SQPOLL, IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_DEFER_TASKRUN],
  [IORING_SETUP_SQ_REWIND, IORING_SETUP_SQPOLL],
  [IORING_SETUP_CQE_MIXED, IORING_SETUP_CQE32],
  [IORING_SETUP_SQE_MIXED, IORING_SETUP_SQE128],
];

/** The flag needs one of the others. */
const NEEDED: readonly (readonly [flag: number, others: number])[] = [
  [IORING_SETUP_SQ_AFF, IORING_SETUP_SQPOLL],
  [IORING_SETUP_TASKRUN_FLAG, IORING_SETUP_COOP_TASKRUN | IORING_SETUP_DEFER_TASKRUN],
  [IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_SINGLE_ISSUER],
  [IORING_SETUP_HYBRID_IOPOLL, IORING_SETUP_IOPOLL],
  [IORING_SETUP_REGISTERED_FD_ONLY, IORING_SETUP_NO_MMAP],
  [IORING_SETUP_SQ_REWIND, IORING_SETUP_NO_SQARRAY],
];

const MAX_ENTRIES = 32_768;
const MAX_CQ_ENTRIES = 65_536;
const names = (flags: number): string => flagNames(flags).join(' and ');
const powerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(n));
const text = (n: number): string => n.toLocaleString('en-US');
