/**
 * SHA-256 sums of many files, read through a ring while they are hashed.
 */
import { createHash } from 'node:crypto';
import type { Kernel } from '../../syscalls/kernel.ts';
import { type Equipment, equip } from './equip.ts';
import { type Figures, newFigures } from './figures.ts';
import { Pipeline } from './pipeline.ts';
import { readToEnd } from './plain.ts';
import { closeSource, openSource, openStream } from './source.ts';

/** Who is told, in the order of the files. */
export interface Listener {
  /** The sum of a file in 64 hexadecimal digits. */
  onSum(name: Uint8Array, digest: string): void;
  /** A file that could not be read, and the errno, positive. */
  onFailure(name: Uint8Array, errno: number): void;
  /** Called every now and then with the number of bytes that were hashed so far. */
  onProgress?: ((bytes: number) => void) | undefined;
}

/** How to read; for all of it there are good defaults. */
export interface SumOptions {
  /** Reads in flight at most, fewer where locked memory is short. Default 48. */
  buffers?: number;
  /** Bytes of each read, a whole number of pages of the system. Default 262,144. */
  bufferBytes?: number;
  /** False: do without SQPOLL. */
  sqpoll?: boolean;
  /** The fd that `-` stands for. Default 0. */
  stdin?: number;
  /** What stands in for the Linux kernel. */
  kernel?: Kernel;
}

/**
 * Hashes `files` (names in bytes, `-` for stdin) one after the other, and returns what it took. Blocks until all are
 * done; while it waits for the kernel it does so in slices of at most 100 ms. A file that cannot be read is no reason
 * to stop; what `listener` throws is.
 */
export function sum(files: readonly Uint8Array[], listener: Listener, options: SumOptions = {}): Figures {
  const { buffers = BUFFERS, bufferBytes = BUFFER_BYTES, sqpoll, stdin = 0, kernel } = options;
  const start = performance.now();
  const equipment = equip({ buffers, bufferBytes, sqpoll, kernel });
  const figures =
    'info' in equipment
      ? throughRing(files, listener, equipment, stdin)
      : withoutRing(files, listener, newFigures(equipment), stdin);
  figures.total = performance.now() - start;
  return figures;
}

function throughRing(
  files: readonly Uint8Array[],
  listener: Listener,
  equipment: Equipment,
  stdin: number,
): Figures {
  const figures = newFigures(equipment.info);
  const pipeline = new Pipeline(files, listener, equipment, figures, stdin);
  try {
    pipeline.run();
    figures.counts = equipment.ring.counts;
  } finally {
    // The ring first: what is in flight is cancelled, then its files are closed.
    equipment.ring.close();
    pipeline.close();
  }
  return figures;
}

function withoutRing(
  files: readonly Uint8Array[],
  listener: Listener,
  figures: Figures,
  stdin: number,
): Figures {
  const buffer = new Uint8Array(figures.equipment.bufferBytes);
  const tick = listener.onProgress && (() => listener.onProgress?.(figures.bytes));
  for (const name of files) {
    const source = openSource(name);
    try {
      let { errno } = source;
      const hash = createHash('sha256');
      if (source.kind === 'stream') errno = openStream(source, stdin);
      const position = source.kind === 'stream' ? -1 : 0;
      if (errno === 0) errno = readToEnd(source.fd, position, buffer, hash, figures, tick);
      if (errno === 0) listener.onSum(name, hash.digest('hex'));
      else listener.onFailure(name, errno);
    } finally {
      closeSource(source);
    }
  }
  return figures;
}

/**
 * 48 of 256 KiB. On an idle machine 16 are as good; on a busy one the kernel's thread must wait for a CPU as everybody
 * else, some 3 ms at a time, and what it has read before has to last for that long. Where 8 MiB of locked memory are the
 * limit, half of them fit.
 */
const BUFFERS = 48;
const BUFFER_BYTES = 256 * 1024;
