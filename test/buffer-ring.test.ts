/**
 * A ring of provided buffers, as far as it is a matter of memory and of accounts: what its entries look like, who has
 * which buffer, and where the bytes of a completion are. The kernel is a fake that does nothing: the completions are made
 * here, as the kernel's source has them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allocatePages, BufferRing, type BufferRingOptions, IoUringState } from 'tsuring';
import {
  addressOf,
  EINVAL,
  IORING_CQE_F_BUF_MORE,
  IORING_CQE_F_BUFFER,
  IORING_CQE_F_MORE,
  IORING_REGISTER_PBUF_STATUS,
  io_uring_buf,
  io_uring_buf_ring,
  io_uring_buf_status,
  type Kernel,
  readStruct,
  writeStruct,
} from 'tsuring/syscalls';
import { completion } from './support/buffer-rings.ts';
import { FakeKernel } from './support/fake-kernel.ts';

type Options = Partial<BufferRingOptions>;

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

test('a completion is taken once, and a buffer given once', () => {
  const buffers = group({ entries: 4, bufferSize: 64 });
  assert.throws(() => buffers.recycle(2), stateError(/Buffer 2 is with the kernel already/));
  const cqe = completion(10, took(2, IORING_CQE_F_MORE));
  assert.equal(buffers.view(cqe)?.length, 10);
  for (const again of [() => buffers.view(cqe), () => buffers.views(cqe), () => buffers.take(cqe)])
    assert.throws(again, stateError(/Buffer 2 is not with the kernel/));
  buffers.recycle(2);
  assert.throws(() => buffers.recycle(2), stateError(/already/));
  assert.equal(buffers.take(cqe), 1, 'given again, taken again');
  assert.throws(() => buffers.take(completion(1, took(4))), stateError(/another group/));
  assert.throws(() => buffers.take(completion(1, took(65_535))), stateError(/another group/));
  assert.throws(() => buffers.recycle(4), stateError(/no memory/));
  assert.throws(() => buffers.buffer(4), stateError(/no memory/));
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

test('what took no buffer brings none', () => {
  const buffers = group({ entries: 4, bufferSize: 64 });
  for (const cqe of [completion(5, 0), completion(-105, 0), completion(0, IORING_CQE_F_MORE)]) {
    assert.equal(buffers.view(cqe), null);
    assert.deepEqual(buffers.views(cqe), []);
    assert.equal(buffers.take(cqe), 0);
    assert.equal(buffers.recycleTaken(), 0);
  }
  assert.equal(buffers.provided, 4);
});

test('a buffer that was taken for nothing is used up', () => {
  const answers = { head: 0, fails: 0 };
  const buffers = group({ entries: 4, bufferSize: 64 }, answering(answers));
  answers.head = 2;
  assert.equal(buffers.view(completion(-125, took(1)))?.length, 0);
  assert.equal(buffers.view(completion(0, took(0)))?.length, 0);
  assert.deepEqual([buffers.isProvided(0), buffers.isProvided(1), buffers.provided], [false, false, 2]);
  assert.equal(buffers.recycleTaken(), 1);
  assert.equal(buffers.recycleTaken(), 0, 'once');
  assert.deepEqual([buffers.isProvided(0), buffers.staged], [true, 1]);
});

test('a failed request may have left the buffer where it was', () => {
  const answers = { head: 0, fails: 0 };
  const buffers = group({ entries: 4, bufferSize: 64 }, answering(answers));
  const failed = (id: number) => {
    const view = buffers.view(completion(-11, took(id)));
    assert.equal(view?.length, 0);
    return buffers.pieces.usedUp;
  };
  assert.equal(failed(0), 0, 'the next one that the kernel will take');
  assert.deepEqual([buffers.isProvided(0), buffers.provided, buffers.recycleTaken()], [true, 4, 0]);
  answers.head = 1;
  assert.deepEqual([failed(1), failed(3), failed(0)], [0, 0, 1]);
  assert.throws(() => buffers.view(completion(-11, took(0))), stateError(/Buffer 0 is not with the kernel/));
  buffers.recycle(0);
  assert.equal(failed(0), 0, 'staged');
  buffers.publish();
  // Once round: 0 is behind all others now.
  answers.head = 4;
  assert.deepEqual([failed(3), failed(0)], [1, 0]);
  answers.head = 5;
  assert.equal(failed(0), 1);
  answers.fails = -EINVAL;
  assert.equal(failed(1), 1, 'a kernel that cannot be asked leaves none');
});

test('a bundle spans buffers in the order in which they were given', () => {
  const buffers = group({ entries: 4, bufferSize: 10 });
  for (let id = 0; id < 4; id++) buffers.take(completion(10, took(id)));
  for (const id of [2, 0, 3, 1]) buffers.recycle(id);
  buffers.publish();
  assert.deepEqual(taken(buffers, completion(25, took(2))), [
    [2, 0, 10],
    [0, 0, 10],
    [3, 0, 5],
  ]);
  assert.equal(buffers.recycleTaken(), 3);
  buffers.publish();
  // 1 is the only one left of the old; 2, 0 and 3 follow over the end of the ring.
  const views = buffers.views(completion(40, took(1)));
  const { address } = buffers.pages!;
  assert.deepEqual(
    views.map((view) => [addressOf(view) - address, view.length]),
    [
      [10, 10],
      [20, 10],
      [0, 10],
      [30, 10],
    ],
  );
  assert.equal(buffers.provided, 0);
});

test('view takes no bundle of several, and says so before it takes anything', () => {
  const buffers = group({ entries: 4, bufferSize: 10 });
  const cqe = completion(11, took(0));
  assert.throws(
    () => buffers.view(cqe),
    stateError(/Buffer 0 has 10 bytes, not 11: take a bundle with views/),
  );
  assert.equal(buffers.provided, 4);
  assert.throws(
    () => buffers.take(completion(41, took(0))),
    stateError(/From buffer 0 on there are no 41 bytes/),
  );
  assert.equal(buffers.provided, 4);
  assert.throws(() => buffers.take(completion(21, took(2))), stateError(/From buffer 2 on/), 'the last two');
  assert.equal(buffers.take(cqe), 2);
  assert.equal(buffers.view(completion(10, took(2)))?.length, 10, 'a bundle of one');
});

test('completions that were overtaken find their buffers', () => {
  const buffers = group({ entries: 4, bufferSize: 10 });
  // A bundle took 0 and 1, another 2 and 3, whose completion comes first and whose buffers go into the slots of 0 and 1.
  assert.equal(buffers.take(completion(20, took(2))), 2);
  buffers.recycle(3);
  buffers.recycle(2);
  buffers.publish();
  assert.deepEqual(
    entriesOf(buffers)
      .slice(0, 2)
      .map(({ bid }) => bid),
    [3, 2],
  );
  assert.deepEqual(taken(buffers, completion(15, took(0))), [
    [0, 0, 10],
    [1, 0, 5],
  ]);
  assert.deepEqual(taken(buffers, completion(11, took(3))), [
    [3, 0, 10],
    [2, 0, 1],
  ]);
});

test('an entry that the kernel cut short ends there', () => {
  const buffers = group({ entries: 4, bufferSize: 10 });
  // io_ring_buffers_peek before 7.1: a bundle that was limited to 3 bytes and then got none leaves 3 behind.
  cut(buffers, 1, 3);
  assert.deepEqual(taken(buffers, completion(20, took(0))), [
    [0, 0, 10],
    [1, 0, 3],
    [2, 0, 7],
  ]);
  buffers.recycleTaken();
  assert.equal(entriesOf(buffers)[1].len, 10, 'whole again');
  cut(buffers, 3, 2);
  assert.throws(() => buffers.view(completion(3, took(3))), stateError(/Buffer 3 has 2 bytes, not 3/));
});

test('an incremental buffer is filled by one completion after the other', () => {
  const buffers = group({ entries: 2, bufferSize: 100, incremental: true });
  const part = (length: number) => taken(buffers, completion(length, took(0, IORING_CQE_F_BUF_MORE)));
  assert.deepEqual(part(30), [[0, 0, 30]]);
  assert.equal(buffers.pieces.usedUp, 0);
  assert.equal(buffers.recycleTaken(), 0);
  assert.throws(() => buffers.recycle(0), stateError(/with the kernel already/));
  assert.deepEqual(part(0), [[0, 30, 0]], 'the end of a stream uses nothing');
  assert.deepEqual(part(69), [[0, 30, 69]]);
  assert.throws(() => buffers.view(completion(2, took(0))), stateError(/Buffer 0 has 1 bytes, not 2/));
  const last = buffers.view(completion(1, took(0)));
  assert.equal(addressOf(last!), buffers.pages!.address + 99);
  assert.deepEqual([buffers.pieces.usedUp, buffers.isProvided(0), buffers.provided], [1, false, 1]);
  buffers.recycle(0);
  buffers.publish();
  assert.deepEqual(part(100), [[0, 0, 100]], 'from its beginning again');
});

test('whether an incremental buffer is used up follows from the bytes, not from IORING_CQE_F_BUF_MORE', () => {
  const buffers = group({ entries: 2, bufferSize: 100, incremental: true });
  // Kernels leave the flag out for regular files, and after a bundle's second try.
  assert.deepEqual(taken(buffers, completion(30, took(0))), [[0, 0, 30]]);
  assert.equal(buffers.isProvided(0), true);
  // Or leave it in, from the first try.
  buffers.take(completion(70, took(0, IORING_CQE_F_BUF_MORE)));
  assert.equal(buffers.isProvided(0), false);
});

test('an incremental bundle begins where the last one ended', () => {
  const buffers = group({ entries: 4, bufferSize: 100, incremental: true });
  assert.deepEqual(taken(buffers, completion(250, took(0))), [
    [0, 0, 100],
    [1, 0, 100],
    [2, 0, 50],
  ]);
  assert.equal(buffers.recycleTaken(), 2);
  buffers.publish();
  assert.deepEqual(taken(buffers, completion(249, took(2))), [
    [2, 50, 50],
    [3, 0, 100],
    [0, 0, 99],
  ]);
  assert.deepEqual([buffers.pieces.usedUp, buffers.provided], [2, 2]);
  assert.deepEqual(taken(buffers, completion(1, took(0))), [[0, 99, 1]]);
  assert.equal(buffers.pieces.usedUp, 1);
});

test('minLeft: with less a buffer is used up', () => {
  const buffers = group({ entries: 2, bufferSize: 100, incremental: true, minLeft: 32 });
  assert.deepEqual(taken(buffers, completion(68, took(0, IORING_CQE_F_BUF_MORE))), [[0, 0, 68]]);
  assert.equal(buffers.isProvided(0), true, '32 are left');
  buffers.take(completion(1, took(0)));
  assert.equal(buffers.isProvided(0), false, '31 are left');
  assert.throws(() => buffers.recycle(0, 31), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => buffers.add(Buffer.alloc(64), 31, 9), { code: 'ERR_OUT_OF_RANGE' });
});

test('what was asked for counts where it is not res', () => {
  const buffers = group({ entries: 4, bufferSize: 100, incremental: true });
  // A read of 30 bytes that found 5.
  assert.equal(buffers.view(completion(5, took(0)), 30)?.length, 30);
  assert.deepEqual(taken(buffers, completion(10, took(0)), 10), [[0, 30, 10]]);
  assert.equal(buffers.view(completion(-5, took(0)), 20)?.length, 20, 'a failure has taken it, too');
  assert.deepEqual(taken(buffers, completion(5, took(0)), 2000), [[0, 60, 40]], 'or what was left');
  assert.equal(buffers.isProvided(0), false);
  const plain = group({ entries: 4, bufferSize: 100 });
  // A datagram of 150 bytes, received with MSG_TRUNC.
  assert.deepEqual(taken(plain, completion(150, took(0)), 150), [[0, 0, 100]]);
  assert.equal(plain.provided, 3);
  assert.throws(() => plain.take(completion(1, took(1)), -1), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => plain.take(completion(1, took(1)), '1' as never), { code: 'ERR_INVALID_ARG_TYPE' });
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

/** What a kernel says when it is asked for the head of the group: that, or -errno. */
interface Answers {
  head: number;
  fails: number;
}

function answering(answers: Answers): Kernel {
  const register: Kernel['register'] = (_fd, opcode, argument) => {
    if (opcode !== IORING_REGISTER_PBUF_STATUS) return 0;
    assert(argument instanceof Uint8Array);
    assert.equal(readStruct(argument, io_uring_buf_status).buf_group, 7);
    writeStruct(argument, io_uring_buf_status, { head: answers.head });
    return answers.fails;
  };
  return Object.assign(new FakeKernel(), { register });
}

/** A group over a kernel that takes every registration and does nothing. */
function group(options: Options, kernel: Kernel = new FakeKernel()): BufferRing {
  const ring = new IoUringState(8, { flags: 0, kernel });
  return new BufferRing(ring, { group: 7, entries: 4, ...options });
}

function took(id: number, others = 0): number {
  return (id << 16) | IORING_CQE_F_BUFFER | others;
}

function stateError(message: RegExp): object {
  return { code: 'ERR_INVALID_STATE', message };
}

/** What `take` finds: the buffer, the offset and the length of each piece. */
function taken(buffers: BufferRing, ...args: Parameters<BufferRing['take']>): number[][] {
  const count = buffers.take(...args);
  const { pieces } = buffers;
  assert.equal(pieces.count, count);
  return Array.from({ length: count }, (_, i) => [pieces.ids[i], pieces.offsets[i], pieces.lengths[i]]);
}

function entriesOf({ memory: { bytes }, entries }: BufferRing): { addr: number; len: number; bid: number }[] {
  return Array.from({ length: entries }, (_, slot) => {
    const { addr, len, bid } = readStruct(bytes, io_uring_buf, slot * io_uring_buf.size);
    return { addr: Number(addr), len, bid };
  });
}

function tailOf({ memory: { bytes } }: BufferRing): number {
  return readStruct(bytes, io_uring_buf_ring).tail;
}

/** Writes the length of an entry, as the kernel may. */
function cut({ memory: { bytes } }: BufferRing, slot: number, len: number): void {
  writeStruct(bytes, io_uring_buf, { len }, slot * io_uring_buf.size);
}
