/**
 * Credentials kept for later: operations act with those that `sqe.personality` names.
 */
import {
  IORING_REGISTER_PERSONALITY,
  IORING_UNREGISTER_PERSONALITY,
} from '../../syscalls/constants/register.ts';
import { checkInteger } from '../../syscalls/invalid.ts';
import { ProbeRegistrations } from './probe.ts';

export abstract class PersonalityRegistrations extends ProbeRegistrations {
  /**
   * Keeps the credentials that this thread has now (users, groups, capabilities). An entry whose `personality` is the
   * ID acts with them, whatever the thread's are by then; with an ID that there is not its `res` is -EINVAL.
   *
   * Since Linux 5.6. io_uring_register_personality.
   * @returns the ID, 1 to 65,535. @throws UringError EBUSY when all are taken.
   */
  registerPersonality(): number {
    return this.register(IORING_REGISTER_PERSONALITY, 0, 0);
  }

  /**
   * Drops credentials; operations in flight go on with them. io_uring_unregister_personality.
   * @throws UringError EINVAL for an ID that there is not.
   */
  unregisterPersonality(id: number): void {
    this.register(IORING_UNREGISTER_PERSONALITY, 0, checkInteger('id', id, 1, 0xffff));
  }
}
