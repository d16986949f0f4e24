/**
 * What an engine leaves to the collector must not silence the finalizers of everyone else in its thread. Before Node 26 a
 * FinalizationRegistry does that when it becomes garbage between a collection that has found something for it and its
 * callback.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runScript } from './support/child.ts';
import { without } from './support/engine-test.ts';
import { lacksRegister } from './support/needs.ts';
import { NR } from './support/worker-pipes.ts';

test('memory of the arena is dropped, then its ring', without, () => {
  assertCalled(`ring.allocate(2 ** 20)`);
});

test('a lent chunk is dropped, then its ring', {
  ...without,
  skip: without.skip || lacksRegister('IORING_REGISTER_PBUF_RING'),
}, () => {
  assertCalled(`await (async () => {
      const [a, b] = socketPair();
      const chunks = ring.recv(b, { zeroCopy: true });
      await ring.write(a, Buffer.from('content'));
      const { value } = await chunks.next();
      await chunks.return();
      return value;
    })()`);
});

/**
 * In a process that has nothing else to finalize: a registry that lives would help the others. `thing` makes something of
 * `ring`.
 */
function assertCalled(thing: string): void {
  const { stdout, stderr } = runScript(
    `
    import { setTimeout as turns } from 'node:timers/promises';
    import { IoUring } from 'tsuring';
    import { addressOf, libc } from 'tsuring/syscalls';
    function socketPair() {
      const fds = new Int32Array(new SharedArrayBuffer(8));
      libc().syscall(${NR.socketpair}, 1, 1, 0, addressOf(fds), 0, 0);
      return fds;
    }
    const held = await (async () => {
      const ring = new IoUring();
      const thing = ${thing};
      await ring.close();
      return { ring, thing };
    })();
    for (let n = 0; n < 20; n++) {
      gc();
      await turns(2);
    }
    // Each is found by a collection of its own, the second before anybody has been told of the first.
    held.thing = null;
    gc();
    held.ring = null;
    gc();
    await turns(20);
    let told = 0;
    const registry = new FinalizationRegistry(() => told++);
    (() => {
      for (let n = 0; n < 10; n++) registry.register({ n }, n);
    })();
    for (let n = 0; n < 500 && told === 0; n++) {
      gc();
      await turns(2);
    }
    console.log(told > 0);`,
    { node: ['--expose-gc'] },
  );
  assert.equal(stdout, 'true\n', stderr);
}
