/**
 * Fixed files: a table of open files that entries name by their index (IOSQE_FIXED_FILE) instead of by descriptor.
 */
import { IORING_REGISTER_FILES, IORING_UNREGISTER_FILES } from '../../syscalls/constants/register.ts';
import { checkInteger, invalidType, outOfRange } from '../../syscalls/invalid.ts';
import { Registrar } from './registrar.ts';

export abstract class FileRegistrations extends Registrar {
  /**
   * Registers open files for IOSQE_FIXED_FILE: fds[i] has the index i, -1 leaves a free slot. The kernel holds the
   * files: the fds may be closed. io_uring_register_files.
   * @throws UringError EBUSY when files are registered already, EBADF for an fd that is not open, EMFILE for too many.
   */
  registerFiles(fds: Int32Array | readonly number[]): void {
    const table = checkFds(fds);
    this.register(IORING_REGISTER_FILES, table, table.length);
  }

  /** Takes the registration back. io_uring_unregister_files. */
  unregisterFiles(): void {
    this.register(IORING_UNREGISTER_FILES, 0, 0);
  }
}

/** A copy for the kernel: -1 for a free slot, IORING_REGISTER_FILES_SKIP (-2) for one to be left alone. */
function checkFds(fds: Int32Array | readonly number[]): Int32Array<ArrayBuffer> {
  if (!(fds instanceof Int32Array || Array.isArray(fds)))
    throw invalidType('fds', 'an instance of Int32Array or Array', fds);
  if (fds.length === 0) throw outOfRange('fds.length', '>= 1', 0);
  for (const fd of fds) checkInteger('fds', fd, -2, 0x7fff_ffff);
  return Int32Array.from(fds);
}
