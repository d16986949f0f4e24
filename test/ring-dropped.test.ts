/**
 * Rings that nobody closed: the collector releases them, and says so once.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runScript } from './support/child.ts';
import { lacksRing } from './support/needs.ts';
import { timeLimit } from './support/time-limit.ts';

for (const [name, options] of Object.entries({
  no_mmap: { flags: 0, memory: 'no_mmap' },
  view: { flags: 0, memory: 'view' },
  SQPOLL: { flags: 2 },
} as const))
  test(`dropped rings are released, with one warning: ${name}`, {
    skip: lacksRing(name, options),
    timeout: timeLimit,
  }, () => {
    const { status, stdout, stderr } = runScript(
      `
      import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
      import { IoUringState, nop } from 'tsuring';
      const isRing = (fd) => { try { return readlinkSync('/proc/self/fd/' + fd).includes('[io_uring]'); } catch { return false; } };
      const fds = () => readdirSync('/proc/self/fd').filter(isRing).length;
      const rings = () => readFileSync('/proc/self/maps', 'latin1').split('io_uring').length - 1;
      const warnings = [];
      process.on('warning', ({ code }) => warnings.push(code));
      const turn = () => new Promise((resolve) => setTimeout(resolve, 5));
      const before = [fds(), rings()];
      const make = () => {
        const ring = new IoUringState(4, ${JSON.stringify(options)});
        nop(ring.getSqe());
        ring.commitSqe();
        ring.submitAndWait(1);
        return { sqe: ring.getSqe(), cqe: ring.peekCqe(), memory: ring.memory };
      };
      const kept = Array.from({ length: 20 }, make);
      const made = [fds() - before[0], kept.length];
      for (let n = 0; n < 200 && fds() > before[0]; n++) { gc(); await turn(); }
      process.stdout.write(JSON.stringify({ made, left: [fds() - before[0], rings() - before[1]], warnings }));
      // Cursors and memory that outlived their ring: harmless.
      for (const { sqe, memory } of kept) {
        nop(sqe);
        memory.sqes.fill(1);
        memory.sqRing.fill(1);
      }
      // A ring that was closed warns of nothing, and keeps nobody waiting.
      const closed = () => new IoUringState(4, ${JSON.stringify(options)}).close();
      closed();
      gc();
      await turn();
      `,
      { node: ['--expose-gc'] },
    );
    assert.equal(status, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), {
      made: [20, 20],
      left: [0, 0],
      warnings: ['TSURING_DROPPED_RING'],
    });
    assert.equal(stderr.match(/TSURING_DROPPED_RING/g)?.length, 1, stderr);
  });

test('a ring in use is not collected', { skip: lacksRing('io_uring', {}), timeout: timeLimit }, () => {
  const { status, stdout, stderr } = runScript(
    `
    import { IoUringState, nop } from 'tsuring';
    const ring = new IoUringState(4, { flags: 0 });
    for (let n = 0; n < 20; n++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 1));
      nop(ring.getSqe());
      ring.commitSqe();
      ring.submitAndWait(1);
      ring.advanceCq();
    }
    process.stdout.write(String(ring.counts.cqes));
    ring.close();
    `,
    { node: ['--expose-gc'] },
  );
  assert.deepEqual([status, stdout, stderr], [0, '20', '']);
});
