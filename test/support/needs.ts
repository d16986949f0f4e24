/**
 * What a test needs of the system: each gives false when it is there, else the reason to skip, which names it.
 */
import { type IoUringOptions, IoUringState, type MemoryKind, nop } from 'tsuring';
import * as constants from 'tsuring/syscalls';
import {
  IORING_NOP_INJECT_RESULT,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQPOLL,
  readStruct,
} from 'tsuring/syscalls';
import {
  queryReport,
  type RegisterOpcodeReport,
  registerOpcodesReport,
} from '../../lib/doctor/register-opcodes.ts';

/** For a ring with these options. */
export function lacksRing(what: string, options: IoUringOptions, entries = 4): string | false {
  try {
    new IoUringState(entries, { flags: 0, ...options }).close();
    return false;
  } catch (error) {
    return `needs ${what}: ${(error as Error).message}`;
  }
}

/** For a ring with these options in a Worker: a mapped view does not outlive one, so there is no SQPOLL with it. */
export function lacksRingInWorker(what: string, options: IoUringOptions): string | false {
  const none = lacksRing(what, options);
  if (none) return none;
  const polled = ((options.flags ?? 0) & IORING_SETUP_SQPOLL) !== 0;
  return polled && memoryKind(options) === 'view'
    ? 'needs memory that outlives a Worker, for an SQPOLL ring in one (Linux 6.5)'
    : false;
}

/**
 * For registering memory in Workers that are terminated: the mapping of such a ring stays, and with it what was registered, until
 * all that a user without privileges may lock is gone.
 */
export function lacksUnlocking(options: IoUringOptions): string | false {
  if (process.getuid?.() === 0 || lacksRing('io_uring', options) || memoryKind(options) !== 'view')
    return false;
  return 'needs root, or rings that end with their Worker (Linux 6.5)';
}

/** Where the memory of such a ring comes from. Throws when there is none. */
export function memoryKind(options: IoUringOptions): MemoryKind {
  using ring = new IoUringState(8, { flags: 0, ...options });
  return ring.memory.kind;
}

/** For an IORING_FEAT_… of the kernel. */
export function lacksFeature(what: string, feature: number): string | false {
  const none = lacksRing('io_uring', {});
  if (none) return none;
  const ring = new IoUringState(1, { flags: 0 });
  ring.close();
  return (ring.features & feature) === 0 ? `needs ${what}` : false;
}

/** For NOPs whose result can be chosen (Linux 6.10). */
export function lacksInjectedResults(): string | false {
  const none = lacksRing('io_uring', {});
  if (none) return none;
  const ring = new IoUringState(1, { flags: 0 });
  const sqe = ring.getSqe()!;
  nop(sqe);
  sqe.len = 7;
  sqe.opFlags = IORING_NOP_INJECT_RESULT;
  ring.commitSqe();
  ring.submitAndWait(1);
  const res = ring.peekCqe()!.res;
  ring.close();
  return res === 7 ? false : 'needs IORING_NOP_INJECT_RESULT (Linux 6.10)';
}

/** For a kernel thread that takes the submissions. */
export function lacksSqpoll(): string | false {
  return lacksRing('IORING_SETUP_SQPOLL', { flags: IORING_SETUP_SQPOLL });
}

/** For rings of one thread whose task work is deferred. */
export function lacksDefer(): string | false {
  return lacksRing('IORING_SETUP_DEFER_TASKRUN (Linux 6.1)', {
    flags: IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
  });
}

/** For an operation: the name of its constant, 'IORING_OP_READV_FIXED'. Asks the kernel (IORING_REGISTER_PROBE). */
export function lacksOpcode(name: string): string | false {
  const none = lacksRing('io_uring', {});
  if (none) return none;
  probed ??= probe();
  return probed.has((constants as unknown as Record<string, number>)[name]) ? false : `needs ${name}`;
}

/**
 * For a register opcode, 'IORING_REGISTER_RESIZE_RINGS': there when the kernel answers it with anything but -EINVAL, or
 * knows so many (IORING_REGISTER_QUERY).
 */
export function lacksRegister(name: string): string | false {
  registers ??= registerOpcodesReport(queryReport(), lacksRing('io_uring', {}) === false);
  const report = registers.find((row) => row.name === name);
  if (report === undefined) throw new Error(`${name} is no register opcode`);
  return report.supported === true ? false : `needs ${name}`;
}

/** For the rights of root. */
export function lacksRoot(): string | false {
  return process.getuid?.() === 0 ? false : 'needs root';
}

let probed: Set<number> | undefined;
let registers: readonly RegisterOpcodeReport[] | undefined;

function probe(): Set<number> {
  const count = 256;
  const bytes = new Uint8Array(constants.io_uring_probe.size + count * constants.io_uring_probe_op.size);
  const ring = new IoUringState(1, { flags: 0 });
  ring.register(constants.IORING_REGISTER_PROBE, bytes, count);
  ring.close();
  const { ops_len } = readStruct(bytes, constants.io_uring_probe);
  const all = Array.from({ length: ops_len }, (_, n) =>
    readStruct(
      bytes,
      constants.io_uring_probe_op,
      constants.io_uring_probe.size + n * constants.io_uring_probe_op.size,
    ),
  );
  return new Set(
    all.filter(({ flags }) => (flags & constants.IO_URING_OP_SUPPORTED) !== 0).map(({ op }) => op),
  );
}
