// Flags of IORING_OP_SYNC_FILE_RANGE. Source: sync_file_range(2).

/** Wait for writes already under way. */
export const SYNC_FILE_RANGE_WAIT_BEFORE = 0x1;
/** Start writing dirty pages. */
export const SYNC_FILE_RANGE_WRITE = 0x2;
/** Wait for these writes. */
export const SYNC_FILE_RANGE_WAIT_AFTER = 0x4;
/** All three. */
export const SYNC_FILE_RANGE_WRITE_AND_WAIT = 0x7;
