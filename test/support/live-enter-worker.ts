/**
 * A Worker that makes system calls on a ring that is not its own: io_uring_enter, or with a fourth number
 * io_uring_register of that opcode without an argument. Answers with what they give, -errno and all.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { ioUringEnter, ioUringRegister } from 'tsuring/syscalls';

export interface ForeignCalls {
  readonly fd: number;
  readonly enters: readonly (readonly [toSubmit: number, minComplete: number, flags: number])[];
  readonly registers: readonly number[];
}

const { fd, enters, registers }: ForeignCalls = workerData;
parentPort?.postMessage({
  enters: enters.map(([toSubmit, minComplete, flags]) =>
    ioUringEnter(fd, toSubmit, minComplete, flags, 0, 0),
  ),
  registers: registers.map((opcode) => ioUringRegister(fd, opcode, 0, 0)),
});
