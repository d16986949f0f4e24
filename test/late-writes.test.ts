import assert from 'node:assert/strict';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { allocatePages, type IoUringOptions, IoUringState, nop, read, readFixed } from 'tsuring';
import {
  addressOf,
  EFAULT,
  IORING_OP_TIMEOUT,
  IORING_REGISTER_BUFFERS,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  IOSQE_ASYNC,
  libc,
  MAP_ANONYMOUS,
  MAP_FIXED_NOREPLACE,
  MAP_PRIVATE,
  PROT_NONE,
} from 'tsuring/syscalls';
import { times } from './support/effort.ts';
import { collectGarbage, gc, MemoryWatch } from './support/memory-watch.ts';
import { lacksRing } from './support/needs.ts';
import { ringOrSkip } from './support/ring-or-skip.ts';
import { closePair, drain, type Pair, pipe } from './support/worker-pipes.ts';
import { timeLimit } from './support/worker-start.ts';
import { leftOver, traces, tracesBackTo } from './support/worker-traces.ts';

/** How often each case is played: TSURING_LATE_ROUNDS=500 for a long look. */
const ROUNDS = Number(process.env.TSURING_LATE_ROUNDS ?? times(8));
/** Milliseconds to look: late completions were seen some 7 ms after the close. */
const LOOK_MS = 25;
const PIPES = 8;

const KINDS: Record<string, IoUringOptions> = {
  'a plain ring': { flags: 0 },
  'an SQPOLL ring': { flags: IORING_SETUP_SQPOLL },
  'a DEFER_TASKRUN ring': { flags: IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER },
  'a ring in a mapped view': { flags: 0, memory: 'view' },
};

const folder = mkdtempSync(join(tmpdir(), 'tsuring-'));
let pipes: Pair[] = [];
let direct = -1;

before(() => {
  pipes = Array.from({ length: PIPES }, pipe);
  const path = join(folder, 'file');
  writeFileSync(path, Buffer.alloc(1 << 20, 'file content '));
  try {
    direct = openSync(path, constants.O_DIRECT);
  } catch {
    direct = openSync(path, 'r');
  }
});

after(() => {
  pipes.forEach(closePair);
  closeSync(direct);
  rmSync(folder, { recursive: true });
});

describe('The watch itself', () => {
  test('sees a write to a buffer that nobody should write to', (t) => {
    const ring = ringOrSkip(t, { flags: 0 });
    if (ring === null) return;
    const watch = new MemoryWatch();
    watch.addAll(4);
    assert.deepEqual(watch.check(), []);
    const victim = watch.buffers[watch.buffers.length >> 1];
    read(ring.getSqe()!, pipes[0][0], addressOf(victim) + 100, 8, -1);
    ring.commitSqe();
    writeSync(pipes[0][1], 'FOREIGN!');
    ring.submitAndWait(1);
    const [found, ...others] = watch.check();
    assert.deepEqual(others, []);
    assert.equal(found.offset, 100);
    assert.equal(found.buffer, watch.buffers.length >> 1);
    assert.match(found.found, new RegExp(`^${Buffer.from('FOREIGN!').toString('hex')}`));
    ring.close();
  });

  test('sees what happens to one who registers memory behind the back of the ring and drops it', async (t) => {
    const ring = ringOrSkip(t, { flags: 0 });
    if (ring === null) return;
    const size = 65_536;
    let another = false;
    let seen = false;
    for (let i = 0; i < Math.max(20, times(100)) && !seen; i++) {
      const address = registerAndDrop(ring, size);
      await collectGarbage();
      const watch = new MemoryWatch();
      watch.add(64, size);
      // Only when it is ours again: in malloc's own hands it would harm us, just as this test means to show.
      if (watch.buffers.some((buffer) => isWithin(buffer, address, 8))) {
        another = true;
        readFixed(ring.getSqe()!, pipes[0][0], address, 8, -1, 0);
        ring.commitSqe();
        writeSync(pipes[0][1], 'FOREIGN!');
        ring.submitAndWait(1);
        ring.advanceCq();
        seen = watch.check().length > 0;
      }
      ring.unregisterBuffers();
    }
    ring.close();
    if (!another) return t.skip('needs a malloc that gives dropped buffers to another owner');
    assert.ok(seen);
  });
});

for (const [kind, options] of Object.entries(KINDS)) {
  const skip = lacksRing(kind, options);
  describe(`Nothing is written late: ${kind}`, { skip, timeout: timeLimit * 4 }, () => {
    test('closed with operations in flight', async () => {
      const before = traces();
      for (let i = 0; i < ROUNDS; i++) {
        const ring = new IoUringState(64, options);
        fill(ring, i);
        ring.close();
        await nothingComes();
      }
      assert.deepEqual(leftOver(before, await tracesBackTo(before)), []);
    });

    test('dropped with operations in flight', async () => {
      const before = traces();
      for (let i = 0; i < ROUNDS; i++) {
        // In a function of its own: nothing on our stack may refer to the ring.
        (() => fill(new IoUringState(64, options), i))();
        while (traces().ringFds > before.ringFds) await collectGarbage();
        await nothingComes();
      }
      assert.deepEqual(leftOver(before, await tracesBackTo(before)), []);
    });

    test("the ring's pages are zero after close, and stay so", async () => {
      for (let i = 0; i < ROUNDS; i++) {
        const ring = new IoUringState(64, options);
        const { sqRing, cqRing, sqes } = ring.memory;
        fill(ring, i);
        assert.ok(sqes.some((byte) => byte !== 0));
        ring.close();
        const end = performance.now() + LOOK_MS;
        while (performance.now() < end)
          for (const region of [sqRing, cqRing, sqes])
            assert.equal(Buffer.compare(region, Buffer.alloc(region.length)), 0);
        for (const [readEnd] of pipes) drain(readEnd);
      }
    });
  });
}

test('a mapped view that somebody still has is harmless after close', async (t) => {
  const ring = ringOrSkip(t, { flags: 0, memory: 'view' });
  if (ring === null) return;
  const before = traces();
  const sqe = ring.getSqe()!;
  const { sqRing, sqes } = ring.memory;
  ring.close();
  await collectGarbage();
  nop(sqe);
  assert.equal(sqe.opcode, 0);
  sqes.fill(1);
  assert.ok(sqRing.every((byte) => byte === 0));
  assert.ok(traces().ringMappings < before.ringMappings);
});

describe('Pages', () => {
  test('that are dropped leave the address space', async () => {
    const ranges = Array.from({ length: 8 }, () => {
      const { buffer } = allocatePages(65_536);
      return [addressOf(buffer), buffer.byteLength] as const;
    });
    await collectGarbage();
    const maps = mappings();
    assert.deepEqual(
      ranges.filter(([address, length]) => isMapped(maps, address, length)),
      [],
    );
  });

  test('that are alive are where they were said to be', () => {
    const { buffer } = allocatePages(65_536);
    assert.ok(isMapped(mappings(), addressOf(buffer), buffer.byteLength));
  });

  test('dropped with a read in flight that names a number: EFAULT, while nobody else has the address', async (t) => {
    const ring = ringOrSkip(t, { flags: 0 });
    if (ring === null) return;
    const address = (() => allocatePages(65_536).address)();
    read(ring.getSqe()!, pipes[0][0], address, 4096, -1);
    ring.commitSqe();
    ring.submit();
    await collectGarbage();
    // Fails where something is mapped, and keeps everybody else away.
    const fence = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    assert.equal(libc().mmap(address, 65_536, PROT_NONE, fence, -1, 0), address, 'the pages are still there');
    writeSync(pipes[0][1], 'to nobody');
    assert.equal(ring.waitCqe({ timeout: timeLimit })?.res, -EFAULT);
    ring.close();
    libc().munmap(address, 65_536);
    drain(pipes[0][0]);
  });

  test('dropped with a read in flight that names them: the ring holds them', async (t) => {
    const ring = ringOrSkip(t, { flags: 0 });
    if (ring === null) return;
    const seen = (() => {
      const pages = allocatePages(65_536);
      read(ring.getSqe()!, pipes[0][0], pages, 4096, -1);
      return new WeakRef(pages);
    })();
    ring.commitSqe();
    ring.submit();
    await collectGarbage();
    const watch = new MemoryWatch();
    watch.add(2, 33 << 20);
    writeSync(pipes[0][1], 'to the pages');
    assert.equal(ring.waitCqe({ timeout: timeLimit })?.res, 12);
    assert.equal(Buffer.from(seen.deref()!.bytes(0, 12)).toString(), 'to the pages');
    assert.deepEqual(watch.check(), []);
    ring.advanceCq();
    await collectGarbage();
    assert.equal(seen.deref(), undefined);
    ring.close();
  });

  test('that are registered and renewed: the kernel writes to the old ones, which nobody sees', (t) => {
    const ring = ringOrSkip(t, { flags: 0 });
    if (ring === null) return;
    const pages = allocatePages(65_536);
    ring.registerBuffers([pages]);
    pages.renew();
    readFixed(ring.getSqe()!, pipes[0][0], pages, 8, -1, 0);
    ring.commitSqe();
    writeSync(pipes[0][1], 'FOREIGN!');
    ring.submitAndWait(1);
    assert.equal(ring.peekCqe()?.res, 8);
    assert.ok(pages.bytes().every((byte) => byte === 0));
    ring.close();
  });
});

/** Puts all kinds of operations in flight: reads of pipes and of a file, into buffers of all kinds, and timeouts. */
function fill(ring: IoUringState, round: number): void {
  const pages = allocatePages(1 << 20);
  const plain = Array.from({ length: PIPES }, () => new Uint8Array(8192));
  ring.registerBuffers([pages, plain[0]]);
  pipes.forEach(([readEnd], i) => {
    const sqe = ring.getSqe()!;
    if (i % 3 === 0) read(sqe, readEnd, plain[i], 4096, -1);
    else if (i % 3 === 1) readFixed(sqe, readEnd, pages.bytes(i * 4096), 4096, -1, 0);
    else read(sqe, readEnd, pages.bytes(i * 4096), 4096, -1);
    finish(ring, i);
  });
  for (let i = 0; i < 16; i++) {
    read(ring.getSqe()!, direct, pages.bytes((i + 16) * 8192, 8192), 8192, i * 8192);
    finish(ring, 100 + i, i % 2 === 0 ? IOSQE_ASYNC : 0);
  }
  for (let i = 0; i < 16; i++) {
    const timespec = new BigUint64Array([0n, BigInt(i * 500_000 + (round % 8) * 100_000)]);
    const sqe = ring.getSqe()!;
    sqe.rw(IORING_OP_TIMEOUT, -1, sqe.point(timespec, 16), 1, 0);
    finish(ring, 200 + i);
  }
  ring.submit();
}

function finish(ring: IoUringState, userData: number, flags = 0): void {
  const sqe = ring.getSqe()!;
  sqe.userData = userData;
  sqe.flags = flags;
  ring.commitSqe();
}

/** New owners get the memory that is free now; then something comes on every pipe; and they notice nothing. */
async function nothingComes(): Promise<void> {
  gc();
  const watch = new MemoryWatch();
  watch.addAll(8);
  for (const [, writeEnd] of pipes) writeSync(writeEnd, 'FOREIGN!'.repeat(16));
  assert.deepEqual(await watch.checkFor(LOOK_MS), []);
  for (const [readEnd] of pipes) drain(readEnd);
}

/** Registers a buffer without anybody holding it, as only the raw call can. */
function registerAndDrop(ring: IoUringState, byteLength: number): number {
  const buffer = new Uint8Array(byteLength);
  const address = addressOf(buffer);
  const iovec = new BigUint64Array([BigInt(address), BigInt(byteLength)]);
  ring.register(IORING_REGISTER_BUFFERS, iovec, 1);
  return address;
}

function isWithin(buffer: Buffer, address: number, length: number): boolean {
  const base = addressOf(buffer);
  return base <= address && address + length <= base + buffer.length;
}

function mappings(): [number, number][] {
  const lines = readFileSync('/proc/self/maps', 'latin1').trimEnd().split('\n');
  return lines.map((line) => {
    const [from, to] = line.split(' ', 1)[0].split('-');
    return [Number.parseInt(from, 16), Number.parseInt(to, 16)];
  });
}

/** Whether every byte of the range is mapped. */
function isMapped(maps: [number, number][], address: number, length: number): boolean {
  let covered = 0;
  for (const [from, to] of maps)
    covered += Math.max(0, Math.min(to, address + length) - Math.max(from, address));
  return covered === length;
}
