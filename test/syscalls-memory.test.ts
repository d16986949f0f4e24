/**
 * Memory that JavaScript and the kernel share: addresses, pages, and what becomes of them.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { test } from 'node:test';
import {
  addressOf,
  allocatePages,
  libc,
  linux,
  MAP_FIXED,
  MAP_PRIVATE,
  PROT_READ,
  pageSize,
  SharedPages,
} from 'tsuring/syscalls';
import { collect, collectUntil } from './support/collect.ts';
import { timeLimit } from './support/time-limit.ts';
import { isMapped, mappingFlags } from './support/traces.ts';
import { tsWorker } from './support/ts-worker.ts';

test('addressOf: the same memory that the kernel sees', async () => {
  const file = openSync('/proc/self/exe', 'r');
  const magic = [0x7f, 0x45, 0x4c, 0x46];
  const fill = (at: number) => {
    assert.equal(libc().syscall(process.arch === 'x64' ? 17 : 67, file, at, 4, 0, 0, 0), 4);
  };
  const targets: Record<string, ArrayBufferView> = {
    Uint8Array: new Uint8Array(4),
    'a big one': new Uint8Array(100_000),
    'a subarray': new Uint8Array(64).subarray(13, 17),
    DataView: new DataView(new ArrayBuffer(32), 8, 4),
    'a pooled Buffer': Buffer.from('four'),
    'an unpooled Buffer': Buffer.alloc(4),
    Int32Array: new Int32Array(1),
    Float64Array: new Float64Array(1),
    'shared memory': new Uint8Array(new SharedArrayBuffer(4)),
    'WebAssembly memory': new Uint8Array(wasmMemory(), 100, 4),
  };
  for (const [name, view] of Object.entries(targets)) {
    const at = addressOf(view);
    // Small typed arrays begin on V8's heap: the collector must not move what was told.
    await collect();
    fill(at);
    const bytes = new Uint8Array(view.buffer, view.byteOffset, 4);
    assert.deepEqual([...bytes], magic, name);
    assert.equal(addressOf(view), at, name);
    assert.equal(addressOf(view.buffer) + view.byteOffset, at, name);
  }
  closeSync(file);
});

test('addressOf: neighbours in one buffer, and buffers apart', () => {
  const buffer = new ArrayBuffer(64);
  const at = addressOf(buffer);
  for (const offset of [0, 1, 8, 63]) assert.equal(addressOf(new Uint8Array(buffer, offset)), at + offset);
  assert.equal(addressOf(new Uint8Array(buffer, 64)), at + 64, 'one past the end, of no length');
  const many = Array.from({ length: 1000 }, () => new Uint8Array(16));
  assert.equal(new Set(many.map(addressOf)).size, 1000);
});

test('addressOf: a DataView made in the same compiled function', () => {
  // V8 13.6 (Node 24) takes it for no view there, after some 4,000 rounds.
  class Holder {
    readonly #view = new DataView(new ArrayBuffer(64));
    readonly address: number = addressOf(this.#view);
  }
  let least = Number.POSITIVE_INFINITY;
  for (let n = 0; n < 60_000; n++) {
    least = Math.min(least, new Holder().address);
    if (n % 2 === 0) least = Math.min(least, addressOf(new Uint8Array(16)));
    if (n % 3 === 0) least = Math.min(least, addressOf(new SharedArrayBuffer(8)));
  }
  assert.ok(least > 0);
});

test('addressOf: empty, detached, no buffer', () => {
  assert.equal(addressOf(new Uint8Array(0)), 0);
  assert.equal(addressOf(new ArrayBuffer(0)), 0);
  assert.equal(addressOf(new SharedArrayBuffer(0)), 0);
  const view = new Uint8Array(64);
  addressOf(view);
  const moved = structuredClone(view.buffer, { transfer: [view.buffer] });
  assert.throws(() => addressOf(view), {
    name: 'TypeError',
    code: 'ERR_INVALID_ARG_VALUE',
    message: /detached/,
  });
  assert.throws(() => addressOf(view.buffer), { code: 'ERR_INVALID_ARG_VALUE' });
  assert.ok(addressOf(moved) > 0);
  for (const bad of [undefined, null, 5, 5n, 'text', {}, [], () => 0, Symbol('s')])
    assert.throws(() => addressOf(bad as never), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
});

test('allocatePages: whole zeroed pages on a page boundary', () => {
  const page = pageSize();
  for (const [asked, given] of [
    [1, page],
    [page, page],
    [page + 1, 2 * page],
    [10 * 2 ** 20, 10 * 2 ** 20],
    [100 * 2 ** 20 + 1, 100 * 2 ** 20 + page],
  ]) {
    const pages = allocatePages(asked);
    assert.equal(pages.byteLength, given);
    assert.equal(pages.address % page, 0);
    assert.equal(addressOf(pages.bytes()), pages.address);
    assert.ok(pages.buffer instanceof SharedArrayBuffer);
    const ends = [pages.bytes(0, 64), pages.bytes(given - 64)];
    assert.ok(ends.every((part) => part.every((byte) => byte === 0)));
    ends[1].fill(7);
    assert.equal(pages.bytes(given - 1)[0], 7);
    // Not of malloc's heap, whose memory would serve somebody else next.
    assert.equal(pages.isSeparate, true);
    assert.ok(pages.buffer.byteLength > 32 * 2 ** 20);
  }
  for (const bad of [0, -1, 0.5, Number.NaN, 2 ** 41, Infinity])
    assert.throws(() => allocatePages(bad), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
  for (const bad of ['1', 1n, undefined, null])
    assert.throws(() => allocatePages(bad as never), { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
});

test('SharedPages: parts, and what cannot be', () => {
  const pages = allocatePages(2 * pageSize());
  const end = pages.byteLength;
  assert.equal(pages.bytes(10, 5).byteOffset, pages.byteOffset + 10);
  assert.equal(pages.bytes(end).length, 0);
  for (const [offset, length] of [
    [-1, 1],
    [0, end + 1],
    [end, 1],
    [end + 1, 0],
    [0.5, 1],
    [Number.NaN, 1],
  ])
    assert.throws(() => pages.bytes(offset, length), { code: 'ERR_OUT_OF_RANGE' }, `${offset}, ${length}`);
  const { buffer, byteOffset, byteLength } = pages;
  assert.equal(new SharedPages(buffer, byteOffset, pageSize()).address, pages.address);
  const value = { code: 'ERR_INVALID_ARG_VALUE' };
  assert.throws(() => new SharedPages(buffer, byteOffset + 8, pageSize()), value);
  assert.throws(() => new SharedPages(buffer, byteOffset, 100), value);
  assert.throws(() => new SharedPages(buffer, buffer.byteLength + 1, 1), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => new SharedPages(buffer, byteOffset, 2 ** 40), { code: 'ERR_OUT_OF_RANGE' });
  for (const bad of [new ArrayBuffer(byteLength), new Uint8Array(8), null, 5])
    assert.throws(() => new SharedPages(bad as never, 0, 8), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('small pieces refuse huge pages, large ones do not', (t) => {
  if (!existsSync('/sys/kernel/mm/transparent_hugepage')) return t.skip('needs a kernel with huge pages');
  const small = [1, 2 ** 20].map(allocatePages);
  const large = allocatePages(2 ** 21);
  small[1].renew();
  const flags = [...small, large].map(({ address }) => mappingFlags(address));
  assert.ok(flags.every((each) => each.includes('rd')));
  assert.deepEqual(
    flags.map((each) => each.includes('nh')),
    [true, true, false],
  );
});

test('dropped pages leave the process', async () => {
  const addresses = dropPages(20);
  assert.ok(await collectUntil(() => addresses.filter(isMapped).length <= 2));
});

test('SharedPages in a Worker have the same address', { timeout: timeLimit }, async () => {
  const pages = allocatePages(pageSize());
  const bytes = pages.bytes();
  bytes[0] = 42;
  const { buffer, byteOffset, byteLength, address } = pages;
  const worker = tsWorker('pages-worker', { buffer, byteOffset, byteLength });
  const [answer] = await once(worker, 'message');
  assert.deepEqual(answer, { address, bytesAt: address, first: 42 });
  worker.postMessage('write');
  await once(worker, 'message');
  assert.equal(bytes[1], 43);
  await worker.terminate();
});

test('renew: fresh zero pages at the same address; what was mapped there is let go', () => {
  const pages = allocatePages(3 * pageSize());
  const bytes = pages.bytes();
  bytes.fill(5);
  const middle = new SharedPages(pages.buffer, pages.byteOffset + pageSize(), pageSize());
  middle.renew();
  assert.ok(middle.bytes().every((byte) => byte === 0));
  assert.equal(bytes[0], 5);
  assert.equal(bytes[pageSize() - 1], 5);
  assert.equal(bytes[2 * pageSize()], 5, 'its neighbours keep theirs');
  middle.bytes()[9] = 1;
  assert.equal(bytes[pageSize() + 9], 1, 'still the same memory');
  pages.renew();
  assert.ok(bytes.every((byte) => byte === 0));
});

test('what was mapped over pages is visible in them until renew', () => {
  const pages = allocatePages(pageSize());
  const fd = openSync('/proc/self/exe', 'r');
  assert.equal(
    linux.mmap(pages.address, pageSize(), PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0),
    pages.address,
  );
  closeSync(fd);
  assert.equal(Buffer.from(pages.bytes(1, 3)).toString(), 'ELF');
  pages.renew();
  assert.deepEqual([...pages.bytes(0, 4)], [0, 0, 0, 0]);
});

/** Memory of WebAssembly, of which TypeScript knows only with the types of a browser. */
function wasmMemory(): ArrayBuffer {
  const { WebAssembly } = globalThis as unknown as {
    WebAssembly: { Memory: new (size: { initial: number }) => { buffer: ArrayBuffer } };
  };
  return new WebAssembly.Memory({ initial: 1 }).buffer;
}

function dropPages(count: number): number[] {
  return Array.from({ length: count }, () => {
    const pages = allocatePages(pageSize());
    pages.bytes().fill(1);
    return pages.address;
  });
}
