/**
 * A process of its own whose malloc has much room in its heap: are pages then still taken from elsewhere, and do
 * they leave the address space when they are dropped? Prints those that do not, as JSON.
 */
import { readFileSync } from 'node:fs';
import { allocatePages } from '../../lib/index.ts';
import { addressOf } from '../../syscalls/memory.ts';
import { collectGarbage } from './memory-watch.ts';

/** What keeps the heap from shrinking. */
const pins: unknown[] = [];

// Freeing a large piece raises the size from which malloc maps by itself; then 100 MiB become free in one piece.
touch(20, 1);
await collectGarbage();
touch(10, 10);
for (let i = 0; i < 2000; i++) pins.push(new ArrayBuffer(3000));
await collectGarbage();

const ranges = Array.from({ length: 6 }, () => addressOf(allocatePages(65_536).buffer));
await collectGarbage();
process.stdout.write(JSON.stringify(ranges.filter(isMapped)));

function touch(megabytes: number, count: number): void {
  const buffers = Array.from({ length: count }, () => new ArrayBuffer(megabytes << 20));
  for (const buffer of buffers) if (addressOf(buffer) === 0) throw new Error('no memory');
}

function isMapped(address: number): boolean {
  const lines = readFileSync('/proc/self/maps', 'latin1').trimEnd().split('\n');
  return lines.some((line) => {
    const [from, to] = line
      .split(' ', 1)[0]
      .split('-')
      .map((hex) => Number.parseInt(hex, 16));
    return from <= address && address < to;
  });
}
