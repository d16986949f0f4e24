/**
 * IORING_OP_GETXATTR, IORING_OP_SETXATTR, IORING_OP_FGETXATTR, IORING_OP_FSETXATTR. Symbolic links are followed. The
 * kernel gives all four to a worker.
 */
import {
  IORING_OP_FGETXATTR,
  IORING_OP_FSETXATTR,
  IORING_OP_GETXATTR,
  IORING_OP_SETXATTR,
} from '../../syscalls/constants/opcodes.ts';
import type { Pointer, Sqe } from '../sqe.ts';
import { addressIn, bits32 } from './check.ts';
import { type Path, pathIn } from './path.ts';

/**
 * Reads an extended attribute of the file at a path, as getxattr(2).
 *
 * `res`: the value's length in bytes; or -errno (-ENODATA when there is none, -ERANGE when it is longer than `length`
 * or the name is empty or longer than 255 bytes).
 *
 * Since Linux 5.19. io_uring_prep_getxattr.
 * @param name the attribute's name, with its namespace: 'user.comment'.
 * @param value where the value goes; 0 with length 0 to ask for the length only.
 * @param path the file.
 * @param length room for the value in bytes.
 */
export function getxattr(sqe: Sqe, name: Path, value: Pointer, path: Path, length: number): void {
  const key = pathIn(sqe, 'name', name);
  const file = pathIn(sqe, 'path', path);
  sqe.rw(IORING_OP_GETXATTR, 0, key, length, addressIn(sqe, 'value', value, length));
  sqe.addr3 = file;
}

/**
 * Writes an extended attribute of the file at a path, as setxattr(2).
 *
 * `res`: 0, or -errno (-EEXIST or -ENODATA by the flags, -EOPNOTSUPP, -ENOSPC, -E2BIG for more than 64 KiB, -ERANGE
 * when the name is empty or longer than 255 bytes).
 *
 * Since Linux 5.19. io_uring_prep_setxattr.
 * @param name the attribute's name, with its namespace: 'user.comment'.
 * @param value the value's bytes.
 * @param path the file.
 * @param flags XATTR_CREATE or XATTR_REPLACE; 0 for either.
 * @param length the value's length in bytes.
 */
export function setxattr(
  sqe: Sqe,
  name: Path,
  value: Pointer,
  path: Path,
  flags: number,
  length: number,
): void {
  const bits = bits32('flags', flags);
  const key = pathIn(sqe, 'name', name);
  const file = pathIn(sqe, 'path', path);
  sqe.rw(IORING_OP_SETXATTR, 0, key, length, addressIn(sqe, 'value', value, length));
  sqe.addr3 = file;
  sqe.opFlags = bits;
}

/**
 * Reads an extended attribute of an open file, as fgetxattr(2).
 *
 * `res`: the value's length in bytes; or -errno (-ENODATA when there is none, -ERANGE when it is longer than `length`
 * or the name is empty or longer than 255 bytes).
 *
 * Since Linux 5.19. io_uring_prep_fgetxattr.
 * @param fd the file, or its slot with IOSQE_FIXED_FILE (since about 6.13; before -EBADF).
 * @param name the attribute's name, with its namespace: 'user.comment'.
 * @param value where the value goes; 0 with length 0 to ask for the length only.
 * @param length room for the value in bytes.
 */
export function fgetxattr(sqe: Sqe, fd: number, name: Path, value: Pointer, length: number): void {
  const key = pathIn(sqe, 'name', name);
  sqe.rw(IORING_OP_FGETXATTR, fd, key, length, addressIn(sqe, 'value', value, length));
}

/**
 * Writes an extended attribute of an open file, as fsetxattr(2).
 *
 * `res`: 0, or -errno (-EEXIST or -ENODATA by the flags, -EOPNOTSUPP, -ENOSPC, -E2BIG for more than 64 KiB, -ERANGE
 * when the name is empty or longer than 255 bytes).
 *
 * Since Linux 5.19. io_uring_prep_fsetxattr.
 * @param fd the file, or its slot with IOSQE_FIXED_FILE (since about 6.13; before -EBADF).
 * @param name the attribute's name, with its namespace: 'user.comment'.
 * @param value the value's bytes.
 * @param flags XATTR_CREATE or XATTR_REPLACE; 0 for either.
 * @param length the value's length in bytes.
 */
export function fsetxattr(
  sqe: Sqe,
  fd: number,
  name: Path,
  value: Pointer,
  flags: number,
  length: number,
): void {
  const bits = bits32('flags', flags);
  const key = pathIn(sqe, 'name', name);
  sqe.rw(IORING_OP_FSETXATTR, fd, key, length, addressIn(sqe, 'value', value, length));
  sqe.opFlags = bits;
}
