// Clocks: IORING_REGISTER_CLOCK and timeouts. Source: clock_gettime(2).

/** Wall-clock time; can be set. */
export const CLOCK_REALTIME = 0;
/** Time since boot without suspend; never goes back. */
export const CLOCK_MONOTONIC = 1;
/** CPU time of the process. */
export const CLOCK_PROCESS_CPUTIME_ID = 2;
/** CPU time of the thread. */
export const CLOCK_THREAD_CPUTIME_ID = 3;
/** As MONOTONIC, not adjusted by NTP. */
export const CLOCK_MONOTONIC_RAW = 4;
/** As REALTIME, faster and coarser. */
export const CLOCK_REALTIME_COARSE = 5;
/** As MONOTONIC, faster and coarser. */
export const CLOCK_MONOTONIC_COARSE = 6;
/** Time since boot with suspend. */
export const CLOCK_BOOTTIME = 7;
/** As REALTIME, timers wake the system. */
export const CLOCK_REALTIME_ALARM = 8;
/** As BOOTTIME, timers wake the system. */
export const CLOCK_BOOTTIME_ALARM = 9;
/** Atomic time, without leap seconds. */
export const CLOCK_TAI = 11;
