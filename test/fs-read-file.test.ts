/**
 * readFile of tsuring/fs: what Node's gives, for files of all sizes and kinds, by all kinds of names.
 */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  renameSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import nodeFs from 'node:fs/promises';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import fs from 'tsuring/fs';
import { O_PATH } from 'tsuring/syscalls';
import { times } from './support/effort.ts';
import { compareWithNode, openDescriptors } from './support/fs-compare.ts';
import { type Scratch, scratch } from './support/live-scratch.ts';
import { lacksRoot } from './support/needs.ts';
import { randomBelow, seed } from './support/random.ts';
import { timeLimit } from './support/time-limit.ts';

const SIZES = [0, 1, 4095, 4096, 4097, 16_383, 16_384, 16_385, 20_479, 20_480, 20_481, 65_536, 2 ** 20 + 1];
const ENCODINGS: BufferEncoding[] = ['utf8', 'latin1', 'ascii', 'hex', 'base64', 'base64url', 'utf16le'];

const limit = { timeout: timeLimit };

/** A test with a folder. */
function readTest(name: string, body: (here: Scratch) => Promise<void>, skip: string | false = false): void {
  test(name, { ...limit, skip }, async () => {
    using here = scratch();
    await body(here);
  });
}

/** Both give the same for the path, or fail alike. */
function compare(here: Scratch, path: unknown, options?: unknown): Promise<unknown> {
  return compareWithNode(here.folder, String(path).slice(0, 200), (each) =>
    each.readFile(path as never, options as never),
  );
}

/** Fails as Node's, with that code. */
async function fails(here: Scratch, code: string, path: unknown, options?: unknown): Promise<void> {
  const outcome = (await compare(here, path, options)) as { failed?: { told: { code: string } } };
  assert.equal(outcome.failed?.told.code, code, String(path).slice(0, 200));
}

function textOf(size: number): Buffer {
  // Characters of one, two, three and four bytes: every border falls into each of them for one of the sizes.
  return Buffer.from('aé€😀'.repeat(size / 10 + 1)).subarray(0, size);
}

readTest(`sizes, contents and encodings, seed ${seed}`, async (here) => {
  const below = randomBelow();
  for (const size of SIZES) {
    for (const bytes of [textOf(size), Buffer.from(Array.from({ length: size }, () => below(256)))]) {
      const path = here.file('file', bytes);
      assert.ok((await fs.readFile(path)).equals(bytes), `${size} bytes`);
      for (const encoding of ENCODINGS) {
        const [one, other] = [await fs.readFile(path, encoding), await nodeFs.readFile(path, { encoding })];
        assert.ok(one === other, `${size} bytes as ${encoding}`);
        assert.ok((await fs.readFile(path, { encoding, flag: 'r+' })) === other, `${size} bytes, r+`);
      }
    }
  }
});

readTest('the borders of characters at those of pieces', async (here) => {
  for (let shift = 0; shift < 11; shift++) {
    const bytes = Buffer.concat([Buffer.alloc(shift, 'x'), textOf(2 ** 19 + 40)]);
    const path = here.file('file', bytes);
    for (const encoding of ['utf8', 'utf16le', 'base64'] as const)
      assert.ok((await fs.readFile(path, encoding)) === (await nodeFs.readFile(path, encoding)), encoding);
  }
});

readTest('the result is a Buffer with memory of its own', async (here) => {
  const results: Buffer[] = [];
  for (const size of SIZES) {
    const bytes = await fs.readFile(here.file('file', textOf(size)));
    assert.ok(Buffer.isBuffer(bytes) && Object.getPrototypeOf(bytes) === Buffer.prototype);
    assert.ok(bytes.buffer instanceof ArrayBuffer && bytes.byteOffset === 0);
    if (size > 0) assert.equal(bytes.buffer.byteLength, size);
    assert.ok(!results.some(({ buffer }) => buffer === bytes.buffer));
    results.push(bytes);
  }
  // Nothing that is read later goes there.
  for (const [at, size] of SIZES.entries()) assert.ok(results[at].equals(textOf(size)));
  // Not shared, and not foreign to V8: it can be given away.
  const [large] = results.slice(-1);
  structuredClone(large.buffer, { transfer: [large.buffer as ArrayBuffer] });
  assert.equal(large.length, 0);
});

readTest('files that have no size', async (here) => {
  for (const path of ['/proc/version', '/proc/filesystems', '/proc/self/cmdline', '/proc//version'])
    for (const options of [undefined, 'utf8', { encoding: 'latin1' }]) await compare(here, path, options);
  const maps = await fs.readFile('/proc/self/maps', 'latin1');
  assert.match(maps, /^[0-9a-f]+-[0-9a-f]+ /m);
  symlinkSync('/proc/version', here.at('link'));
  await compare(here, here.at('link'));
  symlinkSync('/proc/self/maps', here.at('maps'));
  assert.ok((await fs.readFile(here.at('maps'))).length > 4096);
});

const SYSTEM = [
  '/sys/kernel/uevent_seqnum',
  '/sys/devices/system/cpu/possible',
  '/sys/kernel/mm/transparent_hugepage/enabled',
];
readTest(
  'files whose size is more than they have',
  async (here) => {
    for (const path of SYSTEM.filter(existsSync)) {
      const outcome = await compare(here, path, 'utf8');
      assert.ok(JSON.stringify(outcome).includes('\\n'), JSON.stringify(outcome));
      await compare(here, path);
    }
  },
  SYSTEM.some(existsSync) ? false : 'needs /sys',
);

readTest('what cannot be read fails as with Node', async (here) => {
  here.file('file', 'text');
  mkdirSync(here.at('folder'));
  for (const [from, to] of [
    ['loop', 'loop'],
    ['dangling', 'missing'],
    ['to folder', 'folder'],
  ])
    symlinkSync(to, here.at(from));
  for (const options of [
    undefined,
    'utf8',
    { flag: 'r' },
    { flag: 'r+' },
    { signal: new AbortController().signal },
  ]) {
    for (const name of ['folder', 'to folder', 'folder/', '.'])
      await fails(here, 'EISDIR', here.at(name), options);
    for (const name of ['none', 'dangling', 'none/file', 'ä€'])
      await fails(here, 'ENOENT', here.at(name), options);
    for (const name of ['file/x', 'file/x/y']) await fails(here, 'ENOTDIR', here.at(name), options);
    await fails(here, 'ENOTDIR', here.at('file/'), options);
    await fails(here, 'ELOOP', here.at('loop'), options);
    await fails(here, 'ENAMETOOLONG', here.at('x'.repeat(256)), options);
    for (const length of [3000, 4090, 4096, 9000])
      await compare(here, here.folder + '/././.'.repeat(length / 6), options);
    await fails(here, 'ENAMETOOLONG', here.folder + '/€'.repeat(1500), options);
  }
  // Opened, but nothing can be read of it.
  await fails(here, 'EBADF', here.at('file'), { flag: O_PATH });
});

readTest(
  'a file that others may not read',
  async (here) => {
    const path = here.file('file', 'text');
    await nodeFs.chmod(path, 0);
    await fails(here, 'EACCES', path);
    mkdirSync(here.at('folder'));
    here.file('folder/file', 'text');
    await nodeFs.chmod(here.at('folder'), 0);
    await fails(here, 'EACCES', here.at('folder/file'));
    await nodeFs.chmod(here.at('folder'), 0o700);
  },
  lacksRoot() ? false : 'needs another user than root',
);

readTest('arguments that are wrong fail as with Node', async (here) => {
  const path = here.file('file', 'text');
  for (const wrong of ['', 'a\0b', `${path}\0`, undefined, null, 7, {}, new URL('http://x/y')])
    await compare(here, wrong);
  for (const wrong of [
    new URL('file:///a%2Fb'),
    new URL('file://host/a'),
    Buffer.from('a\0b'),
    Buffer.alloc(0),
  ])
    await compare(here, wrong);
  for (const options of [
    'none',
    7,
    true,
    { encoding: 'none' },
    { encoding: 7 },
    { flag: 'none' },
    { flag: -1 },
  ])
    await compare(here, path, options);
  for (const options of [
    { signal: 7 },
    { signal: {} },
    { flag: {} },
    { flag: 1.5 },
    { encoding: null },
    'UTF-8',
  ])
    await compare(here, path, options);
  for (const name of ['file', 'none']) {
    await compare(here, here.at(name), 'buffer');
    await compare(here, here.at(name), { encoding: 'buffer' });
  }
});

readTest('names as bytes, URLs and relative to where the process is', async (here) => {
  const odd = Buffer.concat([Buffer.from(`${here.folder}/`), Buffer.from([0xff, 0x80, 0x0a, 0x41])]);
  writeFileSync(odd, 'odd');
  assert.equal(await fs.readFile(odd, 'utf8'), 'odd');
  const path = here.file('ä €%20#?', 'named');
  assert.equal(await fs.readFile(pathToFileURL(path), 'utf8'), 'named');
  mkdirSync(here.at('folder'));
  here.file('folder/file', 'below');
  const before = process.cwd();
  try {
    process.chdir(here.folder);
    assert.equal(await fs.readFile('ä €%20#?', 'utf8'), 'named');
    process.chdir('folder');
    assert.equal(await fs.readFile('file', 'utf8'), 'below');
    assert.equal(await fs.readFile('../folder/./file', 'utf8'), 'below');
    await fails(here, 'ENOENT', 'ä €%20#?');
    await fails(here, 'EISDIR', '.');
  } finally {
    process.chdir(before);
  }
});

readTest('symbolic links', async (here) => {
  const large = textOf(100_000);
  here.file('file', 'text');
  here.file('large', large);
  for (const [from, to] of [
    ['1', 'file'],
    ['2', '1'],
    ['3', '2'],
    ['4', 'large'],
  ])
    symlinkSync(to, here.at(from));
  assert.equal(await fs.readFile(here.at('3'), 'utf8'), 'text');
  assert.ok((await fs.readFile(here.at('4'))).equals(large));
});

readTest('devices', async (here) => {
  assert.equal((await fs.readFile('/dev/null')).length, 0);
  symlinkSync('/dev/null', here.at('link'));
  assert.equal(await fs.readFile(here.at('link'), 'utf8'), '');
  for (const path of ['/dev/zero', '/dev//zero', '/../dev/zero']) {
    await using zero = await fs.open(path);
    const bytes = Buffer.alloc(10_000, 'x');
    assert.equal((await zero.read(bytes)).bytesRead, 10_000);
    assert.ok(bytes.every((byte) => byte === 0));
  }
});

readTest('many at once', async (here) => {
  const sizes = [0, 10, 5000, 16_384, 16_385, 30_000, 200_000];
  const contents = sizes.map(textOf);
  const files = contents.map((bytes, n) => here.file(`file ${n}`, bytes));
  await fs.readFile(files[0]);
  const fds = await openDescriptors(0);
  for (let round = 0; round < times(2); round++) {
    const all = Array.from({ length: 500 }, async (_, n) => {
      const which = n % (sizes.length + 1);
      if (which === sizes.length)
        return assert.rejects(fs.readFile(here.at(`none ${n}`)), { code: 'ENOENT' });
      const bytes = await fs.readFile(files[which]);
      assert.ok(bytes.equals(contents[which]), `${sizes[which]} bytes, the ${n}th`);
    });
    await Promise.all(all);
  }
  assert.ok((await openDescriptors(fds)) <= fds);
});

readTest('files that vanish meanwhile, or become others', async (here) => {
  const contents = ['first '.repeat(300), 'second '.repeat(5000)];
  let there = 0;
  for (let round = 0; round < times(8); round++) {
    const paths = Array.from({ length: 100 }, (_, n) => here.file(`${n}`, contents[0]));
    const all = paths.map((path) => fs.readFile(path, 'utf8').catch(({ code }) => code as string));
    for (const [n, path] of paths.entries()) {
      if (n % 10 === 0) await turn();
      if (n % 2 === 0) unlinkSync(path);
      else renameSync(here.file('other', contents[1]), path);
    }
    for (const [n, result] of (await Promise.all(all)).entries()) {
      const other = n % 2 === 0 ? 'ENOENT' : contents[1];
      assert.ok(result === contents[0] || result === other, result.slice(0, 99));
      if (result === contents[0]) there++;
    }
  }
  assert.ok(there > 0);
});

readTest('a file that shrinks or grows meanwhile', async (here) => {
  for (const size of [100, 16_000, 8 * 2 ** 20]) {
    const bytes = textOf(size);
    for (let round = 0; round < times(5); round++) {
      const path = here.file('file', bytes);
      const shrunk = fs.readFile(path);
      if (round % 2 === 0) await turn();
      truncateSync(path, size / 4);
      const some = await shrunk;
      assert.ok(some.length >= size / 4 && some.equals(bytes.subarray(0, some.length)), `${some.length}`);
      const shorter = bytes.subarray(0, size / 4);
      const grown = fs.readFile(path);
      if (round % 2 === 0) await turn();
      writeFileSync(path, bytes.subarray(shorter.length), { flag: 'a' });
      const more = await grown;
      assert.ok(more.length >= size / 4 && more.equals(bytes.subarray(0, more.length)), `${more.length}`);
    }
  }
});

readTest('aborted before, and at once', async (here) => {
  for (const size of [10, 100_000]) {
    const path = here.file('file', textOf(size));
    for (const encoding of [undefined, 'utf8'] as const) {
      await compare(here, path, { encoding, signal: AbortSignal.abort() });
      await compare(here, path, { encoding, signal: AbortSignal.abort(new Error('of the caller')) });
      await compare(here, here.at('none'), { encoding, signal: AbortSignal.abort('text') });
      const controller = new AbortController();
      const reading = fs.readFile(path, { encoding, signal: controller.signal });
      controller.abort(new Error('of the caller'));
      await assert.rejects(reading, ({ name, code, cause }) => {
        assert.deepEqual([name, code, cause.message], ['AbortError', 'ABORT_ERR', 'of the caller']);
        return true;
      });
    }
  }
  // A signal that nobody aborts changes nothing, and nobody listens to it afterwards.
  const { signal } = new AbortController();
  assert.equal(await fs.readFile(here.file('file', 'text'), { signal, encoding: 'utf8' }), 'text');
});

readTest('aborted at some time: all of it, or AbortError', async (here) => {
  const bytes = textOf(4 * 2 ** 20);
  const path = here.file('file', bytes);
  const fds = await openDescriptors(0);
  for (let after = 0; after < times(15); after++) {
    const controller = new AbortController();
    const reading = fs.readFile(path, { signal: controller.signal }).catch((error) => error);
    for (let n = 0; n < after; n++) await turn();
    controller.abort();
    const result = await reading;
    if (result instanceof Error) assert.equal(result.name, 'AbortError');
    else assert.ok(result.equals(bytes));
  }
  assert.ok((await openDescriptors(fds)) <= fds);
});

readTest('errors name the function that waited', async (here) => {
  const [folder, none, file] = [here.folder, here.at('none'), here.file('file')];
  await using handle = await fs.open(file, 'w');
  const asked: (() => Promise<unknown>)[] = [
    async function whoAsked() {
      await fs.readFile(none);
    },
    async function whoAsked() {
      await fs.open(none);
    },
    async function whoAsked() {
      await handle.read(Buffer.alloc(1));
    },
    async function whoAsked() {
      await handle.readFile();
    },
    async function whoAsked() {
      await fs.writeFile(folder, 'text');
    },
  ];
  for (const ask of asked)
    await assert.rejects(ask(), ({ stack, message }) => {
      assert.ok(stack.includes('whoAsked'), stack);
      assert.ok(stack.startsWith(`Error: ${message}`), stack);
      return true;
    });
});
