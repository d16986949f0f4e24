// `IORING_REGISTER_QUERY`. Source: io_uring_register_query(3).

/** One query; `next_entry` chains them, `result` is 0 or `-errno`; since 6.18. */
export const io_uring_query_hdr = {
  size: 40,
  fields: {
    next_entry: [0, 8],
    query_data: [8, 8],
    query_op: [16, 4],
    size: [20, 4],
    result: [24, 4, 'signed'],
    __resv: [28, 12],
  },
} as const;

/** Answer to `IO_URING_QUERY_OPCODES`; since 6.18. */
export const io_uring_query_opcode = {
  size: 48,
  fields: {
    nr_request_opcodes: [0, 4],
    nr_register_opcodes: [4, 4],
    feature_flags: [8, 8],
    ring_setup_flags: [16, 8],
    enter_flags: [24, 8],
    sqe_flags: [32, 8],
    nr_query_opcodes: [40, 4],
    __pad: [44, 4],
  },
} as const;

/** Answer to `IO_URING_QUERY_ZCRX`; since 6.19. */
export const io_uring_query_zcrx = {
  size: 40,
  fields: {
    register_flags: [0, 8],
    area_flags: [8, 8],
    nr_ctrl_opcodes: [16, 4],
    features: [20, 4],
    rq_hdr_size: [24, 4],
    rq_hdr_alignment: [28, 4],
    __resv2: [32, 8],
  },
} as const;

/** Answer to `IO_URING_QUERY_SCQ`, bytes; since 6.19. */
export const io_uring_query_scq = {
  size: 16,
  fields: {
    hdr_size: [0, 8],
    hdr_alignment: [8, 8],
  },
} as const;
