/**
 * Replaces a file so that there is always a whole one, also after a power cut: write, fsync and rename as one chain.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IoUring } from 'tsuring';

const folder = mkdtempSync(join(tmpdir(), 'tsuring-'));
const path = join(folder, 'settings.json');
writeFileSync(path, '{}');
await using ring = new IoUring();

const data = Buffer.from('{"answer":42}');
const fd = await ring.openat(`${path}.new`, 'w');
// One system call; each begins when the one before it has succeeded.
const [written] = await ring.chain((link) => [
  link.write(fd, data),
  link.fsync(fd),
  link.renameat(`${path}.new`, path),
  link.closeFd(fd),
]);
assert.equal(written, data.length);
assert.equal(readFileSync(path, 'utf8'), '{"answer":42}');

// A link that fails cancels those behind it, and the error says which.
await assert.rejects(
  ring.chain((link) => [link.unlinkat(`${path}.none`), link.unlinkat(path)]),
  { code: 'ENOENT', syscall: 'unlinkat', link: 0, cancelled: [1] },
);
assert.equal(readFileSync(path, 'utf8'), '{"answer":42}');
rmSync(folder, { recursive: true });
