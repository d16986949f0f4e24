/**
 * Chains: operations that are submitted together, each after the other.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type ChainError, IoUring, nop } from 'tsuring';
import { EAGAIN, linux } from 'tsuring/syscalls';
import { times } from './support/effort.ts';
import { without } from './support/engine-test.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksDefer, lacksOpcode } from './support/needs.ts';

/** How each promise ended. */
async function ends(promises: readonly Promise<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((end) => (end.status === 'fulfilled' ? end.value : end.reason.code));
}

test('write, fsync, rename', { ...without, skip: lacksOpcode('IORING_OP_RENAMEAT') }, async () => {
  using here = scratch();
  await using ring = new IoUring();
  const fd = here.fileFd('new');
  const before = ring.stats().enters;
  const results = await ring.chain((link) => [
    link.write(fd, Buffer.from('content')),
    link.fsync(fd),
    link.renameat(here.at('new'), here.at('file')),
  ]);
  assert.deepEqual(results, [7, undefined, undefined]);
  assert.equal(readFileSync(here.at('file'), 'latin1'), 'content');
  const { submitted, inFlight } = ring.stats();
  assert.deepEqual([before, submitted, inFlight], [0, 3, 0]);
});

test('operations whose failure the kernel passes over break a chain all the same', without, async () => {
  using here = scratch();
  await using ring = new IoUring();
  const none = here.at('none/file');
  const fd = here.fileFd('file', 'abc');
  const reader = here.fd(here.at('file'), 'r');
  type Link = Parameters<Parameters<typeof ring.chain>[0]>[0];
  const failing: Record<string, (link: Link) => Promise<unknown>> = {
    UNLINKAT: (link) => link.unlinkat(none),
    MKDIRAT: (link) => link.mkdirat(none),
    RENAMEAT: (link) => link.renameat(none, here.at('x')),
    LINKAT: (link) => link.linkat(none, here.at('x')),
    SYMLINKAT: (link) => link.symlinkat('x', none),
    STATX: (link) => link.statx(none),
    FALLOCATE: (link) => link.fallocate(reader, 0, 0, 10),
    FTRUNCATE: (link) => link.ftruncate(reader, 1),
    SYNC_FILE_RANGE: (link) => link.syncFileRange(fd, 0, 1, 1 << 20),
    GETXATTR: (link) => link.getxattr(none, 'user.x', Buffer.alloc(4)),
    SETXATTR: (link) => link.setxattr(none, 'user.x', Buffer.alloc(4)),
    MADVISE: (link) => link.madvise(Buffer.alloc(8), 999),
  };
  // And those that do break one, on newer kernels: 5.10 passes over a write that fails at once, too.
  const breaking: typeof failing = {
    OPENAT: (link) => link.openat(none),
    FADVISE: (link) => link.fadvise(fd, 0, 1, 99),
    CLOSE: (link) => link.closeFd(99_999),
    WRITE: (link) => link.write(reader, Buffer.alloc(1)),
    SPLICE: (link) => link.splice(fd, 0, reader, 0, 3),
    SOCKET: (link) => link.socket(999, 1),
    CONNECT: (link) => link.connect(fd, { address: '127.0.0.1', port: 1 }),
    SHUTDOWN: (link) => link.shutdown(fd, 1),
  };
  for (const [name, fail] of Object.entries({ ...failing, ...(lacksDefer() ? {} : breaking) })) {
    if (lacksOpcode(`IORING_OP_${name}`)) continue;
    const parts: Promise<unknown>[] = [];
    const whole = ring.chain((link) => {
      parts.push(link.nop(), fail(link), link.write(fd, Buffer.from('x'), { offset: 0 }), link.nop());
      return parts;
    });
    await assert.rejects(whole, { link: 1, cancelled: [2, 3] }, name);
    assert.deepEqual((await ends(parts)).slice(2), ['ECANCELED', 'ECANCELED'], name);
  }
  assert.equal(readFileSync(here.at('file'), 'latin1'), 'abc');
});

test('the types and results of what the function returns, whatever that is', without, async () => {
  using here = scratch();
  await using ring = new IoUring();
  const fd = here.fileFd('file', 'abc');
  const reads: Promise<number>[] = [];
  const results = await ring.chain((link) => {
    reads.push(link.read(fd, Buffer.alloc(3), { offset: 0 }));
    return reads;
  });
  assert.deepEqual(results, [3]);
  assert.equal(await reads[0], 3);
  const [size, bytes] = await ring.chain((link) => [
    link.fstatx(fd).then((found) => found.size),
    link.read(fd, Buffer.alloc(2), { offset: 0 }),
  ]);
  assert.deepEqual([size satisfies bigint | undefined, bytes satisfies number], [3n, 2]);
  assert.deepEqual(await ring.chain(() => []), []);
});

test('a link that fails cancels those behind it, and says which', without, async () => {
  using here = scratch();
  await using ring = new IoUring();
  const fd = here.fileFd('file', 'abc');
  const parts: Promise<unknown>[] = [];
  const whole = ring.chain((link) => {
    parts.push(
      link.read(fd, Buffer.alloc(3), { offset: 0 }),
      link.openat(here.at('none')),
      link.write(fd, Buffer.from('xyz'), { offset: 0 }),
      link.fsync(fd),
    );
    return parts;
  });
  await assert.rejects(whole, (error: ChainError & NodeJS.ErrnoException) => {
    assert.deepEqual(
      [error.code, error.syscall, error.path, error.link, error.cancelled],
      ['ENOENT', 'openat', here.at('none'), 1, [2, 3]],
    );
    return true;
  });
  assert.deepEqual(await ends(parts), [3, 'ENOENT', 'ECANCELED', 'ECANCELED']);
  await assert.rejects(parts[3], { code: 'ECANCELED', syscall: 'fsync', link: 1, cancelled: [2, 3] });
  assert.equal(readFileSync(here.at('file'), 'latin1'), 'abc');
});

test('a short read breaks a chain, unless it is linked hard', without, async () => {
  using here = scratch();
  await using ring = new IoUring();
  const fd = here.fileFd('file', 'abc');
  for (const hard of [false, true]) {
    const parts: Promise<unknown>[] = [];
    const whole = ring.chain(
      (link) => {
        parts.push(link.read(fd, Buffer.alloc(8), { offset: 0 }), link.fsync(fd));
        return parts;
      },
      { hard },
    );
    if (hard) assert.deepEqual(await whole, [3, undefined]);
    else {
      await assert.rejects(whole, { code: 'ECANCELED', syscall: 'fsync', link: 0, cancelled: [1] });
      assert.deepEqual(await ends(parts), [3, 'ECANCELED']);
    }
  }
});

test('promises that nobody looks at trouble nobody', without, async () => {
  using here = scratch();
  await using ring = new IoUring();
  await assert.rejects(
    ring.chain((link) => {
      link.fsync(-1);
      link.closeFd(here.fileFd('file'));
      return [link.unlinkat(here.at('none'))];
    }),
    { code: 'ECANCELED', link: 0, cancelled: [1, 2] },
  );
  await new Promise((resolve) => setImmediate(resolve));
});

test('a mistake in a link: nothing of the chain is begun', without, async () => {
  using here = scratch();
  await using ring = new IoUring();
  const fd = here.fileFd('file', 'abc');
  const parts: Promise<unknown>[] = [];
  await assert.rejects(
    ring.chain((link) => {
      parts.push(link.write(fd, Buffer.from('x'), { offset: 0 }), link.read(0.5, Buffer.alloc(1)));
      return parts;
    }),
    { code: 'ERR_OUT_OF_RANGE' },
  );
  assert.deepEqual(await ends(parts), ['ERR_OUT_OF_RANGE', 'ERR_OUT_OF_RANGE']);
  assert.equal(ring.stats().submitted, 0);
  await assert.rejects(
    ring.chain(() => {
      throw new Error('theirs');
    }),
    { message: 'theirs' },
  );
  await assert.rejects(
    ring.chain(() => [], { signal: 1 as never }),
    { code: 'ERR_INVALID_ARG_TYPE' },
  );
  let late: Parameters<Parameters<typeof ring.chain>[0]>[0] | undefined;
  await ring.chain((link) => {
    late = link;
    return [];
  });
  await assert.rejects(late!.fsync(fd), { code: 'ERR_INVALID_STATE' });
  assert.equal(await ring.run(nop), 0);
});

test('a timeout for one link, for the whole, and a signal', without, async () => {
  using here = scratch();
  const [out] = here.pipe();
  await using ring = new IoUring();
  const fd = here.fileFd('file', 'abc');
  const build = (timeout?: number) => {
    const parts: Promise<unknown>[] = [];
    return {
      parts,
      build: (link: Parameters<Parameters<typeof ring.chain>[0]>[0]) => {
        parts.push(
          link.read(fd, Buffer.alloc(3), { offset: 0 }),
          link.read(out, Buffer.alloc(3), { timeout }),
          link.fsync(fd),
        );
        return parts;
      },
    };
  };
  const one = build(5);
  await assert.rejects(ring.chain(one.build), {
    code: 'ETIMEDOUT',
    syscall: 'read',
    link: 1,
    cancelled: [2],
  });
  assert.deepEqual(await ends(one.parts), [3, 'ETIMEDOUT', 'ECANCELED']);
  const all = build();
  await assert.rejects(ring.chain(all.build, { timeout: 5 }), { code: 'ETIMEDOUT', syscall: 'chain' });
  const aborted = build();
  const controller = new AbortController();
  setTimeout(() => controller.abort('no'), 2);
  await assert.rejects(ring.chain(aborted.build, { signal: controller.signal }), {
    name: 'AbortError',
    cause: 'no',
  });
  assert.deepEqual(await ends(aborted.parts), [3, 'ABORT_ERR', 'ABORT_ERR']);
  await assert.rejects(ring.chain(build().build, { signal: AbortSignal.abort() }), { name: 'AbortError' });
  // In time: nothing is in the way of what follows.
  assert.deepEqual(
    await ring.chain((link) => [
      link.read(fd, Buffer.alloc(3), { offset: 0, timeout: 60_000 }),
      link.fsync(fd),
    ]),
    [3, undefined],
  );
  assert.equal(ring.stats().inFlight, 0);
});

test('chains go in one piece when the queue is nearly full', without, async () => {
  using here = scratch();
  const fd = here.fileFd('file', 'abc');
  const submitted: number[] = [];
  await using ring = new IoUring({
    entries: 8,
    kernel: {
      ...linux,
      enter: (ringFd, toSubmit, ...rest) => {
        const taken = linux.enter(ringFd, toSubmit, ...rest);
        if (taken > 0) submitted.push(taken);
        return taken;
      },
    },
  });
  await ring.run(nop);
  submitted.length = 0;
  const others = Array.from({ length: 6 }, () => ring.run(nop));
  const chain = ring.chain((link) => [
    link.read(fd, Buffer.alloc(3), { offset: 0 }),
    link.nop(),
    link.read(fd, Buffer.alloc(1), { offset: 1 }),
  ]);
  await Promise.all(others);
  assert.deepEqual(await chain, [3, undefined, 1]);
  assert.deepEqual(submitted, [6, 3]);
  const tooLong = ring.chain((link) => Array.from({ length: 9 }, () => link.nop()));
  await assert.rejects(tooLong, { code: 'ERR_OUT_OF_RANGE' });
  assert.deepEqual(
    await ring.chain((link) => Array.from({ length: 8 }, () => link.nop())),
    Array(8).fill(undefined),
  );
});

test('many chains at once, when the kernel has no room for them', without, async () => {
  using here = scratch();
  let calls = 0;
  await using ring = new IoUring({
    entries: 8,
    kernel: {
      ...linux,
      enter: (fd, toSubmit, ...rest) =>
        toSubmit > 0 && calls++ % 3 !== 0 ? -EAGAIN : linux.enter(fd, toSubmit, ...rest),
    },
  });
  const count = times(300);
  const texts = Array.from({ length: count }, (_, n) => Buffer.from(`${n} `.repeat(n % 7)));
  const fds = texts.map((_, n) => here.fileFd(`file ${n}`));
  await Promise.all(
    texts.map(async (text, n) => {
      const back = Buffer.alloc(text.length);
      const results = await ring.chain((link) => [
        link.write(fds[n], text, { offset: 0 }),
        link.fdatasync(fds[n]),
        link.read(fds[n], back, { offset: 0 }),
      ]);
      assert.deepEqual(results, [text.length, undefined, text.length]);
      assert.ok(back.equals(text));
    }),
  );
});

test('drain waits for what was before', { ...without, skip: lacksDefer() }, async () => {
  using here = scratch();
  const [out, into] = here.pipe();
  await using ring = new IoUring();
  const before = ring.read(out, Buffer.alloc(1));
  let done = false;
  const chain = ring
    .chain((link) => [link.unlinkat(here.file('file'))], { drain: true })
    .then(() => {
      done = true;
    });
  for (let n = 0; n < 20; n++) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([done, existsSync(here.at('file'))], [false, true]);
  // Not by this ring, where it would wait as well.
  assert.equal(await new Promise((resolve) => process.nextTick(() => resolve(linux.poll(into, 4, 0)))), 4);
  await using other = new IoUring();
  await other.write(into, Buffer.from('x'));
  assert.equal(await before, 1);
  await chain;
  assert.equal(existsSync(here.at('file')), false);
});

test('close in the midst of chains', without, async () => {
  using here = scratch();
  const [out] = here.pipe();
  const ring = new IoUring();
  const fd = here.fileFd('file');
  const parts: Promise<unknown>[] = [];
  const whole = ring.chain((link) => {
    parts.push(link.read(out, Buffer.alloc(1)), link.fsync(fd));
    return parts;
  });
  const end = assert.rejects(whole, { code: 'ECANCELED' });
  ring.flush();
  await ring.close();
  await end;
  assert.deepEqual(await ends(parts), ['ECANCELED', 'ECANCELED']);
  await assert.rejects(
    ring.chain((link) => [link.fsync(fd)]),
    { code: 'EBADF' },
  );
});
