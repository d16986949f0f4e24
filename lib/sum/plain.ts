/**
 * Reading by node:fs: where there is no ring, and for what the ring cannot read.
 */
import type { Hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { EAGAIN, EINTR } from '../../syscalls/errno.ts';
import type { Figures } from './figures.ts';
import { errnoOf } from './source.ts';

/**
 * Reads `fd` to its end into `buffer` and hashes it, from `position` on, or from where the file stands with -1.
 * Returns 0, or the errno of the read that failed.
 */
export function readToEnd(
  fd: number,
  position: number,
  buffer: Uint8Array,
  hash: Hash,
  figures: Figures,
  tick: (() => void) | undefined,
): number {
  for (let at = position; ; ) {
    const start = performance.now();
    let got = 0;
    try {
      got = readSync(fd, buffer, 0, buffer.length, at < 0 ? null : at);
    } catch (error) {
      const errno = errnoOf(error);
      // A pipe or terminal in non-blocking mode has nothing yet.
      if (errno === EAGAIN) Atomics.wait(SLEEP, 0, 0, PAUSE_MS);
      else if (errno !== EINTR) return errno;
      got = -1;
    }
    const read = performance.now();
    figures.waiting += read - start;
    if (got === 0) return 0;
    if (got > 0) {
      hash.update(got === buffer.length ? buffer : buffer.subarray(0, got));
      figures.hashing += performance.now() - read;
      figures.bytes += got;
      figures.plainBytes += got;
      if (at >= 0) at += got;
    }
    tick?.();
  }
}

const PAUSE_MS = 20;
const SLEEP = new Int32Array(new SharedArrayBuffer(4));
