/**
 * Fixed files: a table of open files that entries name by their index (IOSQE_FIXED_FILE) instead of by descriptor.
 */
import {
  IORING_REGISTER_FILE_ALLOC_RANGE,
  IORING_REGISTER_FILES,
  IORING_REGISTER_FILES_SKIP,
  IORING_REGISTER_FILES_UPDATE,
  IORING_REGISTER_FILES_UPDATE2,
  IORING_REGISTER_FILES2,
  IORING_RSRC_REGISTER_SPARSE,
  IORING_UNREGISTER_FILES,
} from '../../syscalls/constants/register.ts';
import { checkInteger, checkUint32, invalidType, outOfRange } from '../../syscalls/invalid.ts';
import {
  io_uring_file_index_range,
  io_uring_rsrc_register,
  io_uring_rsrc_update,
  io_uring_rsrc_update2,
} from '../../syscalls/layouts/register.ts';
import { makeStruct } from '../../syscalls/struct.ts';
import { packed } from './packed.ts';
import { Registrar } from './registrar.ts';
import { checkTags, type Tags } from './tags.ts';

export abstract class FileRegistrations extends Registrar {
  /**
   * Registers open files for IOSQE_FIXED_FILE: fds[i] has the index i, -1 leaves a free slot. The kernel holds the
   * files: the fds may be closed. io_uring_register_files.
   * @throws UringError EBUSY when files are registered already, EBADF for an fd that is not open or is a ring, EMFILE
   * for more than RLIMIT_NOFILE. (liburing raises that limit then; nothing is raised here.)
   */
  registerFiles(fds: Int32Array | readonly number[]): void {
    const table = checkFds(fds, NONE);
    this.register(IORING_REGISTER_FILES, table, table.length);
  }

  /**
   * `registerFiles` with a tag for each file. When the file has left the table, by an update or a close of its slot
   * (since Linux 6.13 also by unregisterFiles), and no operation uses it any more, a CQE comes with the tag as its user
   * data and `res` 0; before 6.13 up to a second later.
   *
   * Since Linux 5.13. io_uring_register_files_tags.
   * @param tags one for each file: 0 for no CQE, and for a free slot.
   */
  registerFilesTags(fds: Int32Array | readonly number[], tags: Tags): void {
    const table = checkFds(fds, NONE);
    const parts = { data: table, tags: checkTags(tags, table, isEmpty) };
    const argument = packed(io_uring_rsrc_register, { nr: table.length }, parts);
    this.register(IORING_REGISTER_FILES2, argument, io_uring_rsrc_register.size);
  }

  /**
   * Registers a table of `count` free slots, for files to come: by `registerFilesUpdate`, or opened into a slot.
   *
   * Since Linux 5.19. io_uring_register_files_sparse.
   * @throws UringError as `registerFiles`.
   */
  registerFilesSparse(count: number): void {
    const values = { nr: checkInteger('count', count, 1, 0xffff_ffff), flags: IORING_RSRC_REGISTER_SPARSE };
    const argument = makeStruct(io_uring_rsrc_register, values);
    this.register(IORING_REGISTER_FILES2, argument, io_uring_rsrc_register.size);
  }

  /**
   * Replaces the files from slot `offset` on: -1 frees the slot, IORING_REGISTER_FILES_SKIP (since 5.12) leaves it as it
   * is. Operations in flight go on with the file they have. io_uring_register_files_update, since Linux 5.5.
   * @returns how many slots were done, those skipped included: fewer than there are fds when one of these was refused,
   * whose slot is now free.
   * @throws UringError when the first was refused (EBADF); EINVAL beyond the table, ENXIO when there is none.
   */
  registerFilesUpdate(offset: number, fds: Int32Array | readonly number[]): number {
    const table = checkFds(fds, IORING_REGISTER_FILES_SKIP);
    const values = { offset: checkUint32('offset', offset) };
    const argument = packed(io_uring_rsrc_update, values, { data: table });
    return this.register(IORING_REGISTER_FILES_UPDATE, argument, table.length);
  }

  /**
   * `registerFilesUpdate` with a tag for each new file, as of `registerFilesTags`.
   *
   * Since Linux 5.13. io_uring_register_files_update_tag.
   */
  registerFilesUpdateTag(offset: number, fds: Int32Array | readonly number[], tags: Tags): number {
    const table = checkFds(fds, IORING_REGISTER_FILES_SKIP);
    const values = { offset: checkUint32('offset', offset), nr: table.length };
    const parts = { data: table, tags: checkTags(tags, table, isEmpty) };
    const argument = packed(io_uring_rsrc_update2, values, parts);
    return this.register(IORING_REGISTER_FILES_UPDATE2, argument, io_uring_rsrc_update2.size);
  }

  /** Takes the registration back. io_uring_unregister_files. @throws UringError ENXIO when there is none. */
  unregisterFiles(): void {
    this.register(IORING_UNREGISTER_FILES, 0, 0);
  }

  /**
   * From now on the kernel chooses free slots (IORING_FILE_INDEX_ALLOC) only among the `length` from `offset` on. By
   * default among all; an operation that finds none gives -ENFILE.
   *
   * Since Linux 6.0. io_uring_register_file_alloc_range.
   * @throws UringError EINVAL beyond the table, EOVERFLOW when the sum is 2^32 or more.
   */
  registerFileAllocRange(offset: number, length: number): void {
    const values = { off: checkUint32('offset', offset), len: checkUint32('length', length) };
    this.register(IORING_REGISTER_FILE_ALLOC_RANGE, makeStruct(io_uring_file_index_range, values), 0);
  }
}

/** A free slot. */
const NONE = -1;

const isEmpty = (fd: number): boolean => fd < 0;

/** A copy for the kernel: open files, -1 for a free slot and, where `least` says so, -2 for one to be left alone. */
function checkFds(fds: Int32Array | readonly number[], least: number): Int32Array<ArrayBuffer> {
  if (!(fds instanceof Int32Array || Array.isArray(fds)))
    throw invalidType('fds', 'an instance of Int32Array or Array', fds);
  if (fds.length === 0) throw outOfRange('fds.length', '>= 1', 0);
  for (const fd of fds) checkInteger('fds', fd, least, 0x7fff_ffff);
  return Int32Array.from(fds);
}
