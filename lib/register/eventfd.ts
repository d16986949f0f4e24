/**
 * An eventfd that counts up when completions come: for event loops that wait for descriptors.
 */
import {
  IORING_REGISTER_EVENTFD,
  IORING_REGISTER_EVENTFD_ASYNC,
  IORING_UNREGISTER_EVENTFD,
} from '../../syscalls/constants/register.ts';
import { checkFd } from '../../syscalls/invalid.ts';
import { CloneRegistrations } from './clones.ts';

export abstract class EventfdRegistrations extends CloneRegistrations {
  /**
   * Signals an eventfd when completions are posted. Its count says that there are some, not how many. The kernel holds
   * the eventfd: the fd may be closed. io_uring_register_eventfd, since Linux 5.2.
   * @throws UringError EBUSY when there is one already, EBADF for an fd that is not open, EINVAL for no eventfd.
   */
  registerEventfd(fd: number): void {
    this.register(IORING_REGISTER_EVENTFD, Int32Array.of(checkFd('fd', fd)), 1);
  }

  /**
   * `registerEventfd`, but signals only for what worker threads of the kernel complete, not for what completes while it
   * is submitted. io_uring_register_eventfd_async, since Linux 5.6.
   */
  registerEventfdAsync(fd: number): void {
    this.register(IORING_REGISTER_EVENTFD_ASYNC, Int32Array.of(checkFd('fd', fd)), 1);
  }

  /**
   * Signals no eventfd any more, of either kind. io_uring_unregister_eventfd.
   * @throws UringError ENXIO when there is none.
   */
  unregisterEventfd(): void {
    this.register(IORING_UNREGISTER_EVENTFD, 0, 0);
  }
}
