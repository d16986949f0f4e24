import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { allocatePages, IoUringState, read } from 'tsuring';

// 64 entries; by default the kernel's own thread takes them, and submitting needs no system call.
using ring = new IoUringState(64);
const fd = openSync('package.json', 'r');
const pages = allocatePages(65536); // page-aligned memory that never moves

const sqe = ring.getSqe(); // the next free entry, in the kernel's memory
assert(sqe !== null, 'a new ring has room');
read(sqe, fd, pages, 65536, 0); // from offset 0 into `pages`
sqe.userData = 42; // comes back with the completion
ring.commitSqe(); // the kernel sees it now …
if (ring.sqNeedsWakeup) ring.wakeSqpoll(); // … unless its thread sleeps

const cqe = ring.waitCqe();
assert(cqe !== null, 'no time limit was given');
assert.equal(cqe.userData, 42);
if (cqe.res < 0) throw new Error(`read failed with errno ${-cqe.res}`);
const text = Buffer.from(pages.bytes(0, cqe.res)).toString();
ring.advanceCq(); // the completion's place is the kernel's again

assert.equal(text, readFileSync('package.json', 'utf8'));
closeSync(fd);
