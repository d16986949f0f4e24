/**
 * Files to read: random blocks of 4 KiB, written once a run and warm in the page cache.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readSync, statfsSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a row reads: a file of `blocks` blocks of 4 KiB. */
export interface Data {
  readonly path: string;
  readonly blocks: number;
}

export const BLOCK = 4096;

/** A new folder, on a disk when there is one: a tmpfs would make nothing of O_DIRECT. */
export function benchFolder(): string {
  const places = [tmpdir(), '/var/tmp', process.cwd()];
  const onDisk = places.find((place) => exists(place) && statfsSync(place).type !== TMPFS_MAGIC);
  return mkdtempSync(join(onDisk ?? tmpdir(), 'tsuring-bench-'));
}

/** The file at `path`, made when it is not there, and read once from end to end. */
export async function randomFile(path: string, blocks: number): Promise<Data> {
  const bytes = blocks * BLOCK;
  const chunk = randomBytes(Math.min(bytes, CHUNK));
  const found = await stat(path).catch(() => null);
  const file = await open(path, found === null ? 'wx+' : 'r');
  try {
    if (found === null) {
      for (let at = 0; at < bytes; at += chunk.length) await file.write(chunk, 0, chunk.length, at);
      await file.datasync();
    }
    for (let at = 0; at < bytes; at += chunk.length) readSync(file.fd, chunk, 0, chunk.length, at);
  } finally {
    await file.close();
  }
  return { path, blocks };
}

function exists(place: string): boolean {
  try {
    return statfsSync(place) !== undefined;
  } catch {
    return false;
  }
}

const CHUNK = 1 << 20;
const TMPFS_MAGIC = 0x01021994;
