/**
 * The kinds of ring that the protocol must work on alike: each kind of memory, with and without an SQ array, and each
 * way to submit and to complete.
 */
import type { IoUringOptions } from 'tsuring';
import {
  IORING_FEAT_SINGLE_MMAP,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_TASKRUN_FLAG,
} from 'tsuring/syscalls';
import { lacksRing } from './needs.ts';
import type { ProbeOptions } from './probe-kernel.ts';

export interface RingKind {
  readonly name: string;
  readonly options: IoUringOptions;
  readonly hinder?: ProbeOptions;
  /** Why this system cannot have it, or false. */
  readonly lacks: string | false;
}

const memories: Record<string, [IoUringOptions, ProbeOptions?]> = {
  'no_mmap without SQ array': [{ memory: 'no_mmap', sqArray: false }],
  'no_mmap with SQ array': [{ memory: 'no_mmap', sqArray: true }],
  'overlay with SQ array': [{ memory: 'overlay', sqArray: true }],
  'view without SQ array': [{ memory: 'view', sqArray: false }],
  'view with SQ array': [{ memory: 'view', sqArray: true }],
  'view by two mappings': [{ memory: 'view' }, { hideFeatures: IORING_FEAT_SINGLE_MMAP }],
};

const ways: Record<string, number> = {
  plain: 0,
  SQPOLL: IORING_SETUP_SQPOLL,
  COOP_TASKRUN: IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
  DEFER_TASKRUN: IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
};

/** Every memory with every way. */
export const ringKinds: readonly RingKind[] = Object.entries(memories).flatMap(
  ([memory, [options, hinder]]) =>
    Object.entries(ways).map(([way, flags]) => {
      const name = `${way}, ${memory}`;
      const all = { ...options, flags };
      return { name, options: all, ...(hinder && { hinder }), lacks: lacksRing(name, all) };
    }),
);

/** Every memory, with submissions by io_uring_enter. */
export const plainKinds: readonly RingKind[] = ringKinds.filter(({ options }) => options.flags === 0);
