/**
 * Who has which buffer, and where the bytes of a completion are. The kernel is a fake that does nothing: the completions
 * are made here, as the kernel's source has them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressOf, EINVAL, IORING_CQE_F_BUF_MORE, IORING_CQE_F_MORE } from 'tsuring/syscalls';
import { completion } from './support/buffer-rings.ts';
import { answering, cut, entriesOf, group, stateError, taken, took } from './support/buffer-rings-fake.ts';

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
