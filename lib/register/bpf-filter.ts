/**
 * Programs that look at each request and let it pass or not.
 */
import { IO_URING_BPF_CMD_FILTER } from '../../syscalls/constants/bpf_filter.ts';
import { IORING_REGISTER_BPF_FILTER } from '../../syscalls/constants/register.ts';
import { EMSGSIZE } from '../../syscalls/errno.ts';
import { UringError } from '../../syscalls/error.ts';
import { checkInteger, checkUint32, invalidType } from '../../syscalls/invalid.ts';
import { io_uring_bpf } from '../../syscalls/layouts/bpf_filter.ts';
import { readStruct } from '../../syscalls/struct.ts';
import { packed } from './packed.ts';
import { ZcrxRegistrations } from './zcrx.ts';

/** One instruction of classic BPF: `struct sock_filter`. */
export type BpfInstruction = readonly [code: number, jt: number, jf: number, k: number];

/** A filter for one operation. */
export interface BpfFilter {
  /** The operation, IORING_OP_…. */
  readonly opcode: number;
  /**
   * The program, 1 to 4,096 instructions, or their bytes, 8 each. It sees a `struct io_uring_bpf_ctx`, by loads of 32
   * bits from absolute offsets (BPF_LD | BPF_W | BPF_ABS), and returns 0 to deny the request.
   */
  readonly filter: readonly BpfInstruction[] | Uint8Array;
  /**
   * IO_URING_BPF_FILTER_DENY_REST denies the operations that have no filter; IO_URING_BPF_FILTER_SZ_STRICT demands that
   * `pduSize` is the kernel's own, not less.
   */
  readonly flags?: number;
  /** Bytes of the context that belong to the operation: 12 for SOCKET, 24 for OPENAT and OPENAT2, 0 (default) for others. */
  readonly pduSize?: number;
}

export abstract class BpfFilterRegistrations extends ZcrxRegistrations {
  /**
   * Has a program look at every request of one operation before it starts: those that it denies complete with -EACCES.
   * Filters cannot be taken back. Of several for one operation all must agree.
   *
   * Since Linux 7.0. io_uring_register_bpf_filter.
   * @returns the kernel's own `pduSize` for the operation.
   * @throws UringError EMSGSIZE for a `pduSize` that is too large or, when strict, too small; EINVAL for a program with
   * instructions that are not allowed, or that reads past the context.
   */
  registerBpfFilter(filter: BpfFilter): number {
    return installFilter(filter, (argument) => this.register(IORING_REGISTER_BPF_FILTER, argument, 1));
  }
}

/** Has `register` make the call that installs the filter. Gives the kernel's pdu_size. */
export function installFilter(filter: BpfFilter, register: (argument: Uint8Array) => void): number {
  const argument = encode(filter);
  try {
    register(argument);
  } catch (error) {
    if (!(error instanceof UringError && error.errno === -EMSGSIZE)) throw error;
    throw new UringError(EMSGSIZE, error.syscall, sizeFix(filter, pduSize(argument)));
  }
  return pduSize(argument);
}

function encode(filter: BpfFilter): Uint8Array {
  if (typeof filter !== 'object' || filter === null) throw invalidType('filter', 'of type object', filter);
  const program = programBytes(filter.filter);
  const values = {
    cmd_type: IO_URING_BPF_CMD_FILTER,
    'filter.opcode': checkUint32('filter.opcode', filter.opcode),
    'filter.flags': checkUint32('filter.flags', filter.flags ?? 0),
    'filter.filter_len': program.length / INSTRUCTION_BYTES,
    'filter.pdu_size': checkInteger('filter.pduSize', filter.pduSize ?? 0, 0, 0xff),
  };
  return packed(io_uring_bpf, values, { 'filter.filter_ptr': program });
}

function programBytes(program: readonly BpfInstruction[] | Uint8Array): Uint8Array {
  if (!(program instanceof Uint8Array || Array.isArray(program)))
    throw invalidType('filter.filter', 'an instance of Array or Uint8Array', program);
  const count = program instanceof Uint8Array ? program.length / INSTRUCTION_BYTES : program.length;
  checkInteger('instructions', count, 1, MOST_INSTRUCTIONS);
  if (program instanceof Uint8Array) return program;
  const view = new DataView(new ArrayBuffer(count * INSTRUCTION_BYTES));
  program.forEach((instruction, i) => {
    if (!Array.isArray(instruction) || instruction.length !== 4)
      throw invalidType(`filter.filter[${i}]`, 'an Array of four numbers', instruction);
    const [code, jt, jf, k] = instruction;
    view.setUint16(8 * i, checkInteger('code', code, 0, 0xffff), true);
    view.setUint8(8 * i + 2, checkInteger('jt', jt, 0, 0xff));
    view.setUint8(8 * i + 3, checkInteger('jf', jf, 0, 0xff));
    view.setUint32(8 * i + 4, checkUint32('k', k), true);
  });
  return new Uint8Array(view.buffer);
}

function pduSize(argument: Uint8Array): number {
  return readStruct(argument, io_uring_bpf)['filter.pdu_size'];
}

function sizeFix({ pduSize = 0 }: BpfFilter, kernels: number): string {
  return `The kernel has ${kernels} bytes for this operation where pduSize says ${pduSize}: give ${kernels}, or less without IO_URING_BPF_FILTER_SZ_STRICT.`;
}

const INSTRUCTION_BYTES = 8;
const MOST_INSTRUCTIONS = 4096; // BPF_MAXINSNS
