/**
 * Copies a file: several reads in flight, each written as soon as it is there.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IoUring } from 'tsuring';

const CHUNK = 65_536;

const folder = mkdtempSync(join(tmpdir(), 'tsuring-'));
await using ring = new IoUring();

const from = await ring.openat(process.execPath);
const to = await ring.openat(join(folder, 'copy'), 'w');
const size = Number((await ring.fstatx(from)).size);

// Eight at a time: what is started together goes to the kernel with one system call.
let next = 0;
await Promise.all(
  Array.from({ length: 8 }, async () => {
    const buffer = Buffer.allocUnsafeSlow(CHUNK);
    for (let at = next; at < size; at = next) {
      next += CHUNK;
      const length = await ring.read(from, buffer, { offset: at });
      assert.equal(await ring.write(to, buffer, { offset: at, length }), length);
    }
  }),
);
await Promise.all([ring.closeFd(from), ring.closeFd(to)]);

assert(readFileSync(join(folder, 'copy')).equals(readFileSync(process.execPath)));
rmSync(folder, { recursive: true });
