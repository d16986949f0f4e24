/**
 * The arguments of the register methods for files and buffers, byte for byte as the kernel gets them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addressOf,
  IORING_REGISTER_BUFFERS,
  IORING_REGISTER_BUFFERS_UPDATE,
  IORING_REGISTER_BUFFERS2,
  IORING_REGISTER_CLONE_BUFFERS,
  IORING_REGISTER_DST_REPLACE,
  IORING_REGISTER_FILE_ALLOC_RANGE,
  IORING_REGISTER_FILES,
  IORING_REGISTER_FILES_UPDATE,
  IORING_REGISTER_FILES_UPDATE2,
  IORING_REGISTER_FILES2,
  IORING_REGISTER_SRC_REGISTERED,
  IORING_RSRC_REGISTER_SPARSE,
  IORING_UNREGISTER_BUFFERS,
  IORING_UNREGISTER_FILES,
  io_uring_clone_buffers,
  io_uring_file_index_range,
  io_uring_rsrc_register,
  io_uring_rsrc_update,
  io_uring_rsrc_update2,
  readStruct,
} from 'tsuring/syscalls';
import { assertStruct, hex, noting, pointedAt, type RegisterCall } from './support/noting-kernel.ts';

const le32 = (...words: number[]): string => hex(new Uint8Array(Int32Array.from(words).buffer));
const le64 = (...words: bigint[]): string => hex(new Uint8Array(BigInt64Array.from(words).buffer));
const filled = (...buffers: (Uint8Array | null)[]): string =>
  le64(...buffers.flatMap((b) => (b === null ? [0n, 0n] : [BigInt(addressOf(b)), BigInt(b.length)])));

test('files', () => {
  using on = noting();
  const { kernel, ring } = on;
  ring.registerFiles([3, -1, 4]);
  assert.equal(hex(kernel.last(IORING_REGISTER_FILES, 3).bytes), le32(3, -1, 4));
  ring.registerFiles(Int32Array.of(7));
  assert.equal(hex(kernel.last(IORING_REGISTER_FILES, 1).bytes), le32(7));

  ring.registerFilesTags([3, -1, 4], [1n, 0, 2 ** 53 - 1]);
  let call = kernel.last(IORING_REGISTER_FILES2, io_uring_rsrc_register.size);
  assertTable(call, le32(3, -1, 4), le64(1n, 0n, 2n ** 53n - 1n), 3);
  ring.registerFilesTags([5], BigUint64Array.of(2n ** 64n - 1n));
  call = kernel.last(IORING_REGISTER_FILES2, io_uring_rsrc_register.size);
  assertTable(call, le32(5), le64(-1n), 1);

  ring.registerFilesSparse(1000);
  call = kernel.last(IORING_REGISTER_FILES2, io_uring_rsrc_register.size);
  assertStruct(call, io_uring_rsrc_register, { nr: 1000, flags: IORING_RSRC_REGISTER_SPARSE });

  kernel.answer = () => 2;
  assert.equal(ring.registerFilesUpdate(5, [-1, -2, 9]), 2);
  call = kernel.last(IORING_REGISTER_FILES_UPDATE, 3);
  const { data } = readStruct(call.bytes, io_uring_rsrc_update);
  assertStruct(call, io_uring_rsrc_update, { offset: 5, data });
  assert.equal(hex(pointedAt(call, data, 12)), le32(-1, -2, 9));

  assert.equal(ring.registerFilesUpdateTag(6, [8, -2], [-1, 0]), 2);
  call = kernel.last(IORING_REGISTER_FILES_UPDATE2, io_uring_rsrc_update2.size);
  const update = readStruct(call.bytes, io_uring_rsrc_update2);
  assertStruct(call, io_uring_rsrc_update2, { offset: 6, nr: 2, data: update.data, tags: update.tags });
  assert.equal(hex(pointedAt(call, update.data, 8)), le32(8, -2));
  assert.equal(hex(pointedAt(call, update.tags, 16)), le64(-1n, 0n));

  ring.registerFileAllocRange(10, 20);
  call = kernel.last(IORING_REGISTER_FILE_ALLOC_RANGE, 0);
  assertStruct(call, io_uring_file_index_range, { off: 10, len: 20 });
  ring.unregisterFiles();
  assert.equal(kernel.last(IORING_UNREGISTER_FILES, 0).address, 0);
});

test('buffers', () => {
  using on = noting();
  const { kernel, ring } = on;
  const [a, b] = [new Uint8Array(100), new Uint8Array(200).subarray(50)];
  ring.registerBuffers([a, b]);
  assert.equal(hex(kernel.last(IORING_REGISTER_BUFFERS, 2).bytes), filled(a, b));

  ring.registerBuffersTags([a, null, b], [7, 0, 8n]);
  let call = kernel.last(IORING_REGISTER_BUFFERS2, io_uring_rsrc_register.size);
  assertTable(call, filled(a, null, b), le64(7n, 0n, 8n), 3);

  ring.registerBuffersSparse(16);
  call = kernel.last(IORING_REGISTER_BUFFERS2, io_uring_rsrc_register.size);
  assertStruct(call, io_uring_rsrc_register, { nr: 16, flags: IORING_RSRC_REGISTER_SPARSE });

  kernel.answer = () => 1;
  assert.equal(ring.registerBuffersUpdateTag(3, [b, null], [9, 0]), 1);
  call = kernel.last(IORING_REGISTER_BUFFERS_UPDATE, io_uring_rsrc_update2.size);
  const update = readStruct(call.bytes, io_uring_rsrc_update2);
  assertStruct(call, io_uring_rsrc_update2, { offset: 3, nr: 2, data: update.data, tags: update.tags });
  assert.equal(hex(pointedAt(call, update.data, 32)), filled(b, null));
  assert.equal(hex(pointedAt(call, update.tags, 16)), le64(9n, 0n));

  ring.registerBuffersUpdateTag(0, [null]);
  call = kernel.last(IORING_REGISTER_BUFFERS_UPDATE, io_uring_rsrc_update2.size);
  const untagged = readStruct(call.bytes, io_uring_rsrc_update2);
  assertStruct(call, io_uring_rsrc_update2, { nr: 1, data: untagged.data });
  ring.unregisterBuffers();
  assert.equal(kernel.last(IORING_UNREGISTER_BUFFERS, 0).address, 0);
});

test('clones', () => {
  using on = noting();
  using other = noting();
  const { kernel, ring } = on;
  const { fd } = other.ring;
  ring.cloneBuffers(other.ring);
  assertStruct(kernel.last(IORING_REGISTER_CLONE_BUFFERS, 1), io_uring_clone_buffers, { src_fd: fd });
  ring.cloneBuffers(77);
  assertStruct(kernel.last(IORING_REGISTER_CLONE_BUFFERS, 1), io_uring_clone_buffers, { src_fd: 77 });

  // Whether a ring is named by an index is for the ring to say.
  const flags = IORING_REGISTER_DST_REPLACE | IORING_REGISTER_SRC_REGISTERED;
  ring.cloneBuffersOffset(other.ring, { dstOff: 1, srcOff: 2, count: 3, flags });
  assertStruct(kernel.last(IORING_REGISTER_CLONE_BUFFERS, 1), io_uring_clone_buffers, {
    src_fd: fd,
    flags: IORING_REGISTER_DST_REPLACE,
    dst_off: 1,
    src_off: 2,
    nr: 3,
  });
  ring.cloneBuffersOffset(5, { flags });
  assertStruct(kernel.last(IORING_REGISTER_CLONE_BUFFERS, 1), io_uring_clone_buffers, { src_fd: 5, flags });
});

function assertTable(call: RegisterCall, data: string, tags: string, nr: number): void {
  const reg = readStruct(call.bytes, io_uring_rsrc_register);
  assertStruct(call, io_uring_rsrc_register, { nr, data: reg.data, tags: reg.tags });
  assert.equal(hex(pointedAt(call, reg.data, data.length / 2)), data);
  assert.equal(hex(pointedAt(call, reg.tags, tags.length / 2)), tags);
}
