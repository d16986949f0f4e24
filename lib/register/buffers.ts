/**
 * Fixed buffers: memory whose pages the kernel pins once, for READ_FIXED, WRITE_FIXED and their kin.
 */
import { IORING_REGISTER_BUFFERS, IORING_UNREGISTER_BUFFERS } from '../../syscalls/constants/register.ts';
import type { BufferSource, Memory } from '../../syscalls/memory.ts';
import { iovecsOf } from '../iovec.ts';
import { FileRegistrations } from './files.ts';

export abstract class BufferRegistrations extends FileRegistrations {
  /**
   * Registers buffers for READ_FIXED, WRITE_FIXED and their kin: buffer i has the index i. The kernel pins their pages
   * (RLIMIT_MEMLOCK, unless privileged). They are held until the ring is closed. io_uring_register_buffers.
   * @throws UringError EBUSY when buffers are registered already, ENOMEM beyond the limit, EFAULT for unmapped memory.
   */
  registerBuffers(buffers: readonly (BufferSource | Memory)[]): void {
    const iovecs = iovecsOf(buffers);
    this.register(IORING_REGISTER_BUFFERS, iovecs, buffers.length);
    this.keep(buffers);
  }

  /** Takes the registration back; operations in flight go on with their buffers. io_uring_unregister_buffers. */
  unregisterBuffers(): void {
    this.register(IORING_UNREGISTER_BUFFERS, 0, 0);
  }
}
