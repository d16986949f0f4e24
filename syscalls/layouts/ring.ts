// The structs of the ring itself: entries, setup parameters.

/** A submission entry. The operations share its fields; with 128-byte entries `cmd` is 80 bytes. */
export const io_uring_sqe = {
  size: 64,
  fields: {
    opcode: [0, 1],
    flags: [1, 1],
    ioprio: [2, 2],
    fd: [4, 4, 'signed'],
    off: [8, 8],
    addr2: [8, 8],
    cmd_op: [8, 4],
    __pad1: [12, 4],
    addr: [16, 8],
    splice_off_in: [16, 8],
    level: [16, 4],
    optname: [20, 4],
    len: [24, 4],
    rw_flags: [28, 4, 'signed'],
    fsync_flags: [28, 4],
    poll_events: [28, 2],
    poll32_events: [28, 4],
    sync_range_flags: [28, 4],
    msg_flags: [28, 4],
    timeout_flags: [28, 4],
    accept_flags: [28, 4],
    cancel_flags: [28, 4],
    open_flags: [28, 4],
    statx_flags: [28, 4],
    fadvise_advice: [28, 4],
    splice_flags: [28, 4],
    rename_flags: [28, 4],
    unlink_flags: [28, 4],
    hardlink_flags: [28, 4],
    xattr_flags: [28, 4],
    msg_ring_flags: [28, 4],
    uring_cmd_flags: [28, 4],
    waitid_flags: [28, 4],
    futex_flags: [28, 4],
    install_fd_flags: [28, 4],
    nop_flags: [28, 4],
    pipe_flags: [28, 4],
    user_data: [32, 8],
    buf_index: [40, 2],
    buf_group: [40, 2],
    personality: [42, 2],
    splice_fd_in: [44, 4, 'signed'],
    file_index: [44, 4],
    zcrx_ifq_idx: [44, 4],
    optlen: [44, 4],
    addr_len: [44, 2],
    __pad3: [46, 2],
    addr3: [48, 8],
    __pad2: [56, 8],
    attr_ptr: [48, 8],
    attr_type_mask: [56, 8],
    optval: [48, 8],
    cmd: [48, 0],
  },
} as const;

/** Protection information of a read or write (`IORING_RW_ATTR_FLAG_PI`); since 6.14. */
export const io_uring_attr_pi = {
  size: 32,
  fields: {
    flags: [0, 2],
    app_tag: [2, 2],
    len: [4, 4],
    addr: [8, 8],
    seed: [16, 8],
    rsvd: [24, 8],
  },
} as const;

/** A completion entry; `big_cqe` is 16 bytes more in 32-byte entries. */
export const io_uring_cqe = {
  size: 16,
  fields: {
    user_data: [0, 8],
    res: [8, 4, 'signed'],
    flags: [12, 4],
    big_cqe: [16, 0],
  },
} as const;

/** Where the parts of the SQ ring lie, bytes from its start; part of `io_uring_params`. */
export const io_sqring_offsets = {
  size: 40,
  fields: {
    head: [0, 4],
    tail: [4, 4],
    ring_mask: [8, 4],
    ring_entries: [12, 4],
    flags: [16, 4],
    dropped: [20, 4],
    array: [24, 4],
    resv1: [28, 4],
    user_addr: [32, 8],
  },
} as const;

/** Where the parts of the CQ ring lie, bytes from its start; part of `io_uring_params`. */
export const io_cqring_offsets = {
  size: 40,
  fields: {
    head: [0, 4],
    tail: [4, 4],
    ring_mask: [8, 4],
    ring_entries: [12, 4],
    overflow: [16, 4],
    cqes: [20, 4],
    flags: [24, 4],
    resv1: [28, 4],
    user_addr: [32, 8],
  },
} as const;

/** What io_uring_setup(2) takes and fills in. `sq_thread_idle` is in milliseconds. */
export const io_uring_params = {
  size: 120,
  fields: {
    sq_entries: [0, 4],
    cq_entries: [4, 4],
    flags: [8, 4],
    sq_thread_cpu: [12, 4],
    sq_thread_idle: [16, 4],
    features: [20, 4],
    wq_fd: [24, 4],
    resv: [28, 12],
    'sq_off.head': [40, 4],
    'sq_off.tail': [44, 4],
    'sq_off.ring_mask': [48, 4],
    'sq_off.ring_entries': [52, 4],
    'sq_off.flags': [56, 4],
    'sq_off.dropped': [60, 4],
    'sq_off.array': [64, 4],
    'sq_off.resv1': [68, 4],
    'sq_off.user_addr': [72, 8],
    'cq_off.head': [80, 4],
    'cq_off.tail': [84, 4],
    'cq_off.ring_mask': [88, 4],
    'cq_off.ring_entries': [92, 4],
    'cq_off.overflow': [96, 4],
    'cq_off.cqes': [100, 4],
    'cq_off.flags': [104, 4],
    'cq_off.resv1': [108, 4],
    'cq_off.user_addr': [112, 8],
  },
} as const;

/** Stands at the start of a multishot recvmsg's buffer; since 6.0. */
export const io_uring_recvmsg_out = {
  size: 16,
  fields: {
    namelen: [0, 4],
    controllen: [4, 4],
    payloadlen: [8, 4],
    flags: [12, 4],
  },
} as const;
