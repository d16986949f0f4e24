// Provided buffers in a shared ring; since 5.19. Source: io_uring_register_buf_ring(3).

/** One entry of a buffer ring. */
export const io_uring_buf = {
  size: 16,
  fields: {
    addr: [0, 8],
    len: [8, 4],
    bid: [12, 2],
    resv: [14, 2],
  },
} as const;

/** A buffer ring: entries from offset 0, the tail over the first one's `resv`. */
export const io_uring_buf_ring = {
  size: 16,
  fields: {
    resv1: [0, 8],
    resv2: [8, 4],
    resv3: [12, 2],
    tail: [14, 2],
    bufs: [0, 0],
  },
} as const;

/** `IORING_REGISTER_PBUF_RING` and `IORING_UNREGISTER_PBUF_RING`; `min_left` since 7.1. */
export const io_uring_buf_reg = {
  size: 40,
  fields: {
    ring_addr: [0, 8],
    ring_entries: [8, 4],
    bgid: [12, 2],
    flags: [14, 2],
    min_left: [16, 4],
    resv: [20, 20],
  },
} as const;

/** `IORING_REGISTER_PBUF_STATUS`; since 6.8. */
export const io_uring_buf_status = {
  size: 40,
  fields: {
    buf_group: [0, 4],
    head: [4, 4],
    resv: [8, 32],
  },
} as const;
