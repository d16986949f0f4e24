/**
 * Iovecs: byte for byte, what it takes and refuses, and what it refers to.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allocatePages, type BufferSource, Iovecs, type Memory } from 'tsuring';
import { addressOf, iovec, libc, makeStruct } from 'tsuring/syscalls';
import { collect, collectUntil } from './support/collect.ts';
import { memoryAt } from './support/memory-at.ts';

/** What C would have: one struct for each address and length. */
function structs(...pairs: (readonly [address: number, length: number])[]): Buffer {
  return Buffer.concat(pairs.map(([iov_base, iov_len]) => makeStruct(iovec, { iov_base, iov_len })));
}

test('an iovec for each buffer, byte for byte', () => {
  const pages = allocatePages(1);
  const whole = new ArrayBuffer(40);
  const shared = new SharedArrayBuffer(24);
  const view = new Uint8Array(whole, 3, 9);
  const wide = new Float64Array(shared, 8, 2);
  const data = new DataView(whole, 39, 1);
  const iovecs = new Iovecs([pages, whole, shared, view, wide, data]);
  assert.equal(iovecs.count, 6);
  assert.equal(iovecs.byteLength, 96);
  const expected = structs(
    [pages.address, pages.byteLength],
    [addressOf(whole), 40],
    [addressOf(shared), 24],
    [addressOf(whole) + 3, 9],
    [addressOf(shared) + 8, 16],
    [addressOf(whole) + 39, 1],
  );
  assert.deepEqual(memoryAt(iovecs.address, 96), expected, 'where the kernel looks');
  assert.deepEqual(Buffer.from(iovecs.bytes), expected);
  assert.deepEqual(iovecs.buffers, [pages, whole, shared, view, wide, data]);
});

test('addresses and lengths beyond 32 bits, by hand', () => {
  const far: Memory = { address: 0x7fab_8123_4567, byteLength: 0x2_0000_0003 };
  const iovecs = new Iovecs([far, null]);
  const hex = () => Buffer.from(iovecs.bytes).toString('hex').match(/.{16}/g);
  const first = ['67452381ab7f0000', '0300000002000000'];
  const nothing = '0000000000000000';
  assert.deepEqual(hex(), [...first, nothing, nothing]);
  iovecs.set(1, far, 0x9000_0000, 0x8000_0001);
  assert.deepEqual(hex(), [...first, '67452311ac7f0000', '0100008000000000']);
});

test('set: a part, the rest, nothing at the end, another buffer, none', () => {
  const buffer = new Uint8Array(100);
  const at = addressOf(buffer);
  const other = new Uint16Array(10);
  const iovecs = new Iovecs([buffer, buffer]);
  const hasSecond = (address: number, length: number) =>
    assert.deepEqual(memoryAt(iovecs.address, 32), structs([at, 100], [address, length]));
  iovecs.set(1, buffer, 10, 20);
  hasSecond(at + 10, 20);
  iovecs.set(1, buffer, 10);
  hasSecond(at + 10, 90);
  iovecs.set(1, buffer, 100);
  hasSecond(at + 100, 0);
  iovecs.set(1, other.subarray(1), 2);
  hasSecond(addressOf(other) + 4, 16);
  iovecs.set(1, null);
  hasSecond(0, 0);
  assert.deepEqual(iovecs.buffers, [buffer, null]);
  iovecs.set(1, buffer);
  hasSecond(at, 100);
  const empty = new Iovecs([new Uint8Array(0), new ArrayBuffer(0)]);
  assert.deepEqual(memoryAt(empty.address, 32), structs([0, 0], [0, 0]));
});

test('what is refused leaves the iovec as it was', () => {
  for (const bad of [undefined, null, {}, 'text', new Uint8Array(4), 3])
    assert.throws(() => new Iovecs(bad as never), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => new Iovecs([]), { code: 'ERR_OUT_OF_RANGE' });
  for (const bad of [undefined, {}, 'text', 4096, 4096n, [], { address: '1' }])
    assert.throws(() => new Iovecs([bad as unknown as Memory]), { code: 'ERR_INVALID_ARG_TYPE' });

  const buffer = new Uint8Array(100);
  const iovecs = new Iovecs([buffer, buffer]);
  const before = memoryAt(iovecs.address, 32);
  const range: [index: number, offset?: number, length?: number][] = [
    ...[[-1], [2], [0.5], [Number.NaN]].map(([index]) => [index] as [number]),
    ...[-1, 101, 0.5, Number.NaN, 2 ** 53].map((offset) => [0, offset] as [number, number]),
    ...[-1, 91, 0.5, Number.NaN].map((length) => [0, 10, length] as [number, number, number]),
  ];
  for (const [index, offset, length] of range)
    assert.throws(() => iovecs.set(index, new Uint8Array(buffer.buffer), offset, length), {
      code: 'ERR_OUT_OF_RANGE',
    });
  assert.throws(() => iovecs.set('0' as unknown as number, buffer), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => iovecs.set(0, undefined as unknown as BufferSource), { code: 'ERR_INVALID_ARG_TYPE' });
  const gone = new ArrayBuffer(8);
  addressOf(gone);
  structuredClone(gone, { transfer: [gone] });
  assert.throws(() => iovecs.set(0, gone), { code: 'ERR_INVALID_ARG_VALUE' }, 'detached');
  assert.deepEqual(memoryAt(iovecs.address, 32), before);
  assert.deepEqual(iovecs.buffers, [buffer, buffer]);
});

test('the array stays where it is and keeps the buffers it names, and no others', async () => {
  const [iovecs, refs] = (() => {
    const buffers = [1, 2, 3].map((n) => new Uint8Array(64 * n).fill(n));
    return [new Iovecs(buffers), buffers.map((buffer) => new WeakRef(buffer))] as const;
  })();
  const before = memoryAt(iovecs.address, iovecs.byteLength);
  await collect();
  assert.ok(
    refs.every((ref) => ref.deref()),
    'kept',
  );
  // A small typed array would have been moved by now.
  assert.deepEqual(memoryAt(iovecs.address, iovecs.byteLength), before);
  for (const n of [0, 1, 2])
    assert.equal(
      libc().peek(Number(before.readBigUInt64LE(16 * n))),
      0x0101_0101 * (n + 1),
      'where the buffers are',
    );
  iovecs.set(0, new Uint8Array(8));
  iovecs.set(2, null);
  assert.ok(await collectUntil(() => !refs[0].deref() && !refs[2].deref()), 'let go');
  assert.ok(refs[1].deref());
  assert.equal(iovecs.count, 3);
});

test('detached: a buffer that was transferred away', () => {
  const buffer = new ArrayBuffer(8);
  const iovecs = new Iovecs([new Uint8Array(4), new Uint8Array(buffer), new Uint8Array(0), null]);
  assert.equal(iovecs.detached, false);
  structuredClone(buffer, { transfer: [buffer] });
  assert.equal(iovecs.detached, true);
  iovecs.set(1, null);
  assert.equal(iovecs.detached, false);
});
