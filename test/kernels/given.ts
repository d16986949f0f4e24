/**
 * What a kernel gives, as docs/kernels.md tells it: each row looks something up in the report of `tsuring doctor`.
 */
import type { DoctorReport } from '../../lib/doctor/report.ts';

export interface Given {
  readonly name: string;
  /** null: it could not be tried. */
  readonly value: (report: DoctorReport) => string | boolean | null;
  /** Whose report. Default: root's. */
  readonly user?: string;
}

const FLAGS =
  'R_DISABLED SUBMIT_ALL COOP_TASKRUN SINGLE_ISSUER DEFER_TASKRUN SQE128 CQE32 NO_MMAP REGISTERED_FD_ONLY NO_SQARRAY HYBRID_IOPOLL CQE_MIXED SQE_MIXED SQ_REWIND';

export const GIVEN: readonly Given[] = [
  { name: 'operations', value: ({ opcodes }) => number(opcodes) },
  { name: 'register opcodes', value: ({ registerOpcodes }) => number(registerOpcodes) },
  {
    name: 'features',
    value: ({ ring }) => (ring.features === null ? null : `0x${ring.features.toString(16)}`),
  },
  { name: 'memory', value: ({ ring }) => ring.memory },
  { name: 'memory by overlay', value: ({ ring }) => ring.kinds.overlay.ok },
  { name: 'SQPOLL', value: ({ ring }) => ring.sqpoll.ok },
  { name: 'SQPOLL, as nobody', value: ({ ring }) => ring.sqpoll.ok, user: 'nobody' },
  ...FLAGS.split(' ').map(setup),
  register('buffer rings', 'IORING_REGISTER_PBUF_RING'),
  register('registered ring fds', 'IORING_REGISTER_RING_FDS'),
  register('resizing', 'IORING_REGISTER_RESIZE_RINGS'),
  register('registered waits', 'IORING_REGISTER_MEM_REGION'),
  { name: 'kernel.io_uring_disabled', value: ({ limits }) => limits.ioUringDisabled !== null },
];

function number(rows: readonly { readonly supported: boolean | null }[]): string {
  return String(rows.filter(({ supported }) => supported).length);
}

function setup(name: string): Given {
  const value = ({ setupFlags }: DoctorReport) =>
    setupFlags.find((flag) => flag.name === `IORING_SETUP_${name}`)?.supported ?? null;
  return { name, value };
}

function register(name: string, opcode: string): Given {
  const value = ({ registerOpcodes }: DoctorReport) =>
    registerOpcodes.find((row) => row.name === opcode)?.supported ?? null;
  return { name, value };
}
