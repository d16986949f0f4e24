// Zero-copy receive: areas, registration and control. Source: io_uring_register_ifq(3).

/** Bits an area's ID is shifted by in an offset; since 6.15. */
export const IORING_ZCRX_AREA_SHIFT = 48;
/** The bits of an offset that hold the area's ID, a bigint; since 6.15. */
export const IORING_ZCRX_AREA_MASK = 0xffff_0000_0000_0000n;
/** io_uring_zcrx_area_reg.flags: the memory is a dmabuf; since 6.16. */
export const IORING_ZCRX_AREA_DMABUF = 0x1;
/** io_uring_zcrx_ifq_reg.flags: take over a queue exported by another ring; since 6.19. */
export const ZCRX_REG_IMPORT = 0x1;
/** io_uring_zcrx_ifq_reg.flags: no device, all data is copied; since 7.1. */
export const ZCRX_REG_NODEV = 0x2;
/** `rx_buf_len` can ask for a buffer size; since 7.0. */
export const ZCRX_FEATURE_RX_PAGE_SIZE = 0x1;
/** zcrx_ctrl.op: take all entries of the refill queue; since 6.19. */
export const ZCRX_CTRL_FLUSH_RQ = 0;
/** zcrx_ctrl.op: export the queue as a descriptor; since 6.19. */
export const ZCRX_CTRL_EXPORT = 1;
/** Number of control operations; not itself one. */
export const __ZCRX_CTRL_LAST = 2;
