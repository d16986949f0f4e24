/**
 * Everything of an engine at once for a while: what comes must be right, and neither memory nor descriptors may grow.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { IoUring } from 'tsuring';
import { times } from './support/effort.ts';
import { without } from './support/engine-test.ts';
import { type Scratch, scratch } from './support/live-scratch.ts';
import { collectGarbage } from './support/memory-watch.ts';

/** TSURING_SOAK_SECONDS=600 for a real one. */
const SECONDS = Number(process.env.TSURING_SOAK_SECONDS ?? times(5));
const BLOCK = 4096;
const BLOCKS = 64;
/** What the process may have grown by between a third of the time and the end. */
const GROWTH_BYTES = 48 * 2 ** 20;

type Round = (ring: IoUring, place: Place, n: number) => Promise<void>;

interface Place {
  readonly here: Scratch;
  /** A file of BLOCKS blocks, each filled with its number. */
  readonly file: number;
  readonly path: string;
  readonly pipe: readonly [readFd: number, writeFd: number];
  readonly arena: Buffer;
}

const ROUNDS: Readonly<Record<string, Round>> = {
  async 'reads into plain memory'(ring, { file }, n) {
    const buffers = Array.from({ length: 32 }, () => Buffer.allocUnsafeSlow(BLOCK));
    await Promise.all(
      buffers.map((buffer, i) => ring.read(file, buffer, { offset: ((n + i) % BLOCKS) * BLOCK })),
    );
    const last = buffers.map((buffer) => buffer[BLOCK - 1]);
    assert.deepEqual(
      last,
      buffers.map((_, i) => (n + i) % BLOCKS),
    );
  },
  async 'reads into the arena'(ring, { file, arena }, n) {
    const block = arena.subarray((n % 16) * BLOCK, ((n % 16) + 1) * BLOCK);
    assert.equal(await ring.read(file, block, { offset: (n % BLOCKS) * BLOCK, length: BLOCK }), BLOCK);
    assert.equal(block[0], n % BLOCKS);
    assert.equal(ring.allocate(BLOCK)[17], 0);
  },
  async chains(ring, { path }, n) {
    const buffer = Buffer.alloc(BLOCK);
    const fd = await ring.openat(path);
    const [bytes] = await ring.chain((link) => [
      link.read(fd, buffer, { offset: (n % BLOCKS) * BLOCK }),
      link.fdatasync(fd),
      link.closeFd(fd),
    ]);
    assert.equal(bytes, BLOCK);
    assert.equal(buffer[5], n % BLOCKS);
  },
  async 'broken chains'(ring, { here }) {
    const broken = ring.chain((link) => [link.openat(here.at('none')), link.nop(), link.nop()]);
    await assert.rejects(broken, { code: 'ENOENT', link: 0, cancelled: [1, 2] });
  },
  async 'aborted reads'(ring, { pipe }) {
    const controller = new AbortController();
    const reading = ring.read(pipe[0], Buffer.alloc(8), { signal: controller.signal });
    if (Math.random() < 0.5) await turn();
    controller.abort();
    await assert.rejects(reading, { name: 'AbortError' });
  },
  async 'time limits'(ring, { pipe }) {
    await assert.rejects(ring.read(pipe[0], Buffer.alloc(8), { timeout: 1 }), { code: 'ETIMEDOUT' });
    await ring.timeout(1);
  },
  async 'registered files'(ring, { file }, n) {
    const fixed = ring.registerFile(file);
    const buffer = Buffer.alloc(BLOCK);
    await ring.read(fixed, buffer, { offset: (n % BLOCKS) * BLOCK });
    assert.equal(buffer[1], n % BLOCKS);
    await fixed.close();
  },
  async iterables(ring, _place, n) {
    using here = scratch();
    const [a, b] = here.sockets();
    await ring.write(a, Buffer.alloc(100, n));
    const chunks = ring.recv(b, { zeroCopy: n % 2 === 0 } as { zeroCopy: true });
    for await (const chunk of chunks) {
      const data = Buffer.isBuffer(chunk) ? chunk : chunk.data;
      assert.deepEqual([data.length, data[99]], [100, n & 255]);
      if (!Buffer.isBuffer(chunk) && n % 3 > 0) chunk.release();
      break;
    }
  },
  async rings(_ring, { file }, n) {
    const other = new IoUring({ entries: 8 });
    const buffer = other.allocate(BLOCK);
    const reading = other.read(file, buffer, { offset: (n % BLOCKS) * BLOCK });
    if (n % 2 === 0) await reading;
    else void reading.catch(() => undefined);
    await other.close();
  },
};

test(`${SECONDS} s of everything`, { ...without, timeout: SECONDS * 2000 + without.timeout }, async (t) => {
  using here = scratch();
  const content = Buffer.concat(Array.from({ length: BLOCKS }, (_, n) => Buffer.alloc(BLOCK, n)));
  const path = here.file('file', content);
  const [readFd, writeFd] = here.pipe();
  await using ring = new IoUring();
  const place = {
    here,
    path,
    file: here.fd(path),
    pipe: [readFd, writeFd],
    arena: ring.allocate(16 * BLOCK),
  } as const;
  // On old kernels the first one must come while nothing is in flight.
  await ring.registerFile(place.file).close();
  const end = performance.now() + SECONDS * 1000;
  const names = Object.keys(ROUNDS);
  let rounds = 0;
  const before = await measure();
  let early = before;
  while (performance.now() < end) {
    // Many at a time, of all kinds.
    await Promise.all(
      Array.from({ length: 8 }, () => ROUNDS[names[rounds++ % names.length]](ring, place, rounds)),
    );
    if (early === before && end - performance.now() < (SECONDS * 2000) / 3) early = await measure();
  }
  const late = await measure();
  const { submitted, completed, inFlight, strays, waiting } = ring.stats();
  t.diagnostic(
    `${rounds} rounds, ${submitted} operations; resident ${early.rss >> 20} MiB, at the end ${late.rss >> 20} MiB`,
  );
  assert.deepEqual([inFlight, strays, waiting, completed], [0, 0, 0, submitted]);
  assert.ok(late.fds <= early.fds + 3, `${late.fds} descriptors, were ${early.fds}`);
  assert.ok(late.rss - early.rss < GROWTH_BYTES, `${late.rss} bytes resident, were ${early.rss}`);
  assert.ok(late.heap - early.heap < GROWTH_BYTES / 4, `${late.heap} bytes of heap, were ${early.heap}`);
});

async function measure(): Promise<{ fds: number; rss: number; heap: number }> {
  for (let n = 0; n < 3; n++) await collectGarbage();
  const rss = Number(readFileSync('/proc/self/status', 'latin1').match(/VmRSS:\s+(\d+)/)![1]) * 1024;
  return { fds: readdirSync('/proc/self/fd').length, rss, heap: process.memoryUsage().heapUsed };
}
