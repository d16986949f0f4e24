/**
 * A kernel that takes notes of every io_uring_register(2) instead of making it: what it was asked, byte for byte, and
 * an answer of choice. Its rings are those of FakeKernel.
 */
import assert from 'node:assert/strict';
import { IoUringState } from 'tsuring';
import { addressOf, type Kernel, type Layout, makeStruct, type Result } from 'tsuring/syscalls';
import { FakeKernel } from './fake-kernel.ts';
import { ProbeKernel } from './probe-kernel.ts';

/** One io_uring_register(2). */
export interface RegisterCall {
  readonly fd: number;
  readonly opcode: number;
  readonly count: number;
  /** 0 for NULL. */
  readonly address: number;
  /** A copy of the memory that was given, as it was before the answer. */
  readonly bytes: Uint8Array;
}

export class NotingKernel extends ProbeKernel {
  readonly registers: RegisterCall[] = [];
  /** What a call gives (0 when it is undefined); may write to the memory that was given. `nth` counts from 0. */
  answer: ((memory: Uint8Array, nth: number) => Result) | undefined;

  constructor() {
    super({ base: new FakeKernel() });
  }

  override register(
    fd: number,
    opcode: number,
    arg: Parameters<Kernel['register']>[2],
    count: number,
  ): Result {
    const memory = typeof arg === 'number' ? new Uint8Array(0) : bytesOf(arg);
    const address = typeof arg === 'number' ? arg : addressOf(arg);
    const nth = this.registers.push({ fd, opcode, count, address, bytes: memory.slice() }) - 1;
    return this.answer?.(memory, nth) ?? 0;
  }

  /** The last call, asserted to be this one. */
  last(opcode: number, count: number): RegisterCall {
    const call = this.registers.at(-1);
    assert.ok(call !== undefined, 'a call was made');
    assert.deepEqual({ opcode: call.opcode, count: call.count }, { opcode, count });
    return call;
  }
}

/** A ring on such a kernel. */
export function noting(): { readonly kernel: NotingKernel; readonly ring: IoUringState } & Disposable {
  const kernel = new NotingKernel();
  const ring = new IoUringState(4, { flags: 0, kernel });
  return { kernel, ring, [Symbol.dispose]: () => ring.close() };
}

/** Asserts that the argument begins with this struct: these fields, and not a bit more. */
export function assertStruct<L extends Layout>(
  call: RegisterCall,
  layout: L,
  values: Parameters<typeof makeStruct<L>>[1],
): void {
  assert.equal(hex(call.bytes.subarray(0, layout.size)), hex(makeStruct(layout, values)));
}

/** The bytes that a pointer in the argument points at, within the memory that was given. */
export function pointedAt(call: RegisterCall, pointer: bigint, byteLength: number): Uint8Array {
  const offset = Number(pointer) - call.address;
  assert.ok(offset > 0 && offset + byteLength <= call.bytes.length, 'it is held together with the struct');
  assert.equal(offset % 8, 0, 'aligned');
  return call.bytes.slice(offset, offset + byteLength);
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function bytesOf(buffer: ArrayBufferView | ArrayBufferLike): Uint8Array {
  return 'buffer' in buffer
    ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    : new Uint8Array(buffer);
}
