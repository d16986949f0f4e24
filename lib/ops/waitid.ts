/**
 * IORING_OP_WAITID.
 */
import { IORING_OP_WAITID } from '../../syscalls/constants/opcodes.ts';
import { siginfo } from '../../syscalls/layouts/signals.ts';
import type { Pointer, Sqe } from '../sqe.ts';
import { addressIn, bits32 } from './check.ts';

/**
 * Waits for a child process to end, stop or go on, as waitid(2). Do not wait for children of node:child_process: Node
 * reaps them itself, and would miss what is reaped here (unless WNOWAIT leaves them).
 *
 * `res`: 0, with the answer in `info`; or -errno (-ECHILD when there is no such child, -ECANCELED, -EINVAL).
 *
 * Since Linux 6.7. io_uring_prep_waitid.
 * @param idType what `id` is: P_PID, P_PGID, P_PIDFD, or P_ALL for any child.
 * @param id the process, process group or pidfd.
 * @param info where siginfo_t goes: 128 bytes, SIGINFO_BYTES; 0 for nowhere. `readSiginfo` reads them.
 * @param options WEXITED, WSTOPPED, WCONTINUED, one at least, with WNOHANG, WNOWAIT.
 * @param flags none are known (-EINVAL).
 */
export function waitid(
  sqe: Sqe,
  idType: number,
  id: number,
  info: Pointer,
  options: number,
  flags = 0,
): void {
  const bits = bits32('flags', flags);
  const kind = bits32('idType', idType);
  const which = bits32('id', id);
  const states = bits32('options', options);
  sqe.rw(IORING_OP_WAITID, which, 0, kind >>> 0, addressIn(sqe, 'info', info, siginfo.size));
  sqe.fileIndex = states;
  sqe.opFlags = bits;
}
