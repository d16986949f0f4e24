/**
 * Limits on what a ring may do, for those to whom it is handed.
 */
import {
  IORING_REGISTER_RESTRICTIONS,
  IORING_RESTRICTION_REGISTER_OP,
  IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
  IORING_RESTRICTION_SQE_FLAGS_REQUIRED,
  IORING_RESTRICTION_SQE_OP,
} from '../../syscalls/constants/register.ts';
import { checkInteger, invalidType, invalidValue } from '../../syscalls/invalid.ts';
import { io_uring_restriction } from '../../syscalls/layouts/register.ts';
import { writeStruct } from '../../syscalls/struct.ts';
import { PersonalityRegistrations } from './personality.ts';

/** One thing that is allowed, or demanded. */
export type Restriction =
  /** Allows a register opcode: IORING_REGISTER_…, IORING_UNREGISTER_…. */
  | { readonly registerOp: number }
  /** Allows an operation: IORING_OP_…. */
  | { readonly sqeOp: number }
  /** Allows these IOSQE_… flags; the last one given counts. */
  | { readonly sqeFlagsAllowed: number }
  /** Demands these IOSQE_… flags of every entry, and allows them; the last one given counts. */
  | { readonly sqeFlagsRequired: number };

export abstract class RestrictionRegistrations extends PersonalityRegistrations {
  /**
   * Limits the ring, which must have been made with IORING_SETUP_R_DISABLED, from the moment it is enabled: to the
   * operations, entry flags and register opcodes that are listed. Others give -EACCES. An empty list allows nothing.
   * Before Linux 7.0 the whole list counts: without a `registerOp` nothing can be registered any more, without a `sqeOp`
   * nothing submitted. Since then one that names register opcodes only leaves the entries free, and the other way round.
   *
   * A ring without an fd (IORING_SETUP_REGISTERED_FD_ONLY) must be allowed IORING_UNREGISTER_RING_FDS: otherwise its
   * place is not given back by `close`, but at the end of the thread.
   *
   * Since Linux 5.10. io_uring_register_restrictions.
   * @throws UringError EBUSY when the ring has restrictions already, EBADFD when it is enabled.
   */
  registerRestrictions(restrictions: readonly Restriction[]): void {
    const list = restrictionList(restrictions);
    this.register(IORING_REGISTER_RESTRICTIONS, list, restrictions.length);
  }
}

/**
 * An `io_uring_restriction` for each, in one array, behind `offset` bytes for a header. Never of no bytes: the kernel
 * takes an address, not NULL, for an empty list, too.
 */
export function restrictionList(restrictions: readonly Restriction[], offset = 0): Uint8Array<ArrayBuffer> {
  if (!Array.isArray(restrictions)) throw invalidType('restrictions', 'an instance of Array', restrictions);
  const { size } = io_uring_restriction;
  const list = new Uint8Array(offset + size * Math.max(restrictions.length, 1));
  restrictions.forEach((restriction: Restriction, i) => {
    const [kind, value] = parse(restriction, `restrictions[${i}]`);
    writeStruct(list, io_uring_restriction, { opcode: kind, register_op: value }, offset + i * size);
  });
  return list;
}

function parse(restriction: Restriction, name: string): [kind: number, value: number] {
  if (typeof restriction !== 'object' || restriction === null)
    throw invalidType(name, 'of type object', restriction);
  const [entry, ...more] = Object.entries(restriction);
  const kind = entry && KINDS.get(entry[0]);
  if (kind === undefined || more.length > 0)
    throw invalidValue(name, restriction, `must have one of ${[...KINDS.keys()].join(', ')}`);
  return [kind, checkInteger(`${name}.${entry[0]}`, entry[1], 0, 0xff)];
}

const KINDS: ReadonlyMap<string, number> = new Map([
  ['registerOp', IORING_RESTRICTION_REGISTER_OP],
  ['sqeOp', IORING_RESTRICTION_SQE_OP],
  ['sqeFlagsAllowed', IORING_RESTRICTION_SQE_FLAGS_ALLOWED],
  ['sqeFlagsRequired', IORING_RESTRICTION_SQE_FLAGS_REQUIRED],
]);
