/**
 * A place for a live test: a temporary folder, and the descriptors and rings that go with it.
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IoUringOptions } from 'tsuring';
import { libc } from 'tsuring/syscalls';
import { type OpenRing, openRing } from './open-ring.ts';
import { type Pair, pipe, socketPair } from './worker-pipes.ts';

/** `using here = scratch()`: all that it gave is closed and removed at the end, the last first. */
export class Scratch implements Disposable {
  readonly folder: string;
  readonly #ends: (() => void)[] = [];

  constructor(within: string = tmpdir()) {
    this.folder = mkdtempSync(join(within, 'tsuring-live-'));
    this.atEnd(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  /** A ring without SQPOLL, unless the options say otherwise. */
  ring(entries = 8, options?: IoUringOptions): OpenRing {
    const open = openRing(entries, options);
    this.atEnd(() => open.ring.close());
    return open;
  }

  /** The path of a name in the folder. */
  at(name: string): string {
    return join(this.folder, name);
  }

  /** The path of a new file. */
  file(name: string, content: string | Uint8Array = ''): string {
    writeFileSync(this.at(name), content);
    return this.at(name);
  }

  /** An open file: closed at the end, so not to be closed before. */
  fd(path: string, flags: string | number = 'r+'): number {
    const fd = openSync(path, flags);
    this.atEnd(() => closeSync(fd));
    return fd;
  }

  /** A new file, open to read and write. */
  fileFd(name: string, content?: string | Uint8Array): number {
    return this.fd(this.file(name, content));
  }

  /** A pipe: the end to read, the end to write. */
  pipe(): Pair {
    return this.#pair(pipe());
  }

  /** Two sockets that are connected. */
  sockets(): Pair {
    return this.#pair(socketPair());
  }

  /** A descriptor that an operation made. */
  adopt(fd: number): number {
    this.atEnd(() => libc().close(fd));
    return fd;
  }

  atEnd(end: () => void): void {
    this.#ends.push(end);
  }

  [Symbol.dispose](): void {
    const failures: unknown[] = [];
    for (let end = this.#ends.pop(); end !== undefined; end = this.#ends.pop())
      try {
        end();
      } catch (error) {
        failures.push(error);
      }
    if (failures.length > 0) throw failures[0];
  }

  #pair(pair: Pair): Pair {
    for (const fd of pair) this.adopt(fd);
    return pair;
  }
}

export function scratch(within?: string): Scratch {
  return new Scratch(within);
}
