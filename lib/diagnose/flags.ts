/**
 * The setup flags as data: since when, and what each needs beside it so that the kernel can accept it.
 */
import {
  IORING_SETUP_ATTACH_WQ,
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
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_REGISTERED_FD_ONLY,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQ_AFF,
  IORING_SETUP_SQ_REWIND,
  IORING_SETUP_SQE_MIXED,
  IORING_SETUP_SQE128,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_SUBMIT_ALL,
  IORING_SETUP_TASKRUN_FLAG,
} from '../../syscalls/constants/setup.ts';

/** One IORING_SETUP_… flag. */
export interface SetupFlag {
  readonly name: string;
  readonly value: number;
  /** The first Linux that has it. */
  readonly since: string;
  /** The flags that make up the smallest combination with it, itself not included. */
  readonly needs: number;
}

/** Every setup flag, by value. */
export const SETUP_FLAGS: readonly SetupFlag[] = [
  flag('IORING_SETUP_IOPOLL', IORING_SETUP_IOPOLL, '5.1'),
  flag('IORING_SETUP_SQPOLL', IORING_SETUP_SQPOLL, '5.1'),
  flag('IORING_SETUP_SQ_AFF', IORING_SETUP_SQ_AFF, '5.1', IORING_SETUP_SQPOLL),
  flag('IORING_SETUP_CQSIZE', IORING_SETUP_CQSIZE, '5.5'),
  flag('IORING_SETUP_CLAMP', IORING_SETUP_CLAMP, '5.6'),
  flag('IORING_SETUP_ATTACH_WQ', IORING_SETUP_ATTACH_WQ, '5.6'),
  flag('IORING_SETUP_R_DISABLED', IORING_SETUP_R_DISABLED, '5.10'),
  flag('IORING_SETUP_SUBMIT_ALL', IORING_SETUP_SUBMIT_ALL, '5.18'),
  flag('IORING_SETUP_COOP_TASKRUN', IORING_SETUP_COOP_TASKRUN, '5.19'),
  flag('IORING_SETUP_TASKRUN_FLAG', IORING_SETUP_TASKRUN_FLAG, '5.19', IORING_SETUP_COOP_TASKRUN),
  flag('IORING_SETUP_SQE128', IORING_SETUP_SQE128, '5.19'),
  flag('IORING_SETUP_CQE32', IORING_SETUP_CQE32, '5.19'),
  flag('IORING_SETUP_SINGLE_ISSUER', IORING_SETUP_SINGLE_ISSUER, '6.0'),
  flag('IORING_SETUP_DEFER_TASKRUN', IORING_SETUP_DEFER_TASKRUN, '6.1', IORING_SETUP_SINGLE_ISSUER),
  flag('IORING_SETUP_NO_MMAP', IORING_SETUP_NO_MMAP, '6.5'),
  flag('IORING_SETUP_REGISTERED_FD_ONLY', IORING_SETUP_REGISTERED_FD_ONLY, '6.5', IORING_SETUP_NO_MMAP),
  flag('IORING_SETUP_NO_SQARRAY', IORING_SETUP_NO_SQARRAY, '6.6'),
  flag('IORING_SETUP_HYBRID_IOPOLL', IORING_SETUP_HYBRID_IOPOLL, '6.13', IORING_SETUP_IOPOLL),
  flag('IORING_SETUP_CQE_MIXED', IORING_SETUP_CQE_MIXED, '6.18'),
  flag('IORING_SETUP_SQE_MIXED', IORING_SETUP_SQE_MIXED, '6.19'),
  flag('IORING_SETUP_SQ_REWIND', IORING_SETUP_SQ_REWIND, '7.0', IORING_SETUP_NO_SQARRAY),
];

/** The names of the flags that are set in `flags`; bits without a name in hexadecimal. */
export function flagNames(flags: number): string[] {
  const names = SETUP_FLAGS.filter(({ value }) => (flags & value) !== 0).map(({ name }) => name);
  const others = (flags & ~SETUP_FLAGS.reduce((all, { value }) => all | value, 0)) >>> 0;
  for (let bit = 0; bit < 32; bit++)
    if ((others & (1 << bit)) !== 0) names.push(`0x${((1 << bit) >>> 0).toString(16)}`);
  return names;
}

function flag(name: string, value: number, since: string, needs = 0): SetupFlag {
  return { name, value, since, needs };
}
