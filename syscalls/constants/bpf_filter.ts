// IORING_REGISTER_BPF_FILTER. Source: io_uring_register_bpf_filter(3).

/** Deny every operation that has no filter; since 7.0. */
export const IO_URING_BPF_FILTER_DENY_REST = 0x1;
/** Fail unless `pdu_size` is the kernel's own; since 7.0. */
export const IO_URING_BPF_FILTER_SZ_STRICT = 0x2;
/** io_uring_bpf.cmd_type: register a filter; since 7.0. */
export const IO_URING_BPF_CMD_FILTER = 1;
