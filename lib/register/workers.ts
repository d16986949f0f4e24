/**
 * The kernel's worker threads, which do what would block: where they run and how many there are.
 */
import {
  IO_WQ_BOUND,
  IO_WQ_UNBOUND,
  IORING_REGISTER_IOWQ_AFF,
  IORING_REGISTER_IOWQ_MAX_WORKERS,
  IORING_UNREGISTER_IOWQ_AFF,
} from '../../syscalls/constants/register.ts';
import { checkInteger, invalidType, outOfRange } from '../../syscalls/invalid.ts';
import { RestrictionRegistrations } from './restrictions.ts';

/** The most worker threads of each kind. */
export interface WorkerLimits {
  /** For what ends in bounded time: files, block devices. */
  readonly bounded: number;
  /** For what may wait for ever: sockets, pipes. */
  readonly unbounded: number;
}

export abstract class WorkerRegistrations extends RestrictionRegistrations {
  /**
   * Lets worker threads run on these CPUs only: those of this thread, which all its rings share, or with SQPOLL those of
   * the ring. Threads that are there already stay where they are.
   *
   * Since Linux 5.14. io_uring_register_iowq_aff.
   * @param cpus their numbers; or a mask, of which bit n (in byte n / 8) is CPU n.
   * @throws UringError EINVAL for a CPU outside of the process's cpuset. One that the system does not have is overlooked.
   */
  registerIowqAff(cpus: readonly number[] | Uint8Array): void {
    const mask = cpuMask(cpus);
    this.register(IORING_REGISTER_IOWQ_AFF, mask, mask.length);
  }

  /** Lets worker threads run wherever the process may, again. io_uring_unregister_iowq_aff. */
  unregisterIowqAff(): void {
    this.register(IORING_UNREGISTER_IOWQ_AFF, 0, 0);
  }

  /**
   * Sets the most worker threads of each kind, on each NUMA node: of this thread and of others that use the ring, or
   * with SQPOLL of the ring. Those that are too many end when they have nothing to do.
   *
   * Since Linux 5.15. io_uring_register_iowq_max_workers.
   * @param limits 0, or what is left out, stays as it is: nothing at all only asks.
   * @returns the limits so far.
   */
  registerIowqMaxWorkers(limits: Partial<WorkerLimits> = {}): WorkerLimits {
    if (typeof limits !== 'object' || limits === null) throw invalidType('limits', 'of type object', limits);
    const { bounded = 0, unbounded = 0 } = limits;
    const counts = new Uint32Array(2);
    counts[IO_WQ_BOUND] = checkInteger('limits.bounded', bounded, 0, 0x7fff_ffff);
    counts[IO_WQ_UNBOUND] = checkInteger('limits.unbounded', unbounded, 0, 0x7fff_ffff);
    this.register(IORING_REGISTER_IOWQ_MAX_WORKERS, counts, counts.length);
    return { bounded: counts[IO_WQ_BOUND], unbounded: counts[IO_WQ_UNBOUND] };
  }
}

function cpuMask(cpus: readonly number[] | Uint8Array): Uint8Array {
  if (!(cpus instanceof Uint8Array || Array.isArray(cpus)))
    throw invalidType('cpus', 'an instance of Uint8Array or Array', cpus);
  if (cpus.length === 0) throw outOfRange('cpus.length', '>= 1', 0);
  if (cpus instanceof Uint8Array) return cpus;
  for (const cpu of cpus) checkInteger('cpus', cpu, 0, MOST_CPUS - 1);
  const mask = new Uint8Array(Math.max(...cpus) / 8 + 1);
  for (const cpu of cpus) mask[cpu >>> 3] |= 1 << (cpu & 7);
  return mask;
}

/** More than any kernel can be built for. */
const MOST_CPUS = 65536;
