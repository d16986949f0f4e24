// Completion entries: `cqe.flags`, and what some operations put into `cqe.res`.

/** The upper 16 bits of the flags are the buffer's ID; since 5.7. */
export const IORING_CQE_F_BUFFER = 0x1;
/** More completions of this request will follow; since 5.13. */
export const IORING_CQE_F_MORE = 0x2;
/** The socket had more to read; since 5.19. */
export const IORING_CQE_F_SOCK_NONEMPTY = 0x4;
/** A zero-copy send's second completion: its buffer is free; since 6.0. */
export const IORING_CQE_F_NOTIF = 0x8;
/** The buffer is partly used and will be used again (`IOU_PBUF_RING_INC`); since 6.12. */
export const IORING_CQE_F_BUF_MORE = 0x10;
/** Padding before the ring's end: ignore it (`IORING_SETUP_CQE_MIXED`); since 6.18. */
export const IORING_CQE_F_SKIP = 0x20;
/** This completion is 32 bytes (`IORING_SETUP_CQE_MIXED`); since 6.18. */
export const IORING_CQE_F_32 = 0x8000;
/** Bits the buffer's ID is shifted by in the flags; since 5.7. */
export const IORING_CQE_BUFFER_SHIFT = 16;

// SEND_ZC with IORING_SEND_ZC_REPORT_USAGE: a bit of the notification's res

/** At least part of the data was copied; since 6.2. */
export const IORING_NOTIF_USAGE_ZC_COPIED = 0x80000000;

// SOCKET_URING_OP_TX_TIMESTAMP

/** Bit number of `IORING_CQE_F_TSTAMP_HW`; since 6.17. */
export const IORING_TIMESTAMP_HW_SHIFT = 16;
/** First bit of the timestamp's type in the flags; since 6.17. */
export const IORING_TIMESTAMP_TYPE_SHIFT = 17;
/** The timestamp was taken by hardware; since 6.17. */
export const IORING_CQE_F_TSTAMP_HW = 0x10000;
