// Flags of IORING_OP_SPLICE and IORING_OP_TEE. Source: splice(2). SPLICE_F_FD_IN_FIXED is in sqe.ts.

/** Move pages instead of copying, where possible. */
export const SPLICE_F_MOVE = 0x1;
/** Do not block on the pipe. */
export const SPLICE_F_NONBLOCK = 0x2;
/** More will follow. */
export const SPLICE_F_MORE = 0x4;
/** vmsplice(2): the pages are given away. */
export const SPLICE_F_GIFT = 0x8;
