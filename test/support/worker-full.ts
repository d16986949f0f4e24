/**
 * A process of its own that closes rings when it has as many mappings as a process may have. Node itself then has none
 * to be had, and dies of a collection that wants one: it is to be started with room for all that is young, and nothing
 * here grows.
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
const mapped = new Float64Array(2_000_000);
let count = 0;
// Neighbours of different protection are not merged.
while (count < mapped.length) {
  const protection = count % 2 === 0 ? PROT_NONE : PROT_READ;
  const at = mmap(0, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at < 0) break;
  mapped[count++] = at;
}
const errors: unknown[] = [];
for (const ring of rings) {
  try {
    ring.close();
  } catch (error) {
    errors.push(error);
  }
}
for (let i = 0; i < count; i++) munmap(mapped[i], 4096);
if (errors.length > 0) throw errors[0];
process.stdout.write('closed');
