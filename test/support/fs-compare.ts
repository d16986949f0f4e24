/**
 * What a function of node:fs/promises gave, as plain data: two of them can be compared, though each has a folder of its own.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import nodeFs from 'node:fs/promises';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import fs from 'tsuring/fs';
import { targetOf } from './live-fds.ts';
import { type Scratch, scratch } from './live-scratch.ts';
import { collectGarbage } from './memory-watch.ts';
import { timeLimit } from './time-limit.ts';

/** One of the two that are compared. */
export interface Party {
  readonly fs: typeof nodeFs;
  readonly folder: string;
  /** What it has opened, open or not. */
  readonly handles: FileHandle[];
}

/** The result of the call, or how it failed or threw; one that never ends fails, too. */
export async function outcomeOf({ folder }: Party, call: () => unknown): Promise<unknown> {
  let begun: unknown;
  try {
    begun = call();
  } catch (error) {
    return { threw: plain(error, folder) };
  }
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('it does not end')), timeLimit / 5);
  });
  try {
    return { gave: plain(await Promise.race([begun, late]), folder) };
  } catch (error) {
    return { failed: plain(error, folder) };
  } finally {
    clearTimeout(timer);
  }
}

/** Does it by tsuring/fs and by Node. Both give the same, or fail alike; throws else, naming `what`. Gives the outcome. */
export async function compareWithNode(
  folder: string,
  what: string,
  call: (fs: typeof nodeFs) => unknown,
): Promise<unknown> {
  const [ours, nodes] = [fs, nodeFs].map((each) =>
    outcomeOf({ fs: each as typeof nodeFs, folder, handles: [] }, () => call(each as typeof nodeFs)),
  );
  assert.deepEqual(await ours, await nodes, what);
  return ours;
}

/** All there is in a folder, by name: kinds, permissions and contents. Afterwards the folders can be entered and removed. */
export function treeOf(folder: string, top: string = folder): Record<string, unknown> {
  const tree: Record<string, unknown> = {};
  for (const name of readdirSync(folder, 'latin1').sort()) {
    const path = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name, 'latin1')]);
    const stats = lstatSync(path);
    const mode = stats.mode.toString(8);
    if (stats.isSymbolicLink())
      tree[name] = { mode, to: readlinkSync(path, 'utf8').replaceAll(top, '<here>') };
    else if (stats.isFile()) tree[name] = { mode, size: stats.size, bytes: contents(path) };
    else if (stats.isDirectory()) {
      chmodSync(path, 0o700);
      tree[name] = { mode, holds: treeOf(String(path), top) };
    } else tree[name] = { mode };
  }
  return tree;
}

/** Two equal folders: one for tsuring/fs, one for Node. */
export class TwoFolders implements AsyncDisposable {
  readonly #parties: readonly Party[];
  readonly #places: Scratch[] = [];

  constructor(fill: (here: Scratch) => void) {
    this.#parties = [fs, nodeFs].map((each) => {
      const here = scratch();
      this.#places.push(here);
      fill(here);
      return { fs: each as typeof nodeFs, folder: here.folder, handles: [] };
    });
  }

  /** Calls it for one, then for the other: the outcomes are equal. Throws else, naming `what`. */
  async compare(what: () => string, call: (party: Party) => unknown): Promise<void> {
    const outcomes: unknown[] = [];
    for (const party of this.#parties) outcomes.push(await outcomeOf(party, () => call(party)));
    if (!isDeepStrictEqual(outcomes[0], outcomes[1])) assert.deepEqual(outcomes[0], outcomes[1], what());
  }

  /** What is in the folders is equal. */
  compareTrees(what: string): void {
    const [ours, nodes] = this.#parties.map(({ folder }) => treeOf(folder));
    assert.deepEqual(ours, nodes, what);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { handles } of this.#parties) for (const handle of handles) await handle.close();
    for (const { folder } of this.#parties) treeOf(folder);
    for (const place of this.#places) place[Symbol.dispose]();
  }
}

/** The descriptors of this process that lead there. */
export function descriptorsOf(path: string): string[] {
  return readdirSync('/proc/self/fd').filter((fd) => targetOf(Number(fd)) === path);
}

/** What Node says when a handle is dropped: warnings up to Node 24, an exception since. Numbers are left out. */
export async function saidOfDropped(each: typeof nodeFs, path: string, flags: string): Promise<string[]> {
  const said: Error[] = [];
  const note = (what: Error): void => void said.push(what);
  process.on('warning', note);
  process.setUncaughtExceptionCaptureCallback(note);
  try {
    await (async () => void (await each.open(path, flags)))();
    for (let n = 0; n < 300 && descriptorsOf(path).length > 0; n++) {
      await collectGarbage();
      await sleep(1);
    }
    await turn();
  } finally {
    process.setUncaughtExceptionCaptureCallback(null);
    process.off('warning', note);
  }
  // Node 26 names the path, which a handle of ours does not know.
  const messages = said.map(({ message }) => message.replaceAll(/\d+/g, '…').replace(/ \(.*\)$/, ''));
  return messages.filter((message) => /file descriptor/i.test(message) && !message.includes('deprecated.'));
}

/** How many descriptors this process has open, those that are being closed left out. */
export async function openDescriptors(atMost: number): Promise<number> {
  const count = (): number => readdirSync('/proc/self/fd').length;
  for (let n = 0; n < 200 && count() > atMost; n++) await turn();
  // A thread that closes one may have to wait for a processor.
  for (let n = 0; n < 100 && atMost > 0 && count() > atMost; n++) await sleep(10);
  return count();
}

/** What the descriptors of this process are, for a message; the one that looks is undefined by then. */
export function namesOfDescriptors(): string {
  const name = (fd: string): string => `${fd} ${targetOf(Number(fd))}`;
  return readdirSync('/proc/self/fd').map(name).join(', ');
}

/** What can be compared of a value, whoever made it. */
function plain(value: unknown, folder: string): unknown {
  if (value instanceof Error) return plainError(value, folder);
  if (typeof value === 'string') return brief(value.replaceAll(folder, '<here>'));
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) return plainView(value);
  if (value instanceof ArrayBuffer) return { arrayBuffer: value.byteLength };
  if (Array.isArray(value)) return value.map((each) => plain(each, folder));
  if ('fd' in value && 'readableWebStream' in value) return { handle: (value as FileHandle).fd >= 0 };
  if ('isSocket' in value) return plainStats(value as never);
  const prototype = Object.getPrototypeOf(value) === null ? 'null' : 'Object';
  const members = Object.entries(value).map(([name, each]) => [name, plain(each, folder)]);
  return { prototype, members: Object.fromEntries(members), names: Object.keys(value) };
}

function plainView(view: ArrayBufferView): unknown {
  const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  const text = brief(bytes.toString('latin1'));
  return { view: view.constructor.name, text, shared: view.buffer instanceof SharedArrayBuffer };
}

function plainError(error: Error, folder: string): unknown {
  const { name, message, cause } = error;
  const own = Object.keys(error).sort();
  const told = Object.fromEntries(own.map((key) => [key, plain((error as never)[key], folder)]));
  return {
    kind: error.constructor.name,
    text: String(error).replaceAll(folder, '<here>'),
    name,
    message: message.replaceAll(folder, '<here>'),
    own,
    told,
    ...(cause === undefined ? {} : { cause: plain(cause, folder) }),
  };
}

function plainStats(stats: { size: number; mode: number; nlink: number; isFile(): boolean }): unknown {
  return {
    size: Number(stats.size),
    mode: Number(stats.mode),
    kind: typeof stats.size,
    file: stats.isFile(),
  };
}

function contents(path: Buffer): string {
  try {
    const bytes = readFileSync(path);
    return `${bytes.length} bytes, ${sum(bytes)}`;
  } catch (error) {
    // Who is not root may not read what it has made itself.
    return (error as NodeJS.ErrnoException).code ?? 'unreadable';
  }
}

/** What is long is compared all the same, without filling the message of a failure. */
function brief(text: string): string {
  return text.length < 300 ? text : `${text.slice(0, 60)}…, ${text.length} in all, ${sum(Buffer.from(text))}`;
}

function sum(bytes: Buffer): string {
  return createHash('sha1').update(bytes).digest('hex').slice(0, 12);
}
