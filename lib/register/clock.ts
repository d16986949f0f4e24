/**
 * The clock of waits.
 */
import { IORING_REGISTER_CLOCK } from '../../syscalls/constants/register.ts';
import { checkUint32 } from '../../syscalls/invalid.ts';
import { io_uring_clock_register } from '../../syscalls/layouts/register.ts';
import { makeStruct } from '../../syscalls/struct.ts';
import { NapiRegistrations } from './napi.ts';

export abstract class ClockRegistrations extends NapiRegistrations {
  /**
   * Chooses the clock that the timeouts of waits are measured by: CLOCK_MONOTONIC, the default, or CLOCK_BOOTTIME, which
   * goes on while the system is suspended. Those of operations have flags of their own.
   *
   * Since Linux 6.12. io_uring_register_clock.
   * @throws UringError EINVAL for another clock.
   */
  registerClock(clockid: number): void {
    const argument = makeStruct(io_uring_clock_register, { clockid: checkUint32('clockid', clockid) });
    this.register(IORING_REGISTER_CLOCK, argument, 0);
  }
}
