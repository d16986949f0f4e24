/**
 * Fixed buffers on the kernel: tags, sparse tables, updates.
 */
import assert from 'node:assert/strict';
import { writeSync } from 'node:fs';
import { allocatePages, type Memory, readFixed } from 'tsuring';
import { EFAULT, pageSize } from 'tsuring/syscalls';
import { live } from './support/live.ts';
import {
  content,
  held,
  lacksCall,
  lacksTagsAtEnd,
  next,
  reads,
  refusal,
  start,
  tagsOf,
} from './support/live-register.ts';
import { collectGarbage } from './support/memory-watch.ts';
import { lacksRegister, lacksRing } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';
import { closePair, pipe } from './support/worker-pipes.ts';

const ring = lacksRing('io_uring', {});
const tags = lacksRegister('IORING_REGISTER_BUFFERS2');

live(
  ['registerBuffersTags', 'registerBuffersUpdateTag', 'unregisterBuffers', 'readFixed'],
  'tags come as completions, in the order in which the buffers go',
  [ring, tags],
  () => {
    using open = openRing(8);
    const [a, b, c] = [new Uint8Array(4096), allocatePages(pageSize()), Buffer.alloc(100)];
    const big = 2n ** 63n + 1n;
    open.ring.registerBuffersTags([a, null, b, c], [11, 0, big, 13n]);
    open.expect({ sq: 0, cq: 0 });
    assert.deepEqual(reads(open, [a, b, b, c]), [100, -EFAULT, 100, 100]);
    assert.equal(open.ring.registerBuffersUpdateTag(2, [a], [22]), 1);
    assert.deepEqual(tagsOf(open, 1), [big]);
    assert.deepEqual(reads(open, [a, b, a, c]), [100, -EFAULT, 100, 100]);
    // Untagged ones say nothing.
    assert.equal(open.ring.registerBuffersUpdateTag(1, [b]), 1);
    assert.equal(open.ring.registerBuffersUpdateTag(1, [null]), 1);
    assert.equal(open.ring.registerBuffersUpdateTag(0, [b, c]), 2);
    assert.deepEqual(tagsOf(open, 1), [11]);
    assert.deepEqual(reads(open, [b, c, a, c]), [100, 100, 100, 100]);
    assert.equal(open.ring.registerBuffersUpdateTag(3, [null]), 1);
    assert.deepEqual(tagsOf(open, 1), [13]);
    assert.equal(open.ring.registerBuffersUpdateTag(2, [null]), 1);
    assert.deepEqual(tagsOf(open, 1), [22]);
    open.ring.unregisterBuffers();
    assert.throws(() => open.ring.unregisterBuffers(), refusal('ENXIO'));
    assert.throws(() => open.ring.registerBuffersUpdateTag(0, [a]), refusal('ENXIO'));
  },
);

live(
  ['registerBuffersTags', 'unregisterBuffers'],
  'the tags of a whole table',
  [ring, tags, lacksTagsAtEnd()],
  () => {
    using open = openRing(8);
    const buffers = [1, 2, 3].map(() => new Uint8Array(64));
    open.ring.registerBuffersTags(buffers, BigUint64Array.of(1n, 2n, 3n));
    open.ring.unregisterBuffers();
    assert.deepEqual(tagsOf(open, 3).sort(), [1, 2, 3]);
  },
);

live(
  ['registerBuffersTags', 'registerBuffersUpdateTag', 'readFixed'],
  'a buffer goes when its operations are done',
  [ring, tags],
  () => {
    using open = openRing(8);
    const pair = pipe();
    const [old, fresh] = [new Uint8Array(64), new Uint8Array(64)];
    open.ring.registerBuffersTags([old], [77]);
    start(open, (sqe) => readFixed(sqe, pair[0], old, 64, 0, 0), 5);
    assert.equal(open.ring.registerBuffersUpdateTag(0, [fresh]), 1);
    assert.equal(open.ring.peekCqe(), null);
    assert.deepEqual(reads(open, [fresh]), [64]);
    writeSync(pair[1], 'late');
    assert.deepEqual(next(open), [5, 4]);
    assert.deepEqual(next(open), [77, 0]);
    assert.equal(Buffer.from(old.subarray(0, 4)).toString(), 'late');
    assert.deepEqual(Buffer.from(fresh), content.subarray(0, 64));
    closePair(pair);
    open.expect({ sq: 0, cq: 0 });
  },
);

live(['registerBuffersTags', 'registerBuffersUpdateTag'], 'what cannot be registered', [ring, tags], () => {
  using open = openRing(8);
  const buffer = new Uint8Array(64);
  const unmapped: Memory = { address: pageSize(), byteLength: 64 };
  const huge: Memory = { address: 2 ** 47, byteLength: 64 };
  for (const bad of [unmapped, huge]) {
    assert.throws(() => open.ring.registerBuffersTags([buffer, bad], [1, 2]), refusal('EFAULT'));
    assert.throws(() => open.ring.registerBuffers([buffer, bad]), refusal('EFAULT'));
  }
  const many = new Array<Uint8Array>(16_385).fill(buffer);
  assert.throws(() => open.ring.registerBuffers(many), refusal('EINVAL'));
  // Nothing is left behind: no table, and no CQE of a tag.
  open.expect({ sq: 0, cq: 0 });
  open.ring.registerBuffersTags([buffer, null], [7, 0]);
  assert.throws(() => open.ring.registerBuffersTags([buffer], [1]), refusal('EBUSY'));
  assert.throws(() => open.ring.registerBuffersUpdateTag(1, [unmapped]), refusal('EFAULT'));
  assert.throws(() => open.ring.registerBuffersUpdateTag(1, [buffer, buffer]), refusal('EINVAL'));
  // Stops at the one that is refused, and leaves it as it was.
  assert.equal(open.ring.registerBuffersUpdateTag(0, [buffer, unmapped], [8, 9]), 1);
  assert.deepEqual(tagsOf(open, 1), [7]);
  assert.deepEqual(reads(open, [buffer, buffer]), [64, -EFAULT]);
});

live(
  ['registerBuffersSparse', 'registerBuffersUpdateTag', 'readFixed'],
  'a sparse table',
  [ring, lacksSparse()],
  () => {
    using open = openRing(8);
    open.ring.registerBuffersSparse(3);
    const buffer = allocatePages(pageSize());
    assert.deepEqual(reads(open, [buffer, buffer, buffer]), [-EFAULT, -EFAULT, -EFAULT]);
    assert.equal(open.ring.registerBuffersUpdateTag(1, [buffer]), 1);
    assert.deepEqual(reads(open, [buffer, buffer, buffer]), [-EFAULT, 100, -EFAULT]);
    assert.deepEqual(Buffer.from(buffer.bytes(0, 100)), content.subarray(0, 100));
    assert.throws(() => open.ring.registerBuffersUpdateTag(3, [buffer]), refusal('EINVAL'));
    assert.throws(() => open.ring.registerBuffersSparse(1), refusal('EBUSY'));
    open.ring.unregisterBuffers();
    assert.throws(() => open.ring.registerBuffersSparse(16_385), refusal('EINVAL'));
    open.ring.registerBuffersSparse(16_384);
  },
);

live(
  ['registerBuffersUpdateTag'],
  'a buffer that was replaced stays held',
  [ring, lacksSparse()],
  async () => {
    using open = openRing(8);
    open.ring.registerBuffersSparse(2);
    const replaced = held(() => {
      const buffer = new Uint8Array(50_000);
      open.ring.registerBuffersUpdateTag(0, [buffer]);
      return buffer;
    });
    // One that is refused is not held: the first was, and that ended it.
    const loose = held(() => {
      const buffer = new Uint8Array(50_000);
      open.ring.registerBuffersUpdateTag(0, [new Uint8Array(8), { address: 4096, byteLength: 8 }]);
      assert.throws(() => open.ring.registerBuffersUpdateTag(2, [buffer]));
      return buffer;
    });
    await collectGarbage();
    assert.ok(replaced.deref() !== undefined, 'operations in flight may use it');
    assert.equal(loose.deref(), undefined);
  },
);

/** For sparse tables of buffers, Linux 5.19: the flag is newer than the opcode. */
function lacksSparse(): string | false {
  return (
    ring || tags || lacksCall('IORING_RSRC_REGISTER_SPARSE (Linux 5.19)', (r) => r.registerBuffersSparse(1))
  );
}
