// What io_uring_setup(2) takes and gives: flags, features, mmap offsets, the flag words of the rings.

// io_uring_params.flags

/** Busy-poll for completions; for O_DIRECT on devices that can poll; since 5.1. */
export const IORING_SETUP_IOPOLL = 0x1;
/** A kernel thread takes submissions without a syscall; since 5.1, unprivileged since 5.11. */
export const IORING_SETUP_SQPOLL = 0x2;
/** Bind the SQPOLL thread to `sq_thread_cpu`; since 5.1. */
export const IORING_SETUP_SQ_AFF = 0x4;
/** The completion queue has `cq_entries` entries instead of twice the SQ's; since 5.5. */
export const IORING_SETUP_CQSIZE = 0x8;
/** Reduce sizes that are too large instead of failing; since 5.6. */
export const IORING_SETUP_CLAMP = 0x10;
/** Share the worker threads of the ring `wq_fd`; since 5.6. */
export const IORING_SETUP_ATTACH_WQ = 0x20;
/** Start disabled; `IORING_REGISTER_ENABLE_RINGS` starts it; since 5.10. */
export const IORING_SETUP_R_DISABLED = 0x40;
/** Go on submitting a batch after an entry that fails at once; since 5.18. */
export const IORING_SETUP_SUBMIT_ALL = 0x80;
/** Do not interrupt the task for completions; run them at its next syscall; since 5.19. */
export const IORING_SETUP_COOP_TASKRUN = 0x100;
/** Show pending completion work as `IORING_SQ_TASKRUN`; since 5.19. */
export const IORING_SETUP_TASKRUN_FLAG = 0x200;
/** Submission entries are 128 bytes; since 5.19. */
export const IORING_SETUP_SQE128 = 0x400;
/** Completion entries are 32 bytes; since 5.19. */
export const IORING_SETUP_CQE32 = 0x800;
/** Only one thread will ever submit; since 6.0. */
export const IORING_SETUP_SINGLE_ISSUER = 0x1000;
/** Completion work runs only in an enter with GETEVENTS; needs SINGLE_ISSUER; since 6.1. */
export const IORING_SETUP_DEFER_TASKRUN = 0x2000;
/** The rings live in memory of ours, given in the two `user_addr`; since 6.5. */
export const IORING_SETUP_NO_MMAP = 0x4000;
/** Return a registered ring index instead of a descriptor; needs NO_MMAP; since 6.5. */
export const IORING_SETUP_REGISTERED_FD_ONLY = 0x8000;
/** No index array between SQ head and entries; since 6.6. */
export const IORING_SETUP_NO_SQARRAY = 0x10000;
/** With IOPOLL: sleep a little before polling; since 6.13. */
export const IORING_SETUP_HYBRID_IOPOLL = 0x20000;
/** Completions of 16 and 32 bytes in one ring; since 6.18. */
export const IORING_SETUP_CQE_MIXED = 0x40000;
/** Submissions of 64 and 128 bytes in one ring; since 6.19. */
export const IORING_SETUP_SQE_MIXED = 0x80000;
/** Every submit starts at entry 0, head and tail unused; needs NO_SQARRAY; since 7.0. */
export const IORING_SETUP_SQ_REWIND = 0x100000;

// io_uring_params.features

/** One mmap covers SQ and CQ ring; since 5.4. */
export const IORING_FEAT_SINGLE_MMAP = 0x1;
/** Completions that do not fit wait in the kernel instead of being dropped; since 5.5. */
export const IORING_FEAT_NODROP = 0x2;
/** Data an entry points to, other than buffers, is read at submit; since 5.5. */
export const IORING_FEAT_SUBMIT_STABLE = 0x4;
/** Offset -1 means the file's current position; since 5.6. */
export const IORING_FEAT_RW_CUR_POS = 0x8;
/** Requests run with the credentials of the submitter; since 5.6. */
export const IORING_FEAT_CUR_PERSONALITY = 0x10;
/** Sockets and pipes that are not ready are polled, not sent to a worker; since 5.7. */
export const IORING_FEAT_FAST_POLL = 0x20;
/** Poll takes 32 bits of events, so EPOLLEXCLUSIVE too; since 5.9. */
export const IORING_FEAT_POLL_32BITS = 0x40;
/** SQPOLL works with ordinary descriptors; since 5.11. */
export const IORING_FEAT_SQPOLL_NONFIXED = 0x80;
/** enter takes `io_uring_getevents_arg` (timeout and signal mask); since 5.11. */
export const IORING_FEAT_EXT_ARG = 0x100;
/** Workers are threads of the process itself; since 5.12. */
export const IORING_FEAT_NATIVE_WORKERS = 0x200;
/** Registered files and buffers can be tagged and updated; since 5.13. */
export const IORING_FEAT_RSRC_TAGS = 0x400;
/** `IOSQE_CQE_SKIP_SUCCESS` works; since 5.17. */
export const IORING_FEAT_CQE_SKIP = 0x800;
/** A linked request looks its file up when it starts, so after an open before it; since 5.17. */
export const IORING_FEAT_LINKED_FILE = 0x1000;
/** register can name the ring by registered index; since 6.3. */
export const IORING_FEAT_REG_REG_RING = 0x2000;
/** send and recv can take several provided buffers at once; since 6.10. */
export const IORING_FEAT_RECVSEND_BUNDLE = 0x4000;
/** Waits can have a minimum time (`min_wait_usec`); since 6.12. */
export const IORING_FEAT_MIN_TIMEOUT = 0x8000;
/** Reads and writes take attributes (`attr_ptr`); since 6.14. */
export const IORING_FEAT_RW_ATTR = 0x10000;
/** `IORING_ENTER_NO_IOWAIT` works; since 6.15. */
export const IORING_FEAT_NO_IOWAIT = 0x20000;

// offsets for mmap(2) on the ring's descriptor, bytes

/** The SQ ring, and the CQ ring too with `IORING_FEAT_SINGLE_MMAP`. */
export const IORING_OFF_SQ_RING = 0;
/** The CQ ring. */
export const IORING_OFF_CQ_RING = 0x8000000;
/** The array of submission entries. */
export const IORING_OFF_SQES = 0x10000000;
/** A buffer ring; OR with the group shifted by `IORING_OFF_PBUF_SHIFT`; since 6.4. */
export const IORING_OFF_PBUF_RING = 0x80000000;
/** Bits a buffer group is shifted by within the offset; since 6.4. */
export const IORING_OFF_PBUF_SHIFT = 16;
/** The bits of an offset that say which region; since 6.4. */
export const IORING_OFF_MMAP_MASK = 0xf8000000;

// flag word of the SQ ring, written by the kernel

/** The SQPOLL thread sleeps: enter with `IORING_ENTER_SQ_WAKEUP`; since 5.1. */
export const IORING_SQ_NEED_WAKEUP = 0x1;
/** Completions wait in the kernel: enter with `IORING_ENTER_GETEVENTS`; since 5.8. */
export const IORING_SQ_CQ_OVERFLOW = 0x2;
/** Completion work waits: enter the kernel; since 5.19. */
export const IORING_SQ_TASKRUN = 0x4;

// flag word of the CQ ring, written by us

/** Do not signal the registered eventfd; since 5.8. */
export const IORING_CQ_EVENTFD_DISABLED = 0x1;
