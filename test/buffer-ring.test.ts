/**
 * A ring of provided buffers, as far as it is a matter of memory: what its entries look like, what may be given when, and
 * which arguments are refused. The kernel is a fake that does nothing.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allocatePages, BufferRing, IoUringState } from 'tsuring';
import { addressOf, io_uring_buf_ring } from 'tsuring/syscalls';
import { completion } from './support/buffer-rings.ts';
import { entriesOf, group, stateError, tailOf, taken, took } from './support/buffer-rings-fake.ts';
import { FakeKernel } from './support/fake-kernel.ts';

test('a new group has all its buffers with the kernel, in the order of their IDs', () => {
  const buffers = group({ entries: 4, bufferSize: 100 });
  const { pages } = buffers;
  assert(pages !== null);
  assert.deepEqual(
    entriesOf(buffers),
    [0, 1, 2, 3].map((id) => ({ addr: pages.address + id * 100, len: 100, bid: id })),
  );
  assert.equal(tailOf(buffers), 4);
  assert.deepEqual(
    [buffers.group, buffers.entries, buffers.mask, buffers.bufferSize, buffers.provided, buffers.staged],
    [7, 4, 3, 100, 4, 0],
  );
  assert.equal(buffers.memory.kind, 'user');
  assert.equal(buffers.memory.bytes.length, 64);
  assert.equal(buffers.incremental, false);
});

test('provide: false leaves them to the program', () => {
  const buffers = group({ entries: 4, bufferSize: 100, provide: false });
  assert.deepEqual([tailOf(buffers), buffers.provided, buffers.isProvided(2)], [0, 0, false]);
  buffers.recycle(2, 10);
  assert.deepEqual(
    [tailOf(buffers), buffers.provided, buffers.staged, buffers.isProvided(2)],
    [0, 1, 1, true],
  );
  assert.equal(buffers.publish(), 1);
  assert.deepEqual([tailOf(buffers), buffers.provided, buffers.staged], [1, 1, 0]);
  assert.deepEqual(entriesOf(buffers)[0], { addr: buffers.pages!.address + 200, len: 10, bid: 2 });
});

test('memory of any kind is added where it is', () => {
  const buffers = group({ entries: 8 });
  const pages = allocatePages(4096);
  const whole = new ArrayBuffer(64);
  const memories = [
    { given: Buffer.alloc(100), id: 5, length: 100 },
    { given: new Uint16Array(new ArrayBuffer(40), 8, 10), id: 65535, length: 20 },
    { given: new DataView(whole, 32), id: 40000, length: 31 },
    { given: pages, id: 0, length: 4000 },
    { given: new SharedArrayBuffer(16), id: 1, length: 1 },
    { given: pages.address + 8, id: 2, length: 9 },
    { given: BigInt(pages.address + 16), id: 3, length: 10 },
  ];
  for (const { given, length, id } of memories) buffers.add(given, length, id);
  const addressesOf = memories.map(({ given }) =>
    typeof given === 'number' || typeof given === 'bigint'
      ? Number(given)
      : given === pages
        ? pages.address
        : addressOf(given as Uint8Array),
  );
  assert.equal(tailOf(buffers), 0, 'nothing is published yet');
  assert.deepEqual(
    entriesOf(buffers).slice(0, 7),
    memories.map(({ id, length }, i) => ({ addr: addressesOf[i], len: length, bid: id })),
  );
  assert.deepEqual([buffers.provided, buffers.staged], [7, 7]);
  buffers.advance(3);
  assert.deepEqual([tailOf(buffers), buffers.staged], [3, 4]);
  buffers.advance(0);
  assert.equal(buffers.publish(), 4);
  assert.deepEqual([tailOf(buffers), buffers.staged, buffers.publish()], [7, 0, 0]);
  for (const { id, length, given } of memories) {
    const view = () => buffers.view(completion(length, took(id)));
    if (typeof given === 'number' || typeof given === 'bigint') {
      assert.throws(view, { code: 'ERR_INVALID_STATE', message: /given as an address/ });
      continue;
    }
    const bytes = view();
    assert(bytes !== null);
    assert.equal(addressOf(bytes), addressesOf[memories.findIndex((one) => one.id === id)]);
    assert.equal(bytes.length, length);
    assert.equal(buffers.buffer(id), buffers.buffer(id), 'always the same view');
  }
  assert.equal(buffers.provided, 0);
});

test('an ID that gets other memory shows that', () => {
  const buffers = group({ entries: 2, bufferSize: 64 });
  assert.equal(addressOf(buffers.buffer(0)), buffers.pages!.address);
  const other = Buffer.alloc(32, 'o');
  buffers.take(completion(1, took(0)));
  buffers.add(other, 32, 0);
  const view = buffers.view(completion(3, took(0)));
  assert.equal(Buffer.from(view!).toString(), 'ooo');
  buffers.add(other, 16, 0);
  assert.equal(buffers.buffer(0).length, 16);
  buffers.take(completion(1, took(0)));
  buffers.recycle(0);
  assert.deepEqual(
    entriesOf(buffers)[0],
    { addr: addressOf(other), len: 16, bid: 0 },
    'the memory it had last',
  );
});

test('the first entry leaves the tail alone, which wraps at 65,536', () => {
  const buffers = group({ entries: 2, bufferSize: 16 });
  const { bytes } = buffers.memory;
  const tail = new Uint16Array(bytes.buffer, bytes.byteOffset + io_uring_buf_ring.fields.tail[0], 1);
  const completions = [completion(0, took(0)), completion(0, took(1))];
  for (let n = 2; n < 65_536 * 2 + 10; n++) {
    // As the kernel takes them: in turn.
    if (buffers.take(completions[n & 1]) !== 1) assert.fail(`${n} is taken`);
    buffers.recycle(n & 1);
    if (tail[0] !== (n & 0xffff)) assert.fail(`${n} is written: the tail is ${tail[0]}`);
    buffers.publish();
    if (tail[0] !== ((n + 1) & 0xffff)) assert.fail(`${n} is published: the tail is ${tail[0]}`);
  }
  assert.equal(buffers.provided, 2);
});

test('the largest group', () => {
  const buffers = group({ entries: 32_768, bufferSize: 64 });
  assert.equal(tailOf(buffers), 32_768);
  const last = { addr: buffers.pages!.address + 32_767 * 64, len: 64, bid: 32_767 };
  assert.deepEqual(entriesOf(buffers)[32_767], last);
  for (let id = 0; id < 32_768; id++) buffers.take(completion(64, took(id)));
  assert.equal(buffers.provided, 0);
  for (let id = 0; id < 32_768; id++) buffers.recycle(id);
  assert.equal(buffers.publish(), 32_768);
  assert.equal(tailOf(buffers), 0);
  assert.equal(buffers.take(completion(64 * 32_768, took(0))), 32_768, 'one bundle of all');
});

test('no more buffers than entries', () => {
  const buffers = group({ entries: 2 });
  const memory = Buffer.alloc(64);
  buffers.add(memory, 64, 0);
  buffers.publish();
  buffers.add(memory, 64, 1);
  assert.throws(() => buffers.add(memory, 64, 2), stateError(/All 2 entries are taken/));
  buffers.take(completion(1, took(0)));
  buffers.add(memory, 64, 2);
  assert.throws(() => buffers.recycle(0), stateError(/All 2 entries are taken/));
  assert.deepEqual([buffers.provided, buffers.staged, tailOf(buffers)], [2, 2, 1]);
});

test('a buffer may be given in part', () => {
  const buffers = group({ entries: 4, bufferSize: 100, provide: false });
  for (const [id, length] of [
    [1, 10],
    [0, 100],
    [3, 1],
  ])
    buffers.recycle(id, length);
  buffers.publish();
  assert.deepEqual(taken(buffers, completion(111, took(1))), [
    [1, 0, 10],
    [0, 0, 100],
    [3, 0, 1],
  ]);
  assert.throws(() => buffers.recycle(1, 101), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => buffers.recycle(1, 0), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => buffers.recycle(1, 1.5), { code: 'ERR_OUT_OF_RANGE' });
  buffers.recycle(1);
  assert.equal(entriesOf(buffers)[3].len, 100, 'and is whole by default');
});

test('cqAdvance moves both, or neither', () => {
  using ring = new IoUringState(8, { flags: 0, kernel: new FakeKernel() });
  const buffers = new BufferRing(ring, { group: 7, entries: 4, bufferSize: 64 });
  buffers.take(completion(1, took(0)));
  buffers.recycle(0);
  assert.throws(() => buffers.cqAdvance(1), { code: 'ERR_OUT_OF_RANGE' }, 'no completion stands');
  assert.throws(() => buffers.cqAdvance(0, 2), { code: 'ERR_OUT_OF_RANGE' }, 'one buffer is staged');
  assert.deepEqual([tailOf(buffers), buffers.staged], [4, 1]);
  buffers.cqAdvance(0, 1);
  assert.deepEqual([tailOf(buffers), buffers.staged], [5, 0]);
});

test('arguments are checked', () => {
  using ring = new IoUringState(8, { flags: 0, kernel: new FakeKernel() });
  const make = (options: object) => () => new BufferRing(ring, { group: 0, entries: 4, ...options });
  const range = { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' };
  const type = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
  const value = { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' };
  for (const entries of [0, 3, 5, 1000, 32_767, 65_536, 2 ** 32, -4, 1.5, Number.NaN])
    assert.throws(make({ entries }), range, `${entries} entries`);
  for (const groupId of [-1, 65_536, 0.5]) assert.throws(make({ group: groupId }), range);
  for (const bufferSize of [0, -1, 2 ** 31, 1.5]) assert.throws(make({ bufferSize }), range);
  for (const wrong of [
    { entries: '4' },
    { group: null },
    { bufferSize: '1' },
    { incremental: 1 },
    { provide: 'no' },
  ])
    assert.throws(make(wrong), type, JSON.stringify(wrong));
  assert.throws(make({ memory: 'kernel' }), value);
  assert.throws(make({ minLeft: 5 }), value, 'of an incremental group only');
  assert.throws(make({ incremental: true, minLeft: 101, bufferSize: 100 }), range);
  assert.throws(make({ incremental: true, minLeft: -1 }), range);
  assert.throws(make({ provide: true }), value, 'there are no buffers');
  assert.throws(make({ pages: allocatePages(4096) }), value, 'of which size?');
  assert.throws(make({ pages: new Uint8Array(4096), bufferSize: 1024 }), type);
  assert.throws(make({ pages: allocatePages(4096), bufferSize: 1025 }), range);
  assert.throws(() => new BufferRing(ring, undefined as never), type);
  assert.throws(() => new BufferRing({} as never, { group: 0, entries: 4 }), type);

  const buffers = new BufferRing(ring, { group: 0, entries: 4 });
  const memory = Buffer.alloc(64);
  assert.throws(() => buffers.add(memory, 65, 0), range);
  assert.throws(() => buffers.add(memory, 0, 0), range);
  assert.throws(() => buffers.add(memory, 64, 65_536), range);
  assert.throws(() => buffers.add(memory, 64, -1), range);
  assert.throws(() => buffers.add(memory, 64, '1' as never), type);
  assert.throws(() => buffers.add('memory' as never, 64, 0), type);
  assert.throws(() => buffers.add(0, 64, 0), range, 'NULL');
  assert.throws(() => buffers.add(-1n, 64, 0), range);
  for (const id of [-1, 65_536, 0.5, Number.NaN]) assert.throws(() => buffers.recycle(id), range);
  assert.throws(() => buffers.recycle('1' as never), type);
  assert.throws(() => buffers.isProvided(65_536), range);
  assert.throws(() => buffers.buffer(-1), range);
  assert.throws(() => buffers.advance(1), range);
  assert.throws(() => buffers.advance(-1), range);
  assert.deepEqual([buffers.provided, buffers.staged, tailOf(buffers)], [0, 0, 0]);
});

test('pages can serve one group after the other', () => {
  const pages = allocatePages(16_384);
  const buffers = group({ entries: 8, bufferSize: 2048, pages });
  assert.equal(buffers.pages, pages);
  assert.equal(addressOf(buffers.buffer(7)), pages.address + 7 * 2048);
});

test('a closed one takes what comes late, and nothing else', () => {
  using ring = new IoUringState(8, { flags: 0, kernel: new FakeKernel() });
  const buffers = new BufferRing(ring, { group: 7, entries: 4, bufferSize: 64 });
  buffers.take(completion(1, took(0)));
  assert.equal(buffers.closed, false);
  buffers.close();
  buffers.close();
  assert.equal(buffers.closed, true);
  const closed = { name: 'UringError', code: 'EBADF', syscall: 'io_uring_register' };
  for (const call of [
    () => buffers.recycle(0),
    () => buffers.add(Buffer.alloc(1), 1, 0),
    () => buffers.publish(),
    () => buffers.advance(0),
    () => buffers.cqAdvance(0),
    () => buffers.head(),
    () => buffers.available(),
    () => buffers.reclaim(),
  ])
    assert.throws(call, closed, String(call));
  assert.equal(buffers.view(completion(64, took(1)))?.length, 64);
  assert.equal(buffers.buffer(2).length, 64);
});

test('one whose ring is closed says the same', () => {
  const ring = new IoUringState(8, { flags: 0, kernel: new FakeKernel() });
  const buffers = new BufferRing(ring, { group: 7, entries: 4, bufferSize: 64 });
  ring.close();
  const closed = { name: 'UringError', code: 'EBADF' };
  assert.throws(() => buffers.publish(), closed);
  assert.throws(() => buffers.add(Buffer.alloc(1), 1, 9), closed);
  assert.throws(() => buffers.head(), closed);
  assert.throws(() => new BufferRing(ring, { group: 8, entries: 4, bufferSize: 64 }), closed);
  assert.throws(() => new BufferRing(ring, { group: 8, entries: 4, memory: 'mmap' }), closed);
  buffers.close();
});
