/**
 * What the kernel's io_uring can do, asked without a ring.
 */
import {
  IO_URING_QUERY_OPCODES,
  IO_URING_QUERY_SCQ,
  IO_URING_QUERY_ZCRX,
} from '../../syscalls/constants/query.ts';
import { IORING_REGISTER_QUERY } from '../../syscalls/constants/register.ts';
import { UringError } from '../../syscalls/error.ts';
import { type Kernel, linux } from '../../syscalls/kernel.ts';
import type { Layout } from '../../syscalls/layouts/layout.ts';
import {
  io_uring_query_hdr,
  io_uring_query_opcode,
  io_uring_query_scq,
  io_uring_query_zcrx,
} from '../../syscalls/layouts/query.ts';
import { addressOf } from '../../syscalls/memory.ts';
import { readStruct, type StructValues, writeStruct } from '../../syscalls/struct.ts';
import { blind } from './ringless.ts';

/** How many opcodes there are, and every flag that the kernel knows, as sets of bits. */
export interface QueryOpcodes {
  /** IORING_OP_… */
  readonly requestOpcodes: number;
  /** IORING_REGISTER_… */
  readonly registerOpcodes: number;
  /** IO_URING_QUERY_…; 0 where the kernel does not tell. */
  readonly queryOpcodes: number;
  /** IORING_FEAT_… */
  readonly features: bigint;
  /** IORING_SETUP_… */
  readonly setupFlags: bigint;
  /** IORING_ENTER_… */
  readonly enterFlags: bigint;
  /** IOSQE_… */
  readonly sqeFlags: bigint;
}

/** What zero-copy receive can do. */
export interface QueryZcrx {
  /** ZCRX_REG_… */
  readonly registerFlags: bigint;
  /** IORING_ZCRX_AREA_… */
  readonly areaFlags: bigint;
  /** ZCRX_CTRL_… */
  readonly ctrlOpcodes: number;
  /** ZCRX_FEATURE_… */
  readonly features: number;
  /** Bytes of the refill queue before its entries, and their alignment. */
  readonly rqHdrSize: number;
  readonly rqHdrAlignment: number;
}

/** The memory of the two queues: bytes before the completions, and their alignment. */
export interface QueryScq {
  readonly hdrSize: number;
  readonly hdrAlignment: number;
}

export interface QueryAnswers {
  readonly opcodes: QueryOpcodes;
  /** Since Linux 6.19, else null. */
  readonly zcrx: QueryZcrx | null;
  /** Since Linux 6.19, else null. */
  readonly scq: QueryScq | null;
}

/**
 * Asks the kernel everything there is to ask, in one call. io_uring_register_query, since Linux 6.18.
 * @throws UringError EINVAL before that.
 */
export function registerQuery(kernel: Kernel = linux): QueryAnswers {
  const chain = new Uint8Array(QUERIES.length * QUERY_BYTES);
  const base = addressOf(chain);
  QUERIES.forEach(([query_op, { size }], i) => {
    const at = i * QUERY_BYTES;
    writeStruct(
      chain,
      io_uring_query_hdr,
      {
        next_entry: i + 1 < QUERIES.length ? base + at + QUERY_BYTES : 0,
        query_data: base + at + io_uring_query_hdr.size,
        query_op,
        size,
      },
      at,
    );
  });
  blind(kernel, IORING_REGISTER_QUERY, chain, 0);
  const opcodes = answer(chain, 0, io_uring_query_opcode);
  if (typeof opcodes === 'number') throw new UringError(opcodes, 'io_uring_register');
  const zcrx = answer(chain, 1, io_uring_query_zcrx);
  const scq = answer(chain, 2, io_uring_query_scq);
  return {
    opcodes: opcodesOf(opcodes),
    zcrx: typeof zcrx === 'number' ? null : zcrxOf(zcrx),
    scq: typeof scq === 'number' ? null : scqOf(scq),
  };
}

/** In the order of the chain. */
const QUERIES: readonly (readonly [query: number, layout: Layout])[] = [
  [IO_URING_QUERY_OPCODES, io_uring_query_opcode],
  [IO_URING_QUERY_ZCRX, io_uring_query_zcrx],
  [IO_URING_QUERY_SCQ, io_uring_query_scq],
];
/** A header and room for the largest answer. */
const QUERY_BYTES: number = io_uring_query_hdr.size + io_uring_query_opcode.size;

/** What the kernel wrote, or -errno. It writes as much as it knows and leaves zeros behind that. */
function answer<L extends Layout>(chain: Uint8Array, i: number, layout: L): StructValues<L> | number {
  const { result } = readStruct(chain, io_uring_query_hdr, i * QUERY_BYTES);
  return result < 0 ? result : readStruct(chain, layout, i * QUERY_BYTES + io_uring_query_hdr.size);
}

function opcodesOf(values: StructValues<typeof io_uring_query_opcode>): QueryOpcodes {
  return {
    requestOpcodes: values.nr_request_opcodes,
    registerOpcodes: values.nr_register_opcodes,
    queryOpcodes: values.nr_query_opcodes,
    features: values.feature_flags,
    setupFlags: values.ring_setup_flags,
    enterFlags: values.enter_flags,
    sqeFlags: values.sqe_flags,
  };
}

function zcrxOf(values: StructValues<typeof io_uring_query_zcrx>): QueryZcrx {
  return {
    registerFlags: values.register_flags,
    areaFlags: values.area_flags,
    ctrlOpcodes: values.nr_ctrl_opcodes,
    features: values.features,
    rqHdrSize: values.rq_hdr_size,
    rqHdrAlignment: values.rq_hdr_alignment,
  };
}

function scqOf({ hdr_size, hdr_alignment }: StructValues<typeof io_uring_query_scq>): QueryScq {
  return { hdrSize: Number(hdr_size), hdrAlignment: Number(hdr_alignment) };
}
