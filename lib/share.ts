/**
 * One ring for several threads: what is posted to them, and what they make of it.
 */
import { EBADF } from '../syscalls/errno.ts';
import { UringError } from '../syscalls/error.ts';
import { invalidState, invalidType } from '../syscalls/invalid.ts';
import type { Kernel } from '../syscalls/kernel.ts';
import { ControlWord } from './control-word.ts';
import type { CqLayout } from './cq.ts';
import { Resources } from './resources.ts';
import { words } from './ring-layout.ts';
import { type MemoryPlace, memoryAt } from './ring-memory.ts';
import type { SqLayout } from './sq.ts';

/** A ring as another thread of the process can use it: post it, and give it to `new IoUringState` there. */
export interface SharedRing {
  /** Counts the threads that have the ring. */
  readonly control: SharedArrayBuffer;
  readonly fd: number;
  readonly flags: number;
  readonly features: number;
  readonly memory: MemoryPlace;
  readonly sq: Omit<SqLayout, 'ring' | 'sqes'>;
  readonly cq: Omit<CqLayout, 'ring'>;
}

/** Prepares the ring for other threads, once, and tells where everything is. */
export function shareRing(resources: Resources): SharedRing {
  const control = resources.control ?? prepare(resources);
  const { fd, flags, features, memory, sq, cq } = resources.ring;
  const { ring: _sqRing, sqes: _sqes, ...sqLayout } = sq;
  const { ring: _cqRing, ...cqLayout } = cq;
  return {
    control: control.buffer,
    fd,
    flags,
    features,
    memory: memory.place,
    sq: sqLayout,
    cq: cqLayout,
  };
}

/** The ring of another thread. Throws UringError EBADF when the last that had it has closed it. */
export function attachRing(shared: SharedRing, kernel: Kernel): Resources {
  if (!(shared.control instanceof SharedArrayBuffer))
    throw invalidType('entries', 'of type number, or what share() gave', shared);
  const control = new ControlWord(shared.control);
  if (!control.join())
    throw new UringError(EBADF, 'io_uring_enter', 'The shared ring is closed: make a new one.');
  try {
    const { fd, flags, features } = shared;
    const memory = memoryAt(kernel, shared.memory);
    const sq = { ...shared.sq, ring: words(memory.sqRing), sqes: words(memory.sqes) };
    const cq = { ...shared.cq, ring: words(memory.cqRing) };
    const resources = new Resources(kernel, { fd, flags, features, memory, sq, cq });
    resources.share(control, fd);
    return resources;
  } catch (error) {
    // The others may have left meanwhile.
    if (control.leave()) kernel.close(shared.fd);
    throw error;
  }
}

function prepare(resources: Resources): ControlWord {
  const { enter, kernel } = resources;
  if (enter.fd < 0)
    throw invalidState(
      'A ring without an fd (REGISTERED_FD_ONLY, closeRingFd) belongs to its thread alone: registered rings are counted for each thread',
    );
  // An fd of Node's would be closed when this thread ends, under the others.
  const fd = kernel.disown(enter.fd);
  if (fd < 0) throw new UringError(fd, 'fcntl');
  const control = new ControlWord();
  resources.share(control, fd);
  return control;
}
