/**
 * FileHandle of tsuring/fs: all that Node's does, its life and its end.
 */
import assert from 'node:assert/strict';
import type { EventEmitter } from 'node:events';
import { constants, createReadStream, readFileSync, writeFileSync } from 'node:fs';
import nodeFs, { type FileHandle } from 'node:fs/promises';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { fadvise, IoUringState } from 'tsuring';
import fs from 'tsuring/fs';
import { times } from './support/effort.ts';
import { without } from './support/engine-test.ts';
import { compareWithNode, descriptorsOf, openDescriptors, saidOfDropped } from './support/fs-compare.ts';
import { type Scratch, scratch } from './support/live-scratch.ts';
import { timeLimit } from './support/time-limit.ts';

const CONTENT = 'one\ntwo €\nthree\n'.repeat(3000);

function handleTest(name: string, body: (path: string, here: Scratch) => Promise<void>): void {
  test(name, { timeout: timeLimit }, async () => {
    using here = scratch();
    await body(here.file('file', CONTENT), here);
  });
}

/** Does the same with a handle of ours and with one of Node's. */
function compare(
  here: Scratch,
  flags: string | number,
  what: string,
  body: (handle: FileHandle) => unknown,
): Promise<unknown> {
  return compareWithNode(here.folder, what, async (each) => {
    const path = here.file(each === nodeFs ? 'for node' : 'for ours', CONTENT);
    const handle = await each.open(path, flags);
    let result: unknown;
    try {
      result = await body(handle);
    } finally {
      await handle.close();
    }
    return [result, readFileSync(path, 'latin1')];
  });
}

handleTest('it is one of Node, by class and by what it shows', async (path) => {
  const sample = await nodeFs.open(path);
  await sample.close();
  for (const flags of ['r', 'r+', 'a', 'w'] as const) {
    await using handle = await fs.open(path, flags);
    assert.ok(handle instanceof sample.constructor);
    assert.equal(handle.constructor.name, 'FileHandle');
    assert.ok(Number.isInteger(handle.fd) && handle.fd > 2);
    assert.deepEqual(descriptorsOf(path), [String(handle.fd)]);
  }
});

handleTest('the descriptor is open as Node would have it', async (path) => {
  const flagsOf = ({ fd }: FileHandle) =>
    /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))![1];
  const { O_APPEND, O_NOATIME, O_NONBLOCK, O_NOFOLLOW, O_RDWR, O_SYNC, O_WRONLY } = nodeFs.constants;
  const numbers = [
    0,
    O_RDWR,
    O_WRONLY | O_APPEND,
    O_NONBLOCK,
    O_NOFOLLOW,
    O_RDWR | O_SYNC,
    O_NOATIME,
    3,
    0o10000000,
  ];
  for (const flags of [undefined, 'r', 'rs', 'r+', 'rs+', 'w', 'w+', 'a', 'as', 'a+', ...numbers]) {
    const [ours, nodes] = [await fs.open(path, flags), await nodeFs.open(path, flags)];
    assert.equal(flagsOf(ours), flagsOf(nodes), `${flags}`);
    await ours.close();
    await nodes.close();
  }
  await fs.open('/', nodeFs.constants.O_DIRECTORY).then((folder) => folder.close());
});

handleTest('an open that fails leaves no descriptor', async (path, here) => {
  await fs.open(path).then((handle) => handle.close());
  const fds = await openDescriptors(0);
  for (const [name, flags] of [
    ['none', 'r'],
    ['file', 'wx'],
    ['file/x', 'r'],
    ['.', 'r+'],
    ['file', constants.O_DIRECTORY],
  ] as const)
    await compareWithNode(here.folder, `${name}, ${flags}`, (each) => each.open(here.at(name), flags));
  for (const args of [
    [7],
    [path, 'none'],
    [path, 'r', 'none'],
    [path, {}],
    [path, -1],
    [`${path}\0`],
    [path, 'w', -1],
  ])
    await compareWithNode(here.folder, String(args), (each) => each.open(...(args as [string])));
  assert.ok((await openDescriptors(fds)) <= fds);
});

handleTest('a file as a name only (O_PATH)', async (path) => {
  const fds = await openDescriptors(0);
  const handle = await fs.open(path, 0o10000000);
  await assert.rejects(handle.read(Buffer.alloc(1)), { code: 'EBADF', syscall: 'read' });
  assert.equal((await handle.stat()).size, Buffer.byteLength(CONTENT));
  await handle.close();
  assert.ok((await openDescriptors(fds)) <= fds);
});

handleTest('read, in all its forms', async (_path, here) => {
  const forms: (() => unknown[])[] = [
    () => [Buffer.alloc(10)],
    () => [Buffer.alloc(10), 2, 3],
    () => [Buffer.alloc(10), 2, 3, 4],
    () => [Buffer.alloc(10), null, null, null],
    () => [Buffer.alloc(10), 2, undefined, 50_000],
    () => [Buffer.alloc(10), { offset: 1, length: 2, position: 3 }],
    () => [Buffer.alloc(10), { length: null }],
    () => [{ buffer: new Uint16Array(8), offset: 3, length: 9, position: 1 }],
    () => [],
    () => [new DataView(new ArrayBuffer(9), 4)],
    () => [new BigInt64Array(2), { position: 5n }],
    ...[1n, -1, 1.5, Number.NaN, '1', 11, 2 ** 32, {}].map((odd) => () => [Buffer.alloc(10), odd]),
    // Of other lengths Node dies: an assertion in C++ fails.
    ...[-1, 11, 2 ** 32].map((odd) => () => [Buffer.alloc(10), 0, odd]),
    ...[1n, -1n, -1, -2, 1.5, Number.NaN, '1', {}, 2n ** 64n].map((odd) => () => [
      Buffer.alloc(10),
      0,
      4,
      odd,
    ]),
    ...[Buffer.alloc(0), null, 'text', 7, new ArrayBuffer(4), [], { buffer: 7 }].map((odd) => () => [odd]),
  ];
  for (const form of forms)
    await compare(here, 'r+', `read(${form().map(String)})`, async (handle) => {
      // Twice: the position of the file counts, too.
      const results: unknown[] = [];
      for (let n = 0; n < 2; n++) results.push(await handle.read(...(form() as [Buffer])));
      return results;
    });
});

handleTest('write, in all its forms', async (_path, here) => {
  const data = Buffer.from('0123456789');
  const forms: unknown[][] = [
    [data],
    [data, 2, 3],
    [data, 2, 3, 4],
    [data, null, 3, 4],
    [data, undefined, 3, 4],
    [data, { offset: 1, length: 2, position: 3 }],
    [new Uint16Array([1, 2, 3]), 1],
    [new DataView(new ArrayBuffer(9), 4)],
    ['text €'],
    ['text', 5],
    ['text', null, 'latin1'],
    ['ff00', 2, 'hex'],
    ['ff0', 2, 'hex'],
    ['text', undefined, 'none'],
    ['text', 2n],
    ['\ud800', 1],
    ...[1n, -1, 1.5, Number.NaN, '1', 11, 2 ** 32].map((odd) => [data, odd]),
    ...[1n, -1, '1', 11, 2 ** 32, null, {}].map((odd) => [data, 0, odd]),
    ...[1n, -1, -2, 1.5, Number.NaN, '1', null, {}].map((odd) => [data, 0, 4, odd]),
    ...[Buffer.alloc(0), null, undefined, 7, new ArrayBuffer(4), [], {}, true].map((odd) => [odd]),
  ];
  for (const flags of ['r+', 'a+', 'r'])
    for (const form of forms)
      await compare(here, flags, `write(${form.map(String)}), ${flags}`, async (handle) => {
        const results: unknown[] = [];
        for (let n = 0; n < 2; n++) results.push(await handle.write(...(form as [Buffer])));
        return results;
      });
});

handleTest('readv and writev', async (_path, here) => {
  const buffers = (...sizes: number[]) => sizes.map((size) => Buffer.alloc(size, '-'));
  const cases = [[buffers(3)], [buffers(3, 5), 7], [buffers(3, 0, 5), null], [buffers(0)], [[]]];
  const many = [
    [Array.from({ length: 1024 }, () => Buffer.alloc(2))],
    [Array.from({ length: 1025 }, () => Buffer.alloc(2))],
  ];
  const odd = [
    [7],
    [[7]],
    [undefined],
    [buffers(3), -1],
    [buffers(3), 1.5],
    [buffers(3), 3n],
    [buffers(3), 'x'],
  ];
  for (const name of ['readv', 'writev'] as const)
    for (const args of [...cases, ...many, ...odd])
      await compare(here, 'r+', `${name}(${String(args).slice(0, 60)})`, async (handle) => {
        const first = await handle[name](...(args as [Buffer[]]));
        return [first, (await handle.read(Buffer.alloc(5))).buffer];
      });
});

handleTest('readFile and writeFile go on from where the file stands', async (_path, here) => {
  for (const encoding of [undefined, 'utf8', 'hex'] as const)
    await compare(here, 'r+', `${encoding}`, async (handle) => {
      await handle.read(Buffer.alloc(7));
      const rest = await handle.readFile(encoding);
      const none = await handle.readFile({ encoding });
      await handle.writeFile('more ', 'latin1');
      await handle.appendFile(Buffer.from('and more'));
      await handle.truncate(40);
      return [rest, none, await fs.readFile(handle), await handle.stat()];
    });
});

handleTest('streams, lines and web streams', async (path, here) => {
  for (const options of [
    {},
    { start: 3 },
    { start: 5, end: 4000 },
    { highWaterMark: 100 },
    { encoding: 'utf8' as const },
  ])
    await compare(here, 'r', JSON.stringify(options), async (handle) => {
      const pieces: unknown[] = [];
      for await (const piece of handle.createReadStream(options)) pieces.push(piece);
      return [pieces, handle.fd];
    });
  await compare(here, 'r', 'lines', async (handle) => {
    const lines: string[] = [];
    for await (const line of handle.readLines()) lines.push(line);
    return [lines.length, lines.at(-1), handle.fd];
  });
  await compare(here, 'r', 'web', async (handle) => {
    let text = '';
    for await (const piece of handle.readableWebStream())
      text += Buffer.from(piece as ArrayBuffer).toString('latin1');
    return text;
  });
  await compare(here, 'r+', 'writing', async (handle) => {
    const stream = handle.createWriteStream({ start: 2 });
    for (const piece of ['one', Buffer.from('two'), 'three']) stream.write(piece);
    await new Promise<void>((resolve) => stream.end(() => resolve()));
    return stream.bytesWritten;
  });
  let text = '';
  const handle = await fs.open(path);
  for await (const piece of createReadStream(null as never, { fd: handle, encoding: 'utf8' })) text += piece;
  assert.ok(text === CONTENT && handle.fd === -1);
});

handleTest('close, once and again', async (path) => {
  const handle = await fs.open(path);
  let events = 0;
  (handle as unknown as EventEmitter).on('close', () => events++);
  const [first, second] = [handle.close(), handle.close()];
  assert.deepEqual([await first, await second, await handle.close()], [undefined, undefined, undefined]);
  assert.deepEqual([handle.fd, events, descriptorsOf(path)], [-1, 1, []]);
  await (async () => {
    await using other = await fs.open(path, 'r+');
    await other.read(Buffer.alloc(1));
  })();
  assert.deepEqual(descriptorsOf(path), []);
});

handleTest('everything after close fails as with Node', async (path, here) => {
  const uses: Record<string, (handle: FileHandle) => unknown> = {
    read: (handle) => handle.read(Buffer.alloc(1)),
    'read, badly': (handle) => handle.read(7 as never),
    write: (handle) => handle.write('x'),
    readv: (handle) => handle.readv([Buffer.alloc(1)]),
    writev: (handle) => handle.writev([Buffer.alloc(1)]),
    readFile: (handle) => handle.readFile(),
    writeFile: (handle) => handle.writeFile('x'),
    appendFile: (handle) => handle.appendFile('x'),
    stat: (handle) => handle.stat(),
    truncate: (handle) => handle.truncate(),
    sync: (handle) => handle.sync(),
    createReadStream: (handle) => handle.createReadStream(),
    readableWebStream: (handle) => handle.readableWebStream(),
  };
  for (const [name, use] of Object.entries(uses))
    await compareWithNode(here.folder, name, async (each) => {
      const handle = await each.open(path, 'r+');
      await handle.close();
      return use(handle);
    });
  for (const name of ['readFile', 'writeFile', 'appendFile'] as const)
    await compareWithNode(here.folder, `${name}(handle)`, async (each) => {
      const handle = await each.open(path, 'r+');
      await handle.close();
      return (each[name] as typeof nodeFs.readFile)(handle, 'utf8');
    });
});

handleTest('close waits for what is under way', async (path) => {
  for (let round = 0; round < times(30); round++) {
    const handle = await fs.open(path, 'r+');
    const reads = Array.from({ length: 100 }, (_, n) => handle.read(Buffer.alloc(20), 0, 20, n * 16));
    const whole = handle.readFile('utf8');
    const write = handle.write('one', 0);
    const stat = handle.stat();
    const closing = handle.close();
    for (const { bytesRead, buffer } of await Promise.all(reads))
      assert.deepEqual([bytesRead, buffer.toString('utf8', 0, 8)], [20, buffer.toString('utf8', 0, 8)]);
    assert.equal(await whole, CONTENT);
    assert.deepEqual(
      [(await write).bytesWritten, (await stat).isFile(), await closing],
      [3, true, undefined],
    );
    assert.equal(handle.fd, -1);
  }
  assert.deepEqual(descriptorsOf(path), []);
});

/** POSIX_FADV_DONTNEED: what has to come from a disk is read by several threads of the kernel's at once. */
async function forget(path: string): Promise<void> {
  await using handle = await nodeFs.open(path, 'r+');
  await handle.sync();
  using ring = new IoUringState(1, { flags: 0 });
  fadvise(ring.getSqe()!, handle.fd, 0, 0, 4);
  ring.commitSqe();
  ring.submitAndWait(1);
}

handleTest('reads and writes that do not say where: each byte once', async (path, here) => {
  const content = Buffer.alloc(2_000_000);
  for (let at = 0; at < content.length; at += 4000) content.writeUInt32BE(at + 1, at);
  for (let round = 0; round < times(4); round++) {
    writeFileSync(path, content);
    if (!without.skip) await forget(path);
    await using handle = await fs.open(path);
    const reads = Array.from({ length: 500 }, () => handle.read(Buffer.alloc(4000)));
    const pieces = (await Promise.all(reads)).map(({ buffer }) => buffer);
    // In whatever order.
    assert.ok(Buffer.concat(pieces.sort(Buffer.compare)).equals(content), 'something was read twice');
    await using into = await fs.open(here.at('copy'), 'w+');
    await Promise.all(pieces.map((piece) => into.write(piece)));
    const copy = readFileSync(here.at('copy'));
    const copies = pieces.map((_, n) => copy.subarray(n * 4000, n * 4000 + 4000));
    assert.ok(Buffer.concat(copies.sort(Buffer.compare)).equals(content), 'something was written over');
  }
});

handleTest('what Node does at the position and what the ring does: each byte once', async (path) => {
  for (let round = 0; round < times(20); round++) {
    const handle = await fs.open(path, 'w+');
    // Text in latin1 is Node's, and so is a buffer with options that are not plain.
    const writing = Array.from({ length: 30 }, (_, n) => [
      handle.write(Buffer.alloc(1000 + n)),
      handle.write('ä'.repeat(500), null, 'latin1'),
      handle.write(Buffer.alloc(50), { length: 50, position: null, other: 1 } as never),
      // No number: the file's own.
      handle.write(Buffer.alloc(10), 0, 10, 7n as never),
    ]).flat();
    const written = (await Promise.all(writing)).reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
    assert.equal((await handle.stat()).size, written);
    await handle.close();
    const reader = await fs.open(path);
    const reading = Array.from({ length: 40 }, (_, n) =>
      n % 4 === 3
        ? reader.read(new Uint8Array(100), 0, 100, -1 as never)
        : reader.read({ buffer: Buffer.alloc(100), position: n % 2 === 0 ? null : undefined }),
    );
    const read = (await Promise.all(reading)).reduce((sum, { bytesRead }) => sum + bytesRead, 0);
    assert.equal((await reader.readFile()).length, written - read);
    await reader.close();
  }
});

handleTest('whole files and pieces, by the handle and by the functions: each byte once', async (path) => {
  const large = Buffer.alloc(20_000, 'x');
  async function* pieces(): AsyncGenerator<Buffer> {
    for (let n = 0; n < 5; n++) {
      await turn();
      yield large;
    }
  }
  for (let round = 0; round < times(30); round++) {
    await using handle = await fs.open(path, 'w+');
    await Promise.all([
      handle.write(large),
      fs.writeFile(handle, large),
      handle.write(large),
      fs.appendFile(handle, 'y'.repeat(20_000)),
      handle.writeFile(pieces() as never),
      ...Array.from({ length: 20 }, () => handle.write(large)),
    ]);
    assert.equal((await handle.stat()).size, 29 * 20_000);
    await using reader = await fs.open(path);
    const [whole, rest, { bytesRead }] = await Promise.all([
      fs.readFile(reader),
      reader.readFile(),
      reader.read(Buffer.alloc(10)),
    ]);
    assert.equal(whole.length + rest.length + bytesRead, 29 * 20_000);
  }
});

handleTest('a buffer that is transferred away before the kernel is told', async (path) => {
  const away = (bytes: Uint8Array): void =>
    void structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] });
  const gone = { code: 'ERR_INVALID_STATE', message: /transferred away before/ };
  await using handle = await fs.open(path, 'r+');
  const [one, two, three] = [100, 100, 100].map((size) => new Uint8Array(size));
  const outcomes = Promise.allSettled([
    handle.write(one, 0, 100, 0),
    handle.writeFile(two),
    handle.read(three, 0, 100, 0),
  ]);
  for (const bytes of [one, two, three]) away(bytes);
  for (const outcome of await outcomes)
    await assert.rejects(
      outcome.status === 'rejected' ? Promise.reject(outcome.reason) : Promise.resolve(),
      gone,
    );
  assert.equal(readFileSync(path, 'utf8'), CONTENT);
  // Some of it is written by then.
  const much = new Uint8Array(4_000_000);
  const writing = handle.writeFile(much);
  await turn();
  away(much);
  await assert.rejects(writing, gone);
  const whole = new Uint8Array(5000);
  const another = fs.writeFile(path, whole);
  away(whole);
  await assert.rejects(another, gone);
});

handleTest('what has no memory, and proxies that throw', async (_path, here) => {
  const proxy = (target: object): never =>
    new Proxy(target, {
      get: () => {
        throw new Error('of the proxy');
      },
      getPrototypeOf: () => {
        throw new Error('of the proxy');
      },
    }) as never;
  const detached = (): Uint8Array => {
    const bytes = new Uint8Array(5);
    structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] });
    return bytes;
  };
  await compare(here, 'r+', 'writeFile of nothing', (handle) => handle.writeFile(detached()));
  await compare(here, 'r+', 'write of nothing', (handle) => handle.write(detached()));
  await compare(here, 'r+', 'readv', (handle) => handle.readv(proxy([])));
  await compare(here, 'r+', 'writev', (handle) => handle.writev(proxy([])));
  await compare(here, 'r+', 'read', (handle) => handle.read(proxy({})));
  for (const mode of ['x', -1, 0o600, '600'])
    await compare(here, 'r+', `mode ${mode}`, (handle) => handle.writeFile('x', { mode } as never));
  for (const name of ['readFile', 'writeFile', 'open', 'rm'] as const)
    await compareWithNode(here.folder, name, (each) => each[name](proxy({}), 'x' as never));
});

handleTest('many that wait and fail settle all the same', async (path) => {
  const handle = await fs.open(path, 'w');
  const first = handle.write('x');
  const buffer = new Uint8Array(10);
  const failing = Array.from({ length: 20_000 }, () => handle.write(buffer));
  structuredClone(buffer.buffer, { transfer: [buffer.buffer] });
  assert.equal((await first).bytesWritten, 1);
  for (const outcome of await Promise.allSettled(failing)) {
    assert.equal(outcome.status, 'rejected');
    assert.equal(outcome.reason.code, 'ERR_INVALID_STATE');
  }
  assert.equal((await handle.write('y')).bytesWritten, 1);
  await handle.close();
  assert.equal(readFileSync(path, 'latin1'), 'xy');
});

handleTest('buffers of another realm', async (_path, here) => {
  for (const source of [
    'new Uint8Array([1, 2, 3, 4])',
    'new Float32Array(1)',
    'new DataView(new ArrayBuffer(4))',
    'new Uint8Array(new SharedArrayBuffer(4))',
  ]) {
    const make = (): Uint8Array => runInNewContext(source);
    await compare(here, 'r+', source, async (handle) => {
      const [view, other] = [make(), make()];
      const read = await handle.read(view, 0, 4, 1);
      const written = await handle.write(other, 0, 4, 0);
      const vectors = [make(), make()];
      const { bytesRead } = await handle.readv(vectors, 3);
      await handle.writev(vectors, 9);
      await handle.writeFile(make());
      return [
        read.bytesRead,
        written.bytesWritten,
        bytesRead,
        Buffer.from(view.buffer).toString('hex'),
        vectors.map(({ buffer }) => Buffer.from(buffer).toString('hex')),
      ];
    });
  }
});

handleTest('a list of buffers is taken as it is at the call', async (path) => {
  const handle = await fs.open(path, 'w+');
  const list: Buffer[] = [];
  const writing = ['one', 'two', 'three'].map((text) => {
    list.push(Buffer.from(text));
    const result = handle.writev(list);
    list.length = 0;
    return result;
  });
  await Promise.all(writing);
  const [a, b] = [Buffer.alloc(3), Buffer.alloc(8)];
  list.push(a, b);
  const reading = handle.readv(list, 0);
  list.length = 0;
  assert.equal((await reading).bytesRead, 11);
  assert.equal(`${a} ${b}`, 'one twothree');
  await handle.close();
});

handleTest('a handle is not copied, but goes to whom it is given', async (path) => {
  const { port1, port2 } = new MessageChannel();
  const handle = await fs.open(path);
  const nodes = await nodeFs.open(path);
  for (const send of [structuredClone, port1.postMessage.bind(port1)] as ((value: unknown) => unknown)[]) {
    const [ours, theirs] = [handle, nodes].map((each) => {
      try {
        return send(each);
      } catch (error) {
        const { name, message } = error as Error;
        return { name, message };
      }
    });
    assert.deepEqual(ours, theirs);
    assert.match((ours as Error).message, /transfer|could not be cloned/i);
  }
  const reading = handle.read(Buffer.alloc(1));
  assert.throws(() => port1.postMessage(handle, [handle as never]), { name: 'DataCloneError' });
  await reading;
  await nodes.close();
  port1.postMessage(handle, [handle as never]);
  assert.equal(handle.fd, -1);
  await assert.rejects(handle.read(Buffer.alloc(1)), { code: 'EBADF' });
  await turn();
  const { message: received } = receiveMessageOnPort(port2) as { message: FileHandle };
  assert.equal(await received.readFile('utf8'), CONTENT.slice(1));
  assert.equal(await fs.readFile(received, 'utf8'), '');
  await received.close();
  assert.deepEqual(descriptorsOf(path), []);
  port1.close();
});

handleTest('one that is dropped is closed, and Node says so', async (path) => {
  for (const flags of ['r', 'w']) {
    const ours = await saidOfDropped(fs, path, flags);
    assert.deepEqual(descriptorsOf(path), [], flags);
    assert.equal(ours.length, 1, flags);
    assert.deepEqual(ours, await saidOfDropped(nodeFs, path, flags));
  }
});
