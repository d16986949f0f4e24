import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { allocatePages, IoUringState, read, readFixed, SharedPages } from 'tsuring';
import { addressOf, libc, linux, pageSize } from 'tsuring/syscalls';
import { runScript } from './support/child.ts';
import { collectGarbage } from './support/memory-watch.ts';
import { lacksRing } from './support/needs.ts';
import { isCompiled } from './support/project.ts';
import { ringOrSkip } from './support/ring-or-skip.ts';
import { closePair, drain, type Pair, pipe } from './support/worker-pipes.ts';
import { compiled, startWorker, timeLimit } from './support/worker-start.ts';
import { leftOver, ringFds, traces, tracesBackTo } from './support/worker-traces.ts';

let pair: Pair;
before(() => {
  pair = pipe();
});
after(() => closePair(pair));

describe('What an operation points at', () => {
  test('lives until its completion is acknowledged', async (t) => {
    const ring = ringOrSkip(t, { flags: 0 });
    if (ring === null) return;
    const buffer = readInto(ring, () => new Uint8Array(100_000));
    await collectGarbage();
    assert.ok(buffer.deref());
    writeSync(pair[1], 'late data');
    assert.equal(ring.waitCqe({ timeout: timeLimit })?.res, 9);
    await collectGarbage();
    assert.equal(Buffer.from(buffer.deref()!.subarray(0, 9)).toString(), 'late data');
    ring.advanceCq();
    await collectGarbage();
    assert.equal(buffer.deref(), undefined);
    ring.close();
  });

  test('lives on for some seconds when the ring is closed before, and then goes', async (t) => {
    let ring = ringOrSkip(t, { flags: 0 });
    if (ring === null) return;
    const buffer = readInto(ring, () => new Uint8Array(100_000));
    const timers = closeAndCatch(ring);
    ring = null;
    await collectGarbage();
    assert.ok(buffer.deref() !== undefined);
    assert.equal(timers.length, 1);
    timers.pop()?.callback();
    await collectGarbage();
    assert.ok(buffer.deref() === undefined);
  });

  test('does not keep the process alive', { timeout: timeLimit }, (t) => {
    if (!possible(t)) return;
    const script = `
      import { IoUringState, read } from 'tsuring';
      import { openSync } from 'node:fs';
      const ring = new IoUringState(8);
      read(ring.getSqe(), 0, new Uint8Array(10), 10, -1);
      ring.commitSqe();
      ring.submit();
      ring.close();
      process.stdout.write('closed');`;
    const start = performance.now();
    const child = runScript(script);
    assert.equal(child.stdout, 'closed', child.stderr);
    assert.equal(child.status, 0);
    assert.ok(performance.now() - start < timeLimit);
  });
});

describe('Registered buffers', () => {
  test('of plain memory live until the ring is closed, and some seconds more', async (t) => {
    let ring = ringOrSkip(t, { flags: 0 });
    if (ring === null) return;
    const buffer = register(ring, () => new Uint8Array(100_000));
    await collectGarbage();
    assert.ok(buffer.deref());
    ring.unregisterBuffers();
    await collectGarbage();
    assert.ok(buffer.deref(), 'an operation in flight may still write to it');
    const timers = closeAndCatch(ring);
    ring = null;
    await collectGarbage();
    assert.ok(buffer.deref() !== undefined);
    timers.pop()?.callback();
    await collectGarbage();
    assert.ok(buffer.deref() === undefined);
  });

  test('of pages may go at once: their memory goes with them', async (t) => {
    const ring = ringOrSkip(t, { flags: 0 });
    if (ring === null) return;
    const pages = register(ring, () => allocatePages(65_536));
    await collectGarbage();
    assert.equal(pages.deref(), undefined);
    // The kernel still has the old pages: what it writes there nobody sees, and nobody is harmed.
    ring.close();
  });

  test('of pages in a small buffer are kept like plain memory', async (t) => {
    const ring = ringOrSkip(t, { flags: 0 });
    if (ring === null) return;
    const pages = register(ring, () => {
      const buffer = new SharedArrayBuffer(2 * pageSize());
      return new SharedPages(buffer, pageSize() - (addressOf(buffer) % pageSize()), pageSize());
    });
    await collectGarbage();
    assert.ok(pages.deref());
    const timers = closeAndCatch(ring);
    await collectGarbage();
    assert.ok(pages.deref());
    timers.pop()?.callback();
  });

  test('survive a fork of the process with a read in flight', (t) => {
    const ring = ringOrSkip(t, { flags: 0 });
    if (ring === null) return;
    const pages = allocatePages(65_536);
    const plain = new Uint8Array(65_536);
    ring.registerBuffers([pages, plain]);
    for (const [i, buffer] of [pages.bytes(), plain].entries()) {
      readFixed(ring.getSqe()!, pair[0], buffer, 5, -1, i);
      ring.commitSqe();
      ring.submit();
      execFileSync('true');
      // What is written between the fork and the completion must not be what separates us from the kernel's page.
      buffer[100] = 1;
      writeSync(pair[1], 'after');
      assert.equal(ring.waitCqe({ timeout: timeLimit })?.res, 5);
      ring.advanceCq();
      assert.equal(Buffer.from(buffer.subarray(0, 5)).toString(), 'after');
    }
    ring.close();
  });
});

describe('A ring', () => {
  test('can be closed when no mapping more is to be had', { timeout: timeLimit * 2 }, (t) => {
    if (!possible(t)) return;
    const args = ['--min-semi-space-size=64', compiled('worker-full').pathname];
    const child = spawnSync(process.execPath, args, { encoding: 'utf8' });
    assert.equal(child.stdout, 'closed', child.stderr);
    assert.equal(child.status, 0);
  });

  test('that the kernel refuses leaves nothing behind', async (t) => {
    if (!possible(t)) return;
    const before = traces();
    for (let i = 0; i < 3; i++) {
      assert.throws(() => new IoUringState(8, { flags: 0x8000_0000 }), { code: 'EINVAL' });
      assert.throws(() => new IoUringState(100_000, { flags: 0 }), { code: 'EINVAL' });
      assert.throws(() => new IoUringState(8, { kernel: { ...linux, setup: () => -12 } }), {
        code: 'ENOMEM',
      });
    }
    assert.deepEqual(leftOver(before, await tracesBackTo(before)), []);
  });

  test('of a Worker with trackUnmanagedFds: false outlives it, as documented', async (t) => {
    if (!possible(t)) return;
    // Node may have rings of its own, one for each event loop.
    const before = new Set(ringFds());
    const options = { trackUnmanagedFds: false };
    const { worker } = await startWorker('worker-scenes', { scene: 'wait', flags: 0 }, options);
    await worker.terminate();
    const left = ringFds().filter((fd) => !before.has(fd));
    assert.equal(left.length, 1);
    assert.equal(libc().close(left[0]), 0);
  });
});

describe('Rings in a hurry', { timeout: timeLimit * 4 }, () => {
  const variations: Record<string, { shell?: string; env?: Record<string, string>; uid?: number }> = {
    'as they come': {},
    'with 8 GiB of address space': { shell: 'ulimit -v 8388608' },
    'with one arena of malloc': { env: { MALLOC_ARENA_MAX: '1' } },
    'with a malloc that maps nothing by itself': { env: { MALLOC_MMAP_MAX_: '0' } },
    'with a malloc that keeps all it has': {
      env: { MALLOC_TOP_PAD_: '134217728', MALLOC_TRIM_THRESHOLD_: '1073741824' },
    },
    'with 8 MiB of locked memory, unprivileged': { shell: 'ulimit -l 8192', uid: 65_534 },
  };
  for (const [name, { shell = ':', env = {}, uid }] of Object.entries(variations))
    test(name, (t) => {
      if (!possible(t)) return;
      if (uid !== undefined && process.getuid?.() !== 0) return t.skip('needs root to become another user');
      const script = compiled('worker-hurry').pathname;
      // A temporary folder is for its owner only.
      if (!isCompiled) chmodSync(dirname(dirname(dirname(script))), 0o755);
      const args = [
        '-c',
        `${shell} && exec "$@"`,
        'sh',
        process.execPath,
        script,
        ...(uid ? [String(uid)] : []),
      ];
      const child = spawnSync('sh', args, { encoding: 'utf8', env: { ...process.env, ...env } });
      assert.equal(child.status, 0, child.stderr);
      assert.deepEqual(JSON.parse(child.stdout), []);
    });
});

describe('Pages come from mappings of their own', () => {
  const variations: Record<string, Record<string, string>> = {
    'when malloc has room for them in its heap': {},
    'when malloc maps nothing by itself': { MALLOC_MMAP_MAX_: '0' },
  };
  for (const [name, env] of Object.entries(variations))
    test(name, (t) => {
      if (!possible(t)) return;
      const script = compiled('worker-heap').pathname;
      const child = spawnSync(process.execPath, [script], {
        encoding: 'utf8',
        env: { ...process.env, ...env },
      });
      assert.equal(child.status, 0, child.stderr);
      assert.deepEqual(
        JSON.parse(child.stdout),
        [],
        'addresses that are still mapped after their pages were dropped',
      );
    });
});

/** A read of the pipe into what `make` gives, to which nobody but the ring refers afterwards. */
function readInto<T extends Uint8Array>(ring: IoUringState, make: () => T): WeakRef<T> {
  drain(pair[0]);
  const buffer = make();
  read(ring.getSqe()!, pair[0], buffer, 4096, -1);
  ring.commitSqe();
  ring.submit();
  return new WeakRef(buffer);
}

function register<T extends Uint8Array | SharedPages>(ring: IoUringState, make: () => T): WeakRef<T> {
  const buffer = make();
  ring.registerBuffers([buffer]);
  return new WeakRef(buffer);
}

/** Closes the ring and gives the timers that this started, which do not run by themselves. */
function closeAndCatch(ring: IoUringState): { callback: () => void }[] {
  const timers: { callback: () => void }[] = [];
  const original = globalThis.setTimeout;
  const fake = (callback: () => void) => {
    timers.push({ callback });
    return { unref: () => {} };
  };
  globalThis.setTimeout = fake as unknown as typeof setTimeout;
  try {
    ring.close();
  } finally {
    globalThis.setTimeout = original;
  }
  return timers;
}

function possible(t: { skip(message: string): void }): boolean {
  const lacks = lacksRing('io_uring', { flags: 0 }, 64);
  if (lacks) t.skip(lacks);
  return !lacks;
}
