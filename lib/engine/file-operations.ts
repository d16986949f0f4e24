/**
 * Operations on open files.
 */

import { AT_EMPTY_PATH } from '../../syscalls/constants/fcntl.ts';
import { IORING_FSYNC_DATASYNC } from '../../syscalls/constants/sqe.ts';
import { STATX_BASIC_STATS, STATX_BTIME } from '../../syscalls/constants/stat.ts';
import { Iovecs } from '../args/iovecs.ts';
import { readStatx, STATX_BYTES, type Statx } from '../args/statx.ts';
import { fadvise } from '../ops/advise.ts';
import { close } from '../ops/openclose.ts';
import { read, readv } from '../ops/read.ts';
import { splice, tee } from '../ops/splice.ts';
import { statx } from '../ops/statx.ts';
import { fallocate, fsync, syncFileRange } from '../ops/sync.ts';
import { ftruncate } from '../ops/truncate.ts';
import { write, writev } from '../ops/write.ts';
import type { U64 } from '../sqe.ts';
import { type File, numberOf, type OperationOptions, Operations, viewOf } from './operations.ts';
import { nothing } from './settle.ts';

/** Of reading and writing. */
export interface IoOptions extends OperationOptions {
  /**
   * Where in the file, in bytes. Default: at its own position, which moves; pipes and sockets have no other. The kernel takes it when
   * the operation begins and moves it at its end, so of several in flight each may read the same; and one that was cut short by
   * an error (ENOSPC) does not move it.
   */
  offset?: U64 | undefined;
  /** RWF_… flags. */
  rwFlags?: number | undefined;
}

/** Of reading and writing one buffer. */
export interface BufferOptions extends IoOptions {
  /** Bytes. Default: those of the buffer. */
  length?: number | undefined;
}

export abstract class FileOperations extends Operations {
  /**
   * Reads into a buffer, which is the kernel's until the promise is settled. Gives the number of bytes, perhaps fewer than
   * asked for, 0 at the end of the file. Since Linux 5.6. read(2), io_uring_prep_read.
   */
  read(file: File, buffer: ArrayBufferView, options?: BufferOptions): Promise<number> {
    return this.request({
      name: 'read',
      file,
      options,
      encode: (sqe) => {
        const { offset = -1, length, rwFlags } = options ?? NONE;
        read(sqe, numberOf(file), viewOf(buffer), length ?? buffer.byteLength, offset);
        if (rwFlags !== undefined) sqe.opFlags = rwFlags;
      },
    });
  }

  /**
   * Writes a buffer, which must not change until the promise is settled. Gives the number of bytes, perhaps fewer than
   * asked for. Since Linux 5.6. write(2), io_uring_prep_write.
   */
  write(file: File, buffer: ArrayBufferView, options?: BufferOptions): Promise<number> {
    return this.request({
      name: 'write',
      file,
      options,
      encode: (sqe) => {
        const { offset = -1, length, rwFlags } = options ?? NONE;
        write(sqe, numberOf(file), viewOf(buffer), length ?? buffer.byteLength, offset);
        if (rwFlags !== undefined) sqe.opFlags = rwFlags;
      },
    });
  }

  /**
   * Reads into several buffers, one after the other is filled. Gives the number of bytes in all. preadv2(2),
   * io_uring_prep_readv2.
   */
  readv(file: File, buffers: readonly ArrayBufferView[], options?: IoOptions): Promise<number> {
    return this.request({
      name: 'readv',
      file,
      options,
      encode: (sqe) => {
        const iovecs = new Iovecs(buffers);
        readv(sqe, numberOf(file), iovecs, iovecs.count, options?.offset ?? -1, options?.rwFlags);
      },
    });
  }

  /** Writes several buffers. Gives the number of bytes in all. pwritev2(2), io_uring_prep_writev2. */
  writev(file: File, buffers: readonly ArrayBufferView[], options?: IoOptions): Promise<number> {
    return this.request({
      name: 'writev',
      file,
      options,
      encode: (sqe) => {
        const iovecs = new Iovecs(buffers);
        writev(sqe, numberOf(file), iovecs, iovecs.count, options?.offset ?? -1, options?.rwFlags);
      },
    });
  }

  /** Brings what was written to the disk. fsync(2), io_uring_prep_fsync. */
  fsync(file: File, options?: OperationOptions): Promise<void> {
    return this.request({
      finish: nothing,
      name: 'fsync',
      file,
      options,
      encode: (sqe) => fsync(sqe, numberOf(file)),
    });
  }

  /** As `fsync`, without the metadata that reading does not need. fdatasync(2), io_uring_prep_fsync. */
  fdatasync(file: File, options?: OperationOptions): Promise<void> {
    const encode = (sqe: Parameters<typeof fsync>[0]) => fsync(sqe, numberOf(file), IORING_FSYNC_DATASYNC);
    return this.request({
      finish: nothing,
      name: 'fdatasync',
      file,
      options,
      encode,
    });
  }

  /** Writes a range of the file's pages to the disk: see `syncFileRange` of the operations. sync_file_range(2). */
  syncFileRange(
    file: File,
    offset: U64,
    length: number,
    flags: number,
    options?: OperationOptions,
  ): Promise<void> {
    return this.request({
      finish: nothing,
      name: 'syncFileRange',
      file,
      options,
      encode: (sqe) => syncFileRange(sqe, numberOf(file), length, offset, flags),
    });
  }

  /**
   * Reserves space, or with FALLOC_FL_… in `mode` frees or zeroes it. Since Linux 5.6. fallocate(2),
   * io_uring_prep_fallocate.
   */
  fallocate(file: File, mode: number, offset: U64, length: U64, options?: OperationOptions): Promise<void> {
    return this.request({
      finish: nothing,
      name: 'fallocate',
      file,
      options,
      encode: (sqe) => fallocate(sqe, numberOf(file), mode, offset, length),
    });
  }

  /** Sets the size of a file, in bytes. Since Linux 6.9. ftruncate(2), io_uring_prep_ftruncate. */
  ftruncate(file: File, length: U64 = 0, options?: OperationOptions): Promise<void> {
    return this.request({
      finish: nothing,
      name: 'ftruncate',
      file,
      options,
      encode: (sqe) => ftruncate(sqe, numberOf(file), length),
    });
  }

  /** Tells how a range will be used: POSIX_FADV_…. Since Linux 5.6. posix_fadvise(2), io_uring_prep_fadvise. */
  fadvise(
    file: File,
    offset: U64,
    length: number,
    advice: number,
    options?: OperationOptions,
  ): Promise<void> {
    return this.request({
      finish: nothing,
      name: 'fadvise',
      file,
      options,
      encode: (sqe) => fadvise(sqe, numberOf(file), offset, length, advice),
    });
  }

  /** What is known of an open file. Since Linux 5.6; not of a registered file. statx(2), io_uring_prep_statx. */
  fstatx(
    fd: number,
    mask: number = STATX_BASIC_STATS | STATX_BTIME,
    options?: OperationOptions,
  ): Promise<Statx> {
    const bytes = Buffer.alloc(STATX_BYTES);
    return this.request({
      name: 'fstatx',
      options,
      encode: (sqe) => statx(sqe, numberOf(fd), '', AT_EMPTY_PATH, mask, bytes),
      finish: () => readStatx(bytes),
    });
  }

  /**
   * Moves `length` bytes from one file to another, of which one is a pipe, without a copy in this process. Offsets of -1:
   * at the file's own position. Gives the number of bytes. Since Linux 5.7. splice(2), io_uring_prep_splice.
   */
  splice(
    from: number,
    offsetIn: U64,
    to: File,
    offsetOut: U64,
    length: number,
    flags = 0,
    options?: OperationOptions,
  ): Promise<number> {
    return this.request({
      name: 'splice',
      file: to,
      options,
      encode: (sqe) => splice(sqe, from, offsetIn, numberOf(to), offsetOut, length, flags),
    });
  }

  /** Doubles what stands in a pipe into another. Gives the number of bytes. Since Linux 5.8. tee(2), io_uring_prep_tee. */
  tee(from: number, to: File, length: number, flags = 0, options?: OperationOptions): Promise<number> {
    return this.request({
      name: 'tee',
      file: to,
      options,
      encode: (sqe) => tee(sqe, from, numberOf(to), length, flags),
    });
  }

  /** Closes a descriptor. Since Linux 5.6. close(2), io_uring_prep_close. */
  closeFd(fd: number, options?: OperationOptions): Promise<void> {
    return this.request({
      finish: nothing,
      name: 'close',
      options,
      encode: (sqe) => close(sqe, fd),
    });
  }
}

const NONE: BufferOptions = {};
