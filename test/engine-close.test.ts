/**
 * The end of an engine: closed, dropped, or with its process.
 */
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { IoUring, nop } from 'tsuring';
import { runScript } from './support/child.ts';
import { times } from './support/effort.ts';
import { without } from './support/engine-test.ts';
import { scratch } from './support/live-scratch.ts';

/** What this process has open of rings and their eventfds. */
function descriptors(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return /io_uring|eventfd/.test(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      return false;
    }
  }).length;
}

test('close cancels what is in flight, and gives everything back', without, async () => {
  using here = scratch();
  const [out] = here.pipe();
  const before = descriptors();
  const ring = new IoUring();
  assert.equal(descriptors(), before, 'nothing is made before it is needed');
  const reads = Array.from({ length: 300 }, () => ring.read(out, Buffer.alloc(8)));
  const settled = Promise.allSettled(reads);
  ring.flush();
  assert.equal(descriptors(), before + 2);
  assert.equal(ring.closed, false);
  const closing = ring.close();
  assert.equal(ring.closed, true);
  assert.equal(ring.close(), closing, 'idempotent');
  await closing;
  // A socket of Node's closes its fd in the next turn.
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(descriptors(), before);
  for (const result of await settled)
    assert.deepEqual(result.status === 'rejected' && [result.reason.code, result.reason.syscall], [
      'ECANCELED',
      'read',
    ]);
  await assert.rejects(ring.run(nop), { code: 'EBADF' });
  await assert.rejects(ring.read(out, Buffer.alloc(1)), { code: 'EBADF' });
  const { submitted, completed, inFlight } = ring.stats();
  assert.deepEqual([submitted, completed, inFlight], [300, 300, 0]);
  assert.ok(ring.stats().enters > 0);
  ring.flush();
});

test('close of one that was never used', without, async () => {
  const ring = new IoUring();
  await ring.close();
  await assert.rejects(ring.run(nop), { code: 'EBADF' });
});

test('close lets finish what is through, also what waits for room', without, async () => {
  const ring = new IoUring({ entries: 4 });
  const started = Array.from({ length: 4 }, () => ring.run(nop));
  const closing = ring.close();
  assert.deepEqual(await Promise.all(started), [0, 0, 0, 0]);
  await closing;
});

test('await using', without, async () => {
  const before = descriptors();
  {
    await using ring = new IoUring();
    await ring.run(nop);
  }
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(descriptors(), before);
});

test('rings made and closed, over and over', without, async () => {
  const before = descriptors();
  for (let n = 0; n < times(300); n++) {
    const ring = new IoUring({ entries: 8 });
    assert.equal(await ring.run(nop), 0);
    await ring.close();
  }
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(descriptors(), before);
});

test('a close that takes too long names the operations', without, () => {
  const { status, stdout, stderr } = runScript(`
    import { IoUring, nop } from 'tsuring';
    import { libc, linux } from 'tsuring/syscalls';
    let held = true;
    // Completions stay with the kernel as long as nobody asks for them.
    const enter = (fd, toSubmit, least, flags, ...rest) => linux.enter(fd, held ? 0 : toSubmit, least, flags, ...rest);
    const ring = new IoUring({ kernel: { ...linux, enter } });
    const out = libc().pipe2(0) % 2 ** 32;
    const operations = [ring.run(nop), ring.run(nop), ring.read(out, Buffer.alloc(1))];
    const settled = Promise.allSettled(operations);
    await ring.close({ timeout: 30 }).catch(({ code, operations }) => console.log(code, operations.join()));
    held = false;
    await ring.close();
    console.log((await settled).map(({ status }) => status).join());
  `);
  assert.equal(status, 0, stderr);
  assert.equal(stdout, 'ETIMEDOUT 2 × nop,read\nfulfilled,fulfilled,rejected\n');
});

test('options of close', without, async () => {
  await using ring = new IoUring();
  assert.throws(() => ring.close({ timeout: -1 }), { code: 'ERR_OUT_OF_RANGE' });
});

test('a ring that nobody has any more is released, and says so once', without, () => {
  const { status, stdout, stderr } = runScript(
    `
    import { readdirSync, readlinkSync } from 'node:fs';
    import { IoUring, nop } from 'tsuring';
    import { libc } from 'tsuring/syscalls';
    const isOurs = (fd) => { try { return /io_uring|eventfd/.test(readlinkSync('/proc/self/fd/' + fd)); } catch { return false; } };
    const fds = () => readdirSync('/proc/self/fd').filter(isOurs).length;
    const warnings = [];
    process.on('warning', ({ code }) => warnings.push(code));
    const turn = () => new Promise((resolve) => setTimeout(resolve, 5));
    const before = fds();
    for (let n = 0; n < 10; n++) await new IoUring().run(nop);
    // In use to the end, though nobody has the ring itself.
    const out = libc().pipe2(0) % 2 ** 32;
    const slow = new IoUring().read(out, Buffer.alloc(1), { timeout: 3000 }).catch(({ code }) => code);
    await turn();
    const made = fds() - before;
    for (let n = 0; n < 200 && fds() > before + 2; n++) { gc(); await turn(); }
    const inUse = fds() - before;
    const said = await slow;
    for (let n = 0; n < 200 && fds() > before; n++) { gc(); await turn(); }
    process.stdout.write(JSON.stringify({ made, inUse, said, left: fds() - before, warnings }));
    `,
    { node: ['--expose-gc'] },
  );
  assert.equal(status, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), {
    made: 22,
    inUse: 2,
    said: 'ETIMEDOUT',
    left: 0,
    warnings: ['TSURING_DROPPED_RING'],
  });
});

test('a process ends when nothing is in flight, and not before', without, () => {
  const ends = (source: string) => {
    const { status, stdout, stderr } = runScript(`import { IoUring, nop } from 'tsuring';${source}`);
    assert.equal(status, 0, stderr);
    return stdout;
  };
  assert.equal(ends('await new IoUring().run(nop); console.log("done")'), 'done\n');
  assert.equal(
    ends(`const ring = new IoUring(); ring.read(0, Buffer.alloc(1)).then(console.log, ({ code }) => console.log(code));
      ring.flush(); setTimeout(() => ring.close(), 50)`),
    // Standard input is empty here.
    '0\n',
  );
  const pipe = `import { libc } from 'tsuring/syscalls'; const out = libc().pipe2(0) % 2 ** 32; const ring = new IoUring();`;
  assert.equal(
    ends(`${pipe} ring.read(out, Buffer.alloc(1), { timeout: 100 }).catch(({ code }) => console.log(code))`),
    'ETIMEDOUT\n',
  );
  assert.equal(
    ends(`${pipe} ring.unref(); ring.read(out, Buffer.alloc(1)).finally(() => console.log('over'));
      process.on('exit', () => console.log('exit'))`),
    'exit\n',
  );
  assert.equal(
    ends(`${pipe} ring.unref(); ring.read(out, Buffer.alloc(1), { timeout: 100 }).catch(({ code }) => console.log(code));
      ring.ref()`),
    'ETIMEDOUT\n',
  );
});
