/**
 * What is wrong with the arguments of io_uring_setup(2) when the kernel says only EINVAL: the combination, a flag
 * that this kernel lacks, a CPU, a descriptor, or a kind of memory that is not to be had here.
 */
import { readlinkSync } from 'node:fs';
import { release } from 'node:os';
import {
  IORING_SETUP_ATTACH_WQ,
  IORING_SETUP_NO_MMAP,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_REGISTERED_FD_ONLY,
  IORING_SETUP_SQ_AFF,
  IORING_SETUP_SQPOLL,
} from '../../syscalls/constants/setup.ts';
import { EINVAL } from '../../syscalls/errno.ts';
import { linux } from '../../syscalls/kernel.ts';
import type { CheckedOptions } from '../options.ts';
import { brokenRules } from './combinations.ts';
import { allowedCpus, read } from './facts.ts';
import { flagNames, SETUP_FLAGS, type SetupFlag } from './flags.ts';
import { tryFlag, tryRing } from './trial.ts';

/** The fix for EINVAL, or undefined when no cause was found. */
export function explainArguments(options: CheckedOptions): string | undefined {
  const { entries, cqEntries } = options;
  const clauses = brokenRules({ entries, cqEntries, flags: kernelFlags(options) });
  if (clauses.length > 0) return sentence(clauses);
  // A scripted kernel is asked nothing that its script does not expect.
  if (options.kernel !== linux) return undefined;
  return explainLacking(options) ?? explainCpu(options) ?? explainAttached(options) ?? explainKind(options);
}

/** The fix for ENXIO, before Linux 5.12 EBADF: the ring that was to be shared is not open. */
export function explainDescriptor({ flags, wqFd }: CheckedOptions): string | undefined {
  if ((flags & IORING_SETUP_ATTACH_WQ) === 0) return undefined;
  if (fileOf(wqFd) !== undefined) return undefined;
  return `The wqFd ${wqFd} is not open: with IORING_SETUP_ATTACH_WQ it must be the fd of an open ring.`;
}

/** The flags as setup adds to them: the most favourable of its attempts. */
function kernelFlags({ flags, memory, sqArray }: CheckedOptions): number {
  const pinned = memory === 'no_mmap' || (flags & IORING_SETUP_REGISTERED_FD_ONLY) !== 0;
  return flags | (pinned ? IORING_SETUP_NO_MMAP : 0) | (sqArray === true ? 0 : IORING_SETUP_NO_SQARRAY);
}

function explainLacking(options: CheckedOptions): string | undefined {
  // NO_SQARRAY is added where it can be had; it is missed only by who insists on it.
  const added = options.sqArray === false ? 0 : IORING_SETUP_NO_SQARRAY & ~options.flags;
  const flags = kernelFlags(options) & ~added;
  const known = SETUP_FLAGS.reduce((all, { value }) => all | value, 0);
  const lacking = SETUP_FLAGS.filter((flag) => (flags & flag.value) !== 0 && tryFlag(flag) === -EINVAL);
  const clauses = lacking.map(({ name, since }) => `${name} (since Linux ${since})`);
  const unknown = bits(flags & ~known).filter((flag) => tryRing({ flags: flag }) === -EINVAL);
  if (unknown.length > 0)
    clauses.push(`${unknown.flatMap(flagNames).join(' and ')} (not the bit of any flag)`);
  if (clauses.length === 0) return undefined;
  return `This kernel, Linux ${release()}, does not have ${clauses.join(' and ')}: ${advice(options, lacking)}.`;
}

function advice({ flags, memory, sqArray }: CheckedOptions, lacking: readonly SetupFlag[]): string {
  const hints: string[] = [];
  for (const { value } of lacking) {
    if (value === IORING_SETUP_NO_MMAP && memory === 'no_mmap' && (flags & value) === 0)
      hints.push("leave out memory: 'no_mmap'");
    if (value === IORING_SETUP_NO_SQARRAY && sqArray === false && (flags & value) === 0)
      hints.push('leave out sqArray: false');
  }
  return hints.length > 0 ? hints.join(' and ') : 'leave it out of the flags';
}

function explainCpu({ flags, sqThreadCpu }: CheckedOptions): string | undefined {
  if ((flags & IORING_SETUP_SQ_AFF) === 0) return undefined;
  const cpus = allowedCpus();
  if (cpus.length === 0 || cpus.includes(sqThreadCpu)) return undefined;
  return `The sqThreadCpu ${sqThreadCpu} is not a CPU that is online and allowed to this process: use one of ${cpus.join(', ')}.`;
}

function explainAttached({ flags, wqFd }: CheckedOptions): string | undefined {
  if ((flags & IORING_SETUP_ATTACH_WQ) === 0) return undefined;
  const file = fileOf(wqFd);
  if (file === undefined) return undefined;
  if (file !== 'anon_inode:[io_uring]')
    return `The wqFd ${wqFd} is not a ring but ${file}: with IORING_SETUP_ATTACH_WQ it must be the fd of an open ring.`;
  const thread = /^SqThread:\s*(-?\d+)/m.exec(read(`/proc/self/fdinfo/${wqFd}`) ?? '')?.[1];
  if ((flags & IORING_SETUP_SQPOLL) === 0 || thread !== '-1') return undefined;
  return `The ring of wqFd ${wqFd} has no SQPOLL thread to share: with IORING_SETUP_SQPOLL and IORING_SETUP_ATTACH_WQ it must be an SQPOLL ring.`;
}

/** All flags are known and go together: then it is the memory. */
function explainKind({ memory, entries }: CheckedOptions): string | undefined {
  if (memory === 'overlay')
    return "This kernel does not map a ring over memory of ours (Linux 6.1 and later do not): leave out memory: 'overlay', or use 'no_mmap' or 'view'.";
  if (memory !== 'no_mmap') return undefined;
  return `This kernel takes memory of ours for a ring only in one piece of a page (Linux 6.5 to 6.9), too little for ${entries} entries: ask for at most 32, or leave out memory: 'no_mmap'.`;
}

function fileOf(fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}

function bits(flags: number): number[] {
  return Array.from({ length: 32 }, (_, bit) => (1 << bit) >>> 0).filter((bit) => (flags & bit) !== 0);
}

function sentence(clauses: readonly string[]): string {
  const text = clauses.join('; ');
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}
