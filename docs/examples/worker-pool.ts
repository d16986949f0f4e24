/**
 * A pool of Workers that hash files: each has a ring of its own, and is told of its work by messages between the rings,
 * which carry numbers. Memory that all see, the arena's, carries the results.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { IoUring } from 'tsuring';

const FILES = 40;
const DIGEST_BYTES = 32;
const LAST = -1;

interface Task {
  readonly folder: string;
  /** The ring to answer to. */
  readonly fd: number;
  /** A digest for each file. */
  readonly digests: Uint8Array;
}

if (isMainThread) await main();
else await work(workerData as Task);

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'tsuring-'));
  for (let n = 0; n < FILES; n++) writeFileSync(join(folder, `${n}`), `content of ${n}`);
  await using ring = new IoUring();
  const digests = ring.allocate(FILES * DIGEST_BYTES);
  const answers = ring.messages();
  const task: Task = { folder, fd: ring.fd, digests };
  const workers = Array.from({ length: 2 }, () => new Worker(new URL(import.meta.url), { workerData: task }));
  // From now on: one may be gone before the others have answered.
  const gone = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)));
  const fds = await Promise.all(
    workers.map((worker) => new Promise<number>((resolve) => worker.once('message', resolve))),
  );

  // Each has one file to do, and gets the next with its answer.
  let next = 0;
  const give = (fd: number): Promise<void> => ring.msgRing(fd, next < FILES ? next++ : LAST);
  await Promise.all(fds.map(give));
  let done = 0;
  for await (const { value, data } of answers) {
    assert.equal(value, DIGEST_BYTES);
    await give(data);
    if (++done === FILES) break;
  }
  await Promise.all(gone);

  for (let n = 0; n < FILES; n++)
    assert.deepEqual(
      Buffer.from(digests.subarray(n * DIGEST_BYTES, (n + 1) * DIGEST_BYTES)),
      createHash('sha256').update(`content of ${n}`).digest(),
    );
  rmSync(folder, { recursive: true });
}

async function work({ folder, fd, digests }: Task): Promise<void> {
  await using ring = new IoUring();
  // Should this Worker be terminated, the kernel writes to memory of the ring's own, and to nothing else.
  const buffer = ring.allocate(65_536);
  const tasks = ring.messages();
  parentPort?.postMessage(ring.fd);
  for await (const { value } of tasks) {
    if (value === LAST) break;
    const file = await ring.openat(join(folder, `${value}`));
    const length = await ring.read(file, buffer, { offset: 0 });
    await ring.closeFd(file);
    digests.set(createHash('sha256').update(buffer.subarray(0, length)).digest(), value * DIGEST_BYTES);
    await ring.msgRing(fd, DIGEST_BYTES, ring.fd);
  }
}
