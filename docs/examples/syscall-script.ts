/**
 * io_uring by hand, with `tsuring/syscalls` alone: wrong flags in, errno out, and the memory byte by byte.
 */
import assert from 'node:assert/strict';
import {
  allocatePages,
  EBADF,
  EINVAL,
  IORING_ENTER_GETEVENTS,
  IORING_OFF_SQ_RING,
  IORING_OFF_SQES,
  IORING_OP_NOP,
  IORING_REGISTER_PROBE,
  io_uring_cqe,
  io_uring_params,
  io_uring_probe,
  io_uring_probe_op,
  io_uring_sqe,
  ioUringEnter,
  ioUringRegister,
  ioUringSetup,
  libc,
  linux,
  MAP_SHARED,
  makeStruct,
  PROT_READ,
  PROT_WRITE,
  readStruct,
  writeStruct,
} from 'tsuring/syscalls';

// What the kernel refuses comes back as -errno; nothing is thrown.
const unknownFlag = makeStruct(io_uring_params, { flags: 0x8000_0000 });
assert.equal(ioUringSetup(4, unknownFlag), -EINVAL);
assert.equal(ioUringSetup(0, makeStruct(io_uring_params)), -EINVAL);
assert.equal(ioUringEnter(-1, 0, 0, 0), -EBADF);

// A ring of four entries: params is in and out.
const params = makeStruct(io_uring_params);
const fd = ioUringSetup(4, params);
assert(fd >= 0, `io_uring_setup gives ${fd}`);
const made = readStruct(params, io_uring_params);
assert.equal(made.sq_entries, 4);
assert.equal(made.cq_entries, 8);

// Its memory, mapped where the kernel likes.
const ringBytes = made['cq_off.cqes'] + made.cq_entries * io_uring_cqe.size;
const ringAddress = linux.mmap(0, ringBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
const sqesBytes = made.sq_entries * io_uring_sqe.size;
const sqesAddress = linux.mmap(0, sqesBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQES);
assert(ringAddress > 0 && sqesAddress > 0);
const ring = linux.view(ringAddress, ringBytes);
const sqes = linux.view(sqesAddress, sqesBytes);

// One NOP: the entry, its index in the SQ array, the tail.
writeStruct(new Uint8Array(sqes), io_uring_sqe, { opcode: IORING_OP_NOP, user_data: 0xdead_beef_cafe_f00dn });
const words = new Int32Array(ring, 0, ringBytes >> 2);
words[made['sq_off.array'] / 4] = 0;
Atomics.store(words, made['sq_off.tail'] / 4, 1);
assert.equal(ioUringEnter(fd, 1, 1, IORING_ENTER_GETEVENTS), 1);

// Its completion.
assert.equal(Atomics.load(words, made['cq_off.tail'] / 4), 1);
const cqe = readStruct(new Uint8Array(ring), io_uring_cqe, made['cq_off.cqes']);
assert.equal(cqe.user_data, 0xdead_beef_cafe_f00dn);
assert.equal(cqe.res, 0);
Atomics.store(words, made['cq_off.head'] / 4, 1);

// Which operations are there? The kernel writes the answer into memory that we give.
const probe = allocatePages(io_uring_probe.size + 256 * io_uring_probe_op.size);
assert.equal(ioUringRegister(fd, IORING_REGISTER_PROBE, probe.bytes(), 256), 0);
const { ops_len } = readStruct(probe.bytes(), io_uring_probe);
assert(ops_len > IORING_OP_NOP);

// A view of unmapped memory faults when it is touched: from here on nothing does.
assert.equal(linux.munmap(sqesAddress, sqesBytes), 0);
assert.equal(linux.munmap(ringAddress, ringBytes), 0);
assert.equal(libc().close(fd), 0);
