/**
 * Registered buffers and files: the kernel looks up the file and pins the pages once, not for every operation.
 */
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { allocatePages, IoUringState, readFixed } from 'tsuring';
import { IOSQE_FIXED_FILE } from 'tsuring/syscalls';

using ring = new IoUringState(8);
const pages = allocatePages(65536);
ring.registerBuffers([pages]); // buffer 0

const fd = openSync('package.json', 'r');
ring.registerFiles([fd]); // file 0
closeSync(fd); // the ring has its own hold on the file

const sqe = ring.getSqe();
assert(sqe !== null);
readFixed(sqe, 0, pages, 65536, 0, 0); // file 0, offset 0, into buffer 0
sqe.flags = IOSQE_FIXED_FILE; // the fd is an index of a registered file
ring.commitSqe();
ring.submit();

const cqe = ring.waitCqe({ timeout: 10_000 });
assert(cqe !== null, 'nothing came within ten seconds');
assert.equal(Buffer.from(pages.bytes(0, cqe.res)).toString(), readFileSync('package.json', 'utf8'));
ring.advanceCq();
ring.unregisterFiles();
ring.unregisterBuffers();
