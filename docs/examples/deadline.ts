/**
 * Reads with a deadline: by a timeout, and by an AbortSignal.
 */
import assert from 'node:assert/strict';
import { IoUring } from 'tsuring';

await using ring = new IoUring();
const [out, into] = await ring.pipe();
const buffer = Buffer.alloc(16);

// Nobody writes. The promise settles when the kernel has let go of the buffer.
await assert.rejects(ring.read(out, buffer, { timeout: 20 }), { code: 'ETIMEDOUT', syscall: 'read' });

const controller = new AbortController();
const reading = ring.read(out, buffer, { signal: controller.signal });
controller.abort(new Error('changed my mind'));
await assert.rejects(reading, { name: 'AbortError', code: 'ABORT_ERR' });

// What is there in time counts, whatever comes after.
const inTime = ring.read(out, buffer, { timeout: 10_000 });
await ring.write(into, Buffer.from('in time'));
assert.equal(buffer.toString('utf8', 0, await inTime), 'in time');
await Promise.all([ring.closeFd(out), ring.closeFd(into)]);
