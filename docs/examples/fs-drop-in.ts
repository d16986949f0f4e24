/**
 * node:fs/promises on io_uring: only the import is another.
 */
import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fs from 'tsuring/fs';

const folder = await fs.mkdtemp(join(tmpdir(), 'tsuring-fs-'));
const paths = Array.from({ length: 100 }, (_, i) => join(folder, `${i}.txt`));
await Promise.all(paths.map((path, i) => fs.writeFile(path, `file ${i}`)));

// All of them are opened, read and closed by a few system calls.
const texts = await Promise.all(paths.map((path) => fs.readFile(path, 'utf8')));
assert.equal(texts[42], 'file 42');

const handle = await fs.open(paths[0], 'r+');
await handle.write(' and more', 6);
assert.equal((await handle.stat()).size, 15);
await handle.close();

await assert.rejects(fs.readFile(join(folder, 'none')), { code: 'ENOENT', syscall: 'open' });
await fs.rm(folder, { recursive: true });
console.log(`100 files, by ${fs.backend}${fs.reason === null ? '' : `: ${fs.reason}`}`);
