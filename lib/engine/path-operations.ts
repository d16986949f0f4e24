/**
 * Operations on files by their paths.
 *
 * A path is a string or a Buffer. A relative one starts from the current directory, or from the directory that `dirFd` has
 * open.
 */
import { AT_FDCWD, AT_REMOVEDIR } from '../../syscalls/constants/fcntl.ts';
import { STATX_BASIC_STATS, STATX_BTIME } from '../../syscalls/constants/stat.ts';
import { readStatx, STATX_BYTES, type Statx } from '../args/statx.ts';
import { linkat, mkdirat, renameat, symlinkat, unlinkat } from '../ops/fs.ts';
import { openat } from '../ops/openclose.ts';
import { statx } from '../ops/statx.ts';
import { getxattr, setxattr } from '../ops/xattr.ts';
import { FileOperations } from './file-operations.ts';
import { type OpenFlags, openFlags } from './open-flags.ts';
import type { FilePath, OperationOptions, Request } from './operations.ts';
import { nothing } from './settle.ts';

/** Of an operation on a path. */
export interface PathOptions extends OperationOptions {
  /** The directory from which a relative path starts. Default: the current one. */
  dirFd?: number | undefined;
}

/** Of an operation on two paths. */
export interface TwoPathsOptions extends PathOptions {
  /** The directory from which the second path starts. Default: as `dirFd`. */
  newDirFd?: number | undefined;
  /** Flags of the operation: RENAME_…, AT_…. */
  flags?: number | undefined;
}

export interface StatxOptions extends PathOptions {
  /** AT_SYMLINK_NOFOLLOW and others. */
  flags?: number | undefined;
  /** STATX_…: what is wanted. Default: what stat(2) tells, and the time of creation. */
  mask?: number | undefined;
}

export abstract class PathOperations extends FileOperations {
  /**
   * Opens a file. Gives a descriptor, which is yours to close; it is close-on-exec. Since Linux 5.6. openat(2),
   * io_uring_prep_openat.
   * @param flags O_… as a number, or as Node names them: 'r', 'w+', ….
   * @param mode permissions of a file that is made, less the umask.
   */
  openat(path: FilePath, flags: OpenFlags = 'r', mode = 0o666, options?: PathOptions): Promise<number> {
    return this.request(
      onPath('openat', path, options, (sqe) => openat(sqe, dirOf(options), path, openFlags(flags), mode)),
    );
  }

  /** What is known of a file. Since Linux 5.6. statx(2), io_uring_prep_statx. */
  statx(path: FilePath, options?: StatxOptions): Promise<Statx> {
    const bytes = Buffer.alloc(STATX_BYTES);
    const { flags = 0, mask = STATX_BASIC_STATS | STATX_BTIME } = options ?? {};
    return this.request({
      ...onPath('statx', path, options, (sqe) => statx(sqe, dirOf(options), path, flags, mask, bytes)),
      finish: () => readStatx(bytes),
    });
  }

  /** Removes a name. Since Linux 5.11. unlinkat(2), io_uring_prep_unlinkat. */
  unlinkat(path: FilePath, options?: PathOptions): Promise<void> {
    return this.request({
      ...onPath('unlinkat', path, options, (sqe) => unlinkat(sqe, dirOf(options), path, 0)),
      finish: nothing,
    });
  }

  /** Removes an empty directory. Since Linux 5.11. rmdir(2), io_uring_prep_unlinkat with AT_REMOVEDIR. */
  rmdir(path: FilePath, options?: PathOptions): Promise<void> {
    return this.request({
      ...onPath('rmdir', path, options, (sqe) => unlinkat(sqe, dirOf(options), path, AT_REMOVEDIR)),
      finish: nothing,
    });
  }

  /** Makes a directory. Since Linux 5.15. mkdirat(2), io_uring_prep_mkdirat. */
  mkdirat(path: FilePath, mode = 0o777, options?: PathOptions): Promise<void> {
    return this.request({
      ...onPath('mkdirat', path, options, (sqe) => mkdirat(sqe, dirOf(options), path, mode)),
      finish: nothing,
    });
  }

  /** Gives a file another name, whose old file is gone. Since Linux 5.11. renameat2(2), io_uring_prep_renameat. */
  renameat(oldPath: FilePath, newPath: FilePath, options?: TwoPathsOptions): Promise<void> {
    return this.request({
      finish: nothing,
      ...onPath('renameat', oldPath, options, (sqe) =>
        renameat(sqe, dirOf(options), oldPath, newDirOf(options), newPath, options?.flags),
      ),
      dest: newPath,
    });
  }

  /** Gives a file one more name. Since Linux 5.15. linkat(2), io_uring_prep_linkat. */
  linkat(oldPath: FilePath, newPath: FilePath, options?: TwoPathsOptions): Promise<void> {
    return this.request({
      finish: nothing,
      ...onPath('linkat', oldPath, options, (sqe) =>
        linkat(sqe, dirOf(options), oldPath, newDirOf(options), newPath, options?.flags),
      ),
      dest: newPath,
    });
  }

  /** Makes a symbolic link at `linkPath` to `target`. Since Linux 5.15. symlinkat(2), io_uring_prep_symlinkat. */
  symlinkat(target: FilePath, linkPath: FilePath, options?: PathOptions): Promise<void> {
    return this.request({
      finish: nothing,
      ...onPath('symlinkat', target, options, (sqe) => symlinkat(sqe, target, dirOf(options), linkPath)),
      dest: linkPath,
    });
  }

  /**
   * Reads an extended attribute into `value`. Gives its length; with an empty `value` the length alone. Since Linux 5.19.
   * getxattr(2), io_uring_prep_getxattr.
   */
  getxattr(
    path: FilePath,
    name: string,
    value: ArrayBufferView,
    options?: OperationOptions,
  ): Promise<number> {
    return this.request(
      onPath('getxattr', path, options, (sqe) => getxattr(sqe, name, value, path, value.byteLength)),
    );
  }

  /** Sets an extended attribute. `flags`: XATTR_…. Since Linux 5.19. setxattr(2), io_uring_prep_setxattr. */
  setxattr(
    path: FilePath,
    name: string,
    value: ArrayBufferView,
    flags = 0,
    options?: OperationOptions,
  ): Promise<void> {
    return this.request({
      ...onPath('setxattr', path, options, (sqe) =>
        setxattr(sqe, name, value, path, flags, value.byteLength),
      ),
      finish: nothing,
    });
  }
}

function onPath(
  name: string,
  path: FilePath,
  options: OperationOptions | undefined,
  encode: Request['encode'],
): Request {
  return { name, path, options, encode };
}

/** Where a relative path starts. */
export function dirOf(options: PathOptions | undefined): number {
  return options?.dirFd ?? AT_FDCWD;
}

function newDirOf(options: TwoPathsOptions | undefined): number {
  return options?.newDirFd ?? dirOf(options);
}
