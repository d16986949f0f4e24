/**
 * Register methods refuse what they cannot pass on before the kernel hears of it; and what they do about answers that
 * ask for patience.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import {
  allocatePages,
  type IoUringState,
  msgRing,
  registerBpfFilterTask,
  registerQuery,
  registerRestrictionsTask,
  registerSyncMsg,
} from 'tsuring';
import {
  addressOf,
  EBADF,
  EINTR,
  EINVAL,
  ENOENT,
  ENOMEM,
  ETIME,
  IORING_ASYNC_CANCEL_ALL,
  IORING_ASYNC_CANCEL_ANY,
  IORING_REGISTER_BUFFERS,
  IORING_REGISTER_BUFFERS2,
  io_uring_sync_cancel_reg,
  readStruct,
} from 'tsuring/syscalls';
import { NotingKernel, noting } from './support/noting-kernel.ts';

const type = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };
const value = { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' };
const range = { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' };
const NO_NUMBERS: readonly unknown[] = [undefined, null, '1', 1n, {}, []];
const NO_UINT32: readonly number[] = [-1, 0.5, 2 ** 32, Number.NaN];
const NO_FDS: readonly number[] = [-1, 0.5, 2 ** 31, Number.NaN];
const NO_OBJECTS: readonly unknown[] = [null, 1, 'x', true];

type Refusals = readonly (readonly [
  make: (bad: never) => unknown,
  bads: readonly unknown[],
  error: object,
])[];

/** Every call is refused as told, and the kernel hears of none. */
function refused(name: string, refusals: (ring: IoUringState, kernel: NotingKernel) => Refusals): void {
  test(`wrong arguments: ${name}`, () => {
    using on = noting();
    for (const [make, bads, error] of refusals(on.ring, on.kernel))
      for (const bad of bads) assert.throws(() => make(bad as never), error, `${make} ${inspect(bad)}`);
    assert.deepEqual(on.kernel.registers, []);
  });
}

const NO_TABLES: readonly unknown[] = [undefined, null, 5, 'x', {}, new Uint8Array(8)];

refused('files', (ring) => [
  [(bad) => ring.registerFiles(bad), NO_TABLES, type],
  [(bad) => ring.registerFilesTags(bad, []), NO_TABLES, type],
  [(bad) => ring.registerFilesUpdate(0, bad), NO_TABLES, type],
  [(bad) => ring.registerFilesUpdateTag(0, bad, []), NO_TABLES, type],
  [(bad) => ring.registerFiles(bad), [[], new Int32Array(0)], range],
  [(bad) => ring.registerFilesUpdate(0, bad), [[], new Int32Array(0)], range],
  [(bad) => ring.registerFiles([bad]), [...NO_FDS.filter((fd) => fd !== -1), -2], range],
  [(bad) => ring.registerFilesTags([bad], [0]), [-2, 2 ** 31], range],
  [(bad) => ring.registerFilesUpdate(0, [bad]), [-3, 2 ** 31], range],
  [(bad) => ring.registerFilesUpdateTag(0, [bad], [0]), [-3, 0.5], range],
  [(bad) => ring.registerFiles([bad]), NO_NUMBERS, type],
  [(bad) => ring.registerFilesSparse(bad), NO_NUMBERS, type],
  [(bad) => ring.registerFilesSparse(bad), [0, ...NO_UINT32], range],
  [(bad) => ring.registerFilesUpdate(bad, [1]), NO_NUMBERS, type],
  [(bad) => ring.registerFilesUpdate(bad, [1]), NO_UINT32, range],
  [(bad) => ring.registerFilesUpdateTag(bad, [1], [1]), NO_UINT32, range],
  [(bad) => ring.registerFileAllocRange(bad, 1), NO_NUMBERS, type],
  [(bad) => ring.registerFileAllocRange(0, bad), NO_UINT32, range],
]);

refused('tags', (ring) => [
  [(bad) => ring.registerFilesTags([1], bad), [undefined, null, 1, '1', new Uint8Array(1)], type],
  [(bad) => ring.registerFilesTags([1], bad), [[], [1, 2], new BigUint64Array(2)], range],
  [(bad) => ring.registerFilesTags([1], [bad]), [undefined, null, '1', {}], type],
  [(bad) => ring.registerFilesTags([1], [bad]), [0.5, 2 ** 53, 2n ** 64n, -(2n ** 63n) - 1n], range],
  // What is not there cannot go.
  [(bad) => ring.registerFilesTags([1, -1], bad), [[1, 1], BigUint64Array.of(1n, 1n)], value],
  [(bad) => ring.registerFilesUpdateTag(0, [bad], [1]), [-1, -2], value],
  [(bad) => ring.registerBuffersTags([bad], [1]), [null], value],
  [(bad) => ring.registerBuffersUpdateTag(0, [bad], [1]), [null], value],
  [(bad) => ring.registerBuffersUpdateTag(0, [new Uint8Array(1)], bad), [[], [1, 2]], range],
]);

refused('buffers', (ring) => [
  [(bad) => ring.registerBuffersTags(bad, []), NO_TABLES, type],
  [(bad) => ring.registerBuffersUpdateTag(0, bad), NO_TABLES, type],
  [(bad) => ring.registerBuffersTags(bad, []), [[]], range],
  [(bad) => ring.registerBuffersUpdateTag(0, bad), [[]], range],
  [(bad) => ring.registerBuffers([bad]), [undefined, null, 5, 'x', {}], type],
  [(bad) => ring.registerBuffers([new Uint8Array(1), bad]), [new Uint8Array(0), new ArrayBuffer(0)], range],
  [(bad) => ring.registerBuffersTags([bad], [0]), [undefined, 5, 'x', {}], type],
  [(bad) => ring.registerBuffersUpdateTag(0, [bad]), [undefined, 5, 'x', {}], type],
  // It would be taken for an empty slot.
  [(bad) => ring.registerBuffersTags([bad], [0]), [new Uint8Array(0), new ArrayBuffer(0)], range],
  [(bad) => ring.registerBuffersUpdateTag(0, [bad]), [new Uint8Array(8).subarray(8)], range],
  [(bad) => ring.registerBuffersTags([bad], [0]), [detached()], value],
  [(bad) => ring.registerBuffersSparse(bad), NO_NUMBERS, type],
  [(bad) => ring.registerBuffersSparse(bad), [0, ...NO_UINT32], range],
  [(bad) => ring.registerBuffersUpdateTag(bad, [null]), NO_NUMBERS, type],
  [(bad) => ring.registerBuffersUpdateTag(bad, [null]), NO_UINT32, range],
]);

refused('clones', (ring) => [
  [(bad) => ring.cloneBuffers(bad), [undefined, null, '1', 1n, {}, { fd: 1 }], type],
  [(bad) => ring.cloneBuffers(bad), NO_FDS, range],
  [(bad) => ring.cloneBuffersOffset(ring, bad), NO_OBJECTS, type],
  [(bad) => ring.cloneBuffersOffset(ring, { dstOff: bad }), NO_UINT32, range],
  [(bad) => ring.cloneBuffersOffset(ring, { srcOff: bad }), NO_UINT32, range],
  [(bad) => ring.cloneBuffersOffset(ring, { count: bad }), NO_UINT32, range],
  [(bad) => ring.cloneBuffersOffset(ring, { flags: bad }), [null, '1', 1n], type],
]);

refused('eventfds, personalities, the clock', (ring) => [
  [(bad) => ring.registerEventfd(bad), NO_NUMBERS, type],
  [(bad) => ring.registerEventfd(bad), NO_FDS, range],
  [(bad) => ring.registerEventfdAsync(bad), NO_NUMBERS, type],
  [(bad) => ring.registerEventfdAsync(bad), NO_FDS, range],
  [(bad) => ring.unregisterPersonality(bad), NO_NUMBERS, type],
  [(bad) => ring.unregisterPersonality(bad), [-1, 0, 65536, 1.5], range],
  [(bad) => ring.registerClock(bad), NO_NUMBERS, type],
  [(bad) => ring.registerClock(bad), NO_UINT32, range],
]);

refused('restrictions', (ring, kernel) => [
  [(bad) => ring.registerRestrictions(bad), [undefined, null, 1, {}, 'x'], type],
  [(bad) => ring.registerRestrictions([bad]), NO_OBJECTS, type],
  [(bad) => ring.registerRestrictions([bad]), [{}, { sqeop: 1 }, { sqeOp: 1, registerOp: 1 }], value],
  [(bad) => ring.registerRestrictions([{ sqeOp: bad }]), NO_NUMBERS, type],
  [(bad) => ring.registerRestrictions([{ registerOp: bad }]), [-1, 256, 0.5], range],
  [(bad) => ring.registerRestrictions([{ sqeFlagsAllowed: 1 }, { sqeFlagsRequired: bad }]), [256], range],
  [(bad) => registerRestrictionsTask(bad, kernel), [undefined, null, 1, {}], type],
  [(bad) => registerRestrictionsTask([bad], kernel), [{ all: 1 }], value],
]);

refused('worker threads', (ring) => [
  [(bad) => ring.registerIowqAff(bad), [undefined, null, 1, 'x', {}, new Int32Array(2)], type],
  [(bad) => ring.registerIowqAff(bad), [[], new Uint8Array(0)], range],
  [(bad) => ring.registerIowqAff([bad]), NO_NUMBERS, type],
  [(bad) => ring.registerIowqAff([0, bad]), [-1, 0.5, 65536], range],
  [(bad) => ring.registerIowqMaxWorkers(bad), NO_OBJECTS, type],
  [(bad) => ring.registerIowqMaxWorkers({ bounded: bad }), [null, '1', 1n], type],
  [(bad) => ring.registerIowqMaxWorkers({ unbounded: bad }), [-1, 0.5, 2 ** 31], range],
]);

refused('sync cancel', (ring) => [
  [(bad) => ring.registerSyncCancel(bad), [undefined, ...NO_OBJECTS], type],
  [(bad) => ring.registerSyncCancel({ userData: bad }), [null, '1', {}], type],
  [(bad) => ring.registerSyncCancel({ userData: bad }), [0.5, 2n ** 64n], range],
  [(bad) => ring.registerSyncCancel({ fd: bad }), NO_FDS, range],
  [(bad) => ring.registerSyncCancel({ opcode: bad }), [-1, 256, 0.5], range],
  [(bad) => ring.registerSyncCancel({ userData: 1, flags: bad }), NO_UINT32, range],
  [(bad) => ring.registerSyncCancel({ userData: 1, timeout: bad }), [null, '1', {}], type],
  [(bad) => ring.registerSyncCancel({ userData: 1, timeout: bad }), [-1, -1n, Number.NaN, 2n ** 64n], range],
  // Everything must be meant, and nothing else be said then.
  [(bad) => ring.registerSyncCancel(bad), [{}, { timeout: 1 }, { flags: IORING_ASYNC_CANCEL_ALL }], value],
  [
    (bad) => ring.registerSyncCancel({ ...(bad as object), flags: IORING_ASYNC_CANCEL_ANY }),
    [{ fd: 1 }],
    value,
  ],
]);

refused('NAPI', (ring) => [
  [(bad) => ring.registerNapi(bad), NO_OBJECTS, type],
  [(bad) => ring.registerNapi({ busyPollTo: bad }), NO_UINT32, range],
  [(bad) => ring.registerNapi({ preferBusyPoll: bad }), [1, null, 'yes'], type],
  [(bad) => ring.registerNapi({ tracking: bad }), ['inactive', 'Static', 1, null], value],
  [(bad) => ring.registerNapi({ addId: bad }), [undefined, null, '1'], type],
  [(bad) => ring.registerNapi({ deleteId: bad }), NO_UINT32, range],
]);

const area = allocatePages(4096);
const queue = { ifIdx: 1, ifRxq: 0, rqEntries: 8, area };

refused('zero-copy receive', (ring) => [
  [(bad) => ring.registerIfq(bad), [undefined, ...NO_OBJECTS], type],
  [(bad) => ring.registerIfq({ ...queue, ifIdx: bad }), NO_UINT32, range],
  [
    (bad) => ring.registerIfq({ ...queue, ...(bad as object) }),
    [{ ifIdx: undefined }, { ifRxq: undefined }],
    type,
  ],
  [(bad) => ring.registerIfq({ ...queue, rqEntries: bad }), [0, 32769, 1.5], range],
  [(bad) => ring.registerIfq({ ...queue, area: bad }), [undefined, null, new Uint8Array(4096), 5, {}], type],
  [(bad) => ring.registerIfq({ ...queue, area: { dmabufFd: bad, byteLength: 1 } }), NO_FDS, range],
  [(bad) => ring.registerIfq({ ...queue, area: { dmabufFd: 1, byteLength: bad } }), [0, -1], range],
  [(bad) => ring.registerIfq({ ...queue, region: bad }), [5, new Uint8Array(4096)], type],
  [(bad) => ring.registerIfq({ ...queue, rxBufLen: bad }), NO_UINT32, range],
  [(bad) => ring.registerIfq({ ...queue, flags: bad }), NO_UINT32, range],
  [(bad) => ring.registerIfq({ importFd: bad }), NO_FDS, range],
  [(bad) => ring.registerZcrxCtrl(bad), [undefined, ...NO_OBJECTS], type],
  [(bad) => ring.registerZcrxCtrl({ zcrxId: bad, op: 0 }), NO_UINT32, range],
  [(bad) => ring.registerZcrxCtrl({ zcrxId: 0, op: bad }), [undefined, 2, '0'], value],
]);

const allow = [[6, 0, 0, 1]] as const;

refused('BPF filters and messages', (ring, kernel) => [
  [(bad) => ring.registerBpfFilter(bad), [undefined, ...NO_OBJECTS], type],
  [
    (bad) => ring.registerBpfFilter({ opcode: 0, filter: bad }),
    [undefined, null, 'x', new Uint16Array(4)],
    type,
  ],
  [
    (bad) => ring.registerBpfFilter({ opcode: 0, filter: bad }),
    [[], new Uint8Array(0), new Uint8Array(12)],
    range,
  ],
  [(bad) => ring.registerBpfFilter({ opcode: 0, filter: [bad] }), [5, null, [1, 2, 3]], type],
  [
    (bad) => ring.registerBpfFilter({ opcode: 0, filter: [bad] }),
    [
      [65536, 0, 0, 0],
      [0, 256, 0, 0],
    ],
    range,
  ],
  [
    (bad) => ring.registerBpfFilter({ opcode: 0, filter: [bad] }),
    [
      [0, 0, -1, 0],
      [0, 0, 0, 2 ** 32],
    ],
    range,
  ],
  [(bad) => ring.registerBpfFilter({ opcode: 0, filter: bad }), [new Array(4097).fill(allow[0])], range],
  [(bad) => ring.registerBpfFilter({ opcode: bad, filter: allow }), NO_UINT32, range],
  [(bad) => ring.registerBpfFilter({ opcode: 0, filter: allow, flags: bad }), NO_UINT32, range],
  [(bad) => ring.registerBpfFilter({ opcode: 0, filter: allow, pduSize: bad }), [-1, 256], range],
  [(bad) => registerBpfFilterTask(bad, kernel), [undefined, ...NO_OBJECTS], type],
  [(bad) => registerSyncMsg(bad, kernel), [undefined, null, 1, {}, new Uint8Array(64)], type],
  [(bad) => registerSyncMsg((sqe) => msgRing(sqe, bad, 0, 0), kernel), [0.5, 2 ** 31], range],
]);

test('a closed ring', () => {
  const on = noting();
  on.ring.close();
  const { length } = on.kernel.registers;
  const closed = { code: 'EBADF', syscall: 'io_uring_register', fix: /The ring is closed/ };
  const calls: readonly ((ring: IoUringState) => unknown)[] = [
    (ring) => ring.registerFiles([1]),
    (ring) => ring.registerBuffersTags([new Uint8Array(1)], [1]),
    (ring) => ring.registerBuffers([new Uint8Array(1)]),
    (ring) => ring.registerEventfd(1),
    (ring) => ring.registerProbe(),
    (ring) => ring.registerPersonality(),
    (ring) => ring.registerRestrictions([]),
    (ring) => ring.registerIowqMaxWorkers(),
    (ring) => ring.registerSyncCancel({ fd: 0 }),
    (ring) => ring.registerNapi(),
    (ring) => ring.registerClock(1),
    (ring) => ring.registerIfq(queue),
    (ring) => ring.registerBpfFilter({ opcode: 0, filter: allow }),
  ];
  for (const call of calls) assert.throws(() => call(on.ring), closed, `${call}`);
  assert.equal(on.kernel.registers.length, length);
});

test('locked memory is waited for', () => {
  for (const [opcode, register] of [
    [IORING_REGISTER_BUFFERS, (ring: IoUringState) => ring.registerBuffers([new Uint8Array(8)])],
    [IORING_REGISTER_BUFFERS2, (ring: IoUringState) => ring.registerBuffersTags([new Uint8Array(8)], [1])],
  ] as const) {
    using on = noting();
    const { kernel, ring } = on;
    kernel.answer = (_, nth) => (nth < 3 ? -ENOMEM : 0);
    register(ring);
    assert.deepEqual(
      kernel.registers.map((call) => call.opcode),
      [opcode, opcode, opcode, opcode],
    );
    const [first, ...more] = kernel.registers.map(({ bytes }) => bytes);
    for (const bytes of more) assert.deepEqual(bytes, first);
    // Not for ever, and for nothing else.
    kernel.answer = () => -ENOMEM;
    const before = kernel.registers.length;
    assert.throws(() => register(ring), { code: 'ENOMEM', fix: /RLIMIT_MEMLOCK/ });
    assert.equal(kernel.registers.length - before, 9);
    kernel.answer = () => -EINVAL;
    assert.throws(() => register(ring), { code: 'EINVAL' });
    assert.equal(kernel.registers.length - before, 10);
  }
});

test('the part of a buffer update that was done is what it gives', () => {
  using on = noting();
  on.kernel.answer = () => 1;
  const buffers = [new Uint8Array(8), new Uint8Array(8)];
  assert.equal(on.ring.registerBuffersUpdateTag(0, buffers), 1);
  on.kernel.answer = (_, nth) => (nth === 1 ? -ENOMEM : 2);
  assert.equal(on.ring.registerBuffersUpdateTag(0, buffers), 2);
  assert.equal(on.kernel.registers.length, 3);
});

test('sync cancel goes on slice by slice', () => {
  using on = noting();
  const { kernel, ring } = on;
  const scripts: readonly (readonly [answers: readonly number[], result: number | string])[] = [
    [[0], 0],
    [[5], 5],
    [[-ENOENT], 'ENOENT'],
    [[-EINTR], 'EINTR'],
    [[-EBADF], 'EBADF'],
    [[-ETIME, 0], 0],
    // It ended between two slices.
    [[-ETIME, -ETIME, -ENOENT], 0],
    [[-ETIME, -EINTR], 'EINTR'],
    [[-ETIME, 3], 3],
  ];
  for (const [answers, result] of scripts) {
    const before = kernel.registers.length;
    kernel.answer = (_, nth) => answers[nth - before];
    const call = () => ring.registerSyncCancel({ userData: 1 });
    if (typeof result === 'number') assert.equal(call(), result);
    else assert.throws(call, { code: result, syscall: 'io_uring_register' });
    assert.equal(kernel.registers.length - before, answers.length, `${answers}`);
    for (const nanoseconds of slices(kernel, before)) assert.equal(nanoseconds, 100_000_000n);
  }
});

test('sync cancel ends with its own time', () => {
  using on = noting();
  const { kernel, ring } = on;
  const late = { code: 'ETIME', syscall: 'io_uring_register', fix: /time ran out/ };
  kernel.answer = () => -ETIME;
  assert.throws(() => ring.registerSyncCancel({ userData: 1, timeout: 0 }), late);
  assert.deepEqual(slices(kernel, 0), [0n]);
  assert.throws(() => ring.registerSyncCancel({ userData: 1, timeout: 99_999_999n }), late);
  assert.deepEqual(slices(kernel, 1), [99_999_999n]);
  // This kernel takes no time: with a slice that is waited for the rest is less than one.
  let slept = 0;
  kernel.answer = () => {
    slept++;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    return -ETIME;
  };
  assert.throws(() => ring.registerSyncCancel({ userData: 1, timeout: 150 }), late);
  const all = slices(kernel, 2);
  assert.equal(all.length, slept);
  assert.equal(all[0], 100_000_000n);
  assert.ok(all.length === 2 && all[1] <= 51_000_000n, `${all}`);
});

test('what needs no ring throws what the kernel says', () => {
  const kernel = new NotingKernel();
  kernel.answer = () => -EINVAL;
  const refusal = { name: 'UringError', code: 'EINVAL', errno: -EINVAL, syscall: 'io_uring_register' };
  assert.throws(() => registerSyncMsg((sqe) => msgRing(sqe, 0, 0, 0), kernel), refusal);
  assert.throws(() => registerRestrictionsTask([], kernel), refusal);
  assert.throws(() => registerBpfFilterTask({ opcode: 0, filter: allow }, kernel), refusal);
  assert.throws(() => registerQuery(kernel), refusal);
});

/** The timeouts that the kernel was given, nanoseconds. */
function slices(kernel: NotingKernel, from: number): bigint[] {
  return kernel.registers.slice(from).map(({ bytes }) => {
    const reg = readStruct(bytes, io_uring_sync_cancel_reg);
    return reg['timeout.tv_sec'] * 1_000_000_000n + reg['timeout.tv_nsec'];
  });
}

function detached(): Uint8Array {
  const gone = new Uint8Array(64);
  addressOf(gone);
  structuredClone(gone.buffer, { transfer: [gone.buffer] });
  return gone;
}
