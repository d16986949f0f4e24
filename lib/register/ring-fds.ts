/**
 * The ring's own fd among the registered rings of the thread: a call that names it by index spares the kernel the
 * lookup of the file.
 */
import { IORING_REGISTER_RING_FDS, IORING_UNREGISTER_RING_FDS } from '../../syscalls/constants/register.ts';
import { IORING_FEAT_REG_REG_RING } from '../../syscalls/constants/setup.ts';
import { EOPNOTSUPP } from '../../syscalls/errno.ts';
import { invalidState } from '../../syscalls/invalid.ts';
import { io_uring_rsrc_update } from '../../syscalls/layouts/register.ts';
import { makeStruct, readStruct } from '../../syscalls/struct.ts';
import { Registrations } from './registrations.ts';

export abstract class RingFdRegistrations extends Registrations {
  /**
   * Registers the ring itself with this thread, which has 16 places for it: from now on its calls name it by index, and
   * are a little faster. Other threads that have the ring go on by its fd.
   *
   * Since Linux 5.18. io_uring_register_ring_fd.
   * @returns the index. @throws UringError EBUSY when no place is free; ERR_INVALID_STATE when it is registered already.
   */
  registerRingFd(): number {
    const { enter } = this.resources;
    if (enter.index >= 0) throw invalidState('The ring is registered already');
    const update = makeStruct(io_uring_rsrc_update, { offset: ANY, data: Math.max(enter.fd, 0) });
    this.#call(IORING_REGISTER_RING_FDS, update);
    const { offset } = readStruct(update, io_uring_rsrc_update);
    enter.useIndex(offset);
    return offset;
  }

  /**
   * Takes that back: calls go by the fd again. io_uring_unregister_ring_fd.
   * @throws ERR_INVALID_STATE when it is not registered, or has no fd to go back to.
   */
  unregisterRingFd(): void {
    const { enter } = this.resources;
    this.#checkRegistered();
    if (enter.fd < 0) throw invalidState('The ring has no fd: close it instead');
    this.#call(IORING_UNREGISTER_RING_FDS, makeStruct(io_uring_rsrc_update, { offset: enter.index }));
    enter.useFd(enter.fd);
  }

  /**
   * Closes the fd of a ring that is registered: it is this thread's alone then, takes no place among the descriptors, and
   * cannot be shared or named by other rings.
   *
   * Since Linux 6.3 (IORING_FEAT_REG_REG_RING). io_uring_close_ring_fd.
   * @throws UringError EOPNOTSUPP on older kernels; ERR_INVALID_STATE when the ring is not registered, has no fd, or
   * is shared.
   */
  closeRingFd(): void {
    const { enter, control, kernel } = this.resources;
    this.#checkRegistered();
    if ((this.features & IORING_FEAT_REG_REG_RING) === 0)
      throw this.refusal(EOPNOTSUPP, 'Closing the fd of a registered ring needs Linux 6.3.');
    if (enter.fd < 0) throw invalidState('The ring has no fd');
    if (control !== null) throw invalidState('Other threads may have this ring, by its fd');
    kernel.close(enter.fd);
    enter.moveFd(-1);
  }

  #call(opcode: number, update: Uint8Array): void {
    const result = this.resources.enter.register(opcode, update, 1);
    if (result < 0) throw this.refusal(result);
  }

  #checkRegistered(): void {
    const { enter } = this.resources;
    this.refuseClosed();
    if (enter.index < 0) throw invalidState('The ring is not registered: see registerRingFd()');
  }
}

/** As the offset: any free place. */
const ANY = 0xffff_ffff;
