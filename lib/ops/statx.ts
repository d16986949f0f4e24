/**
 * IORING_OP_STATX.
 */
import { IORING_OP_STATX } from '../../syscalls/constants/opcodes.ts';
import { statx as layout } from '../../syscalls/layouts/files.ts';
import type { Pointer, Sqe } from '../sqe.ts';
import { addressIn, bits32 } from './check.ts';
import { type Path, pathIn } from './path.ts';

/**
 * Asks for a file's size, times, owner, mode and so on, as statx(2). The kernel gives it to a worker: for one file at
 * a time a synchronous call is faster.
 *
 * `res`: 0, with the answer in `buffer`; or -errno (-ENOENT, -ENOTDIR, -EACCES …).
 *
 * Since Linux 5.6. io_uring_prep_statx.
 * @param dirFd the directory that a relative path starts from, or AT_FDCWD. No registered file (-EBADF).
 * @param path the file; '' with AT_EMPTY_PATH in `flags` means `dirFd` itself.
 * @param flags AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_STATX_…; 0 for none.
 * @param mask what is wanted: STATX_…. The answer's `stx_mask` says what was had.
 * @param buffer where struct statx goes: 256 bytes, STATX_BYTES. `readStatx` reads them.
 */
export function statx(
  sqe: Sqe,
  dirFd: number,
  path: Path,
  flags: number,
  mask: number,
  buffer: Pointer,
): void {
  const bits = bits32('flags', flags);
  const wanted = bits32('mask', mask);
  const name = pathIn(sqe, 'path', path);
  const answer = addressIn(sqe, 'buffer', buffer, layout.size);
  sqe.rw(IORING_OP_STATX, dirFd, name, wanted >>> 0, answer);
  sqe.opFlags = bits;
}
