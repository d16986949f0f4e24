// statx(2) and file modes. Sources: statx(2), inode(7).

/** The file type in `stx_mode`. */
export const STATX_TYPE = 0x1;
/** The permissions in `stx_mode`. */
export const STATX_MODE = 0x2;
/** `stx_nlink`. */
export const STATX_NLINK = 0x4;
/** `stx_uid`. */
export const STATX_UID = 0x8;
/** `stx_gid`. */
export const STATX_GID = 0x10;
/** `stx_atime`. */
export const STATX_ATIME = 0x20;
/** `stx_mtime`. */
export const STATX_MTIME = 0x40;
/** `stx_ctime`. */
export const STATX_CTIME = 0x80;
/** `stx_ino`. */
export const STATX_INO = 0x100;
/** `stx_size`. */
export const STATX_SIZE = 0x200;
/** `stx_blocks`. */
export const STATX_BLOCKS = 0x400;
/** All that stat(2) gives. */
export const STATX_BASIC_STATS = 0x7ff;
/** `stx_btime`, the time of creation. */
export const STATX_BTIME = 0x800;
/** BASIC_STATS and BTIME; deprecated. */
export const STATX_ALL = 0xfff;
/** `stx_mnt_id`; since 5.8. */
export const STATX_MNT_ID = 0x1000;
/** `stx_dio_mem_align` and `stx_dio_offset_align`; since 6.1. */
export const STATX_DIOALIGN = 0x2000;
/** `stx_mnt_id` as a number that is never reused; since 6.8. */
export const STATX_MNT_ID_UNIQUE = 0x4000;
/** The subvolume; since 6.10. */
export const STATX_SUBVOL = 0x8000;
/** Limits of atomic writes; since 6.11. */
export const STATX_WRITE_ATOMIC = 0x10000;
/** Alignment of direct reads; since 6.14. */
export const STATX_DIO_READ_ALIGN = 0x20000;

// bits of stx_attributes

/** Compressed by the file system. */
export const STATX_ATTR_COMPRESSED = 0x4;
/** Cannot be changed. */
export const STATX_ATTR_IMMUTABLE = 0x10;
/** Can only be appended to. */
export const STATX_ATTR_APPEND = 0x20;
/** Not to be backed up by dump(8). */
export const STATX_ATTR_NODUMP = 0x40;
/** Needs a key. */
export const STATX_ATTR_ENCRYPTED = 0x800;
/** Triggers an automount. */
export const STATX_ATTR_AUTOMOUNT = 0x1000;
/** Root of a mount; since 5.8. */
export const STATX_ATTR_MOUNT_ROOT = 0x2000;
/** Protected by fs-verity; since 5.5. */
export const STATX_ATTR_VERITY = 0x100000;
/** In direct-access state; since 5.8. */
export const STATX_ATTR_DAX = 0x200000;
/** Takes atomic writes; since 6.11. */
export const STATX_ATTR_WRITE_ATOMIC = 0x400000;

// file types in a mode

/** The bits of the type. */
export const S_IFMT = 0o170000;
/** Socket. */
export const S_IFSOCK = 0o140000;
/** Symbolic link. */
export const S_IFLNK = 0o120000;
/** Regular file. */
export const S_IFREG = 0o100000;
/** Block device. */
export const S_IFBLK = 0o060000;
/** Directory. */
export const S_IFDIR = 0o040000;
/** Character device. */
export const S_IFCHR = 0o020000;
/** FIFO. */
export const S_IFIFO = 0o010000;
/** Set user ID on exec. */
export const S_ISUID = 0o4000;
/** Set group ID on exec. */
export const S_ISGID = 0o2000;
/** Sticky. */
export const S_ISVTX = 0o1000;

// permissions in a mode

/** Owner: all. */
export const S_IRWXU = 0o700;
/** Owner: read. */
export const S_IRUSR = 0o400;
/** Owner: write. */
export const S_IWUSR = 0o200;
/** Owner: execute. */
export const S_IXUSR = 0o100;
/** Group: all. */
export const S_IRWXG = 0o070;
/** Group: read. */
export const S_IRGRP = 0o040;
/** Group: write. */
export const S_IWGRP = 0o020;
/** Group: execute. */
export const S_IXGRP = 0o010;
/** Others: all. */
export const S_IRWXO = 0o007;
/** Others: read. */
export const S_IROTH = 0o004;
/** Others: write. */
export const S_IWOTH = 0o002;
/** Others: execute. */
export const S_IXOTH = 0o001;
