// Flags of io_uring_enter(2).

/** Wait for `min_complete` completions, flush overflow, run completion work; since 5.1. */
export const IORING_ENTER_GETEVENTS = 0x1;
/** Wake the SQPOLL thread; since 5.1. */
export const IORING_ENTER_SQ_WAKEUP = 0x2;
/** With SQPOLL: wait until the submission queue has room; since 5.10. */
export const IORING_ENTER_SQ_WAIT = 0x4;
/** The last argument is an `io_uring_getevents_arg`; since 5.11. */
export const IORING_ENTER_EXT_ARG = 0x8;
/** The descriptor is an index from `IORING_REGISTER_RING_FDS`; since 5.18. */
export const IORING_ENTER_REGISTERED_RING = 0x10;
/** The timeout is a point in time, not a duration; since 6.12. */
export const IORING_ENTER_ABS_TIMER = 0x20;
/** The argument is an offset into the registered wait region; since 6.13. */
export const IORING_ENTER_EXT_ARG_REG = 0x40;
/** Do not count the wait as I/O wait; since 6.15. */
export const IORING_ENTER_NO_IOWAIT = 0x80;
