/**
 * What io_uring_register(2) needs of a ring. The ring's register methods stand in classes by subject, each the base of
 * the next, since a class is written in one file: Registrar, FileRegistrations, BufferRegistrations … IoUringState.
 */
import {
  IORING_REGISTER_RESIZE_RINGS,
  IORING_REGISTER_RING_FDS,
  IORING_UNREGISTER_RING_FDS,
} from '../../syscalls/constants/register.ts';
import { EBADF } from '../../syscalls/errno.ts';
import { UringError } from '../../syscalls/error.ts';
import { checkInteger, checkUint32, invalidValue } from '../../syscalls/invalid.ts';
import type { BufferSource } from '../../syscalls/memory.ts';
import type { RingHandle } from '../enter.ts';
import type { Resources } from '../resources.ts';

export abstract class Registrar {
  /** IORING_SETUP_… flags of the ring, those included that were added to give it its memory. */
  readonly setupFlags: number;
  /** IORING_FEAT_… of the kernel. */
  readonly features: number;
  protected readonly resources: Resources;

  constructor(resources: Resources) {
    this.resources = resources;
    this.setupFlags = resources.ring.flags;
    this.features = resources.ring.features;
  }

  /**
   * io_uring_register(2) as it is: `opcode` is one of IORING_REGISTER_… or IORING_UNREGISTER_…, `argument` what it asks
   * for (memory, or an address, or 0 for NULL). Memory is held during the call only.
   * @returns what the kernel gives. @throws UringError with its errno.
   */
  register(opcode: number, argument: BufferSource | number, count: number): number {
    checkInteger('opcode', opcode, 0, 0x7fff_ffff);
    checkUint32('count', count);
    if (typeof argument === 'number') checkInteger('argument', argument, 0, Number.MAX_SAFE_INTEGER);
    if (OWN_METHODS.includes(opcode))
      throw invalidValue(
        'opcode',
        opcode,
        'has a method of its own, which keeps the ring’s own state: registerRingFd, resizeRings',
      );
    const { enter } = this.resources;
    const result = enter.register(opcode, argument, count);
    if (result < 0) throw this.refusal(result);
    return result;
  }

  /** Throws EBADF when the ring is closed. */
  protected refuseClosed(): void {
    const { enter } = this.resources;
    if (enter.closed) throw enter.error(EBADF, 'io_uring_enter');
  }

  /** The error for what io_uring_register gave. */
  protected refusal(errno: number, fix?: string): UringError {
    const { enter } = this.resources;
    if (fix === undefined || enter.closed) return enter.error(errno, 'io_uring_register');
    return new UringError(errno, 'io_uring_register', fix);
  }

  /** Keeps what the kernel goes on using after a registration reachable, until the ring is closed. */
  protected keep(things: Iterable<unknown>): void {
    this.resources.keep(things);
  }

  /** What `keep` was given and still keeps: a ring that clones the buffers of this one keeps it, too. */
  protected get kept(): Iterable<unknown> {
    return this.resources.registered;
  }

  /** How a system call of this thread names the ring. */
  protected get handle(): RingHandle {
    return this.resources.enter.handle;
  }
}

const OWN_METHODS: readonly number[] = [
  IORING_REGISTER_RING_FDS,
  IORING_UNREGISTER_RING_FDS,
  IORING_REGISTER_RESIZE_RINGS,
];
