// Futexes: flags of IORING_OP_FUTEX_*. Source: the kernel's userspace-api/futex2 documentation.

/** A futex of 8 bits; reserved. */
export const FUTEX2_SIZE_U8 = 0;
/** A futex of 16 bits; reserved. */
export const FUTEX2_SIZE_U16 = 0x1;
/** A futex of 32 bits: the only size there is. */
export const FUTEX2_SIZE_U32 = 0x2;
/** A futex of 64 bits; reserved. */
export const FUTEX2_SIZE_U64 = 0x3;
/** The bits that hold the size. */
export const FUTEX2_SIZE_MASK = 0x3;
/** A node number follows the futex; since 6.16. */
export const FUTEX2_NUMA = 0x4;
/** Use the memory policy of the address; since 6.16. */
export const FUTEX2_MPOL = 0x8;
/** Not shared with another process. */
export const FUTEX2_PRIVATE = 0x80;
/** A bitset that meets every waiter. */
export const FUTEX_BITSET_MATCH_ANY = 0xffffffff;
/** Most futexes in one FUTEX_WAITV. */
export const FUTEX_WAITV_MAX = 128;
