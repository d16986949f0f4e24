/**
 * Files to be summed, and what is to be told of them.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EISDIR, ENOENT, pageSize } from 'tsuring/syscalls';
import type { Figures } from '../../lib/sum/figures.ts';
import { type SumOptions, sum } from '../../lib/sum/sum.ts';

/** What a test puts its files in; gone at the end. */
export const folder: string = mkdtempSync(join(tmpdir(), 'tsuring-sum-'));
// Not `after`: that is over when the first of the files that share these is, in a process that runs several.
process.once('exit', () => rmSync(folder, { recursive: true }));

export const page: number = process.platform === 'linux' ? pageSize() : 4096;
/** Small buffers, so that small files meet every boundary. */
export const small: SumOptions = { buffers: 4, bufferBytes: 2 * page };

export interface TestFile {
  readonly name: string;
  readonly content: Buffer;
  /** What `told` gives for it. */
  readonly line: string;
}

/** A file of random content. */
export function file(name: string, size: number): TestFile {
  const content = randomFillSync(Buffer.alloc(size));
  const path = join(folder, name);
  writeFileSync(path, content);
  return { name: path, content, line: `${digestOf(content)} ${path}` };
}

export function digestOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Each number, the one before it and the one after it. */
export function boundaries(...edges: number[]): number[] {
  return [...new Set(edges.flatMap((edge) => [edge - 1, edge, edge + 1]))];
}

/** Sums, and keeps what the listener is told: `digest name` or `errno name`. */
export function told(
  names: readonly string[],
  options: SumOptions = small,
): { lines: string[]; figures: Figures } {
  const lines: string[] = [];
  const listener = {
    onSum: (name: Uint8Array, digest: string) => lines.push(`${digest} ${Buffer.from(name)}`),
    onFailure: (name: Uint8Array, errno: number) => lines.push(`${errno} ${Buffer.from(name)}`),
  };
  const figures = sum(
    names.map((name) => Buffer.from(name)),
    listener,
    options,
  );
  // What a ring fails to read node:fs reads, which must not go unnoticed. (Older kernels do fail with some.)
  const ordinary = names.every((name) => name.startsWith(folder)) && options.stdin === undefined;
  if (ordinary && figures.counts !== undefined) assert.equal(figures.plainBytes, 0);
  return { lines, figures };
}

/** A FIFO, and a shell that runs `script` with the FIFO as its stdout. */
export function fifo(name: string, script: string): { path: string; done: Promise<void> } {
  const path = join(folder, name);
  assert.equal(spawnSync('mkfifo', [path]).status, 0);
  const child = spawn('sh', ['-c', `exec > "$0"; ${script}`, path], { stdio: 'inherit' });
  return { path, done: new Promise((resolve) => child.once('close', () => resolve())) };
}

/** Files of sizes around every boundary of `small`: of a buffer, its half, its spare page, and all buffers. */
export const files: readonly TestFile[] = boundaries(
  ...[1, page, 2 * page, 3 * page, 4 * page, 8 * page, 10 * page, 16 * page],
).map((size) => file(`size-${size}`, size));

/** All of them and some failures, and what is to be told. */
export const mixed: readonly string[] = [
  ...files.map(({ name }) => name),
  join(folder, 'missing'),
  folder,
  files[0].name,
];
export const mixedLines: readonly string[] = [
  ...files.map(({ line }) => line),
  `${ENOENT} ${join(folder, 'missing')}`,
  `${EISDIR} ${folder}`,
  files[0].line,
];
