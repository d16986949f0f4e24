// Flags of reads and writes: `sqe.rw_flags`. Source: preadv2(2).

/** High priority: poll for completion. */
export const RWF_HIPRI = 0x1;
/** As O_DSYNC for this write. */
export const RWF_DSYNC = 0x2;
/** As O_SYNC for this write. */
export const RWF_SYNC = 0x4;
/** Fail with EAGAIN rather than wait; since 4.14. */
export const RWF_NOWAIT = 0x8;
/** As O_APPEND for this write; since 4.16. */
export const RWF_APPEND = 0x10;
/** Ignore O_APPEND for this write; since 6.9. */
export const RWF_NOAPPEND = 0x20;
/** All of it reaches the disk or nothing; since 6.11. */
export const RWF_ATOMIC = 0x40;
/** Drop from the page cache afterwards; since 6.14. */
export const RWF_DONTCACHE = 0x80;
/** No SIGPIPE from this write; since 6.18. */
export const RWF_NOSIGNAL = 0x100;
