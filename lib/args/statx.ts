/**
 * `struct statx` as statx(2) fills it in.
 */
import {
  STATX_ATIME,
  STATX_BLOCKS,
  STATX_BTIME,
  STATX_CTIME,
  STATX_DIOALIGN,
  STATX_GID,
  STATX_INO,
  STATX_MNT_ID,
  STATX_MNT_ID_UNIQUE,
  STATX_MODE,
  STATX_MTIME,
  STATX_NLINK,
  STATX_SIZE,
  STATX_TYPE,
  STATX_UID,
} from '../../syscalls/constants/stat.ts';
import { statx } from '../../syscalls/layouts/files.ts';
import { readStruct, type StructValues } from '../../syscalls/struct.ts';

/** Room for what statx writes: `new Uint8Array(STATX_BYTES)`. */
export const STATX_BYTES: number = statx.size;

/**
 * A file's status. What is undefined was not asked for, or the file system does not have it: see `mask`. Times are in
 * nanoseconds since 1970, negative before.
 */
export interface Statx {
  /** STATX_…: which of the fields below were filled in. */
  readonly mask: number;
  /** The preferred block size for I/O, in bytes. */
  readonly blksize: number;
  /** STATX_ATTR_…, of which only those in `attributesMask` mean anything. */
  readonly attributes: bigint;
  /** STATX_ATTR_… that the file system knows. */
  readonly attributesMask: bigint;
  /** The device that the file represents, when it is one. */
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  /** The device that the file is on. */
  readonly devMajor: number;
  readonly devMinor: number;
  /** The type (S_IFMT) and the permissions. Both, when STATX_TYPE or STATX_MODE was asked for. */
  readonly mode: number | undefined;
  /** Hard links. */
  readonly nlink: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** The inode's number. */
  readonly ino: bigint | undefined;
  /** Bytes. */
  readonly size: bigint | undefined;
  /** Blocks of 512 bytes that it takes. */
  readonly blocks: bigint | undefined;
  /** The last access. */
  readonly atimeNs: bigint | undefined;
  /** The creation. */
  readonly btimeNs: bigint | undefined;
  /** The last change of the inode. */
  readonly ctimeNs: bigint | undefined;
  /** The last change of the content. */
  readonly mtimeNs: bigint | undefined;
  /** The mount; since Linux 5.8. With STATX_MNT_ID_UNIQUE one that is never used again; since 6.8. */
  readonly mntId: bigint | undefined;
  /** The alignment in bytes that O_DIRECT needs of memory, 0 when it is not supported; since Linux 6.1. */
  readonly dioMemAlign: number | undefined;
  /** The alignment in bytes that O_DIRECT needs of offsets and lengths; since Linux 6.1. */
  readonly dioOffsetAlign: number | undefined;
}

/** Reads the 256 bytes that statx wrote. RangeError for fewer. */
export function readStatx(bytes: Uint8Array): Statx {
  const raw = readStruct(bytes, statx);
  const mask = raw.stx_mask;
  const has = <T>(bits: number, value: T): T | undefined => ((mask & bits) !== 0 ? value : undefined);
  return {
    mask,
    blksize: raw.stx_blksize,
    attributes: raw.stx_attributes,
    attributesMask: raw.stx_attributes_mask,
    rdevMajor: raw.stx_rdev_major,
    rdevMinor: raw.stx_rdev_minor,
    devMajor: raw.stx_dev_major,
    devMinor: raw.stx_dev_minor,
    mode: has(STATX_TYPE | STATX_MODE, raw.stx_mode),
    nlink: has(STATX_NLINK, raw.stx_nlink),
    uid: has(STATX_UID, raw.stx_uid),
    gid: has(STATX_GID, raw.stx_gid),
    ino: has(STATX_INO, raw.stx_ino),
    size: has(STATX_SIZE, raw.stx_size),
    blocks: has(STATX_BLOCKS, raw.stx_blocks),
    atimeNs: has(STATX_ATIME, timeOf(raw, 'stx_atime')),
    btimeNs: has(STATX_BTIME, timeOf(raw, 'stx_btime')),
    ctimeNs: has(STATX_CTIME, timeOf(raw, 'stx_ctime')),
    mtimeNs: has(STATX_MTIME, timeOf(raw, 'stx_mtime')),
    mntId: has(STATX_MNT_ID | STATX_MNT_ID_UNIQUE, raw.stx_mnt_id),
    dioMemAlign: has(STATX_DIOALIGN, raw.stx_dio_mem_align),
    dioOffsetAlign: has(STATX_DIOALIGN, raw.stx_dio_offset_align),
  };
}

function timeOf(
  raw: StructValues<typeof statx>,
  name: 'stx_atime' | 'stx_btime' | 'stx_ctime' | 'stx_mtime',
): bigint {
  return raw[`${name}.tv_sec`] * 1_000_000_000n + BigInt(raw[`${name}.tv_nsec`]);
}
