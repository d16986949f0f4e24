/**
 * What io_uring_register(2) does without a ring: for the task, or to other rings.
 */
import {
  IORING_REGISTER_BPF_FILTER,
  IORING_REGISTER_RESTRICTIONS,
  IORING_REGISTER_SEND_MSG_RING,
} from '../../syscalls/constants/register.ts';
import { UringError } from '../../syscalls/error.ts';
import { invalidType } from '../../syscalls/invalid.ts';
import { type Kernel, linux } from '../../syscalls/kernel.ts';
import { io_uring_task_restriction } from '../../syscalls/layouts/register.ts';
import { writeStruct } from '../../syscalls/struct.ts';
import { Sqe } from '../sqe.ts';
import { IoUringState } from '../state.ts';
import { type BpfFilter, installFilter } from './bpf-filter.ts';
import type { Probe } from './probe.ts';
import { type Restriction, restrictionList } from './restrictions.ts';

/**
 * Which operations the kernel has, asked with a ring made for it. io_uring_get_probe, since Linux 5.6.
 * @throws UringError when no ring can be made, as `new IoUringState`.
 */
export function getProbe(kernel: Kernel = linux): Probe {
  const ring = new IoUringState(2, { flags: 0, kernel });
  try {
    return ring.registerProbe();
  } finally {
    ring.close();
  }
}

/**
 * Posts a completion to another ring at once, without a ring of one's own.
 *
 * Since Linux 6.13. io_uring_register_sync_msg.
 * @param message fills in an entry with `msgRing` or `msgRingCqeFlags`; or an entry that is filled in, of which a copy
 * is sent: `registerSyncMsg((sqe) => msgRing(sqe, fd, 1, 2n))`.
 * @throws UringError EBADF for an fd that is not open, EBADFD for one that is no ring or one that is disabled, EINVAL for
 * another operation or with IOSQE_… flags, EOVERFLOW when its queue is full and it has no memory for more.
 */
export function registerSyncMsg(message: Sqe | ((sqe: Sqe) => void), kernel: Kernel = linux): void {
  const words = new Int32Array(SQE_WORDS);
  if (message instanceof Sqe) words.set(message.words.subarray(message.at, message.at + SQE_WORDS));
  else if (typeof message !== 'function')
    throw invalidType('message', 'an instance of Sqe or of type function', message);
  else message(sqeOn(words));
  blind(kernel, IORING_REGISTER_SEND_MSG_RING, words, 1);
}

/**
 * Limits every ring that this thread makes from now on, and those of the threads and processes that it starts, as
 * `registerRestrictions` does for one ring. For good.
 *
 * Since Linux 7.0. The kernel's io_uring_register(2) with fd -1.
 * @throws UringError EPERM when there are restrictions already, EACCES without CAP_SYS_ADMIN and without no_new_privs.
 */
export function registerRestrictionsTask(restrictions: readonly Restriction[], kernel: Kernel = linux): void {
  const argument = restrictionList(restrictions, io_uring_task_restriction.size);
  writeStruct(argument, io_uring_task_restriction, { nr_res: restrictions.length });
  blind(kernel, IORING_REGISTER_RESTRICTIONS, argument, 1);
}

/**
 * Installs a filter for every ring that this thread makes from now on, and those of the threads and processes that it
 * starts, as `registerBpfFilter` does for one ring. For good.
 *
 * Since Linux 7.0. io_uring_register_bpf_filter_task.
 * @returns the kernel's own `pduSize` for the operation.
 * @throws UringError as `registerBpfFilter`; EACCES without CAP_SYS_ADMIN and without no_new_privs.
 */
export function registerBpfFilterTask(filter: BpfFilter, kernel: Kernel = linux): number {
  return installFilter(filter, (argument) => blind(kernel, IORING_REGISTER_BPF_FILTER, argument, 1));
}

/** io_uring_register(2) with fd -1. */
export function blind(kernel: Kernel, opcode: number, argument: ArrayBufferView, count: number): void {
  const result = kernel.register(NO_RING, opcode, argument, count);
  if (result < 0) throw new UringError(result, 'io_uring_register');
}

/** A cursor on an entry in memory of our own. */
function sqeOn(words: Int32Array<ArrayBuffer>): Sqe {
  const sqe = new Sqe();
  sqe.words = words;
  sqe.doubles = new Float64Array(words.buffer);
  return sqe;
}

const NO_RING = -1;
const SQE_WORDS = 16;
