/**
 * IORING_OP_OPENAT, IORING_OP_OPENAT2, IORING_OP_CLOSE, IORING_OP_FIXED_FD_INSTALL.
 *
 * The kernel opens at once when the path is in its cache; with O_CREAT, O_TRUNC or O_TMPFILE it always uses a worker.
 * Opened at once, a FIFO is opened as with O_NONBLOCK: set IOSQE_ASYNC in `sqe.flags` to wait for its other end.
 *
 * The `…Direct` forms put the file into a slot of the registered files, a table that must exist (it may be sparse),
 * and make no descriptor of the process. Kernels that do not know them (before 5.15) may make one nevertheless.
 */
import { AT_FDCWD } from '../../syscalls/constants/fcntl.ts';
import {
  IORING_OP_CLOSE,
  IORING_OP_FIXED_FD_INSTALL,
  IORING_OP_OPENAT,
  IORING_OP_OPENAT2,
} from '../../syscalls/constants/opcodes.ts';
import { IOSQE_FIXED_FILE } from '../../syscalls/constants/sqe.ts';
import { open_how } from '../../syscalls/layouts/files.ts';
import type { Pointer, Sqe } from '../sqe.ts';
import { addressIn, bits32, int32, slotOf, uint32 } from './check.ts';
import { type Path, pathIn } from './path.ts';

/**
 * Opens a file, as open(2).
 *
 * `res`: the new descriptor, which is yours to close; or -errno (-ENOENT, -EACCES, -EMFILE …).
 *
 * Since Linux 5.6. io_uring_prep_open.
 * @param path the file; a relative one starts from the current directory.
 * @param flags O_…. Add O_CLOEXEC, as Node does.
 * @param mode permissions of a file that is made, such as 0o666, less the umask; needed with O_CREAT or O_TMPFILE.
 */
export function open(sqe: Sqe, path: Path, flags: number, mode = 0): void {
  openat(sqe, AT_FDCWD, path, flags, mode);
}

/**
 * Opens a file into a slot of the registered files, as `open`.
 *
 * `res`: 0, or the slot when the kernel chose it; or -errno as of `open`; -ENXIO without a table, -EINVAL for a slot
 * beyond it; with IORING_FILE_INDEX_ALLOC -ENFILE when none is free or there is no table.
 *
 * Since Linux 5.15, IORING_FILE_INDEX_ALLOC since 5.19. io_uring_prep_open_direct.
 * @param path the file; a relative one starts from the current directory.
 * @param flags O_…, but not O_CLOEXEC (-EINVAL).
 * @param mode permissions of a file that is made; 0 otherwise.
 * @param fileIndex the slot (what is in it is closed), or IORING_FILE_INDEX_ALLOC for any free one.
 */
export function openDirect(sqe: Sqe, path: Path, flags: number, mode: number, fileIndex: number): void {
  openatDirect(sqe, AT_FDCWD, path, flags, mode, fileIndex);
}

/**
 * Opens a file, as openat(2).
 *
 * `res`: the new descriptor, which is yours to close; or -errno (-ENOENT, -EACCES, -EMFILE …).
 *
 * Since Linux 5.6. io_uring_prep_openat.
 * @param dirFd the directory that a relative path starts from, or AT_FDCWD. No registered file (-EBADF).
 * @param path the file.
 * @param flags O_…. Add O_CLOEXEC, as Node does.
 * @param mode permissions of a file that is made, such as 0o666, less the umask; needed with O_CREAT or O_TMPFILE.
 */
export function openat(sqe: Sqe, dirFd: number, path: Path, flags: number, mode = 0): void {
  const bits = bits32('flags', flags);
  const permissions = uint32('mode', mode);
  sqe.rw(IORING_OP_OPENAT, dirFd, pathIn(sqe, 'path', path), permissions, 0);
  sqe.opFlags = bits;
}

/**
 * Opens a file into a slot of the registered files, as `openat`. A read linked behind it finds the file there with
 * IORING_FEAT_LINKED_FILE (Linux 5.18; before -EBADF): link with IOSQE_IO_LINK, not hard, so that a failed open stops
 * the chain.
 *
 * `res`: 0, or the slot when the kernel chose it; or -errno as of `openat`; -ENXIO without a table, -EINVAL for a slot
 * beyond it; with IORING_FILE_INDEX_ALLOC -ENFILE when none is free or there is no table.
 *
 * Since Linux 5.15, IORING_FILE_INDEX_ALLOC since 5.19. io_uring_prep_openat_direct.
 * @param dirFd the directory that a relative path starts from, or AT_FDCWD. No registered file (-EBADF).
 * @param path the file.
 * @param flags O_…, but not O_CLOEXEC (-EINVAL).
 * @param mode permissions of a file that is made; 0 otherwise.
 * @param fileIndex the slot (what is in it is closed), or IORING_FILE_INDEX_ALLOC for any free one.
 */
export function openatDirect(
  sqe: Sqe,
  dirFd: number,
  path: Path,
  flags: number,
  mode: number,
  fileIndex: number,
): void {
  const slot = slotOf(fileIndex);
  openat(sqe, dirFd, path, flags, mode);
  sqe.fileIndex = slot;
}

/**
 * Opens a file under conditions on how the path is looked up, as openat2(2).
 *
 * `res`: the new descriptor, which is yours to close; or -errno (-EXDEV, -ELOOP when a condition was broken, -EAGAIN
 * when RESOLVE_CACHED, since 5.12, does not find the path in the kernel's cache, -EINVAL for unknown flags).
 *
 * Since Linux 5.6. io_uring_prep_openat2.
 * @param dirFd the directory that a relative path starts from, or AT_FDCWD. No registered file (-EBADF).
 * @param path the file.
 * @param how struct open_how, 24 bytes: flags (O_…), mode and resolve (RESOLVE_…) of 64 bits each. See `openHow`.
 */
export function openat2(sqe: Sqe, dirFd: number, path: Path, how: Pointer): void {
  const name = pathIn(sqe, 'path', path);
  sqe.rw(IORING_OP_OPENAT2, dirFd, name, open_how.size, addressIn(sqe, 'how', how, open_how.size));
}

/**
 * Opens a file into a slot of the registered files, as `openat2`.
 *
 * `res`: 0, or the slot when the kernel chose it; or -errno as of `openat2`; -ENXIO without a table, -EINVAL for a slot
 * beyond it; with IORING_FILE_INDEX_ALLOC -ENFILE when none is free or there is no table.
 *
 * Since Linux 5.15, IORING_FILE_INDEX_ALLOC since 5.19. io_uring_prep_openat2_direct.
 * @param dirFd the directory that a relative path starts from, or AT_FDCWD. No registered file (-EBADF).
 * @param path the file.
 * @param how struct open_how, 24 bytes: see `openHow`; its flags without O_CLOEXEC (-EINVAL).
 * @param fileIndex the slot (what is in it is closed), or IORING_FILE_INDEX_ALLOC for any free one.
 */
export function openat2Direct(sqe: Sqe, dirFd: number, path: Path, how: Pointer, fileIndex: number): void {
  const slot = slotOf(fileIndex);
  openat2(sqe, dirFd, path, how);
  sqe.fileIndex = slot;
}

/**
 * Closes a descriptor, as close(2). Requests in flight on it go on: they hold the file themselves. The descriptor of
 * an io_uring ring cannot be closed so (-EBADF).
 *
 * `res`: 0, or -errno (-EBADF when it is not open).
 *
 * Since Linux 5.6. io_uring_prep_close.
 * @param fd the descriptor. Not one that Node owns (a FileHandle, a socket): Node would close the number again.
 */
export function close(sqe: Sqe, fd: number): void {
  sqe.rw(IORING_OP_CLOSE, fd, 0, 0, 0);
}

/**
 * Closes a registered file and empties its slot. Take care on kernels before 5.15: they do not know it, and would close
 * descriptor 0. Do not set IOSQE_FIXED_FILE (-EBADF).
 *
 * `res`: 0, or -errno (-ENXIO without a table, -EINVAL for a slot beyond it, -EBADF for an empty one).
 *
 * Since Linux 5.15. io_uring_prep_close_direct.
 * @param fileIndex the slot. IORING_FILE_INDEX_ALLOC is none: it encodes, as with liburing, the closing of descriptor
 * 0.
 */
export function closeDirect(sqe: Sqe, fileIndex: number): void {
  const index = uint32('fileIndex', fileIndex);
  sqe.rw(IORING_OP_CLOSE, 0, 0, 0, 0);
  sqe.fileIndex = index + 1;
}

/**
 * Makes an ordinary descriptor of a registered file, which stays registered too. Sets IOSQE_FIXED_FILE.
 *
 * `res`: the new descriptor, which is yours to close; or -errno (-EBADF for an empty slot, -EMFILE, -EINVAL for other
 * flags).
 *
 * Since Linux 6.8. io_uring_prep_fixed_fd_install.
 * @param fileIndex the slot of the registered file.
 * @param flags IORING_FIXED_FD_NO_CLOEXEC to leave the descriptor open on exec.
 */
export function fixedFdInstall(sqe: Sqe, fileIndex: number, flags = 0): void {
  const bits = bits32('flags', flags);
  sqe.rw(IORING_OP_FIXED_FD_INSTALL, int32('fileIndex', fileIndex), 0, 0, 0);
  sqe.flags = IOSQE_FIXED_FILE;
  sqe.opFlags = bits;
}
