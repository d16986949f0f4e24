/**
 * Random calls with all kinds of arguments, plain and odd ones, in two equal folders: one by tsuring/fs and one by Node.
 * Both give the same, fail alike, and leave the same behind.
 */
import assert from 'node:assert/strict';
import { constants, mkdirSync, symlinkSync } from 'node:fs';
import nodeFs, { type FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import fs from 'tsuring/fs';
import { times } from './support/effort.ts';
import { openDescriptors, type Party, TwoFolders } from './support/fs-compare.ts';
import type { Scratch } from './support/live-scratch.ts';
import { randomBelow, seed } from './support/random.ts';
import { timeLimit } from './support/time-limit.ts';

/** From Node 26 on a small file is read and written before Node looks at the signal. */
const HEEDS_ABORTS = Number.parseInt(process.versions.node, 10) < 26;

const STRING_FLAGS = 'r rs sr r+ rs+ w wx xw w+ wx+ a ax as a+ ax+ as+ R rw'.split(' ');
const ENCODINGS = 'utf8 utf-8 UTF8 latin1 binary ascii hex base64 base64url utf16le ucs2'.split(' ');
const { O_APPEND, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDWR, O_SYNC, O_TRUNC, O_WRONLY } =
  constants;
const BRIEF = { breakLength: Infinity, maxStringLength: 60, maxArrayLength: 8 };
const BITS = [0, 0, 0, O_APPEND, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_SYNC, O_TRUNC];
const O_PATH = 0o10000000;
const TEXT = 'aé€😀 of several bytes each\r\n';

// biome-ignore lint/suspicious/noExplicitAny: wrong arguments are what this is about.
type Any = any;

/** One call with random arguments: the same ones for the same numbers, but made anew. */
class Caller {
  /** The name of the call and its arguments, for whoever has to find out why it failed. */
  readonly said: unknown[] = [];
  readonly #party: Party;
  readonly #below: (limit: number) => number;

  constructor(party: Party, start: number) {
    this.#party = party;
    this.#below = randomBelow(start);
    // The first numbers of seeds that are near each other are much alike.
    for (let n = 0; n < 8; n++) this.#below(2);
  }

  call(): unknown {
    const { open, readPath, writePath, other, lines, web } = this;
    const onPaths = [open, open, open, readPath, readPath, writePath, writePath, other, lines, web];
    const { read, write, readv, writev, readAll, writeAll, manage, close, readStream, writeStream } = this;
    const onHandles = [read, read, read, write, write, write, readv, writev, readAll, writeAll, manage];
    onHandles.push(close, readStream, writeStream);
    const any = this.#party.handles.length > 0 && this.#below(4) > 0;
    return this.#pick(...(any ? onHandles : onPaths)).call(this);
  }

  async open(): Promise<unknown> {
    const { fs, handles } = this.#party;
    const open = handles.filter(({ fd }) => fd >= 0);
    if (open.length > 5) await open[0].close();
    const args = this.#said('open', this.#path(), this.#flags(), this.#mode());
    const handle = await fs.open(...(args.slice(0, 1 + this.#below(3)) as [Any]));
    handles.push(handle);
    if (handles.length > 9) await handles.shift()!.close();
    return handle;
  }

  readPath(): unknown {
    const [path, options] = this.#said('readFile', this.#target(), this.#options('flag'));
    return this.#aborting(this.#party.fs.readFile(path as Any, options as Any));
  }

  writePath(): unknown {
    const name = this.#pick<'writeFile' | 'appendFile'>('writeFile', 'appendFile');
    const options = this.#options('flag', 'mode', 'flush');
    const args = this.#said(name, this.#target(), this.#data(), options);
    return this.#aborting(this.#party.fs[name](...(args as Any as [Any, Any])));
  }

  /** What is Node's in any case. */
  other(): unknown {
    const { fs } = this.#party;
    // Only names of the test's own: this removes what they lead to.
    const [path] = this.#said('truncate, stat, unlink or rename', this.#file());
    return this.#pick<() => unknown>(
      () => fs.truncate(path, this.#size() as Any),
      () => fs.stat(path, { bigint: this.#below(2) === 0 }),
      () => fs.unlink(path),
      () => fs.rename(path, `${this.#party.folder}/b`),
    )();
  }

  async lines(): Promise<unknown> {
    const [path] = this.#said('readLines', this.#file());
    await using handle = await this.#party.fs.open(path);
    const all: string[] = [];
    for await (const line of handle.readLines(this.#pick(undefined, { encoding: 'latin1' }))) all.push(line);
    return [all, handle.fd];
  }

  async web(): Promise<unknown> {
    const [path, options] = this.#said('readableWebStream', this.#file(), this.#pick({}, { type: 'bytes' }));
    await using handle = await this.#party.fs.open(path);
    const pieces: Uint8Array[] = [];
    for await (const piece of handle.readableWebStream(options as Any)) pieces.push(new Uint8Array(piece));
    return Buffer.concat(pieces);
  }

  read(): Promise<unknown> {
    const buffer = this.#buffer();
    const [offset, length, position] = [this.#offset(), this.#length(), this.#position(false)];
    const options = { offset, length, position };
    const forms = [[buffer, offset, length, position], [buffer, options], [{ buffer, ...options }], [buffer]];
    const odd = [[], [undefined], [{}], [null], [{ buffer }, 1], [buffer, null], ['text'], [{ position }]];
    const args = this.#said('read', ...this.#pick<Any>(...forms, ...forms, ...forms, ...odd));
    return this.#handle()
      .read(...(args as [Any]))
      .then((result) => [result, result.buffer === buffer]);
  }

  write(): Promise<unknown> {
    const data = this.#pick<unknown>(this.#buffer(), this.#buffer(), this.#data());
    const [offset, length, position] = [this.#offset(), this.#length(), this.#position(true)];
    const options = { offset, length, position };
    const forms = [[data, offset, length, position], [data, options], [data], [data, null, length, position]];
    const texts = [TEXT, '', '\ud800'].map((text) => [text, position, this.#encoding()]);
    const args = this.#said('write', ...this.#pick<Any>(...forms, ...texts));
    return this.#handle()
      .write(...(args as [Any]))
      .then((result) => [result, result.buffer === args[0]]);
  }

  readv(): unknown {
    const [buffers, position] = this.#said('readv', this.#buffers(), this.#position(false));
    return this.#handle().readv(buffers as Any, position as Any);
  }

  writev(): unknown {
    const [buffers, position] = this.#said('writev', this.#buffers(), this.#position(true));
    return this.#handle().writev(buffers as Any, position as Any);
  }

  readAll(): unknown {
    const [options] = this.#said('handle.readFile', this.#options());
    return this.#aborting(this.#handle().readFile(options as Any));
  }

  writeAll(): unknown {
    const name = this.#pick<'writeFile' | 'appendFile'>('writeFile', 'appendFile');
    const [data, options] = this.#said(`handle.${name}`, this.#data(), this.#options('flush'));
    return this.#aborting(this.#handle()[name](data as Any, options as Any));
  }

  async manage(): Promise<unknown> {
    this.#said('truncate, stat, sync, datasync, chmod, or utimes');
    const handle = this.#handle();
    return this.#pick<() => unknown>(
      () => handle.truncate(this.#size() as Any),
      () => handle.stat({ bigint: this.#below(2) === 0 }),
      () => handle.sync(),
      () => handle.datasync(),
      () => handle.chmod(this.#mode() as Any),
      () => handle.utimes(1, this.#pick<Any>(2, 'text')),
    )();
  }

  async close(): Promise<unknown> {
    this.#said('close, twice');
    const handle = this.#handle();
    const [first, second] = [handle.close(), handle.close()];
    return [await first, await second, handle.fd];
  }

  async readStream(): Promise<unknown> {
    // Options that a stream refuses keep Node from ever closing the handle.
    const options = this.#pick<Any>(
      ...[{}, { start: this.#below(50) }, { highWaterMark: 1000 }, { end: 700 }, { autoClose: false }],
      { encoding: this.#pick(...ENCODINGS), start: 0 },
    );
    this.#said('createReadStream', options);
    const handle = this.#handle();
    const stream = handle.createReadStream(options);
    const closed = new Promise<void>((resolve) => stream.once('close', () => resolve()));
    const pieces: unknown[] = [];
    try {
      for await (const piece of stream) pieces.push(piece);
    } finally {
      stream.destroy();
      await closed;
    }
    return [pieces, stream.bytesRead, handle.fd];
  }

  async writeStream(): Promise<unknown> {
    const [options] = this.#said(
      'createWriteStream',
      this.#pick<Any>({}, { start: 7 }, { autoClose: false }),
    );
    const handle = this.#handle();
    const stream = handle.createWriteStream(options);
    const closed = new Promise<void>((resolve) => stream.once('close', () => resolve()));
    try {
      await pipeline(Readable.from([TEXT, Buffer.alloc(this.#below(30_000), 'x'), TEXT]), stream);
    } finally {
      stream.destroy();
      await closed;
    }
    return [stream.bytesWritten, handle.fd];
  }

  #pick<T>(...from: T[]): T {
    return from[this.#below(from.length)];
  }

  #said<T extends unknown[]>(name: string, ...args: T): T {
    const handles: unknown[] = this.#party.handles;
    this.said.push(
      name,
      ...args.map((each) => (handles.includes(each) ? `handle ${handles.indexOf(each)}` : each)),
    );
    return args;
  }

  #handle(): FileHandle {
    const at = this.#below(this.#party.handles.length);
    this.said.push(`on handle ${at}`);
    return this.#party.handles[at];
  }

  /** A name, most often of something that is there. */
  #file(): string {
    return `${this.#party.folder}/${this.#pick('a', 'b', 'a', 'b', 'empty', 'dir/c', 'link', 'none', 'loop')}`;
  }

  /** Nothing outside the folder, ever: what is there is removed, emptied and given other permissions, by root as well. */
  #path(): unknown {
    const { folder } = this.#party;
    if (this.#below(4) > 0) return this.#file();
    const odd = ['dir', 'a/x', 'none/x', 'dangling', 'dir/../b', 'a/', 'nul\0', 'x'.repeat(300), 'ä€'];
    return this.#pick<unknown>(
      ...odd.map((name) => `${folder}/${name}`),
      Buffer.from(`${folder}/ä\xff`, 'latin1'),
      pathToFileURL(`${folder}/b`),
      new URL('file:///a%2Fb'),
      new URL('http://localhost/b'),
      folder + '/long'.repeat(1000),
      ...['', undefined, null, 7, {}],
    );
  }

  /** A path, or a handle. */
  #target(): unknown {
    return this.#party.handles.length > 0 && this.#below(4) === 0 ? this.#handle() : this.#path();
  }

  #flags(): unknown {
    const bits = this.#pick(0, O_WRONLY, O_RDWR, O_RDWR) | this.#pick(...BITS) | this.#pick(...BITS);
    if (this.#below(3) === 0) return bits;
    if (this.#below(6) > 0) return this.#pick(...STRING_FLAGS, 'r+', 'r+', 'a+', 'w+', 'w+');
    return this.#pick<unknown>(undefined, null, -1, 1.5, 2 ** 32, Number.NaN, 2n, {}, '', O_PATH, 3);
  }

  #mode(): unknown {
    const odd = ['600', '0o644', '9', 'text', -1, 1.5, 2 ** 32, null, {}, 0o7777];
    return this.#pick<unknown>(undefined, 0o600, 0o644, 0o777, this.#pick<unknown>(...odd));
  }

  #size(): unknown {
    return this.#pick<unknown>(undefined, 0, this.#below(1000), 66_000, -1, 1.5, 'text', null);
  }

  /** Of no other lengths: with 1.5 Node dies, since an assertion in C++ fails. */
  #length(): unknown {
    return this.#pick<unknown>(undefined, undefined, null, 0, 1, this.#below(40), -1, 2 ** 31, 2 ** 53);
  }

  #offset(): unknown {
    const odd = [-1, 1.5, Number.NaN, '1', 1n, 2 ** 31, 2 ** 53, {}, true, 1e9];
    return this.#pick<unknown>(undefined, null, 0, 1, 10, this.#below(40), this.#pick<unknown>(...odd));
  }

  #position(writing: boolean): unknown {
    const odd = [-1, -5, 1.5, Number.NaN, 3n, -1n, -0, '3', {}, true];
    const far = writing ? 66_000 : 2 ** 53 - 1;
    return this.#pick<unknown>(undefined, null, 0, 5, this.#below(70_000), far, this.#pick<unknown>(...odd));
  }

  #buffer(): Any {
    const size = this.#pick(0, 1, 16, 100, 5000, 70_000);
    const memory = new ArrayBuffer(size + 16).slice(0);
    new Uint8Array(memory).fill('.'.charCodeAt(0));
    return this.#pick<Any>(
      Buffer.from(memory, 3, size),
      Buffer.from(memory, 0, size),
      new Uint8Array(memory, 16),
      new DataView(memory, 1, size),
      new Uint16Array(memory, 2, size >> 1),
      new Uint8Array(new SharedArrayBuffer(size)),
      this.#below(3) === 0 ? memory : Buffer.alloc(size, '-'),
    );
  }

  #buffers(): unknown {
    const odd = [undefined, null, [], ['text'], Buffer.alloc(3), [Buffer.alloc(3), 7], { length: 1 }];
    const many = this.#below(6) === 0 ? 1100 : this.#below(5);
    const plain = Array.from({ length: many }, () => this.#buffer()).map((one) =>
      many > 5 ? one.slice?.(0, 9) : one,
    );
    return this.#below(6) > 0 ? plain : this.#pick<unknown>(...odd);
  }

  #data(): unknown {
    const text = TEXT.repeat(this.#below(2000));
    const iterable = async function* () {
      yield TEXT;
      yield Buffer.from(text);
    };
    return this.#pick<unknown>(
      ...[text, text, TEXT, '', '\ud800x', '4a4b4', this.#buffer(), this.#buffer(), [TEXT, text]],
      ...[iterable(), Readable.from([TEXT, text]), new Set(['a', 'b']), new String('abc')],
      ...[[7], 7, null, undefined, {}, Symbol.iterator, { toString: () => 'abc' }, true, 1n],
    );
  }

  #encoding(): unknown {
    return this.#pick<unknown>(...ENCODINGS, undefined, null, 'buffer', 'none', '', 7);
  }

  /** Of a whole file, with some of the `others`. */
  #options(...others: string[]): unknown {
    if (this.#below(4) === 0) return this.#pick<unknown>(undefined, null, 7, this.#encoding(), () => 'utf8');
    const options: Record<string, unknown> = {};
    if (this.#below(2) === 0) options.encoding = this.#encoding();
    if (this.#below(4) === 0) options.signal = this.#signal();
    if (this.#below(9) === 0) options.unknown = true;
    for (const name of others) {
      if (this.#below(3) > 0) continue;
      if (name === 'flag') options.flag = this.#flags();
      if (name === 'mode') options.mode = this.#mode();
      if (name === 'flush') options.flush = this.#pick<unknown>(true, false, undefined, null, 1);
    }
    return options;
  }

  #abort: AbortController | null = null;

  #signal(): unknown {
    const soon = new AbortController();
    this.#abort = soon;
    const { signal } = this.#pick(soon, new AbortController());
    const odd = [AbortSignal.abort(), AbortSignal.abort('reason'), undefined, null, {}, 'text'];
    return this.#pick<unknown>(signal, signal, ...odd);
  }

  /** Aborts what has begun, when that was meant to be. */
  #aborting(begun: unknown): unknown {
    if (HEEDS_ABORTS) this.#abort?.abort();
    return begun;
  }
}

function fill(here: Scratch): void {
  here.file('a', TEXT.repeat(2000));
  here.file('b', 'b');
  here.file('empty');
  mkdirSync(here.at('dir'));
  here.file('dir/c', Buffer.from('\xff\xfe text that is no UTF-8 \xe2\x82', 'latin1'));
  for (const [name, to] of Object.entries({ link: 'a', loop: 'loop', dangling: 'missing' }))
    symlinkSync(to, here.at(name));
}

test(`random calls give what Node's give, seed ${seed}`, { timeout: timeLimit }, async () => {
  const below = randomBelow();
  // What is made at the first use has descriptors, too.
  await fs.readFile('/proc/self/maps');
  const { length } = await nodeFs.readdir('/proc/self/fd');
  for (let round = 0; round < times(20); round++) {
    await using both = new TwoFolders(fill);
    const past: unknown[][] = [];
    const what = (count: number): string =>
      `seed ${seed}, calls: ${past
        .slice(-count)
        .map((said) => inspect(said, BRIEF))
        .join('\n')}`;
    for (let n = 0; n < 40; n++) {
      const start = below(2 ** 32);
      await both.compare(
        () => what(6),
        (party) => {
          const caller = new Caller(party, start);
          if (party.fs !== nodeFs) past.push(caller.said);
          return caller.call();
        },
      );
    }
    both.compareTrees(what(40));
  }
  assert.ok((await openDescriptors(length)) <= length, 'descriptors are left open');
});
