import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { IoUringState } from 'tsuring';
import { IORING_SETUP_SQPOLL } from 'tsuring/syscalls';
import { lacksRing } from './support/needs.ts';
import { tsWorker } from './support/ts-worker.ts';

const skip = lacksRing('SQPOLL', { flags: IORING_SETUP_SQPOLL });

test('in a Worker no ring in a mapped view has SQPOLL', { skip }, async () => {
  const memory = 'view';
  const worker = tsWorker('polled-view-worker', [
    { memory },
    { memory, flags: IORING_SETUP_SQPOLL },
    { memory, flags: 0 },
  ]);
  const [[assumed, asked, plain]] = await once(worker, 'message');
  assert.equal(assumed & IORING_SETUP_SQPOLL, 0, 'the default is left out');
  assert.match(asked, /^UringError: EINVAL: .*, mmap: A Worker cannot have SQPOLL where/);
  assert.equal(plain & IORING_SETUP_SQPOLL, 0);
});

test('in the main thread it may', { skip }, () => {
  using ring = new IoUringState(8, { memory: 'view' });
  assert(ring.usesSqpoll);
});
