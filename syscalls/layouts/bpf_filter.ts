// `IORING_REGISTER_BPF_FILTER`. Source: io_uring_register_bpf_filter(3).

/** What a filter program sees of a request; since 7.0. */
export const io_uring_bpf_ctx = {
  size: 40,
  fields: {
    user_data: [0, 8],
    opcode: [8, 1],
    sqe_flags: [9, 1],
    pdu_size: [10, 1],
    pad: [11, 5],
    'socket.family': [16, 4],
    'socket.type': [20, 4],
    'socket.protocol': [24, 4],
    'open.flags': [16, 8],
    'open.mode': [24, 8],
    'open.resolve': [32, 8],
  },
} as const;

/** One filter; part of `io_uring_bpf`; since 7.0. */
export const io_uring_bpf_filter = {
  size: 64,
  fields: {
    opcode: [0, 4],
    flags: [4, 4],
    filter_len: [8, 4],
    pdu_size: [12, 1],
    resv: [13, 3],
    filter_ptr: [16, 8],
    resv2: [24, 40],
  },
} as const;

/** The argument of the registration; since 7.0. */
export const io_uring_bpf = {
  size: 72,
  fields: {
    cmd_type: [0, 2],
    cmd_flags: [2, 2],
    resv: [4, 4],
    'filter.opcode': [8, 4],
    'filter.flags': [12, 4],
    'filter.filter_len': [16, 4],
    'filter.pdu_size': [20, 1],
    'filter.resv': [21, 3],
    'filter.filter_ptr': [24, 8],
    'filter.resv2': [32, 40],
  },
} as const;
