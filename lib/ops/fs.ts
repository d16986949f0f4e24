/**
 * IORING_OP_RENAMEAT, IORING_OP_UNLINKAT, IORING_OP_MKDIRAT, IORING_OP_SYMLINKAT, IORING_OP_LINKAT. The kernel gives
 * all of them to a worker. Directories are descriptors or AT_FDCWD; registered files will not do (-EBADF).
 */
import { AT_FDCWD } from '../../syscalls/constants/fcntl.ts';
import {
  IORING_OP_LINKAT,
  IORING_OP_MKDIRAT,
  IORING_OP_RENAMEAT,
  IORING_OP_SYMLINKAT,
  IORING_OP_UNLINKAT,
} from '../../syscalls/constants/opcodes.ts';
import type { Sqe } from '../sqe.ts';
import { bits32, int32, uint32 } from './check.ts';
import { type Path, pathIn } from './path.ts';

/**
 * Renames or moves a file within its file system, as rename(2). A file of the new name is replaced.
 *
 * `res`: 0, or -errno (-ENOENT, -EXDEV between file systems, -ENOTEMPTY …).
 *
 * Since Linux 5.11. io_uring_prep_rename.
 * @param oldPath what it is called.
 * @param newPath what it shall be called.
 */
export function rename(sqe: Sqe, oldPath: Path, newPath: Path): void {
  renameat(sqe, AT_FDCWD, oldPath, AT_FDCWD, newPath, 0);
}

/**
 * Renames or moves a file within its file system, as renameat2(2).
 *
 * `res`: 0, or -errno (-ENOENT, -EXDEV between file systems, -EEXIST with RENAME_NOREPLACE …).
 *
 * Since Linux 5.11. io_uring_prep_renameat.
 * @param oldDirFd the directory that a relative `oldPath` starts from, or AT_FDCWD.
 * @param oldPath what it is called.
 * @param newDirFd the directory that a relative `newPath` starts from, or AT_FDCWD.
 * @param newPath what it shall be called.
 * @param flags RENAME_… (-EINVAL where the file system does not know it).
 */
export function renameat(
  sqe: Sqe,
  oldDirFd: number,
  oldPath: Path,
  newDirFd: number,
  newPath: Path,
  flags = 0,
): void {
  twoPaths(sqe, IORING_OP_RENAMEAT, oldDirFd, oldPath, newDirFd, newPath, flags);
}

/**
 * Removes a name, and the file with its last one, as unlink(2).
 *
 * `res`: 0, or -errno (-ENOENT, -EISDIR, -EPERM …; with AT_REMOVEDIR -ENOTDIR, -ENOTEMPTY …).
 *
 * Since Linux 5.11. io_uring_prep_unlink.
 * @param path the name to remove.
 * @param flags AT_REMOVEDIR to remove an empty directory, as rmdir(2).
 */
export function unlink(sqe: Sqe, path: Path, flags = 0): void {
  unlinkat(sqe, AT_FDCWD, path, flags);
}

/**
 * Removes a name, and the file with its last one, as unlinkat(2).
 *
 * `res`: 0, or -errno (-ENOENT, -EISDIR, -EPERM …; with AT_REMOVEDIR -ENOTDIR, -ENOTEMPTY …).
 *
 * Since Linux 5.11. io_uring_prep_unlinkat.
 * @param dirFd the directory that a relative path starts from, or AT_FDCWD.
 * @param path the name to remove.
 * @param flags AT_REMOVEDIR to remove an empty directory, as rmdir(2).
 */
export function unlinkat(sqe: Sqe, dirFd: number, path: Path, flags = 0): void {
  const bits = bits32('flags', flags);
  sqe.rw(IORING_OP_UNLINKAT, dirFd, pathIn(sqe, 'path', path), 0, 0);
  sqe.opFlags = bits;
}

/**
 * Makes a directory, as mkdir(2).
 *
 * `res`: 0, or -errno (-EEXIST, -ENOENT when its parent is missing …).
 *
 * Since Linux 5.15. io_uring_prep_mkdir.
 * @param path the new directory.
 * @param mode its permissions, less the umask.
 */
export function mkdir(sqe: Sqe, path: Path, mode = 0o777): void {
  mkdirat(sqe, AT_FDCWD, path, mode);
}

/**
 * Makes a directory, as mkdirat(2).
 *
 * `res`: 0, or -errno (-EEXIST, -ENOENT when its parent is missing …).
 *
 * Since Linux 5.15. io_uring_prep_mkdirat.
 * @param dirFd the directory that a relative path starts from, or AT_FDCWD.
 * @param path the new directory.
 * @param mode its permissions, less the umask.
 */
export function mkdirat(sqe: Sqe, dirFd: number, path: Path, mode = 0o777): void {
  const permissions = uint32('mode', mode);
  sqe.rw(IORING_OP_MKDIRAT, dirFd, pathIn(sqe, 'path', path), permissions, 0);
}

/**
 * Makes a symbolic link, as symlink(2).
 *
 * `res`: 0, or -errno (-EEXIST …).
 *
 * Since Linux 5.15. io_uring_prep_symlink.
 * @param target what the link says; nothing need be there.
 * @param linkPath the link's own name.
 */
export function symlink(sqe: Sqe, target: Path, linkPath: Path): void {
  symlinkat(sqe, target, AT_FDCWD, linkPath);
}

/**
 * Makes a symbolic link, as symlinkat(2).
 *
 * `res`: 0, or -errno (-EEXIST …).
 *
 * Since Linux 5.15. io_uring_prep_symlinkat.
 * @param target what the link says; nothing need be there.
 * @param newDirFd the directory that a relative `linkPath` starts from, or AT_FDCWD.
 * @param linkPath the link's own name.
 */
export function symlinkat(sqe: Sqe, target: Path, newDirFd: number, linkPath: Path): void {
  const dir = int32('newDirFd', newDirFd);
  const text = pathIn(sqe, 'target', target);
  sqe.rw(IORING_OP_SYMLINKAT, dir, text, 0, pathIn(sqe, 'linkPath', linkPath));
}

/**
 * Gives a file a further name, as link(2).
 *
 * `res`: 0, or -errno (-EEXIST, -EXDEV between file systems, -EPERM for a directory …).
 *
 * Since Linux 5.15. io_uring_prep_link.
 * @param oldPath the file.
 * @param newPath its further name.
 * @param flags AT_SYMLINK_FOLLOW when `oldPath` is a symbolic link and its target is meant.
 */
export function link(sqe: Sqe, oldPath: Path, newPath: Path, flags = 0): void {
  linkat(sqe, AT_FDCWD, oldPath, AT_FDCWD, newPath, flags);
}

/**
 * Gives a file a further name, as linkat(2).
 *
 * `res`: 0, or -errno (-EEXIST, -EXDEV between file systems, -EPERM for a directory …).
 *
 * Since Linux 5.15. io_uring_prep_linkat.
 * @param oldDirFd the directory that a relative `oldPath` starts from, or AT_FDCWD.
 * @param oldPath the file; '' with AT_EMPTY_PATH in `flags` means `oldDirFd` itself.
 * @param newDirFd the directory that a relative `newPath` starts from, or AT_FDCWD.
 * @param newPath its further name.
 * @param flags AT_SYMLINK_FOLLOW, AT_EMPTY_PATH (mostly needs CAP_DAC_READ_SEARCH, else -ENOENT).
 */
export function linkat(
  sqe: Sqe,
  oldDirFd: number,
  oldPath: Path,
  newDirFd: number,
  newPath: Path,
  flags = 0,
): void {
  twoPaths(sqe, IORING_OP_LINKAT, oldDirFd, oldPath, newDirFd, newPath, flags);
}

/** The second directory stands where others have their length. */
function twoPaths(
  sqe: Sqe,
  opcode: number,
  oldDirFd: number,
  oldPath: Path,
  newDirFd: number,
  newPath: Path,
  flags: number,
): void {
  const bits = bits32('flags', flags);
  const oldDir = int32('oldDirFd', oldDirFd);
  const newDir = int32('newDirFd', newDirFd);
  const from = pathIn(sqe, 'oldPath', oldPath);
  sqe.rw(opcode, oldDir, from, newDir >>> 0, pathIn(sqe, 'newPath', newPath));
  sqe.opFlags = bits;
}
