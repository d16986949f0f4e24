/**
 * Fixed buffers taken over from another ring: pinned once, used by many.
 */
import {
  IORING_REGISTER_CLONE_BUFFERS,
  IORING_REGISTER_SRC_REGISTERED,
} from '../../syscalls/constants/register.ts';
import { checkFd, checkUint32, invalidType } from '../../syscalls/invalid.ts';
import { io_uring_clone_buffers } from '../../syscalls/layouts/register.ts';
import { makeStruct } from '../../syscalls/struct.ts';
import type { RingHandle } from '../enter.ts';
import { BufferRingRegistrations } from './buffer-rings.ts';

/** Which buffers of the source go where. */
export interface CloneRange {
  /** The first slot here. Default: 0. */
  dstOff?: number;
  /** The first slot of the source. Default: 0. */
  srcOff?: number;
  /** How many; must be given with an offset. Default: 0, which is all of them. */
  count?: number;
  /**
   * IORING_REGISTER_DST_REPLACE for a ring that has buffers: those in the range are replaced, the others stay. With a
   * source by number also IORING_REGISTER_SRC_REGISTERED: it is the index of a registered ring of this thread.
   */
  flags?: number;
}

export abstract class CloneRegistrations extends BufferRingRegistrations {
  /**
   * Registers the buffers of another ring here, without pinning them again: buffer i has the index i. They stay when the
   * source gives them back or is closed, and are held by this ring, too. Tags are not taken over.
   *
   * Since Linux 6.12. io_uring_clone_buffers.
   * @param source a ring, or the fd of one: then it is for you to keep the buffers reachable as long as this ring lives.
   * @throws UringError EBUSY when buffers are registered already, ENXIO when the source has none, EINVAL when it belongs
   * to another process or user, EEXIST when it belongs to another thread, EBADF when it is closed.
   */
  cloneBuffers(source: CloneRegistrations | number): void {
    this.cloneBuffersOffset(source);
  }

  /**
   * `cloneBuffers` for some of them, to slots of choice: the table becomes as large as it needs to be.
   *
   * Since Linux 6.13. io_uring_clone_buffers_offset.
   * @throws UringError as `cloneBuffers`; EOVERFLOW or EINVAL for slots that the source does not have, EINVAL for an
   * offset without a count.
   */
  cloneBuffersOffset(source: CloneRegistrations | number, range: CloneRange = {}): void {
    if (typeof range !== 'object' || range === null) throw invalidType('range', 'of type object', range);
    const { dstOff = 0, srcOff = 0, count = 0, flags = 0 } = range;
    checkUint32('range.flags', flags);
    const { fd, registered } =
      typeof source === 'number' ? byNumber(source, flags) : checkRing(source).handle;
    const others = flags & ~IORING_REGISTER_SRC_REGISTERED;
    const argument = makeStruct(io_uring_clone_buffers, {
      src_fd: fd,
      flags: (registered ? others | IORING_REGISTER_SRC_REGISTERED : others) >>> 0,
      src_off: checkUint32('range.srcOff', srcOff),
      dst_off: checkUint32('range.dstOff', dstOff),
      nr: checkUint32('range.count', count),
    });
    this.register(IORING_REGISTER_CLONE_BUFFERS, argument, 1);
    if (typeof source !== 'number') this.keep(source.kept);
  }
}

function byNumber(source: number, flags: number): RingHandle {
  return { fd: checkFd('source', source), registered: (flags & IORING_REGISTER_SRC_REGISTERED) !== 0 };
}

function checkRing(source: CloneRegistrations): CloneRegistrations {
  if (source instanceof CloneRegistrations) return source;
  throw invalidType('source', 'an instance of IoUringState or of type number', source);
}
