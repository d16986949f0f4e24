// Submission entries: the flags common to all, and each operation's own.

// sqe.flags, as bit numbers

/** Bit number of `IOSQE_FIXED_FILE`. */
export const IOSQE_FIXED_FILE_BIT = 0;
/** Bit number of `IOSQE_IO_DRAIN`. */
export const IOSQE_IO_DRAIN_BIT = 1;
/** Bit number of `IOSQE_IO_LINK`. */
export const IOSQE_IO_LINK_BIT = 2;
/** Bit number of `IOSQE_IO_HARDLINK`. */
export const IOSQE_IO_HARDLINK_BIT = 3;
/** Bit number of `IOSQE_ASYNC`. */
export const IOSQE_ASYNC_BIT = 4;
/** Bit number of `IOSQE_BUFFER_SELECT`. */
export const IOSQE_BUFFER_SELECT_BIT = 5;
/** Bit number of `IOSQE_CQE_SKIP_SUCCESS`. */
export const IOSQE_CQE_SKIP_SUCCESS_BIT = 6;

// sqe.flags

/** `fd` is a slot of the registered files; since 5.1. */
export const IOSQE_FIXED_FILE = 0x1;
/** Start after everything submitted before, hold back everything after; since 5.2. */
export const IOSQE_IO_DRAIN = 0x2;
/** The next entry starts when this one succeeds, else it is cancelled; since 5.3. */
export const IOSQE_IO_LINK = 0x4;
/** As a link, but a failure or short transfer does not break the chain; since 5.5. */
export const IOSQE_IO_HARDLINK = 0x8;
/** Go to a worker thread at once, without trying inline; since 5.6. */
export const IOSQE_ASYNC = 0x10;
/** The kernel picks a buffer of the group `buf_group`; since 5.7. */
export const IOSQE_BUFFER_SELECT = 0x20;
/** Post no completion when the request succeeds; since 5.17. */
export const IOSQE_CQE_SKIP_SUCCESS = 0x40;

// sqe.file_index

/** Let the kernel choose a free slot for a direct descriptor; since 5.19. */
export const IORING_FILE_INDEX_ALLOC = 0xffffffff;

// sqe.attr_type_mask, for reads and writes

/** `attr_ptr` points to protection information (`io_uring_attr_pi`); since 6.14. */
export const IORING_RW_ATTR_FLAG_PI = 0x1;

// IORING_OP_URING_CMD, sqe.uring_cmd_flags

/** Use the registered buffer `buf_index`; since 6.1. */
export const IORING_URING_CMD_FIXED = 0x1;
/** The flags an application may set in `uring_cmd_flags`. */
export const IORING_URING_CMD_MASK = 0x1;

// IORING_OP_URING_CMD on a socket, sqe.cmd_op

/** Bytes waiting to be received; since 6.7. */
export const SOCKET_URING_OP_SIOCINQ = 0;
/** Bytes sent and not acknowledged; since 6.7. */
export const SOCKET_URING_OP_SIOCOUTQ = 1;
/** getsockopt(2), level SOL_SOCKET; since 6.7. */
export const SOCKET_URING_OP_GETSOCKOPT = 2;
/** setsockopt(2); since 6.7. */
export const SOCKET_URING_OP_SETSOCKOPT = 3;
/** Receive timestamps of sent packets; since 6.17. */
export const SOCKET_URING_OP_TX_TIMESTAMP = 4;
/** getsockname(2) or getpeername(2); since 6.19. */
export const SOCKET_URING_OP_GETSOCKNAME = 5;

// IORING_OP_FSYNC, sqe.fsync_flags

/** fdatasync(2) instead of fsync(2); since 5.1. */
export const IORING_FSYNC_DATASYNC = 0x1;

// IORING_OP_TIMEOUT, _TIMEOUT_REMOVE and _LINK_TIMEOUT, sqe.timeout_flags

/** The time is a point in time, not a duration; since 5.5. */
export const IORING_TIMEOUT_ABS = 0x1;
/** TIMEOUT_REMOVE changes the time instead of removing; since 5.11. */
export const IORING_TIMEOUT_UPDATE = 0x2;
/** Use CLOCK_BOOTTIME, which counts suspend; since 5.15. */
export const IORING_TIMEOUT_BOOTTIME = 0x4;
/** Use CLOCK_REALTIME; since 5.15. */
export const IORING_TIMEOUT_REALTIME = 0x8;
/** TIMEOUT_REMOVE changes the time of a link timeout; since 5.15. */
export const IORING_LINK_TIMEOUT_UPDATE = 0x10;
/** Running out (-ETIME) counts as success for links and skipped completions; since 5.16. */
export const IORING_TIMEOUT_ETIME_SUCCESS = 0x20;
/** Fire again and again, `off` times or for ever; since 6.4. */
export const IORING_TIMEOUT_MULTISHOT = 0x40;
/** `addr` is the time in nanoseconds, not a pointer; since 7.1. */
export const IORING_TIMEOUT_IMMEDIATE_ARG = 0x80;
/** The flags that choose a clock. */
export const IORING_TIMEOUT_CLOCK_MASK = 0xc;
/** The flags that make TIMEOUT_REMOVE an update. */
export const IORING_TIMEOUT_UPDATE_MASK = 0x12;

// IORING_OP_SPLICE and _TEE, sqe.splice_flags; the others are in splice.ts

/** `splice_fd_in` is a slot of the registered files; since 5.7. */
export const SPLICE_F_FD_IN_FIXED = 0x80000000;

// IORING_OP_POLL_ADD and _POLL_REMOVE, sqe.len

/** Complete again and again; since 5.13. */
export const IORING_POLL_ADD_MULTI = 0x1;
/** Change the events of the poll named by `addr`; since 5.13. */
export const IORING_POLL_UPDATE_EVENTS = 0x2;
/** Change the user_data of the poll named by `addr`; since 5.13. */
export const IORING_POLL_UPDATE_USER_DATA = 0x4;
/** Level-triggered instead of edge-triggered; since 6.0. */
export const IORING_POLL_ADD_LEVEL = 0x8;

// IORING_OP_ASYNC_CANCEL, sqe.cancel_flags

/** Cancel every match, not just the first; since 5.19. */
export const IORING_ASYNC_CANCEL_ALL = 0x1;
/** Match by descriptor; since 5.19. */
export const IORING_ASYNC_CANCEL_FD = 0x2;
/** Match every request; since 5.19. */
export const IORING_ASYNC_CANCEL_ANY = 0x4;
/** The descriptor to match is a fixed file slot; since 6.0. */
export const IORING_ASYNC_CANCEL_FD_FIXED = 0x8;
/** Match by user_data, as well as by the other keys; since 6.6. */
export const IORING_ASYNC_CANCEL_USERDATA = 0x10;
/** Match by opcode; since 6.6. */
export const IORING_ASYNC_CANCEL_OP = 0x20;

// send and receive operations, sqe.ioprio

/** Wait for readiness before the first try; since 5.19. */
export const IORING_RECVSEND_POLL_FIRST = 0x1;
/** Receive again and again into provided buffers; since 6.0. */
export const IORING_RECV_MULTISHOT = 0x2;
/** Use the registered buffer `buf_index`; since 6.0. */
export const IORING_RECVSEND_FIXED_BUF = 0x4;
/** The notification says in `res` whether data was copied after all; since 6.2. */
export const IORING_SEND_ZC_REPORT_USAGE = 0x8;
/** Take as many provided buffers as the transfer can fill; since 6.10. */
export const IORING_RECVSEND_BUNDLE = 0x10;
/** SEND and SEND_ZC take an array of iovecs; since 6.17. */
export const IORING_SEND_VECTORIZED = 0x20;

// IORING_OP_ACCEPT, sqe.ioprio

/** Accept again and again; since 5.19. */
export const IORING_ACCEPT_MULTISHOT = 0x1;
/** Fail with EAGAIN when no connection waits; since 6.10. */
export const IORING_ACCEPT_DONTWAIT = 0x2;
/** Wait for readiness before the first try; since 6.10. */
export const IORING_ACCEPT_POLL_FIRST = 0x4;

// IORING_OP_MSG_RING, sqe.addr: the command

/** Post `len` as res and `off` as user_data to the other ring; since 5.18. */
export const IORING_MSG_DATA = 0;
/** Send a fixed file to the other ring; since 6.0. */
export const IORING_MSG_SEND_FD = 1;

// IORING_OP_MSG_RING, sqe.msg_ring_flags

/** Post no completion to the other ring (only with a file); since 6.0. */
export const IORING_MSG_RING_CQE_SKIP = 0x1;
/** Post `file_index` as the flags of the completion; since 6.3. */
export const IORING_MSG_RING_FLAGS_PASS = 0x2;

// IORING_OP_FIXED_FD_INSTALL, sqe.install_fd_flags

/** Do not mark the new descriptor close-on-exec; since 6.8. */
export const IORING_FIXED_FD_NO_CLOEXEC = 0x1;

// IORING_OP_NOP, sqe.nop_flags

/** Complete with `len` as the result; since 6.10. */
export const IORING_NOP_INJECT_RESULT = 0x1;
/** Complete with a 32-byte entry; since 6.18. */
export const IORING_NOP_CQE32 = 0x20;
