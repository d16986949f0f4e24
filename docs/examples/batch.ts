/**
 * Many operations with one system call: a ring without SQPOLL, entries staged one by one, one store of the tail and
 * one io_uring_enter for all of them, and one store of the head for all completions.
 */
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allocatePages, IoUringState, write } from 'tsuring';

const PARTS = 16;
const folder = mkdtempSync(join(tmpdir(), 'tsuring-example-'));
const fd = openSync(join(folder, 'file'), 'w');
const pages = allocatePages(PARTS * 4096);
for (let part = 0; part < PARTS; part++) pages.bytes(part * 4096, 4096).fill(65 + part);

const ring = new IoUringState(PARTS, { flags: 0 });
for (let part = 0; part < PARTS; part++) {
  const sqe = ring.getSqe();
  assert(sqe !== null);
  // A number is an address: nothing is looked up and nothing held. `pages` stays alive below.
  write(sqe, fd, pages.address + part * 4096, 4096, part * 4096);
  sqe.userData = part;
  ring.stageSqe();
}
assert.equal(ring.submitAndWait(PARTS), PARTS);

let bytes = 0;
const seen = ring.forEachCqe((cqe) => {
  assert(cqe.res > 0, `part ${cqe.userData} failed with errno ${-cqe.res}`);
  bytes += cqe.res;
});
assert.equal(seen, PARTS);
assert.equal(bytes, pages.byteLength);
assert.deepEqual(readFileSync(join(folder, 'file')), Buffer.from(pages.bytes()));

ring.close();
closeSync(fd);
rmSync(folder, { recursive: true });
