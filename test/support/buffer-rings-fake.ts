/**
 * Buffer rings over a kernel that takes every registration and does nothing: completions are made by the test, as the
 * kernel's source has them, and the entries are looked at.
 */
import assert from 'node:assert/strict';
import { BufferRing, type BufferRingOptions, IoUringState } from 'tsuring';
import {
  IORING_CQE_F_BUFFER,
  IORING_REGISTER_PBUF_STATUS,
  io_uring_buf,
  io_uring_buf_ring,
  io_uring_buf_status,
  type Kernel,
  readStruct,
  writeStruct,
} from 'tsuring/syscalls';
import { FakeKernel } from './fake-kernel.ts';

/** What a kernel says when it is asked for the head of the group: that, or -errno. */
export interface Answers {
  head: number;
  fails: number;
}

export function answering(answers: Answers): Kernel {
  const register: Kernel['register'] = (_fd, opcode, argument) => {
    if (opcode !== IORING_REGISTER_PBUF_STATUS) return 0;
    assert(argument instanceof Uint8Array);
    assert.equal(readStruct(argument, io_uring_buf_status).buf_group, 7);
    writeStruct(argument, io_uring_buf_status, { head: answers.head });
    return answers.fails;
  };
  return Object.assign(new FakeKernel(), { register });
}

/** A group over a kernel that takes every registration and does nothing. */
export function group(options: Partial<BufferRingOptions>, kernel: Kernel = new FakeKernel()): BufferRing {
  const ring = new IoUringState(8, { flags: 0, kernel });
  return new BufferRing(ring, { group: 7, entries: 4, ...options });
}

export function took(id: number, others = 0): number {
  return (id << 16) | IORING_CQE_F_BUFFER | others;
}

export function stateError(message: RegExp): object {
  return { code: 'ERR_INVALID_STATE', message };
}

/** What `take` finds: the buffer, the offset and the length of each piece. */
export function taken(buffers: BufferRing, ...args: Parameters<BufferRing['take']>): number[][] {
  const count = buffers.take(...args);
  const { pieces } = buffers;
  assert.equal(pieces.count, count);
  return Array.from({ length: count }, (_, i) => [pieces.ids[i], pieces.offsets[i], pieces.lengths[i]]);
}

export function entriesOf({
  memory: { bytes },
  entries,
}: BufferRing): { addr: number; len: number; bid: number }[] {
  return Array.from({ length: entries }, (_, slot) => {
    const { addr, len, bid } = readStruct(bytes, io_uring_buf, slot * io_uring_buf.size);
    return { addr: Number(addr), len, bid };
  });
}

export function tailOf({ memory: { bytes } }: BufferRing): number {
  return readStruct(bytes, io_uring_buf_ring).tail;
}

/** Writes the length of an entry, as the kernel may. */
export function cut({ memory: { bytes } }: BufferRing, slot: number, len: number): void {
  writeStruct(bytes, io_uring_buf, { len }, slot * io_uring_buf.size);
}
