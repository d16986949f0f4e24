// Times.

/** Seconds and nanoseconds, 64 bits each on every machine. */
export const __kernel_timespec = {
  size: 16,
  fields: {
    tv_sec: [0, 8, 'signed'],
    tv_nsec: [8, 8, 'signed'],
  },
} as const;

/** The timestamp of a `SOCKET_URING_OP_TX_TIMESTAMP` completion; since 6.17. */
export const io_timespec = {
  size: 16,
  fields: {
    tv_sec: [0, 8],
    tv_nsec: [8, 8],
  },
} as const;
