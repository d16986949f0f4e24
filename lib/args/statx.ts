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
import { outOfRange } from '../../syscalls/invalid.ts';
import { statx } from '../../syscalls/layouts/files.ts';

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
  if (bytes.byteLength < STATX_BYTES)
    throw outOfRange('bytes.byteLength', `>= ${STATX_BYTES}`, bytes.byteLength);
  const view = new DataView(bytes.buffer, bytes.byteOffset, STATX_BYTES);
  const mask = u32(view, 'stx_mask');
  const has = (bits: number): boolean => (mask & bits) !== 0;
  return {
    mask,
    blksize: u32(view, 'stx_blksize'),
    attributes: u64(view, 'stx_attributes'),
    attributesMask: u64(view, 'stx_attributes_mask'),
    rdevMajor: u32(view, 'stx_rdev_major'),
    rdevMinor: u32(view, 'stx_rdev_minor'),
    devMajor: u32(view, 'stx_dev_major'),
    devMinor: u32(view, 'stx_dev_minor'),
    mode: has(STATX_TYPE | STATX_MODE) ? view.getUint16(offsetOf('stx_mode'), true) : undefined,
    nlink: has(STATX_NLINK) ? u32(view, 'stx_nlink') : undefined,
    uid: has(STATX_UID) ? u32(view, 'stx_uid') : undefined,
    gid: has(STATX_GID) ? u32(view, 'stx_gid') : undefined,
    ino: has(STATX_INO) ? u64(view, 'stx_ino') : undefined,
    size: has(STATX_SIZE) ? u64(view, 'stx_size') : undefined,
    blocks: has(STATX_BLOCKS) ? u64(view, 'stx_blocks') : undefined,
    atimeNs: has(STATX_ATIME) ? time(view, 'stx_atime') : undefined,
    btimeNs: has(STATX_BTIME) ? time(view, 'stx_btime') : undefined,
    ctimeNs: has(STATX_CTIME) ? time(view, 'stx_ctime') : undefined,
    mtimeNs: has(STATX_MTIME) ? time(view, 'stx_mtime') : undefined,
    mntId: has(STATX_MNT_ID | STATX_MNT_ID_UNIQUE) ? u64(view, 'stx_mnt_id') : undefined,
    dioMemAlign: has(STATX_DIOALIGN) ? u32(view, 'stx_dio_mem_align') : undefined,
    dioOffsetAlign: has(STATX_DIOALIGN) ? u32(view, 'stx_dio_offset_align') : undefined,
  };
}

// Field by field, without the object that readStruct makes: some programs do little but stat.

type Name = keyof typeof statx.fields;

function offsetOf(name: Name): number {
  return statx.fields[name][0];
}

function u32(view: DataView, name: Name): number {
  return view.getUint32(offsetOf(name), true);
}

function u64(view: DataView, name: Name): bigint {
  return view.getBigUint64(offsetOf(name), true);
}

function time(view: DataView, name: 'stx_atime' | 'stx_btime' | 'stx_ctime' | 'stx_mtime'): bigint {
  const seconds = view.getBigInt64(offsetOf(`${name}.tv_sec`), true);
  return seconds * 1_000_000_000n + BigInt(u32(view, `${name}.tv_nsec`));
}
