/**
 * `siginfo_t` as waitid(2) fills it in.
 */
import { siginfo } from '../../syscalls/layouts/signals.ts';
import { readStruct } from '../../syscalls/struct.ts';

/** Room for what waitid writes: `new Uint8Array(SIGINFO_BYTES)`. */
export const SIGINFO_BYTES: number = siginfo.size;

/** What became of a child. */
export interface ChildState {
  /** The child; 0 when there was nothing to tell (WNOHANG). */
  readonly pid: number;
  /** The user that it ran as. */
  readonly uid: number;
  /** SIGCHLD (17), or 0 when there was nothing to tell. */
  readonly signo: number;
  /** CLD_EXITED, CLD_KILLED, CLD_DUMPED, CLD_STOPPED, CLD_TRAPPED or CLD_CONTINUED. */
  readonly code: number;
  /** The exit code with CLD_EXITED, else the signal. */
  readonly status: number;
}

/** Reads the 128 bytes that waitid wrote. RangeError for fewer. */
export function readSiginfo(bytes: Uint8Array): ChildState {
  const info = readStruct(bytes, siginfo);
  return {
    pid: info.si_pid,
    uid: info.si_uid,
    signo: info.si_signo,
    code: info.si_code,
    status: info.si_status,
  };
}
