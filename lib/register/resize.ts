/**
 * Other sizes for a living ring.
 */
import { IORING_SETUP_CLAMP, IORING_SETUP_CQSIZE } from '../../syscalls/constants/setup.ts';
import { EINVAL, EOVERFLOW } from '../../syscalls/errno.ts';
import { UringError } from '../../syscalls/error.ts';
import { checkUint32, invalidState, invalidType } from '../../syscalls/invalid.ts';
import { resizeRing } from '../resize.ts';
import { forget } from '../resources.ts';
import { MAX_ENTRIES, powerOfTwo } from '../ring-layout.ts';
import { RegionRegistrations } from './regions.ts';

/** How large the queues shall be. */
export interface ResizeOptions {
  /** Entries of the completion queue, rounded up to a power of two. Default: twice `entries`. */
  cqEntries?: number;
  /** Cut wishes that are too large down to what the kernel allows (IORING_SETUP_CLAMP). Default: false. */
  clamp?: boolean;
}

export abstract class ResizeRegistrations extends RegionRegistrations {
  /**
   * Gives the ring queues of other sizes: `entries` submission entries, rounded up to a power of two. Whatever stands in
   * the queues moves along: entries staged, published or being filled, completions not acknowledged. The ring's memory is
   * another one afterwards (`memory`, `sqEntries`, `cqEntries` tell); cursors that were handed out follow, but a `Cqe`
   * that was peeked must be peeked again.
   *
   * Since Linux 6.13, for rings with IORING_SETUP_DEFER_TASKRUN. io_uring_resize_rings.
   * @throws UringError EOVERFLOW when more stands in a queue than the new one can hold: submit or reap first; EINVAL for
   * sizes that cannot be had or a ring of another kind; ENOMEM beyond RLIMIT_MEMLOCK. Then all stays as it was.
   * @throws ERR_INVALID_STATE inside of forEachCqe; when other threads have the ring, whose views cannot follow; for a ring
   * of kind `view` whose fd was closed.
   */
  resizeRings(entries: number, options: ResizeOptions = {}): void {
    this.refuseClosed();
    checkUint32('entries', entries);
    if (typeof options !== 'object' || options === null)
      throw invalidType('options', 'of type object', options);
    const { cqEntries, clamp = false } = options;
    if (cqEntries !== undefined) checkUint32('options.cqEntries', cqEntries);
    if (typeof clamp !== 'boolean') throw invalidType('options.clamp', 'of type boolean', clamp);
    const { resources } = this;
    if (resources.control !== null)
      throw invalidState('Other threads may have this ring: it cannot be moved to other memory');
    if (resources.ring.memory.kind === 'view' && resources.enter.fd < 0)
      throw invalidState('A ring of kind view has to be mapped again, for which it needs its fd');
    const flags = (cqEntries === undefined ? 0 : IORING_SETUP_CQSIZE) | (clamp ? IORING_SETUP_CLAMP : 0);
    const wanted = { entries, cqEntries: cqEntries ?? 0, flags };
    const { sq, cq } = resources;
    cq.refuseInside();
    const rounded = Math.min(powerOfTwo(entries), MAX_ENTRIES);
    if (!(sq.fits(rounded) && cq.fits(powerOfTwo(cqEntries ?? 2 * rounded))))
      throw this.refusal(EOVERFLOW, NO_ROOM);
    const made = resizeRing(resources.kernel, resources.ring, wanted, (opcode, params) =>
      resources.enter.register(opcode, params, 1),
    );
    if (typeof made === 'number') throw this.refusal(made, made === -EINVAL ? NOT_SO : undefined);
    if (!('lost' in made)) {
      resources.move(made);
      return;
    }
    forget(resources);
    resources.release();
    throw new UringError(
      made.lost,
      'mmap',
      'The ring was moved and its memory could not be mapped: it is closed.',
    );
  }
}

const NO_ROOM =
  'More stands in the queues than the new ones can hold: submit or reap first, or ask for more.';
const NOT_SO =
  'Only rings with DEFER_TASKRUN can be resized (Linux 6.13), to 1 to 32,768 entries, and completions no fewer and at most 65,536.';
