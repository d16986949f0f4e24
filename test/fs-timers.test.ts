/**
 * A test suite that puts its own timers in the place of Node's does not stop what goes through the ring.
 */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import fs from 'tsuring/fs';
import { times } from './support/effort.ts';
import { without } from './support/engine-test.ts';
import { scratch } from './support/live-scratch.ts';

test('with fake timers', without, async () => {
  using here = scratch();
  const path = here.file('file', 'content');
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate'] });
  try {
    for (let n = 0; n < times(1000); n++) assert.equal(await fs.readFile(path, 'utf8'), 'content');
    const { signal } = new AbortController();
    assert.equal(await fs.readFile(path, { encoding: 'utf8', signal }), 'content');
    await using handle = await fs.open(path);
    assert.equal((await handle.read(Buffer.alloc(20))).bytesRead, 7);
  } finally {
    mock.timers.reset();
  }
});
