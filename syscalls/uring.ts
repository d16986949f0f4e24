/**
 * The three system calls of io_uring in their raw form: numbers in, the result or `-errno` out, nothing thrown for
 * what the kernel refuses. Their numbers are the same on every architecture.
 */
import { libc, type Result } from './libc.ts';
import { addressOf, type BufferSource } from './memory.ts';

/**
 * io_uring_setup(2), since Linux 5.1: makes a ring of `entries` submission entries.
 * @param params 120 bytes of `struct io_uring_params`, filled in by the kernel.
 * @returns the ring's fd (or its index, with IORING_SETUP_REGISTERED_FD_ONLY), or -errno.
 */
export function ioUringSetup(entries: number, params: BufferSource): Result {
  return withAddress(params, (address) => libc().syscall(NR_SETUP, entries, address, 0, 0, 0, 0));
}

/**
 * io_uring_enter(2), since Linux 5.1: submits, waits, or both.
 * @param arg address of a sigset_t or, with IORING_ENTER_EXT_ARG, of a `struct io_uring_getevents_arg`; 0 for none.
 * @param argSize its size in bytes (8 for a sigset_t, 24 for the struct).
 * @returns the number of entries consumed, or -errno.
 */
export function ioUringEnter(
  fd: number,
  toSubmit: number,
  minComplete: number,
  flags: number,
  arg = 0,
  argSize = 0,
): Result {
  return libc().enter(fd, toSubmit, minComplete, flags, arg, argSize);
}

/**
 * io_uring_register(2), since Linux 5.1: `opcode` is one of IORING_REGISTER_… or IORING_UNREGISTER_….
 * @param arg what the opcode asks for: an address, or a buffer that is kept alive during the call; 0 for NULL.
 * @returns 0 or what the opcode gives, or -errno.
 */
export function ioUringRegister(
  fd: number,
  opcode: number,
  arg: BufferSource | number,
  count: number,
): Result {
  if (typeof arg === 'number') return libc().syscall(NR_REGISTER, fd, opcode, arg, count, 0, 0);
  return withAddress(arg, (address) => libc().syscall(NR_REGISTER, fd, opcode, address, count, 0, 0));
}

const NR_SETUP = 425;
const NR_REGISTER = 427;

/**
 * What the running call points at: stays reachable during the call. A property of the module's object, not a local
 * variable, which the optimizer would drop after its last use.
 */
const alive: { buffer?: BufferSource | undefined } = {};

/** Makes a call with the buffer's address, and keeps the buffer reachable until it is over. */
export function withAddress(buffer: BufferSource, call: (address: number) => Result): Result {
  alive.buffer = buffer;
  const result = call(addressOf(buffer));
  alive.buffer = undefined;
  return result;
}
