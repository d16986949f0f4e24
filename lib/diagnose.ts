/**
 * Why no ring could be made, as a sentence that says what to do. Everything is looked up when there is an error to
 * explain, and not before.
 */
import { IORING_SETUP_SQPOLL } from '../syscalls/constants/setup.ts';
import {
  EAGAIN,
  EBADF,
  EINVAL,
  EMFILE,
  ENFILE,
  ENOMEM,
  ENOSYS,
  ENXIO,
  EOVERFLOW,
  EPERM,
} from '../syscalls/errno.ts';
import { fixFor } from '../syscalls/fixes.ts';
import { linux } from '../syscalls/kernel.ts';
import { explainArguments, explainDescriptor } from './diagnose/arguments.ts';
import { brokenMixture } from './diagnose/combinations.ts';
import { read, systemFacts } from './diagnose/facts.ts';
import { explainDescriptors, explainFiles, explainMemory, explainThreads } from './diagnose/limits.ts';
import { explainMissing, explainPermission } from './diagnose/refused.ts';
import { tryRing } from './diagnose/trial.ts';
import type { CheckedOptions } from './options.ts';

/**
 * The fix for `errno` (positive) of io_uring_setup with these options, which wanted `bytes` of locked memory. Never
 * throws and leaves nothing behind; for EINVAL and EPERM it may make trial rings.
 */
export function diagnoseSetup(errno: number, options: CheckedOptions, bytes: number): string {
  try {
    return explain(errno, options, bytes) ?? fixFor('io_uring_setup', errno);
  } catch {
    // An explanation that fails must not hide the error that it was to explain.
    return fixFor('io_uring_setup', errno);
  }
}

function explain(errno: number, options: CheckedOptions, bytes: number): string | undefined {
  if (errno === EINVAL) return explainArguments(options);
  if (errno === EOVERFLOW) return mixture(options);
  // What this system says of itself explains nothing about a scripted kernel.
  if (options.kernel !== linux) return undefined;
  if (errno === ENOSYS) return explainMissing(systemFacts());
  if (errno === EPERM) return explainPolling(options) ?? explainPermission(systemFacts());
  if (errno === ENOMEM) return explainMemory(systemFacts(), bytes);
  if (errno === EMFILE) return explainDescriptors(systemFacts());
  if (errno === ENFILE) return explainFiles(read('/proc/sys/fs/file-max'));
  if (errno === EAGAIN) return explainThreads(systemFacts());
  if (errno === ENXIO || errno === EBADF) return explainDescriptor(options);
  return undefined;
}

/** Before Linux 5.13 a ring may be allowed, but not one with SQPOLL. */
function explainPolling({ flags }: CheckedOptions): string | undefined {
  if ((flags & IORING_SETUP_SQPOLL) === 0 || tryRing({ flags: 0 }) !== 0) return undefined;
  return 'IORING_SETUP_SQPOLL needs a privilege here (CAP_SYS_ADMIN before Linux 5.11, CAP_SYS_NICE before 5.13) or a security module forbids it: leave it out (`flags: 0`) or run privileged.';
}

function mixture(options: CheckedOptions): string | undefined {
  const clauses = brokenMixture(options);
  return clauses.length > 0 ? `${clauses.join('; ')}.` : undefined;
}
