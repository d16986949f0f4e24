// What file operations point to.

/** How to open a file. Source: openat2(2); since 5.6. */
export const open_how = {
  size: 24,
  fields: {
    flags: [0, 8],
    mode: [8, 8],
    resolve: [16, 8],
  },
} as const;

/** What statx(2) fills in. */
export const statx = {
  size: 256,
  fields: {
    stx_mask: [0, 4],
    stx_blksize: [4, 4],
    stx_attributes: [8, 8],
    stx_nlink: [16, 4],
    stx_uid: [20, 4],
    stx_gid: [24, 4],
    stx_mode: [28, 2],
    __spare0: [30, 2],
    stx_ino: [32, 8],
    stx_size: [40, 8],
    stx_blocks: [48, 8],
    stx_attributes_mask: [56, 8],
    'stx_atime.tv_sec': [64, 8, 'signed'],
    'stx_atime.tv_nsec': [72, 4],
    'stx_atime.__reserved': [76, 4, 'signed'],
    'stx_btime.tv_sec': [80, 8, 'signed'],
    'stx_btime.tv_nsec': [88, 4],
    'stx_btime.__reserved': [92, 4, 'signed'],
    'stx_ctime.tv_sec': [96, 8, 'signed'],
    'stx_ctime.tv_nsec': [104, 4],
    'stx_ctime.__reserved': [108, 4, 'signed'],
    'stx_mtime.tv_sec': [112, 8, 'signed'],
    'stx_mtime.tv_nsec': [120, 4],
    'stx_mtime.__reserved': [124, 4, 'signed'],
    stx_rdev_major: [128, 4],
    stx_rdev_minor: [132, 4],
    stx_dev_major: [136, 4],
    stx_dev_minor: [140, 4],
    stx_mnt_id: [144, 8],
    stx_dio_mem_align: [152, 4],
    stx_dio_offset_align: [156, 4],
    __spare3: [160, 96],
  },
} as const;

/** A time within `statx`, since 1970. */
export const statx_timestamp = {
  size: 16,
  fields: {
    tv_sec: [0, 8, 'signed'],
    tv_nsec: [8, 4],
    __reserved: [12, 4, 'signed'],
  },
} as const;

/** One futex of FUTEX_WAITV; `flags` are FUTEX2_*. Source: futex_waitv(2); since 5.16. */
export const futex_waitv = {
  size: 24,
  fields: {
    val: [0, 8],
    uaddr: [8, 8],
    flags: [16, 4],
    __reserved: [20, 4],
  },
} as const;
