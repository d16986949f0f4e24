/**
 * A process of its own that makes rings in a hurry, closes them with operations in flight, and watches its memory:
 * for the tests that run it under other limits, allocators and users. Prints what went wrong, as JSON.
 *
 * With a user id as its argument it becomes that user first.
 */
import { writeSync } from 'node:fs';
import { allocatePages, IoUringState, nop, read } from '../../lib/index.ts';
import { IORING_SETUP_SQPOLL } from '../../syscalls/constants/setup.ts';
import { libc } from '../../syscalls/libc.ts';
import { addressOf } from '../../syscalls/memory.ts';
import { times } from './effort.ts';
import { collectGarbage, gc, MemoryWatch } from './memory-watch.ts';
import { drain, pipe } from './worker-pipes.ts';
import { leftOver, traces, tracesBackTo } from './worker-traces.ts';

/** Some 400 KiB of locked memory each: 20 of them are 8 MiB. */
const ROUNDS = Math.max(24, times(60));
const ENTRIES = 4096;
const PR_SET_DUMPABLE = 4;

const wrong: string[] = [];
/** What keeps the heap from shrinking again. */
const pins: unknown[] = [];
const [uid] = process.argv.slice(2);

// Everything is loaded before the rights are gone.
new IoUringState(8).close();
const [readEnd, writeEnd] = pipe();
if (uid !== undefined) {
  process.setgid!(Number(uid));
  process.setuid!(Number(uid));
  // A process that changed its user may not look into its own /proc.
  libc().syscall(process.arch === 'arm64' ? 167 : 157, PR_SET_DUMPABLE, 1, 0, 0, 0, 0);
}
makeRoomInHeap();
await collectGarbage();
const before = traces();
for (let i = 0; i < ROUNDS; i++) await round(i);
await collectGarbage();
wrong.push(...leftOver(before, await tracesBackTo(before)));
process.stdout.write(JSON.stringify(wrong));

async function round(i: number): Promise<void> {
  const ring = new IoUringState(ENTRIES, { flags: i % 2 === 0 ? 0 : IORING_SETUP_SQPOLL });
  const pages = allocatePages(65_536);
  nop(ring.getSqe()!);
  ring.commitSqe();
  read(ring.getSqe()!, readEnd, pages, 4096, -1);
  ring.commitSqe();
  if (ring.submitAndWait(1) < 0 || ring.peekCqe()?.res !== 0) wrong.push('a NOP failed');
  const { sqRing, sqes } = ring.memory;
  ring.close();
  if (i % 6 !== 0) return;
  gc();
  const watch = new MemoryWatch();
  watch.addAll(4);
  writeSync(writeEnd, 'FOREIGN!');
  for (const found of await watch.checkFor(10)) wrong.push(`round ${i}: ${JSON.stringify(found)}`);
  if (sqRing.some((byte) => byte !== 0) || sqes.some((byte) => byte !== 0))
    wrong.push(`round ${i}: not zero`);
  drain(readEnd);
}

/** Lets malloc have 100 MiB of its heap free, in one piece: it would serve even large buffers from there. */
function makeRoomInHeap(): void {
  // Freeing a large piece raises the size from which malloc maps.
  touch(20, 1);
  gc();
  touch(10, 10);
  for (let i = 0; i < 2000; i++) pins.push(new ArrayBuffer(3000));
}

function touch(megabytes: number, count: number): void {
  const buffers = Array.from({ length: count }, () => new ArrayBuffer(megabytes << 20));
  for (const buffer of buffers) if (addressOf(buffer) === 0) throw new Error('no memory');
}
