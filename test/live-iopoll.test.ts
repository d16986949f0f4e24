/**
 * Rings whose completions are found by asking the device (IORING_SETUP_IOPOLL, IORING_SETUP_HYBRID_IOPOLL). The disk must
 * have poll queues; name a folder on one by TSURING_DISK.
 */
import assert from 'node:assert/strict';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { allocatePages, type IoUringOptions, IoUringState, nop, read, write } from 'tsuring';
import {
  EINVAL,
  EOPNOTSUPP,
  errnoName,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_HYBRID_IOPOLL,
  IORING_SETUP_IOPOLL,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { lacksRing } from './support/needs.ts';
import { timeLimit } from './support/time-limit.ts';

const BLOCK = 4096;
const folder = mkdtempSync(join(process.env.TSURING_DISK ?? process.cwd(), '.iopoll-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'file');
writeFileSync(path, Buffer.alloc(64 * BLOCK, 'x'));

const kinds: Record<string, number> = {
  IOPOLL: IORING_SETUP_IOPOLL,
  'IOPOLL with DEFER_TASKRUN': IORING_SETUP_IOPOLL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
  'IOPOLL with SQPOLL': IORING_SETUP_IOPOLL | IORING_SETUP_SQPOLL,
  HYBRID_IOPOLL: IORING_SETUP_IOPOLL | IORING_SETUP_HYBRID_IOPOLL,
};

for (const [name, flags] of Object.entries(kinds)) {
  const options: IoUringOptions = { flags };

  live(
    ['read', 'write'],
    `completions that are polled for: ${name}`,
    [lacksRing(name, options), lacksPolling()],
    () => {
      using ring = new IoUringState(16, options);
      const fd = openSync(path, constants.O_RDWR | constants.O_DIRECT);
      const pages = allocatePages(16 * BLOCK);
      for (let round = 0; round < 20; round++) {
        for (let n = 0; n < 16; n++) {
          const at = pages.address + n * BLOCK;
          const sqe = ring.getSqe()!;
          if (round % 2 === 0) write(sqe, fd, at, BLOCK, n * BLOCK);
          else read(sqe, fd, at, BLOCK, n * BLOCK);
          sqe.userData = n;
          ring.stageSqe();
          if (round % 2 === 0) pages.bytes(n * BLOCK, BLOCK).fill(round + n);
        }
        ring.submit();
        let seen = 0;
        const end = performance.now() + timeLimit;
        // Peeking alone must find them: nothing else asks the device.
        while (seen < 16 && performance.now() < end) {
          const cqe = ring.peekCqe();
          if (cqe === null) continue;
          assert.equal(cqe.res, BLOCK, errnoName(cqe.res));
          const n = cqe.userData as number;
          const byte = round - (round % 2) + n;
          assert.ok(pages.bytes(n * BLOCK, BLOCK).every((value) => value === byte));
          seen++;
          ring.advanceCq();
        }
        assert.equal(seen, 16);
      }
      closeSync(fd);
    },
  );

  test(`what cannot be polled is refused: ${name}`, {
    skip: lacksRing(name, options),
    timeout: timeLimit,
  }, () => {
    using ring = new IoUringState(4, options);
    const fd = openSync('/dev/null', 'r');
    const pages = allocatePages(BLOCK);
    read(ring.getSqe()!, fd, pages, 16, 0);
    ring.commitSqe();
    ring.submit();
    const refused = ring.waitCqe({ timeout: timeLimit });
    assert.ok(refused !== null && [-EOPNOTSUPP, -EINVAL].includes(refused.res), errnoName(refused?.res ?? 0));
    ring.advanceCq();
    nop(ring.getSqe()!);
    ring.commitSqe();
    ring.submit();
    const cqe = ring.waitCqe({ timeout: timeLimit });
    assert.ok(cqe !== null && [0, -EINVAL].includes(cqe.res), 'since Linux 6.12 a NOP completes there, too');
    closeSync(fd);
  });
}

/** Whether the file lies on a disk that can be polled. */
function lacksPolling(): string | false {
  const none = lacksRing('IOPOLL', { flags: IORING_SETUP_IOPOLL });
  if (none) return none;
  using ring = new IoUringState(1, { flags: IORING_SETUP_IOPOLL });
  const pages = allocatePages(BLOCK);
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECT);
    read(ring.getSqe()!, fd, pages, BLOCK, 0);
    ring.commitSqe();
    ring.submitAndWait(1, { timeout: 10_000 });
    const res = ring.peekCqe()?.res;
    closeSync(fd);
    return res === BLOCK ? false : 'needs a disk with poll queues (nvme.poll_queues)';
  } catch (error) {
    return `needs O_DIRECT: ${(error as Error).message}`;
  }
}
