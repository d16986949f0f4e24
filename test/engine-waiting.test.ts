/**
 * The queue of those who wait.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Waiting } from '../lib/engine/waiting.ts';
import { collectGarbage } from './support/memory-watch.ts';

test('in order, those who go first before all others, the last one first', () => {
  const waiting = new Waiting<number>();
  for (let n = 0; n < 4; n++) waiting.add(n);
  waiting.addFirst(10);
  waiting.addFirst(11);
  assert.equal(waiting.size, 6);
  const taken = [waiting.next(), waiting.next(), waiting.next()];
  waiting.add(4);
  waiting.addFirst(12);
  while (waiting.size > 0) taken.push(waiting.next());
  assert.deepEqual(taken, [11, 10, 0, 12, 1, 2, 3, 4]);
});

test('a hundred thousand, never fewer than some', () => {
  const waiting = new Waiting<number>();
  let added = 0;
  let taken = 0;
  while (added < 100) waiting.add(added++);
  while (taken < 100_000) {
    assert.equal(waiting.next(), taken++);
    waiting.add(added++);
  }
  assert.equal(waiting.size, 100);
});

test('who was taken out is not kept, though others wait', async () => {
  const waiting = new Waiting<object>();
  const weak = Array.from({ length: 10 }, (_, n) => {
    const one = { n };
    waiting.add(one);
    return new WeakRef(one);
  });
  await collectGarbage();
  assert.ok(weak.every((ref) => ref.deref() !== undefined));
  for (let n = 0; n < 9; n++) waiting.next();
  await collectGarbage();
  assert.deepEqual(
    weak.map((ref) => ref.deref() === undefined),
    weak.map((_, n) => n < 9),
  );
});
