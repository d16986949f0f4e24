/**
 * Fixed buffers cloned from another ring.
 */
import assert from 'node:assert/strict';
import { readSync } from 'node:fs';
import { allocatePages, IoUringState, readFixed, type SharedPages, writeFixed } from 'tsuring';
import {
  EFAULT,
  IORING_REGISTER_DST_REPLACE,
  IORING_REGISTER_SRC_REGISTERED,
  IORING_SETUP_REGISTERED_FD_ONLY,
  pageSize,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import {
  closeWithoutLinger,
  content,
  contentFd,
  does,
  held,
  lacksCall,
  lacksTagsAtEnd,
  reads,
  refusal,
  tagsOf,
} from './support/live-register.ts';
import { collectGarbage } from './support/memory-watch.ts';
import { lacksDefer, lacksRegister, lacksRing } from './support/needs.ts';
import { type OpenRing, openRing } from './support/open-ring.ts';
import { closePair, pipe } from './support/worker-pipes.ts';
import { startWorker } from './support/worker-start.ts';

const ring = lacksRing('io_uring', {});
const tags = lacksRegister('IORING_REGISTER_BUFFERS2');
const clones = lacksRegister('IORING_REGISTER_CLONE_BUFFERS');

live(
  ['cloneBuffers', 'readFixed', 'writeFixed'],
  'clones read and write, and outlive their source',
  [ring, clones],
  () => {
    using source = openRing(8);
    using open = openRing(8);
    const [plain, pages] = [new Uint8Array(4096), allocatePages(pageSize())];
    source.ring.registerBuffers([plain, pages]);
    open.ring.cloneBuffers(source.ring);
    assert.deepEqual(reads(open, [plain, pages, plain]), [100, 100, -EFAULT]);
    assert.deepEqual(reads(source, [plain, pages]), [100, 100]);
    source.ring.unregisterBuffers();
    assert.deepEqual(reads(source, [plain]), [-EFAULT]);
    assertUsable(open, plain, pages);
    source.ring.close();
    assertUsable(open, plain, pages);
    open.ring.unregisterBuffers();
    assert.deepEqual(reads(open, [plain, pages]), [-EFAULT, -EFAULT]);
    open.expect({ sq: 0, cq: 0 });
  },
);

live(['cloneBuffers'], 'what cannot be cloned', [ring, clones], () => {
  using source = openRing(8);
  using open = openRing(8);
  const buffer = new Uint8Array(64);
  assert.throws(() => open.ring.cloneBuffers(source.ring), refusal('ENXIO'));
  source.ring.registerBuffers([buffer]);
  open.ring.registerBuffers([buffer]);
  assert.throws(() => open.ring.cloneBuffers(source.ring), refusal('EBUSY'));
  open.ring.unregisterBuffers();
  assert.throws(() => open.ring.cloneBuffers(contentFd), refusal('EOPNOTSUPP'));
  assert.throws(() => open.ring.cloneBuffers(0x7fff_ffff), refusal('EBADF'));
  source.ring.close();
  assert.throws(() => open.ring.cloneBuffers(source.ring), refusal('EBADF'));
  assert.deepEqual(reads(open, [buffer]), [-EFAULT]);
});

live(
  ['cloneBuffers'],
  'a source by its fd, and tags that do not come along',
  [ring, clones, tags, lacksTagsAtEnd()],
  () => {
    using source = openRing(8);
    using open = openRing(8);
    const buffer = new Uint8Array(128);
    source.ring.registerBuffersTags([null, buffer], [0, 5]);
    open.ring.cloneBuffers(source.ring.fd);
    assert.deepEqual(reads(open, [buffer, buffer]), [-EFAULT, 100]);
    source.ring.unregisterBuffers();
    assert.deepEqual(tagsOf(source, 1), [5]);
    open.ring.unregisterBuffers();
    open.expect({ sq: 0, cq: 0 });
    assert.equal(open.ring.peekCqe(), null);
  },
);

live(['cloneBuffersOffset'], 'a source without an fd', [ring, clones, lacksFdOnly()], () => {
  const flags = IORING_SETUP_REGISTERED_FD_ONLY;
  using source = openRing(8, { flags });
  using open = openRing(8);
  using another = openRing(8, { flags });
  const buffer = new Uint8Array(128);
  source.ring.registerBuffers([buffer]);
  open.ring.cloneBuffers(source.ring);
  another.ring.cloneBuffers(source.ring);
  assert.deepEqual([reads(open, [buffer]), reads(another, [buffer])], [[100], [100]]);
  open.ring.unregisterBuffers();
  // By number: the ring's fd is its index.
  open.ring.cloneBuffersOffset(source.ring.fd, { flags: IORING_REGISTER_SRC_REGISTERED });
  assert.deepEqual(reads(open, [buffer]), [100]);
});

live(['cloneBuffersOffset'], 'ranges, and what they replace', [ring, clones, lacksOffsets()], () => {
  using source = openRing(8);
  using open = openRing(8);
  const [a, b, c, d] = [1, 2, 3, 4].map(() => new Uint8Array(100));
  source.ring.registerBuffers([a, b, c]);
  // The table becomes as large as it must, with empty slots before.
  open.ring.cloneBuffersOffset(source.ring, { srcOff: 1, dstOff: 2, count: 2 });
  assert.deepEqual(reads(open, [a, a, b, c, a]), [-EFAULT, -EFAULT, 100, 100, -EFAULT]);
  const clone = (range: object) => open.ring.cloneBuffersOffset(source.ring, range);
  assert.throws(() => clone({ count: 1 }), refusal('EBUSY'));
  clone({ count: 1, flags: IORING_REGISTER_DST_REPLACE });
  assert.deepEqual(reads(open, [a, a, b, c]), [100, -EFAULT, 100, 100]);
  clone({ srcOff: 0, dstOff: 3, count: 3, flags: IORING_REGISTER_DST_REPLACE });
  assert.deepEqual(reads(open, [a, a, b, a, b, c]), [100, -EFAULT, 100, 100, 100, 100]);
  clone({ flags: IORING_REGISTER_DST_REPLACE });
  assert.deepEqual(reads(open, [a, b, c, a, b, c]), [100, 100, 100, 100, 100, 100]);
  // In a ring that has its own.
  open.ring.unregisterBuffers();
  open.ring.registerBuffers([d, d]);
  clone({ srcOff: 2, dstOff: 0, count: 1, flags: IORING_REGISTER_DST_REPLACE });
  assert.deepEqual(reads(open, [c, d]), [100, 100]);
  open.ring.unregisterBuffers();
  // What the source does not have.
  for (const range of [
    { srcOff: 3, count: 1 },
    { srcOff: 1, count: 3 },
  ])
    assert.throws(() => clone(range), refusal('EOVERFLOW'));
  assert.throws(() => clone({ count: 4 }), refusal('EINVAL'));
  assert.throws(() => clone({ srcOff: 1 }), refusal('EINVAL'), 'no count');
  assert.throws(() => clone({ dstOff: 2 ** 32 - 1, count: 2 }), refusal('EOVERFLOW'));
  assert.throws(() => clone({ dstOff: 16_384, count: 1 }), refusal('EINVAL'));
  assert.throws(() => clone({ flags: 0x8000_0000 }), refusal('EINVAL'));
  assert.deepEqual(reads(open, [a]), [-EFAULT]);
});

live(['cloneBuffersOffset'], 'within one ring', [ring, clones, lacksOffsets(), lacksOwn()], () => {
  using open = openRing(8);
  const [a, b] = [new Uint8Array(100), new Uint8Array(100)];
  open.ring.registerBuffers([a, b]);
  const flags = IORING_REGISTER_DST_REPLACE;
  open.ring.cloneBuffersOffset(open.ring, { srcOff: 0, dstOff: 1, count: 2, flags });
  assert.deepEqual(reads(open, [a, a, b]), [100, 100, 100]);
});

live(['cloneBuffers'], 'what a clone uses is held when its source is gone', [ring, clones], async () => {
  using open = openRing(8);
  const buffer = held(() => {
    const plain = new Uint8Array(50_000);
    const source = new IoUringState(8, { flags: 0 });
    source.registerBuffers([plain]);
    using between = openRing(8);
    between.ring.cloneBuffers(source);
    closeWithoutLinger(source);
    open.ring.cloneBuffers(between.ring);
    closeWithoutLinger(between.ring);
    return plain;
  });
  const control = held(() => {
    const plain = new Uint8Array(50_000);
    const source = new IoUringState(8, { flags: 0 });
    source.registerBuffers([plain]);
    closeWithoutLinger(source);
    return plain;
  });
  await collectGarbage();
  assert.equal(control.deref(), undefined, 'without a clone it goes with its ring');
  assert.ok(buffer.deref() !== undefined);
  // Only inside: a local variable would keep it for the rest.
  (() => assert.deepEqual(reads(open, [buffer.deref()!]), [100]))();
  closeWithoutLinger(open.ring);
  await collectGarbage();
  assert.equal(buffer.deref(), undefined, 'and no longer than the clone');
});

live(
  ['cloneBuffers'],
  'a source that belongs to another thread',
  [ring, clones, lacksForeign()],
  async () => {
    using open = openRing(8);
    const { worker, message, exited } = await startWorker('worker-buffers', null);
    const foreign = message as number;
    assert.throws(() => open.ring.cloneBuffers(foreign), refusal('EEXIST'));
    worker.postMessage('done');
    assert.equal(await exited, 0);
  },
);

/** For offsets and IORING_REGISTER_DST_REPLACE. */
function lacksOffsets(): string | false {
  return (
    ring ||
    clones ||
    lacksCall('clones with offsets (Linux 6.13)', (r) => {
      r.registerBuffers([new Uint8Array(1)]);
      using other = openRing(1);
      other.ring.cloneBuffersOffset(r, { dstOff: 1, count: 1 });
    })
  );
}

/** For a ring that keeps other threads off: before, the kernel looked at the one that clones only. */
function lacksForeign(): string | false {
  return (
    lacksDefer() ||
    (lacksRegister('IORING_REGISTER_QUERY') && 'needs sources that know their thread (Linux 6.18)')
  );
}

/** For a ring that clones buffers of its own. */
function lacksOwn(): string | false {
  return (
    ring ||
    clones ||
    lacksCall('clones within one ring (Linux 6.15)', (r) => {
      r.registerBuffers([new Uint8Array(1)]);
      r.cloneBuffersOffset(r, { flags: IORING_REGISTER_DST_REPLACE });
    })
  );
}

function lacksFdOnly(): string | false {
  return lacksRing('IORING_SETUP_REGISTERED_FD_ONLY', { flags: IORING_SETUP_REGISTERED_FD_ONLY });
}

/** Reads into `plain` (index 0) and `pages` (index 1), and writes them to a pipe again. */
function assertUsable(open: OpenRing, plain: Uint8Array, pages: SharedPages): void {
  const pair = pipe();
  plain.fill(0);
  pages.bytes().fill(0);
  const out = Buffer.alloc(1000);
  for (const [index, memory, offset] of [
    [0, plain, 30],
    [1, pages, 60],
  ] as const) {
    const read = does(open, (sqe) => readFixed(sqe, contentFd, memory, 1000, offset, index));
    assert.equal(read, 1000);
    const bytes = memory instanceof Uint8Array ? memory : memory.bytes();
    assert.deepEqual(Buffer.from(bytes.subarray(0, 1000)), content.subarray(offset, offset + 1000));
    const written = does(open, (sqe) => writeFixed(sqe, pair[1], memory, 1000, 0, index));
    assert.equal(written, 1000);
    assert.equal(readSync(pair[0], out), 1000);
    assert.deepEqual(out, content.subarray(offset, offset + 1000));
  }
  closePair(pair);
}
