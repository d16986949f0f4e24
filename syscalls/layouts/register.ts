// Arguments of io_uring_enter(2) and io_uring_register(2), but for buffer rings, queries, zero-copy receive and BPF.

/** Argument of enter with `IORING_ENTER_EXT_ARG`: signal mask, times; since 5.11. */
export const io_uring_getevents_arg = {
  size: 24,
  fields: {
    sigmask: [0, 8],
    sigmask_sz: [8, 4],
    min_wait_usec: [12, 4],
    ts: [16, 8],
  },
} as const;

/** A registered wait argument (`IORING_ENTER_EXT_ARG_REG`); since 6.13. */
export const io_uring_reg_wait = {
  size: 64,
  fields: {
    'ts.tv_sec': [0, 8, 'signed'],
    'ts.tv_nsec': [8, 8, 'signed'],
    min_wait_usec: [16, 4],
    flags: [20, 4],
    sigmask: [24, 8],
    sigmask_sz: [32, 4],
    pad: [36, 12],
    pad2: [48, 16],
  },
} as const;

/** `IORING_REGISTER_FILES_UPDATE`, by its older name (see `io_uring_rsrc_update`); since 5.5. */
export const io_uring_files_update = {
  size: 16,
  fields: {
    offset: [0, 4],
    resv: [4, 4],
    fds: [8, 8],
  },
} as const;

/** `IORING_REGISTER_FILES2` and `_BUFFERS2`; since 5.13. */
export const io_uring_rsrc_register = {
  size: 32,
  fields: {
    nr: [0, 4],
    flags: [4, 4],
    resv2: [8, 8],
    data: [16, 8],
    tags: [24, 8],
  },
} as const;

/** `IORING_REGISTER_FILES_UPDATE`; since 5.13. */
export const io_uring_rsrc_update = {
  size: 16,
  fields: {
    offset: [0, 4],
    resv: [4, 4],
    data: [8, 8],
  },
} as const;

/** `IORING_REGISTER_FILES_UPDATE2` and `_BUFFERS_UPDATE`; since 5.13. */
export const io_uring_rsrc_update2 = {
  size: 32,
  fields: {
    offset: [0, 4],
    resv: [4, 4],
    data: [8, 8],
    tags: [16, 8],
    nr: [24, 4],
    resv2: [28, 4],
  },
} as const;

/** One operation within an `io_uring_probe`; since 5.6. */
export const io_uring_probe_op = {
  size: 8,
  fields: {
    op: [0, 1],
    resv: [1, 1],
    flags: [2, 2],
    resv2: [4, 4],
  },
} as const;

/** `IORING_REGISTER_PROBE`: a header before the array of `io_uring_probe_op`; since 5.6. */
export const io_uring_probe = {
  size: 16,
  fields: {
    last_op: [0, 1],
    ops_len: [1, 1],
    resv: [2, 2],
    resv2: [4, 12],
    ops: [16, 0],
  },
} as const;

/** One restriction of `IORING_REGISTER_RESTRICTIONS`; since 5.10. */
export const io_uring_restriction = {
  size: 16,
  fields: {
    opcode: [0, 2],
    register_op: [2, 1],
    sqe_op: [2, 1],
    sqe_flags: [2, 1],
    resv: [3, 1],
    resv2: [4, 12],
  },
} as const;

/** Restrictions for every ring of a task: a header before the `io_uring_restriction`s; since 7.0. */
export const io_uring_task_restriction = {
  size: 16,
  fields: {
    flags: [0, 2],
    nr_res: [2, 2],
    resv: [4, 12],
    restrictions: [16, 0],
  },
} as const;

/** `IORING_REGISTER_CLOCK`; since 6.12. */
export const io_uring_clock_register = {
  size: 16,
  fields: {
    clockid: [0, 4],
    __resv: [4, 12],
  },
} as const;

/** `IORING_REGISTER_CLONE_BUFFERS`; since 6.12. */
export const io_uring_clone_buffers = {
  size: 32,
  fields: {
    src_fd: [0, 4],
    flags: [4, 4],
    src_off: [8, 4],
    dst_off: [12, 4],
    nr: [16, 4],
    pad: [20, 12],
  },
} as const;

/** `IORING_REGISTER_NAPI`; `busy_poll_to` is in microseconds; since 6.9. */
export const io_uring_napi = {
  size: 16,
  fields: {
    busy_poll_to: [0, 4],
    prefer_busy_poll: [4, 1],
    pad: [5, 3],
    resv: [8, 8],
  },
} as const;

/** `IORING_REGISTER_SYNC_CANCEL`; a timeout of -1, -1 waits without limit; since 6.0. */
export const io_uring_sync_cancel_reg = {
  size: 64,
  fields: {
    addr: [0, 8],
    fd: [8, 4, 'signed'],
    flags: [12, 4],
    'timeout.tv_sec': [16, 8, 'signed'],
    'timeout.tv_nsec': [24, 8, 'signed'],
    opcode: [32, 1],
    pad: [33, 7],
    pad2: [40, 24],
  },
} as const;

/** `IORING_REGISTER_FILE_ALLOC_RANGE`; since 6.0. */
export const io_uring_file_index_range = {
  size: 16,
  fields: {
    off: [0, 4],
    len: [4, 4],
    resv: [8, 8],
  },
} as const;

/** A memory region, ours or the kernel's; since 6.13. */
export const io_uring_region_desc = {
  size: 64,
  fields: {
    user_addr: [0, 8],
    size: [8, 8],
    flags: [16, 4],
    id: [20, 4],
    mmap_offset: [24, 8],
    __resv: [32, 32],
  },
} as const;

/** `IORING_REGISTER_MEM_REGION`; points to an `io_uring_region_desc`; since 6.13. */
export const io_uring_mem_region_reg = {
  size: 32,
  fields: {
    region_uptr: [0, 8],
    flags: [8, 8],
    __resv: [16, 16],
  },
} as const;
