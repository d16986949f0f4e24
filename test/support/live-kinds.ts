/**
 * The ways to submit and to complete, with whatever memory the kernel permits: what an operation does must not depend
 * on them.
 */
import type { IoUringOptions } from 'tsuring';
import {
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_TASKRUN_FLAG,
} from 'tsuring/syscalls';
import { lacksRing } from './needs.ts';

export interface LiveKind {
  readonly name: string;
  readonly options: IoUringOptions;
  /** Why this system cannot have it, or false. */
  readonly lacks: string | false;
}

export const plainKind: LiveKind = kind('plain', 0);
export const sqpollKind: LiveKind = kind('SQPOLL', IORING_SETUP_SQPOLL);
export const coopKind: LiveKind = kind('COOP_TASKRUN', IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG);
export const deferKind: LiveKind = kind(
  'DEFER_TASKRUN',
  IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
);

/** All four of them. */
export const liveKinds: readonly LiveKind[] = [plainKind, sqpollKind, coopKind, deferKind];

function kind(name: string, flags: number): LiveKind {
  return { name, options: { flags }, lacks: lacksRing(name, { flags }) };
}
