/**
 * A process that becomes another user while it has a ring: `identity.ts PLAIN|SQPOLL PATH`, as root, with a file that only
 * root may read. Prints how it went before and after, as JSON.
 */
import { closeSync } from 'node:fs';
import { IoUring } from '../../lib/index.ts';

const [, , kind, path] = process.argv;
const NOBODY = 65_534;
await using ring = new IoUring({ sqpoll: kind === 'SQPOLL' });

async function open(): Promise<string> {
  try {
    closeSync(await ring.openat(path));
    return 'opened';
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

const before = await open();
// Started, and not yet with the kernel: it is to run as whoever the process is then.
const between = open();
process.setgroups?.([]);
process.setegid?.(NOBODY);
process.seteuid?.(NOBODY);
const after = [await between, await open(), await open()];
// And back: what was dropped for a time.
process.seteuid?.(0);
process.setegid?.(0);
const again = await open();
process.setgid?.(NOBODY);
process.setuid?.(NOBODY);
const last = [await open(), await open()];
// What takes no identity of its own.
let installed = 'installed';
try {
  const registered = ring.registerFile(0);
  closeSync(await ring.fixedFdInstall(registered));
} catch (error) {
  installed = String((error as NodeJS.ErrnoException).code);
}
process.stdout.write(JSON.stringify({ before, after, again, last, installed }));
