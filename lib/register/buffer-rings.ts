/**
 * Registering rings of provided buffers: see BufferRing, which stands on these.
 */
import {
  IORING_REGISTER_PBUF_RING,
  IORING_REGISTER_PBUF_STATUS,
  IORING_UNREGISTER_PBUF_RING,
  IOU_PBUF_RING_INC,
  IOU_PBUF_RING_MMAP,
} from '../../syscalls/constants/register.ts';
import { EINVAL, ENOMEM } from '../../syscalls/errno.ts';
import { checkInteger, checkUint32, invalidType, invalidValue, outOfRange } from '../../syscalls/invalid.ts';
import { io_uring_buf, io_uring_buf_reg, io_uring_buf_status } from '../../syscalls/layouts/buffers.ts';
import { addressOf, isMemory } from '../../syscalls/memory.ts';
import { makeStruct, readStruct } from '../../syscalls/struct.ts';
import type { Resources } from '../resources.ts';
import { retryLocked } from '../retry-locked.ts';
import type { Pointer } from '../sqe.ts';
import { BufferRegistrations } from './buffers.ts';

/** What a ring of provided buffers is registered with: `struct io_uring_buf_reg`. */
export interface BufRingReg {
  /** The number that requests name it by, 0 to 65,535. */
  readonly group: number;
  /** How many buffers it can hold: a power of two, at most 32,768. */
  readonly entries: number;
  /**
   * Memory for the entries, 16 bytes each, from a page boundary on and zeroed; held until the ring is closed. Left out
   * with IOU_PBUF_RING_MMAP.
   */
  readonly memory?: Pointer;
  /** IOU_PBUF_RING_MMAP (since 6.4), IOU_PBUF_RING_INC (since 6.12). */
  readonly flags?: number;
  /** With IOU_PBUF_RING_INC: a buffer with fewer bytes left than this is used up. Since Linux 7.1. */
  readonly minLeft?: number;
}

/** Set inside of the class, where what is protected can be reached. */
let inside: (ring: BufferRingRegistrations) => Resources;

export abstract class BufferRingRegistrations extends BufferRegistrations {
  static {
    inside = (ring) => ring.resources;
  }

  /**
   * Registers a ring of provided buffers. BufferRing does it, and the rest.
   *
   * Since Linux 5.19. io_uring_register_buf_ring.
   * @throws UringError EEXIST when the group is taken, EINVAL before 5.19, for flags that the kernel does not know and
   * for memory that is not page-aligned, EFAULT for memory that is not there.
   */
  registerBufRing(reg: BufRingReg): void {
    const argument = checkReg(reg);
    const { enter } = this.resources;
    const attempt = () => enter.register(IORING_REGISTER_PBUF_RING, argument, 1);
    const result = retryLocked(attempt, (errno) => errno === -ENOMEM);
    if (result < 0) throw this.refusal(result, result === -EINVAL ? FIX : undefined);
    if (typeof reg.memory === 'object') this.keep([reg.memory]);
  }

  /**
   * Takes the registration back. Requests that would take a buffer of the group then give -ENOBUFS; those that have one
   * go on with it. Since Linux 5.19. io_uring_unregister_buf_ring.
   * @throws UringError ENOENT when there is no such group (on old kernels EINVAL), EINVAL when it is one of
   * `provideBuffers`.
   */
  unregisterBufRing(group: number): void {
    const argument = makeStruct(io_uring_buf_reg, { bgid: checkInteger('group', group, 0, MAX_GROUP) });
    this.register(IORING_UNREGISTER_PBUF_RING, argument, 1);
  }

  /**
   * How many buffers the kernel has taken from the group since it was registered, modulo 65,536: the head of its ring.
   *
   * Since Linux 6.8. io_uring_buf_ring_head.
   * @throws UringError ENOENT when there is no such group, EINVAL when it is one of `provideBuffers` and before 6.8.
   */
  bufRingHead(group: number): number {
    const values = { buf_group: checkInteger('group', group, 0, MAX_GROUP) };
    const argument = makeStruct(io_uring_buf_status, values);
    this.register(IORING_REGISTER_PBUF_STATUS, argument, 1);
    return readStruct(argument, io_uring_buf_status).head;
  }
}

/** What the ring is made of, for BufferRing: its system calls, and what it keeps reachable until it is closed. */
export function resourcesOf(ring: BufferRingRegistrations): Resources {
  return inside(ring);
}

const MAX_GROUP = 0xffff;
const MAX_ENTRIES = 32768;
const FIX =
  'Buffer rings need Linux 5.19, with IOU_PBUF_RING_MMAP 6.4, with IOU_PBUF_RING_INC 6.12, with a least rest 7.1; the memory of the entries begins on a page boundary.';

function checkReg(reg: BufRingReg): Uint8Array<ArrayBuffer> {
  if (typeof reg !== 'object' || reg === null) throw invalidType('reg', 'of type object', reg);
  const { group, entries, memory, flags = 0, minLeft = 0 } = reg;
  checkInteger('reg.group', group, 0, MAX_GROUP);
  checkEntries('reg.entries', entries);
  const mapped = (checkInteger('reg.flags', flags, 0, 0xffff) & IOU_PBUF_RING_MMAP) !== 0;
  if (mapped !== (memory === undefined))
    throw invalidValue('reg.memory', memory, 'is needed, but not with IOU_PBUF_RING_MMAP');
  if (checkUint32('reg.minLeft', minLeft) > 0 && (flags & IOU_PBUF_RING_INC) === 0)
    throw invalidValue('reg.minLeft', minLeft, 'needs IOU_PBUF_RING_INC');
  return makeStruct(io_uring_buf_reg, {
    ring_addr: memory === undefined ? 0 : checkMemory(memory, entries * io_uring_buf.size),
    ring_entries: entries,
    bgid: group,
    flags,
    min_left: minLeft,
  });
}

/** `entries` as the size of a buffer ring: the kernel takes powers of two, and no more than 32,768. */
export function checkEntries(name: string, entries: unknown): number {
  const checked = checkInteger(name, entries, 1, MAX_ENTRIES);
  if ((checked & (checked - 1)) !== 0) throw outOfRange(name, 'a power of two, 1 to 32768', entries);
  return checked;
}

function checkMemory(memory: Pointer, byteLength: number): number | bigint {
  if (typeof memory === 'number') return checkInteger('reg.memory', memory, 1, Number.MAX_SAFE_INTEGER);
  if (typeof memory === 'bigint') return memory;
  const address = isMemory(memory) ? memory.address : addressOf(memory);
  if (memory.byteLength < byteLength)
    throw outOfRange('reg.memory.byteLength', `>= ${byteLength}, 16 bytes for each entry`, memory.byteLength);
  return address;
}
