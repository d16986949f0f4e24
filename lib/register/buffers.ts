/**
 * Fixed buffers: memory whose pages the kernel pins once, for READ_FIXED, WRITE_FIXED and their kin.
 */
import {
  IORING_REGISTER_BUFFERS,
  IORING_REGISTER_BUFFERS_UPDATE,
  IORING_REGISTER_BUFFERS2,
  IORING_RSRC_REGISTER_SPARSE,
  IORING_UNREGISTER_BUFFERS,
} from '../../syscalls/constants/register.ts';
import { ENOMEM } from '../../syscalls/errno.ts';
import { UringError } from '../../syscalls/error.ts';
import { checkInteger, checkUint32, invalidType, outOfRange } from '../../syscalls/invalid.ts';
import { io_uring_rsrc_register, io_uring_rsrc_update2 } from '../../syscalls/layouts/register.ts';
import type { BufferSource, Memory } from '../../syscalls/memory.ts';
import { makeStruct } from '../../syscalls/struct.ts';
import { Iovecs } from '../args/iovecs.ts';
import { retryLocked } from '../retry-locked.ts';
import { FileRegistrations } from './files.ts';
import { packed } from './packed.ts';
import { checkTags, type Tags } from './tags.ts';

export abstract class BufferRegistrations extends FileRegistrations {
  /**
   * Registers buffers for READ_FIXED, WRITE_FIXED and their kin: buffer i has the index i. The kernel pins their pages
   * (RLIMIT_MEMLOCK, unless privileged). They are held until the ring is closed. io_uring_register_buffers.
   * @throws UringError EBUSY when buffers are registered already, ENOMEM beyond the limit (after a quarter of a second
   * in which closed rings might have given some back), EFAULT for unmapped memory, EINVAL for more than 16,384.
   */
  registerBuffers(buffers: readonly (BufferSource | Memory)[]): void {
    const iovecs = slotsOf(buffers);
    if (buffers.some(isEmpty)) throw invalidType('buffers', 'an array of buffers', null);
    this.#pin(IORING_REGISTER_BUFFERS, iovecs, buffers.length);
    this.keep(buffers);
  }

  /**
   * `registerBuffers` with a tag for each buffer. When the buffer has left the table, by an update (since Linux 6.13 also
   * by unregisterBuffers), and no operation uses it any more, a CQE comes with the tag as its user data and `res` 0;
   * before 6.13 up to a second later.
   *
   * Since Linux 5.13. io_uring_register_buffers_tags.
   * @param buffers null leaves a slot empty.
   * @param tags one for each buffer: 0 for no CQE, and for an empty slot.
   */
  registerBuffersTags(buffers: readonly (BufferSource | Memory | null)[], tags: Tags): void {
    const parts = { data: slotsOf(buffers), tags: checkTags(tags, buffers, isEmpty) };
    const argument = packed(io_uring_rsrc_register, { nr: buffers.length }, parts);
    this.#pin(IORING_REGISTER_BUFFERS2, argument, io_uring_rsrc_register.size);
    this.keep(buffers);
  }

  /**
   * Registers a table of `count` empty slots, for `registerBuffersUpdateTag`: an operation that names one gives -EFAULT.
   *
   * Since Linux 5.19. io_uring_register_buffers_sparse.
   * @throws UringError EBUSY when buffers are registered already, EINVAL for more than 16,384.
   */
  registerBuffersSparse(count: number): void {
    const values = { nr: checkInteger('count', count, 1, 0xffff_ffff), flags: IORING_RSRC_REGISTER_SPARSE };
    const argument = makeStruct(io_uring_rsrc_register, values);
    this.register(IORING_REGISTER_BUFFERS2, argument, io_uring_rsrc_register.size);
  }

  /**
   * Replaces the buffers from slot `offset` on. Operations in flight go on with the buffer they have, so those replaced
   * are held until the ring is closed, too.
   *
   * Since Linux 5.13. io_uring_register_buffers_update_tag.
   * @param buffers null empties the slot.
   * @param tags one for each buffer, as of `registerBuffersTags`; by default none.
   * @returns how many slots were done: fewer than there are buffers when one of these was refused.
   * @throws UringError when the first was refused, as by `registerBuffers`; EINVAL beyond the table, ENXIO when there is
   * none.
   */
  registerBuffersUpdateTag(
    offset: number,
    buffers: readonly (BufferSource | Memory | null)[],
    tags?: Tags,
  ): number {
    const values = { offset: checkUint32('offset', offset), nr: 0 };
    const data = slotsOf(buffers);
    values.nr = buffers.length;
    const parts = { data, tags: tags && checkTags(tags, buffers, isEmpty) };
    const argument = packed(io_uring_rsrc_update2, values, parts);
    const done = this.#pin(IORING_REGISTER_BUFFERS_UPDATE, argument, io_uring_rsrc_update2.size);
    this.keep(buffers.slice(0, done));
    return done;
  }

  /**
   * Takes the registration back; operations in flight go on with their buffers. io_uring_unregister_buffers.
   * @throws UringError ENXIO when there is none.
   */
  unregisterBuffers(): void {
    this.register(IORING_UNREGISTER_BUFFERS, 0, 0);
  }

  /** A registration that locks memory. */
  #pin(opcode: number, argument: BufferSource, count: number): number {
    const attempt = (): number | UringError => {
      try {
        return this.register(opcode, argument, count);
      } catch (error) {
        if (error instanceof UringError && error.errno === -ENOMEM) return error;
        throw error;
      }
    };
    const outcome = retryLocked(attempt, (result) => typeof result !== 'number');
    if (typeof outcome === 'number') return outcome;
    throw outcome;
  }
}

const isEmpty = (buffer: unknown): boolean => buffer === null;

/** An iovec for each buffer, all zeros for null. */
function slotsOf(buffers: readonly (BufferSource | Memory | null)[]): Uint8Array<ArrayBuffer> {
  const slots = new Iovecs(buffers).bytes;
  buffers.forEach((buffer, i) => {
    // Of no bytes it would have no address either, and be taken for an empty slot.
    if (buffer?.byteLength === 0) throw outOfRange(`buffers[${i}].byteLength`, '>= 1', 0);
  });
  return slots;
}
