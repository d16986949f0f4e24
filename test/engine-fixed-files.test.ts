/**
 * Files in slots of the engine's ring: handles with a life of their own.
 */
import assert from 'node:assert/strict';
import { closeSync, existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { FixedFile, IoUring } from 'tsuring';
import { AF_INET, AF_UNIX, IORING_SETUP_SUBMIT_ALL, libc, SOCK_STREAM } from 'tsuring/syscalls';
import { times } from './support/effort.ts';
import { engineTests } from './support/engine-test.ts';
import { scratch } from './support/live-scratch.ts';
import { collectGarbage } from './support/memory-watch.ts';
import { lacksOpcode, lacksRing } from './support/needs.ts';
import { Sockets } from './support/sockets.ts';
import { pipe } from './support/worker-pipes.ts';

const engineTest = engineTests(scratch);
const socketTest = engineTests(() => new Sockets());
/** What the engine asks for before it opens into slots. */
const lacksDirect = lacksRing('IORING_SETUP_SUBMIT_ALL (Linux 5.18)', { flags: IORING_SETUP_SUBMIT_ALL });

/** Of the whole process: one is given once, and other tests may leave a file for the collector, too. */
const warnings: Error[] = [];
process.on('warning', (warning) => warnings.push(warning));

/** How many files of that name this process has open, by whatever number. */
function descriptorsOf(path: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false;
    }
  }).length;
}

engineTest('openatDirect: a file without a descriptor', lacksDirect, async (ring, here) => {
  const path = here.file('file', 'content');
  const file = await ring.openatDirect(path);
  assert.ok(file instanceof FixedFile);
  assert.ok(file.filled && !file.closed);
  assert.equal(descriptorsOf(path), 0);
  const buffer = Buffer.alloc(10);
  assert.equal(await ring.read(file, buffer, { offset: 0 }), 7);
  assert.equal(buffer.toString('latin1', 0, 7), 'content');
  await file.close();
  await file.close();
  assert.ok(file.closed);
  await assert.rejects(ring.read(file, buffer), { code: 'EBADF' });
});

engineTest('one that fails gives its slot back', lacksDirect, async (_ring, here) => {
  await using ring = new IoUring({ fixedFiles: 4 });
  for (let n = 0; n < 20; n++)
    await assert.rejects(ring.openatDirect(here.at('none')), { code: 'ENOENT', path: here.at('none') });
  await using file = await ring.openatDirect(here.file('file', 'a'));
  assert.equal(await ring.read(file, Buffer.alloc(1)), 1);
});

engineTest('no more slots than there are, and each again and again', lacksDirect, async (_ring, here) => {
  await using ring = new IoUring({ fixedFiles: 8 });
  const path = here.file('file', 'a');
  const held: FixedFile[] = [];
  const all = async (): Promise<void> => {
    for (;;) held.push(await ring.openatDirect(path));
  };
  await assert.rejects(all(), { code: 'ENFILE' });
  assert.ok(held.length === 4 || held.length === 8, `${held.length}`);
  for (let n = 0; n < times(500); n++) {
    const at: number = n % held.length;
    await held[at].close();
    held[at] = await ring.openatDirect(path);
    assert.equal(await ring.read(held[at], Buffer.alloc(1), { offset: 0 }), 1);
  }
});

engineTest('registerFile: the descriptor may go', false, async (ring, here) => {
  const [readFd, writeFd] = here.pipe();
  const file = ring.registerFile(writeFd);
  await ring.write(file, Buffer.from('ab'));
  const buffer = Buffer.alloc(2);
  assert.equal(await ring.read(readFd, buffer), 2);
  assert.equal(String(buffer), 'ab');
  await file.close();
  assert.throws(() => ring.registerFile(-1), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => ring.registerFile('1' as never), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => ring.registerFile(1_000_000), { code: 'EBADF' });
});

engineTest('a registered pipe ends when the file is closed', false, async (ring) => {
  const [readFd, writeFd] = pipe();
  try {
    const file = ring.registerFile(writeFd);
    libc().close(writeFd);
    await ring.write(file, Buffer.from('x'));
    const buffer = Buffer.alloc(4);
    assert.equal(await ring.read(readFd, buffer), 1);
    await file.close();
    assert.equal(await ring.read(readFd, buffer), 0);
  } finally {
    libc().close(readFd);
  }
});

engineTest('open, read, close as one chain', lacksDirect, async (ring, here) => {
  const path = here.file('file', 'content');
  await ring.nop();
  const buffer = Buffer.alloc(100);
  for (let n = 0; n < 10; n++) {
    const before = ring.stats().enters;
    const file = ring.fixedFile();
    const [opened, bytes] = await ring.chain((link) => [
      link.openatDirect(path, 'r', 0, { into: file }),
      link.read(file, buffer, { length: 7, offset: 0 }),
      link.closeFixed(file),
    ]);
    assert.equal(opened, file);
    assert.equal(bytes, 7);
    assert.equal(ring.stats().enters - before, 1, 'one system call');
    assert.ok(file.closed);
    await file.close();
    assert.ok(!file.filled);
  }
  assert.equal(ring.stats().inFlight, 0);
});

engineTest('a chain that breaks closes the file all the same', lacksDirect, async (_ring, here) => {
  await using ring = new IoUring({ fixedFiles: 4 });
  const path = here.file('file', 'content');
  for (let n = 0; n < 20; n++) {
    const file = ring.fixedFile();
    const whole = ring.chain((link) => [
      link.openatDirect(path, 'r', 0, { into: file }),
      // Short: the file has less.
      link.read(file, Buffer.alloc(100), { offset: 0 }),
      link.closeFixed(file),
    ]);
    await assert.rejects(whole, { code: 'ECANCELED', link: 1, cancelled: [2] });
    await file.close();
    assert.ok(!file.filled);
  }
  for (let n = 0; n < 20; n++) {
    const file = ring.fixedFile();
    const whole = ring.chain((link) => [
      link.openatDirect(here.at('none'), 'r', 0, { into: file }),
      link.read(file, Buffer.alloc(100)),
      link.closeFixed(file),
    ]);
    await assert.rejects(whole, { code: 'ENOENT', link: 0, cancelled: [1, 2] });
    await file.close();
  }
});

engineTest('mistakes in building a chain leave no slot behind', lacksDirect, async (_ring, here) => {
  await using ring = new IoUring({ fixedFiles: 4 });
  const path = here.file('file', 'content');
  for (let n = 0; n < 20; n++) {
    const file = ring.fixedFile();
    const thrown = ring.chain((link) => {
      void link.openatDirect(path, 'r', 0, { into: file });
      throw new Error('of the caller');
    });
    await assert.rejects(thrown, { message: 'of the caller' });
    const wrong = ring.chain((link) => [
      link.openatDirect(path, 'r', 0, { into: file }),
      link.read(file, 'no buffer' as never),
    ]);
    await assert.rejects(wrong, { code: 'ERR_INVALID_ARG_TYPE' });
    await file.close();
  }
});

engineTest('a link that is refused keeps the chain from beginning', lacksDirect, async (ring, here) => {
  const path = here.file('file', 'content');
  await using file = await ring.openatDirect(path);
  const none = here.at('none');
  for (const options of [{ into: file }, { into: 3 as never }, {}]) {
    const whole = ring.chain((link) => [
      link.openatDirect(path, 'r', 0, options),
      link.openat(none, 'w'),
      link.nop(),
    ]);
    await assert.rejects(whole, { code: /^ERR_INVALID_(STATE|ARG_TYPE)$/ });
    assert.equal(existsSync(none), false);
  }
  const empty = ring.fixedFile();
  const both = [1, 2].map(() => ring.openatDirect(path, 'r', 0, { into: empty }));
  const ends = await Promise.allSettled(both);
  assert.deepEqual(
    ends.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  );
  await empty.close();
});

engineTest('close waits for what waits for room, too', false, async (_ring, here) => {
  await using ring = new IoUring({ entries: 1 });
  const file = ring.registerFile(here.fileFd('file', 'a'));
  const reads = Array.from({ length: 20 }, () => ring.read(file, Buffer.alloc(1), { offset: 0 }));
  const closing = file.close();
  assert.deepEqual(await Promise.all(reads), Array(20).fill(1));
  await closing;
  await assert.rejects(ring.read(file, Buffer.alloc(1)), { code: 'EBADF' });
});

engineTest('close waits for what was started on the file', false, async (ring, here) => {
  const [readFd, writeFd] = here.pipe();
  const file = ring.registerFile(readFd);
  const buffer = Buffer.alloc(1);
  const reading = ring.read(file, buffer);
  let closed = false;
  const closing = file.close().then(() => {
    closed = true;
  });
  for (let n = 0; n < 10; n++) await turn();
  assert.equal(closed, false);
  await assert.rejects(ring.read(file, buffer), { code: 'EBADF' });
  await ring.write(writeFd, Buffer.from('x'));
  assert.equal(await reading, 1);
  await closing;
});

engineTest('a file of another ring, and of a closed one', false, async (ring, here) => {
  const fd = here.fileFd('file', 'a');
  const other = new IoUring();
  const file = other.registerFile(fd);
  await assert.rejects(ring.read(file, Buffer.alloc(1)), { code: 'ERR_INVALID_STATE' });
  ring.registerFile(fd);
  await assert.rejects(ring.read(file, Buffer.alloc(1)), { code: 'ERR_INVALID_STATE' });
  await assert.rejects(
    ring.chain((link) => [link.read(file, Buffer.alloc(1))]),
    { code: 'ERR_INVALID_STATE' },
  );
  await other.close();
  await file.close();
  assert.throws(() => other.fixedFile(), { code: 'EBADF' });
  assert.throws(() => other.registerFile(fd), { code: 'EBADF' });
});

engineTest('a slot that has a file takes no other', lacksDirect, async (ring, here) => {
  const path = here.file('file', 'a');
  await using file = await ring.openatDirect(path);
  await assert.rejects(ring.openatDirect(path, 'r', 0, { into: file }), { code: 'ERR_INVALID_STATE' });
  await assert.rejects(ring.openatDirect(path, 'r', 0, { into: 3 as never }), {
    code: 'ERR_INVALID_ARG_TYPE',
  });
  assert.equal(await ring.read(file, Buffer.alloc(1)), 1);
});

engineTest(
  'fixedFdInstall: a descriptor of it',
  lacksOpcode('IORING_OP_FIXED_FD_INSTALL'),
  async (ring, here) => {
    const path = here.file('file', 'content');
    const file = await ring.openatDirect(path);
    const fd = await ring.fixedFdInstall(file);
    await file.close();
    try {
      assert.equal(readFileSync(fd, 'latin1'), 'content');
      const flags = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1').match(/flags:\s*(\d+)/);
      assert.equal(Number.parseInt(flags![1], 8) & 0o2000000, 0o2000000, 'close-on-exec');
    } finally {
      closeSync(fd);
    }
  },
);

engineTest('a file that is dropped is closed, and one warning says so', false, async (ring) => {
  const [readFd, writeFd] = pipe();
  (() => {
    for (let n = 0; n < 3; n++) ring.registerFile(writeFd);
  })();
  libc().close(writeFd);
  let bytes = -1;
  const reading = ring.read(readFd, Buffer.alloc(1), { timeout: 30_000 }).then((res) => {
    bytes = res;
  });
  for (let n = 0; n < 500 && bytes < 0; n++) {
    await collectGarbage();
    await turn();
  }
  await reading;
  libc().close(readFd);
  assert.equal(bytes, 0);
  const dropped = warnings.filter((warning) => 'code' in warning && warning.code === 'TSURING_DROPPED_FILE');
  assert.equal(dropped.length, 1);
});

engineTest('files and rings that are dropped together leave nothing', false, async (_ring, here) => {
  const fd = here.fileFd('file', 'a');
  const open = (): number => readdirSync('/proc/self/fd').length;
  const drop = async (): Promise<void> => {
    const ring = new IoUring();
    await ring.read(ring.registerFile(fd), Buffer.alloc(1));
  };
  await drop();
  for (let n = 0; n < 5; n++) await collectGarbage();
  const before = open();
  for (let n = 0; n < times(30); n++) await drop();
  for (let n = 0; n < 200 && open() > before + 2; n++) await collectGarbage();
  assert.ok(open() <= before + 2, `${open()} descriptors, were ${before}`);
  // A ring with a file that somebody has is not dropped.
  const file = await (async () => {
    const ring = new IoUring();
    return ring.registerFile(fd);
  })();
  for (let n = 0; n < 5; n++) await collectGarbage();
  await file.close();
});

socketTest('multishotAcceptDirect', lacksDirect, async (ring, sockets) => {
  const listening = sockets.listener();
  const accepted = ring.multishotAcceptDirect(listening.fd);
  for (let n = 0; n < 3; n++) {
    const client = sockets.client(listening);
    const { value } = await accepted.next();
    await ring.write(client, Buffer.from('hello'));
    assert.equal(await ring.recv(value, Buffer.alloc(9)), 5);
    await value.close();
    assert.equal(await ring.read(client, Buffer.alloc(9)), 0);
  }
  // Those that nobody took are closed.
  const client = sockets.client(listening);
  await ring.poll(listening.fd, 1, { timeout: 50 }).catch(() => undefined);
  await accepted.return();
  assert.equal(await ring.read(client, Buffer.alloc(1), { timeout: 5000 }).catch(() => 0), 0);
});

socketTest(
  'socketDirect, acceptDirect',
  lacksDirect || lacksOpcode('IORING_OP_SOCKET'),
  async (ring, sockets) => {
    const listening = sockets.listener();
    const accepting = ring.acceptDirect(listening.fd);
    await using client = await ring.socketDirect(AF_INET, SOCK_STREAM);
    await ring.connect(client, listening.address);
    const { file, address } = await accepting;
    assert.ok(address !== undefined && 'port' in address);
    await ring.send(client, Buffer.from('hello'));
    const buffer = Buffer.alloc(10);
    assert.equal(await ring.recv(file, buffer), 5);
    await file.close();
    assert.equal(await ring.recv(client, buffer), 0);
    await assert.rejects(ring.socketDirect(AF_UNIX, 99), { syscall: 'socket' });
  },
);
