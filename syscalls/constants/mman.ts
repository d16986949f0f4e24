// Memory mappings. Sources: mmap(2), madvise(2).

/** No access. */
export const PROT_NONE = 0;
/** Pages may be read. */
export const PROT_READ = 0x1;
/** Pages may be written. */
export const PROT_WRITE = 0x2;
/** Pages may be executed. */
export const PROT_EXEC = 0x4;

// MAP_*

/** Writes are seen by others and reach the file. */
export const MAP_SHARED = 0x1;
/** Writes stay our own. */
export const MAP_PRIVATE = 0x2;
/** As MAP_SHARED, and unknown flags fail; since 4.15. */
export const MAP_SHARED_VALIDATE = 0x3;
/** Exactly at this address, replacing what is there. */
export const MAP_FIXED = 0x10;
/** Zeroed memory without a file. */
export const MAP_ANONYMOUS = 0x20;
/** For stacks. */
export const MAP_GROWSDOWN = 0x100;
/** Lock the pages. */
export const MAP_LOCKED = 0x2000;
/** Do not reserve swap. */
export const MAP_NORESERVE = 0x4000;
/** Fault all pages in at once. */
export const MAP_POPULATE = 0x8000;
/** With MAP_POPULATE: only pages already in memory. */
export const MAP_NONBLOCK = 0x10000;
/** For stacks; does nothing. */
export const MAP_STACK = 0x20000;
/** Huge pages from the reserved pool. */
export const MAP_HUGETLB = 0x40000;
/** For persistent memory; since 4.15. */
export const MAP_SYNC = 0x80000;
/** As MAP_FIXED, but fail when something is there; since 4.17. */
export const MAP_FIXED_NOREPLACE = 0x100000;
/** Bits log2 of the huge page's size is shifted by. */
export const MAP_HUGE_SHIFT = 26;
/** With MAP_HUGETLB: pages of 2 MiB. */
export const MAP_HUGE_2MB = 0x54000000;
/** With MAP_HUGETLB: pages of 1 GiB. */
export const MAP_HUGE_1GB = 0x78000000;

// MADV_*

/** No advice. */
export const MADV_NORMAL = 0;
/** Random access. */
export const MADV_RANDOM = 1;
/** Sequential access. */
export const MADV_SEQUENTIAL = 2;
/** Will be used soon. */
export const MADV_WILLNEED = 3;
/** Drop the contents now. */
export const MADV_DONTNEED = 4;
/** The kernel may drop the contents; since 4.5. */
export const MADV_FREE = 8;
/** Free the pages and what is behind them. */
export const MADV_REMOVE = 9;
/** A child does not get the range. */
export const MADV_DONTFORK = 10;
/** Undo MADV_DONTFORK. */
export const MADV_DOFORK = 11;
/** Merge identical pages (KSM). */
export const MADV_MERGEABLE = 12;
/** Undo MADV_MERGEABLE. */
export const MADV_UNMERGEABLE = 13;
/** Use transparent huge pages. */
export const MADV_HUGEPAGE = 14;
/** Use none. */
export const MADV_NOHUGEPAGE = 15;
/** Leave out of core dumps. */
export const MADV_DONTDUMP = 16;
/** Undo MADV_DONTDUMP. */
export const MADV_DODUMP = 17;
/** A child sees zeros; since 4.14. */
export const MADV_WIPEONFORK = 18;
/** Undo MADV_WIPEONFORK; since 4.14. */
export const MADV_KEEPONFORK = 19;
/** Reclaim these pages first; since 5.4. */
export const MADV_COLD = 20;
/** Reclaim these pages now; since 5.4. */
export const MADV_PAGEOUT = 21;
/** Fault in for reading; since 5.14. */
export const MADV_POPULATE_READ = 22;
/** Fault in for writing; since 5.14. */
export const MADV_POPULATE_WRITE = 23;
/** As DONTNEED, locked pages too; since 5.18. */
export const MADV_DONTNEED_LOCKED = 24;
/** Collapse into huge pages now; since 6.1. */
export const MADV_COLLAPSE = 25;
