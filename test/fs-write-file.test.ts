/**
 * writeFile and appendFile of tsuring/fs; and pipes with a name (FIFOs), of which one end is opened by it and the other by Node.
 */
import assert from 'node:assert/strict';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import nodeFs from 'node:fs/promises';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import fs from 'tsuring/fs';
import { IORING_SETUP_SUBMIT_ALL } from 'tsuring/syscalls';
import { times } from './support/effort.ts';
import { compareWithNode, openDescriptors, TwoFolders } from './support/fs-compare.ts';
import { makeFifo } from './support/live-fifo.ts';
import { type Scratch, scratch } from './support/live-scratch.ts';
import { lacksRing, lacksRoot } from './support/needs.ts';
import { timeLimit } from './support/time-limit.ts';

const { O_APPEND, O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = constants;
const LARGE = Buffer.alloc(3 * 2 ** 19 + 7, 'large ');

function writeTest(name: string, body: (here: Scratch) => Promise<void>, skip: string | false = false): void {
  test(name, { timeout: timeLimit, skip }, async () => {
    using here = scratch();
    await body(here);
  });
}

type Fs = typeof nodeFs;

/** From Node 26 on a small file is written before Node looks at the signal. */
const hasWrittenBefore = Number.parseInt(process.versions.node, 10) >= 26 && 'needs Node before 26';

/** Does it in two equal folders. The outcomes are equal, and the folders afterwards. */
async function compare(what: string, call: (fs: Fs, at: (name: string) => string) => unknown): Promise<void> {
  await using both = new TwoFolders((here) => {
    here.file('file', 'what was there');
    mkdirSync(here.at('folder'));
    symlinkSync('made', here.at('link'));
  });
  await both.compare(
    () => what,
    ({ fs, folder }) => call(fs, (name) => `${folder}/${name}`),
  );
  both.compareTrees(what);
}

// biome-ignore lint/suspicious/noExplicitAny: wrong arguments, too.
type Any = any;

/** Each made anew: iterables are used up. */
const DATA: Readonly<Record<string, () => Any>> = {
  text: () => 'text €😀',
  'no text': () => '',
  'half a character': () => '\ud800x',
  Buffer: () => Buffer.from('bytes'),
  'part of a Buffer': () => Buffer.from('some bytes').subarray(3, 7),
  'no bytes': () => Buffer.alloc(0),
  much: () => LARGE,
  Uint16Array: () => new Uint16Array([1, 2, 3]).subarray(1),
  DataView: () => new DataView(new Uint8Array([1, 2, 3]).buffer, 1),
  'shared memory': () => new Uint8Array(new SharedArrayBuffer(5)).fill(65),
  Array: () => ['one', Buffer.from('two'), ''],
  'async iterable': async function* () {
    yield 'one';
    await turn();
    yield LARGE;
  },
  'iterable that fails': function* () {
    yield 'one';
    throw new Error('of the caller');
  },
  stream: () => Readable.from(['one', 'two']),
  ...Object.fromEntries(
    [7, null, undefined, {}, true, 1n, new ArrayBuffer(3), [7], () => 'x'].map((odd, n) => [
      `odd ${n}`,
      () => odd,
    ]),
  ),
};

for (const name of ['writeFile', 'appendFile'] as const) {
  writeTest(`${name}: kinds of data`, async () => {
    for (const [kind, data] of Object.entries(DATA)) {
      await compare(kind, (each, at) => each[name](at('made'), data()));
      await compare(`${kind}, to a file`, (each, at) => each[name](at('file'), data(), 'utf16le'));
      await compare(`${kind}, to a handle`, async (each, at) => {
        await using handle = await each.open(at('file'), 'r+');
        await handle.read(Buffer.alloc(3));
        await each[name](handle, data(), { encoding: 'latin1' });
        await handle[name](data());
      });
    }
  });

  writeTest(`${name}: options`, async () => {
    const encodings = ['utf8', 'latin1', 'hex', 'base64', 'UCS-2', 'buffer', 'none', '', null, 7];
    const all: Any[] = [
      ...encodings,
      ...encodings.map((encoding) => ({ encoding })),
      undefined,
      true,
      () => 'utf8',
      [],
    ];
    const names = ['w', 'wx', 'w+', 'a', 'ax', 'a+', 'r+', 'r', 'as', 'none', ''];
    const bits = [
      O_WRONLY,
      O_WRONLY | O_CREAT | O_EXCL,
      O_RDWR | O_APPEND,
      O_WRONLY | O_CREAT | O_TRUNC,
      0,
      -1,
      1.5,
    ];
    for (const flag of [...names, ...bits, null]) all.push({ flag });
    for (const mode of [0o600, 0o400, 0, 0o777, 0o7777, '640', '0o640', 'none', -1, 1.5, null, 2 ** 32])
      all.push({ mode });
    for (const flush of [true, false, null, undefined, 1, 'true']) all.push({ flush });
    for (const signal of [
      new AbortController().signal,
      AbortSignal.abort(),
      AbortSignal.abort('why'),
      7,
      null,
    ])
      all.push({ signal });
    all.push({ other: 1 }, Object.create({ flag: 'a' }), {
      flag: 'ax',
      mode: 0o600,
      flush: true,
      encoding: 'hex',
    });
    for (const options of all)
      for (const file of ['file', 'made'])
        await compare(`${file}, ${JSON.stringify(options)}`, (each, at) =>
          each[name](at(file), '4a4b', options),
        );
  });

  writeTest(`${name}: names`, async () => {
    const names = [
      'folder',
      'folder/',
      '.',
      'none/made',
      'file/made',
      'link',
      'made/',
      'ä €',
      'x'.repeat(256),
      'a\0b',
    ];
    for (const each of names) await compare(each, (fs, at) => fs[name](at(each), 'new'));
    for (const odd of ['', 7, null, undefined, {}, new URL('http://x/y'), Buffer.from('a\0b')] as Any[])
      await compare(String(odd), (fs) => fs[name](odd, 'new'));
    await compare('a URL', (fs, at) => fs[name](pathToFileURL(at('ä %20')), 'new'));
    await compare('bytes', (fs, at) => fs[name](Buffer.from(`${at('')}\xff\x80`, 'latin1'), 'new'));
  });

  writeTest(
    `${name}: aborted at once`,
    async () => {
      for (const data of ['text', LARGE])
        for (const file of ['file', 'none/file', 'made'])
          await compare(`${file}, ${data.length}`, (each, at) => {
            const controller = new AbortController();
            const writing = each[name](at(file), data, { signal: controller.signal });
            controller.abort();
            return writing;
          });
    },
    hasWrittenBefore,
  );
}

writeTest('permissions of what is made', async (here) => {
  const before = process.umask(0o027);
  try {
    for (const mode of [undefined, 0o666, 0o777, '0600', 0o4755] as const) {
      await fs.writeFile(here.at(`${mode}`), '', { mode });
      await nodeFs.writeFile(here.at(`${mode} by Node`), '', { mode });
      const [ours, nodes] = ['', ' by Node'].map((by) => statSync(here.at(`${mode}${by}`)).mode.toString(8));
      assert.equal(ours, nodes);
    }
    assert.equal(statSync(here.at('511')).mode & 0o777, 0o750);
  } finally {
    process.umask(before);
  }
});

writeTest('many at once, and much', async (here) => {
  await fs.writeFile(here.at('first'), '');
  const fds = await openDescriptors(0);
  for (let round = 0; round < times(3); round++) {
    const names = Array.from({ length: 200 }, (_, n) => here.at(`${n}`));
    const contents = names.map((name, n) => name.repeat(n * 10));
    await Promise.all(names.map((name, n) => fs.writeFile(name, contents[n])));
    await Promise.all(names.map((name, n) => fs.appendFile(name, `end ${n}`)));
    for (const [n, name] of names.entries())
      assert.ok(readFileSync(name, 'utf8') === `${contents[n]}end ${n}`, name);
  }
  assert.ok((await openDescriptors(fds)) <= fds);
});

writeTest(
  'a device that is full',
  async () => {
    for (const name of ['writeFile', 'appendFile'] as const)
      for (const data of ['text', LARGE, ['text']] as Any[])
        await compareWithNode('/nowhere', `${name} ${data.length}`, (each) => each[name]('/dev/full', data));
    await compareWithNode('/nowhere', 'a handle', async (each) => {
      await using handle = await each.open('/dev/full', 'r+');
      await handle.write(Buffer.from('text'));
    });
  },
  existsSync('/dev/full') ? false : 'needs /dev/full',
);

writeTest('what the kernel does not let be written', async () => {
  await compareWithNode('/nowhere', '/proc', (each) => each.writeFile('/proc/version', 'x', { flag: 'r+' }));
  await compareWithNode('/nowhere', '/proc', (each) => each.writeFile('/proc/none', 'x'));
});

writeTest(
  'what belongs to others',
  async (here) => {
    const path = here.file('file', 'text');
    await nodeFs.chmod(path, 0o400);
    for (const name of ['writeFile', 'appendFile'] as const)
      await compareWithNode(here.folder, name, (each) => each[name](path, 'new'));
    assert.equal(readFileSync(path, 'utf8'), 'text');
  },
  lacksRoot() ? false : 'needs another user than root',
);

/** A test with a FIFO. Whoever still waits for its other end in the end is let go. */
function fifoTest(
  name: string,
  body: (path: string, here: Scratch) => Promise<void>,
  skip: string | false = false,
): void {
  const withPipe = async (here: Scratch): Promise<void> => {
    const path = here.at('fifo');
    makeFifo(path);
    try {
      await body(path, here);
    } finally {
      closeSync(openSync(path, O_RDWR | O_NONBLOCK));
    }
  };
  writeTest(name, withPipe, skip);
}

/** Whether the promise is settled some time later: nobody can tell that it never will be. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const note = (): void => {
    settled = true;
  };
  promise.then(note, note);
  await sleep(60);
  return settled;
}

fifoTest('a FIFO without a writer is waited for', async (path) => {
  for (const options of ['utf8', { encoding: 'utf8', flag: 'rs' }] as const) {
    const reading = fs.readFile(path, options);
    assert.equal(await isSettled(reading), false);
    await nodeFs.writeFile(path, 'written');
    assert.equal(await reading, 'written');
  }
});

fifoTest(
  'a FIFO is open when it has a writer',
  async (path) => {
    const opening = fs.open(path);
    assert.equal(await isSettled(opening), false);
    const writer = await nodeFs.open(path, 'w');
    const reader = await opening;
    await writer.write('one');
    assert.equal(String((await reader.read(Buffer.alloc(3))).buffer), 'one');
    await writer.write('two');
    await writer.close();
    assert.equal(await reader.readFile('utf8'), 'two');
    await reader.close();
  },
  // Before, it waits for what is written.
  lacksRing('IORING_SETUP_SUBMIT_ALL (Linux 5.18)', { flags: IORING_SETUP_SUBMIT_ALL }),
);

fifoTest('a FIFO that is written in pieces is read to its end', async (path) => {
  for (const [count, size] of [
    [3, 5],
    [20, 3000],
    [5, 70_000],
  ]) {
    const pieces = Array.from({ length: count }, (_, n) => String.fromCharCode(97 + n).repeat(size));
    const reading = fs.readFile(path, 'latin1');
    const writer = await nodeFs.open(path, 'w');
    for (const piece of pieces) {
      await writer.writeFile(piece);
      await turn();
    }
    await writer.close();
    assert.ok((await reading) === pieces.join(''), `${count} pieces of ${size}`);
  }
});

fifoTest('a writer that waited for a reader is not left alone', async (path) => {
  for (let round = 0; round < times(10); round++) {
    const opening = nodeFs.open(path, 'w');
    if (round % 2 === 0) await sleep(5);
    const reading = fs.readFile(path, 'utf8');
    const writer = await opening;
    await turn();
    // EPIPE if nobody read any longer.
    await writer.write('here');
    await writer.close();
    assert.equal(await reading, 'here');
  }
});

fifoTest('a writer that goes without having written', async (path) => {
  for (let round = 0; round < times(10); round++) {
    const reading =
      round % 3 === 2 ? fs.open(path).then((handle) => handle.close()) : fs.readFile(path, 'utf8');
    if (round % 2 === 0) await sleep(5);
    await (await nodeFs.open(path, 'w')).close();
    assert.equal(await reading, round % 3 === 2 ? undefined : '');
  }
});

fifoTest('a FIFO that is not to be waited for', async (path, here) => {
  await compareWithNode(here.folder, 'reading', async (each) => {
    await using handle = await each.open(path, O_RDONLY | O_NONBLOCK);
    return [await handle.read(Buffer.alloc(5)), await handle.readFile('utf8')];
  });
  await compareWithNode(here.folder, 'writing', (each) => each.open(path, O_WRONLY | O_NONBLOCK));
  await compareWithNode(here.folder, 'both', async (each) => {
    await using handle = await each.open(path, 'r+');
    await handle.write('text');
    return handle.read(Buffer.alloc(4));
  });
});

fifoTest('a FIFO is written to when there is a reader', async (path) => {
  for (const write of [fs.writeFile, fs.appendFile]) {
    const writing = write(path, LARGE);
    assert.equal(await isSettled(writing), false);
    assert.ok((await nodeFs.readFile(path)).equals(LARGE));
    await writing;
  }
  const writing = fs.writeFile(path, 'by us', { flag: 'a' });
  assert.equal(await fs.readFile(path, 'utf8'), 'by us');
  await writing;
});
