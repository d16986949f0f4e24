/**
 * What io_uring_register(2) needs of a ring. The ring's register methods stand in classes by subject, each the base of
 * the next, since a class is written in one file: Registrar, FileRegistrations, BufferRegistrations … IoUringState.
 */
import type { BufferSource, Memory } from '../../syscalls/memory.ts';

export abstract class Registrar {
  /** IORING_SETUP_… flags of the ring. */
  abstract readonly setupFlags: number;
  /** IORING_FEAT_… of the kernel. */
  abstract readonly features: number;

  /**
   * io_uring_register(2) as it is: `opcode` is one of IORING_REGISTER_… or IORING_UNREGISTER_…, `argument` what it asks
   * for (memory, or an address, or 0 for NULL). Memory is held during the call only.
   * @returns what the kernel gives. @throws UringError with its errno.
   */
  abstract register(opcode: number, argument: BufferSource | number, count: number): number;

  /** Keeps what the kernel goes on using after a registration reachable, until the ring is closed. */
  protected abstract keep(things: readonly (BufferSource | Memory)[]): void;
}
