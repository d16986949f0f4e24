// IORING_REGISTER_QUERY: what can be asked. Source: io_uring_register_query(3).

/** Number of opcodes and the supported flags (`io_uring_query_opcode`); since 6.18. */
export const IO_URING_QUERY_OPCODES = 0;
/** Abilities of zero-copy receive (`io_uring_query_zcrx`); since 6.19. */
export const IO_URING_QUERY_ZCRX = 1;
/** Size and alignment of the ring header (`io_uring_query_scq`); since 6.19. */
export const IO_URING_QUERY_SCQ = 2;
/** Number of queries these headers know (7.1); not itself one. */
export const __IO_URING_QUERY_MAX = 3;
