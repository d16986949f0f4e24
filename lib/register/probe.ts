/**
 * Which operations the kernel has.
 */
import { IO_URING_OP_SUPPORTED, IORING_REGISTER_PROBE } from '../../syscalls/constants/register.ts';
import { io_uring_probe, io_uring_probe_op } from '../../syscalls/layouts/register.ts';
import { readStruct } from '../../syscalls/struct.ts';
import { EventfdRegistrations } from './eventfd.ts';

/** What the kernel says of its operations: see `registerProbe` and `getProbe`. */
export class Probe {
  /** The last opcode that the kernel knows, IORING_OP_…, supported or not. */
  readonly lastOp: number;
  /** The opcodes that it supports, ascending. */
  readonly ops: readonly number[];
  readonly #supported: ReadonlySet<number>;

  /** `bytes` is a `struct io_uring_probe` with its array, as the kernel filled it in. */
  constructor(bytes: Uint8Array) {
    const { last_op, ops_len } = readStruct(bytes, io_uring_probe);
    const all = Array.from({ length: ops_len }, (_, i) =>
      readStruct(bytes, io_uring_probe_op, io_uring_probe.size + i * io_uring_probe_op.size),
    );
    this.lastOp = last_op;
    this.ops = all.filter(({ flags }) => (flags & IO_URING_OP_SUPPORTED) !== 0).map(({ op }) => op);
    this.#supported = new Set(this.ops);
  }

  /** Whether the kernel has the operation IORING_OP_…. io_uring_opcode_supported. */
  supports(opcode: number): boolean {
    return this.#supported.has(opcode);
  }
}

export abstract class ProbeRegistrations extends EventfdRegistrations {
  /** Asks which operations the kernel has. io_uring_register_probe, io_uring_get_probe_ring, since Linux 5.6. */
  registerProbe(): Probe {
    const bytes = new Uint8Array(io_uring_probe.size + MOST_OPS * io_uring_probe_op.size);
    this.register(IORING_REGISTER_PROBE, bytes, MOST_OPS);
    return new Probe(bytes);
  }
}

/** An opcode has 8 bits. */
const MOST_OPS = 256;
