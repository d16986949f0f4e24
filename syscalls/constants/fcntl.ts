// Opening, advising and allocating files. Sources: open(2), openat2(2), fcntl(2), fallocate(2), posix_fadvise(2).

/** arm and arm64 number four open flags their own way (arch/arm64/include/uapi/asm/fcntl.h). */
const arm: boolean = process.arch === 'arm64' || process.arch === 'arm';

// O_* for openat and openat2; four differ between x64 and arm

/** Open for reading. */
export const O_RDONLY = 0;
/** Open for writing. */
export const O_WRONLY = 0x1;
/** Open for both. */
export const O_RDWR = 0x2;
/** The bits that hold O_RDONLY, O_WRONLY or O_RDWR. */
export const O_ACCMODE = 0x3;
/** Make the file when there is none. */
export const O_CREAT = 0x40;
/** With O_CREAT: fail when there is one. */
export const O_EXCL = 0x80;
/** Do not make a terminal the controlling one. */
export const O_NOCTTY = 0x100;
/** Empty the file. */
export const O_TRUNC = 0x200;
/** Write at the end. */
export const O_APPEND = 0x400;
/** Do not block. */
export const O_NONBLOCK = 0x800;
/** Writes wait until the data is on the disk. */
export const O_DSYNC = 0x1000;
/** Send SIGIO when I/O is possible. */
export const O_ASYNC = 0x2000;
/** Do not update the access time. */
export const O_NOATIME = 0x40000;
/** Close on exec; not for direct descriptors. */
export const O_CLOEXEC = 0x80000;
/** Writes wait until data and metadata are on the disk. */
export const O_SYNC = 0x101000;
/** Only a reference to the path, no I/O. */
export const O_PATH = 0x200000;
/** Bypass the page cache; buffers and offsets must be aligned. */
export const O_DIRECT: number = arm ? 0x10000 : 0x4000;
/** Files over 2 GiB; a 64-bit openat adds it by itself, openat2 and io_uring too. */
export const O_LARGEFILE: number = arm ? 0x20000 : 0x8000;
/** Fail unless it is a directory. */
export const O_DIRECTORY: number = arm ? 0x4000 : 0x10000;
/** Fail when the last part is a symbolic link. */
export const O_NOFOLLOW: number = arm ? 0x8000 : 0x20000;
/** An unnamed file in the given directory; contains O_DIRECTORY. */
export const O_TMPFILE: number = arm ? 0x404000 : 0x410000;

// AT_*

/** As a directory descriptor: the current directory. */
export const AT_FDCWD = -100;
/** Do not follow a symbolic link at the end. */
export const AT_SYMLINK_NOFOLLOW = 0x100;
/** faccessat(2): check with the effective IDs. */
export const AT_EACCESS = 0x200;
/** unlinkat(2): remove a directory. */
export const AT_REMOVEDIR = 0x200;
/** linkat(2): follow a symbolic link at the end. */
export const AT_SYMLINK_FOLLOW = 0x400;
/** Do not trigger an automount. */
export const AT_NO_AUTOMOUNT = 0x800;
/** An empty path means the descriptor itself. */
export const AT_EMPTY_PATH = 0x1000;
/** statx(2): as fresh as stat(2). */
export const AT_STATX_SYNC_AS_STAT = 0;
/** statx(2): ask the server. */
export const AT_STATX_FORCE_SYNC = 0x2000;
/** statx(2): whatever is cached. */
export const AT_STATX_DONT_SYNC = 0x4000;
/** statx(2): the bits of the three above. */
export const AT_STATX_SYNC_TYPE = 0x6000;
/** Apply to the whole subtree. */
export const AT_RECURSIVE = 0x8000;

// RESOLVE_* of openat2, since 5.6

/** Do not cross mount points. */
export const RESOLVE_NO_XDEV = 0x1;
/** Do not follow links such as /proc/self/fd/1. */
export const RESOLVE_NO_MAGICLINKS = 0x2;
/** Follow no symbolic link at all. */
export const RESOLVE_NO_SYMLINKS = 0x4;
/** Never leave the directory. */
export const RESOLVE_BENEATH = 0x8;
/** Treat the directory as the root. */
export const RESOLVE_IN_ROOT = 0x10;
/** Fail with EAGAIN unless the lookup needs no I/O; since 5.12. */
export const RESOLVE_CACHED = 0x20;

// F_*

/** Duplicate to the lowest free descriptor from the argument on. */
export const F_DUPFD = 0;
/** Read descriptor flags. */
export const F_GETFD = 1;
/** Set descriptor flags. */
export const F_SETFD = 2;
/** Read status flags. */
export const F_GETFL = 3;
/** Set status flags. */
export const F_SETFL = 4;
/** Descriptor flag: close on exec. */
export const FD_CLOEXEC = 1;
/** As F_DUPFD, and close on exec. */
export const F_DUPFD_CLOEXEC = 1030;
/** Set a pipe's capacity, bytes. */
export const F_SETPIPE_SZ = 1031;
/** Read a pipe's capacity, bytes. */
export const F_GETPIPE_SZ = 1032;
/** Seal a memfd. */
export const F_ADD_SEALS = 1033;
/** Read a memfd's seals. */
export const F_GET_SEALS = 1034;

// FALLOC_FL_*, the mode of fallocate

/** Allocate space; the default. */
export const FALLOC_FL_ALLOCATE_RANGE = 0;
/** Do not change the file's size. */
export const FALLOC_FL_KEEP_SIZE = 0x1;
/** Free the range; needs KEEP_SIZE. */
export const FALLOC_FL_PUNCH_HOLE = 0x2;
/** Reserved. */
export const FALLOC_FL_NO_HIDE_STALE = 0x4;
/** Remove the range, moving up what follows; since 3.15. */
export const FALLOC_FL_COLLAPSE_RANGE = 0x8;
/** Fill the range with zeros; since 3.15. */
export const FALLOC_FL_ZERO_RANGE = 0x10;
/** Insert a hole, moving down what follows; since 4.1. */
export const FALLOC_FL_INSERT_RANGE = 0x20;
/** Make the range's blocks the file's own; since 4.10. */
export const FALLOC_FL_UNSHARE_RANGE = 0x40;
/** Zero the range with written blocks; since 6.17. */
export const FALLOC_FL_WRITE_ZEROES = 0x80;

// POSIX_FADV_*

/** No advice. */
export const POSIX_FADV_NORMAL = 0;
/** Random access: do not read ahead. */
export const POSIX_FADV_RANDOM = 1;
/** Sequential access: read further ahead. */
export const POSIX_FADV_SEQUENTIAL = 2;
/** Read it into the cache. */
export const POSIX_FADV_WILLNEED = 3;
/** Drop it from the cache. */
export const POSIX_FADV_DONTNEED = 4;
/** Will be used once. */
export const POSIX_FADV_NOREUSE = 5;

// RENAME_* of renameat2

/** Fail when the new name exists. */
export const RENAME_NOREPLACE = 0x1;
/** Exchange the two. */
export const RENAME_EXCHANGE = 0x2;
/** Leave a whiteout behind, for overlay file systems. */
export const RENAME_WHITEOUT = 0x4;
