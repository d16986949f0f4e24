// Zero-copy receive. Source: io_uring_register_ifq(3).

/** An entry of the refill queue, which gives memory back; since 6.15. */
export const io_uring_zcrx_rqe = {
  size: 16,
  fields: {
    off: [0, 8],
    len: [8, 4],
    __pad: [12, 4],
  },
} as const;

/** The second half of a RECV_ZC completion: where the data lies; since 6.15. */
export const io_uring_zcrx_cqe = {
  size: 16,
  fields: {
    off: [0, 8],
    __pad: [8, 8],
  },
} as const;

/** Where the parts of the refill queue lie, bytes; since 6.15. */
export const io_uring_zcrx_offsets = {
  size: 32,
  fields: {
    head: [0, 4],
    tail: [4, 4],
    rqes: [8, 4],
    __resv2: [12, 4],
    __resv: [16, 16],
  },
} as const;

/** The memory the card writes to; since 6.15. */
export const io_uring_zcrx_area_reg = {
  size: 48,
  fields: {
    addr: [0, 8],
    len: [8, 8],
    rq_area_token: [16, 8],
    flags: [24, 4],
    dmabuf_fd: [28, 4],
    __resv2: [32, 16],
  },
} as const;

/** `IORING_REGISTER_ZCRX_IFQ`; since 6.15. */
export const io_uring_zcrx_ifq_reg = {
  size: 96,
  fields: {
    if_idx: [0, 4],
    if_rxq: [4, 4],
    rq_entries: [8, 4],
    flags: [12, 4],
    area_ptr: [16, 8],
    region_ptr: [24, 8],
    'offsets.head': [32, 4],
    'offsets.tail': [36, 4],
    'offsets.rqes': [40, 4],
    'offsets.__resv2': [44, 4],
    'offsets.__resv': [48, 16],
    zcrx_id: [64, 4],
    rx_buf_len: [68, 4],
    __resv: [72, 24],
  },
} as const;

/** Part of `zcrx_ctrl` for `ZCRX_CTRL_FLUSH_RQ`; since 6.19. */
export const zcrx_ctrl_flush_rq = {
  size: 48,
  fields: {
    __resv: [0, 48],
  },
} as const;

/** Part of `zcrx_ctrl` for `ZCRX_CTRL_EXPORT`; since 6.19. */
export const zcrx_ctrl_export = {
  size: 48,
  fields: {
    zcrx_fd: [0, 4],
    __resv1: [4, 44],
  },
} as const;

/** `IORING_REGISTER_ZCRX_CTRL`; since 6.19. */
export const zcrx_ctrl = {
  size: 72,
  fields: {
    zcrx_id: [0, 4],
    op: [4, 4],
    __resv: [8, 16],
    'zc_export.zcrx_fd': [24, 4],
    'zc_export.__resv1': [28, 44],
    'zc_flush.__resv': [24, 48],
  },
} as const;
