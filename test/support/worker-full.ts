/**
 * A process of its own that closes rings when it has as many mappings as a process may have.
 */
import { IoUringState, nop } from '../../lib/index.ts';
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_NONE, PROT_READ } from '../../syscalls/constants/mman.ts';
import { libc } from '../../syscalls/libc.ts';

const rings = [new IoUringState(8, { flags: 0 }), new IoUringState(8, { flags: 0, memory: 'view' })];
for (const ring of rings) {
  nop(ring.getSqe()!);
  ring.commitSqe();
  ring.submitAndWait(1);
}
const { mmap, munmap } = libc();
const mapped: number[] = [];
// Neighbours of different protection are not merged.
for (let i = 0; i < 2_000_000; i++) {
  const at = mmap(0, 4096, i % 2 === 0 ? PROT_NONE : PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at < 0) break;
  mapped.push(at);
}
const errors: unknown[] = [];
for (const ring of rings) {
  try {
    ring.close();
  } catch (error) {
    errors.push(error);
  }
}
for (const at of mapped) munmap(at, 4096);
if (errors.length > 0) throw errors[0];
process.stdout.write('closed');
