/**
 * The operations that the kernel has, by IORING_REGISTER_PROBE.
 */
import * as constants from '../../syscalls/constants/opcodes.ts';
import { IO_URING_OP_SUPPORTED, IORING_REGISTER_PROBE } from '../../syscalls/constants/register.ts';
import { io_uring_probe, io_uring_probe_op } from '../../syscalls/layouts/register.ts';
import { readStruct } from '../../syscalls/struct.ts';
import { ioUringRegister } from '../../syscalls/uring.ts';
import { withTrialRing } from '../diagnose/trial.ts';

/** One operation; `name` is null for one that is newer than this package, `supported` when it could not be asked. */
export interface OpcodeReport {
  readonly opcode: number;
  readonly name: string | null;
  readonly supported: boolean | null;
}

/** Every operation that is known to us or to the kernel, by number; asked only where rings are `possible`. Never throws. */
export function opcodesReport(possible: boolean): OpcodeReport[] {
  const supported = possible ? probe() : undefined;
  const count = Math.max(constants.IORING_OP_LAST, supported?.length ?? 0);
  return Array.from({ length: count }, (_, opcode) => ({
    opcode,
    name: NAMES.get(opcode) ?? null,
    supported: supported === undefined ? null : (supported[opcode] ?? false),
  }));
}

/** For each opcode of the kernel whether it is supported, or undefined when the kernel cannot be asked. */
function probe(): boolean[] | undefined {
  const bytes = new Uint8Array(io_uring_probe.size + MOST * io_uring_probe_op.size);
  try {
    const result = withTrialRing({ flags: 0 }, (fd) =>
      ioUringRegister(fd, IORING_REGISTER_PROBE, bytes, MOST),
    );
    if (result < 0) return undefined;
  } catch {
    return undefined;
  }
  const { ops_len } = readStruct(bytes, io_uring_probe);
  return Array.from({ length: ops_len }, (_, i) => {
    const { flags } = readStruct(bytes, io_uring_probe_op, io_uring_probe.size + i * io_uring_probe_op.size);
    return (flags & IO_URING_OP_SUPPORTED) !== 0;
  });
}

const MOST = 256;
const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants).flatMap(([name, value]) => (name === 'IORING_OP_LAST' ? [] : [[value, name]])),
);
