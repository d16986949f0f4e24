/**
 * The arguments of the other register methods, byte for byte as the kernel gets them, and what is made of its answers:
 * with a kernel that only takes notes, so also for what this one does not have.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  allocatePages,
  getProbe,
  type IoUringState,
  msgRing,
  msgRingCqeFlags,
  registerBpfFilterTask,
  registerQuery,
  registerRestrictionsTask,
  registerSyncMsg,
} from 'tsuring';
import {
  addressOf,
  EMSGSIZE,
  EOPNOTSUPP,
  IO_URING_BPF_CMD_FILTER,
  IO_URING_BPF_FILTER_DENY_REST,
  IO_URING_BPF_FILTER_SZ_STRICT,
  IO_URING_OP_SUPPORTED,
  IO_URING_QUERY_OPCODES,
  IO_URING_QUERY_SCQ,
  IO_URING_QUERY_ZCRX,
  IORING_ASYNC_CANCEL_ALL,
  IORING_ASYNC_CANCEL_ANY,
  IORING_ASYNC_CANCEL_FD,
  IORING_ASYNC_CANCEL_FD_FIXED,
  IORING_ASYNC_CANCEL_OP,
  IORING_ASYNC_CANCEL_USERDATA,
  IORING_MEM_REGION_TYPE_USER,
  IORING_OP_MSG_RING,
  IORING_OP_OPENAT,
  IORING_OP_READ,
  IORING_REGISTER_BPF_FILTER,
  IORING_REGISTER_CLOCK,
  IORING_REGISTER_EVENTFD,
  IORING_REGISTER_EVENTFD_ASYNC,
  IORING_REGISTER_IOWQ_AFF,
  IORING_REGISTER_IOWQ_MAX_WORKERS,
  IORING_REGISTER_NAPI,
  IORING_REGISTER_PERSONALITY,
  IORING_REGISTER_PROBE,
  IORING_REGISTER_QUERY,
  IORING_REGISTER_RESTRICTIONS,
  IORING_REGISTER_SEND_MSG_RING,
  IORING_REGISTER_SYNC_CANCEL,
  IORING_REGISTER_ZCRX_CTRL,
  IORING_REGISTER_ZCRX_IFQ,
  IORING_RESTRICTION_REGISTER_OP,
  IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
  IORING_RESTRICTION_SQE_FLAGS_REQUIRED,
  IORING_RESTRICTION_SQE_OP,
  IORING_UNREGISTER_EVENTFD,
  IORING_UNREGISTER_IOWQ_AFF,
  IORING_UNREGISTER_NAPI,
  IORING_UNREGISTER_PERSONALITY,
  IORING_ZCRX_AREA_DMABUF,
  io_uring_bpf,
  io_uring_clock_register,
  io_uring_napi,
  io_uring_probe,
  io_uring_probe_op,
  io_uring_query_hdr,
  io_uring_query_opcode,
  io_uring_query_scq,
  io_uring_query_zcrx,
  io_uring_region_desc,
  io_uring_restriction,
  io_uring_sqe,
  io_uring_sync_cancel_reg,
  io_uring_task_restriction,
  io_uring_zcrx_area_reg,
  io_uring_zcrx_ifq_reg,
  makeStruct,
  pageSize,
  readStruct,
  type StructValues,
  writeStruct,
  ZCRX_CTRL_EXPORT,
  ZCRX_CTRL_FLUSH_RQ,
  ZCRX_REG_IMPORT,
  ZCRX_REG_NODEV,
  zcrx_ctrl,
} from 'tsuring/syscalls';
import { assertStruct, hex, NotingKernel, noting, pointedAt } from './support/noting-kernel.ts';

const le32 = (...words: number[]): string => hex(new Uint8Array(Int32Array.from(words).buffer));

test('eventfds and personalities', () => {
  using on = noting();
  const { kernel, ring } = on;
  ring.registerEventfd(9);
  assert.equal(hex(kernel.last(IORING_REGISTER_EVENTFD, 1).bytes), le32(9));
  ring.registerEventfdAsync(10);
  assert.equal(hex(kernel.last(IORING_REGISTER_EVENTFD_ASYNC, 1).bytes), le32(10));
  ring.unregisterEventfd();
  assert.equal(kernel.last(IORING_UNREGISTER_EVENTFD, 0).address, 0);

  kernel.answer = () => 12;
  assert.equal(ring.registerPersonality(), 12);
  assert.equal(kernel.last(IORING_REGISTER_PERSONALITY, 0).address, 0);
  ring.unregisterPersonality(12);
  assert.equal(kernel.last(IORING_UNREGISTER_PERSONALITY, 12).address, 0);
});

test('the probe', () => {
  const kernel = new NotingKernel();
  kernel.answer = (memory) => {
    writeStruct(memory, io_uring_probe, { last_op: 3, ops_len: 3 });
    for (const [op, flags] of [
      [0, IO_URING_OP_SUPPORTED],
      [1, 0],
      [2, IO_URING_OP_SUPPORTED | 0x100],
    ])
      writeStruct(
        memory,
        io_uring_probe_op,
        { op, flags },
        io_uring_probe.size + op * io_uring_probe_op.size,
      );
    return 0;
  };
  const probe = getProbe(kernel);
  const call = kernel.last(IORING_REGISTER_PROBE, 256);
  assert.equal(call.bytes.length, io_uring_probe.size + 256 * io_uring_probe_op.size);
  assert.ok(call.bytes.every((byte) => byte === 0));
  assert.deepEqual({ ...probe }, { lastOp: 3, ops: [0, 2] });
  assert.deepEqual(
    [0, 1, 2, 3, 255].map((opcode) => probe.supports(opcode)),
    [true, false, true, false, false],
  );
});

test('restrictions, of a ring and of a task', () => {
  using on = noting();
  const { kernel, ring } = on;
  const list = [{ registerOp: 12 }, { sqeOp: 22 }, { sqeFlagsAllowed: 0x21 }, { sqeFlagsRequired: 0xff }];
  const expected = [
    makeStruct(io_uring_restriction, { opcode: IORING_RESTRICTION_REGISTER_OP, register_op: 12 }),
    makeStruct(io_uring_restriction, { opcode: IORING_RESTRICTION_SQE_OP, sqe_op: 22 }),
    makeStruct(io_uring_restriction, { opcode: IORING_RESTRICTION_SQE_FLAGS_ALLOWED, sqe_flags: 0x21 }),
    makeStruct(io_uring_restriction, { opcode: IORING_RESTRICTION_SQE_FLAGS_REQUIRED, sqe_flags: 0xff }),
  ];
  ring.registerRestrictions(list as never);
  assert.equal(hex(kernel.last(IORING_REGISTER_RESTRICTIONS, 4).bytes), expected.map(hex).join(''));
  assert.equal(kernel.registers.at(-1)?.fd, ring.fd);
  ring.registerRestrictions([]);
  assert.notEqual(kernel.last(IORING_REGISTER_RESTRICTIONS, 0).address, 0, 'the kernel refuses NULL');

  registerRestrictionsTask(list as never, kernel);
  const call = kernel.last(IORING_REGISTER_RESTRICTIONS, 1);
  assert.equal(call.fd, -1);
  assertStruct(call, io_uring_task_restriction, { nr_res: 4 });
  assert.equal(hex(call.bytes.subarray(io_uring_task_restriction.size)), expected.map(hex).join(''));
  registerRestrictionsTask([], kernel);
  assertStruct(kernel.last(IORING_REGISTER_RESTRICTIONS, 1), io_uring_task_restriction, {});
});

test('worker threads', () => {
  using on = noting();
  const { kernel, ring } = on;
  ring.registerIowqAff([0, 9, 3]);
  assert.equal(hex(kernel.last(IORING_REGISTER_IOWQ_AFF, 2).bytes), '0902');
  ring.registerIowqAff([7]);
  assert.equal(hex(kernel.last(IORING_REGISTER_IOWQ_AFF, 1).bytes), '80');
  ring.registerIowqAff(Uint8Array.of(1, 2, 3));
  assert.equal(hex(kernel.last(IORING_REGISTER_IOWQ_AFF, 3).bytes), '010203');
  ring.unregisterIowqAff();
  assert.equal(kernel.last(IORING_UNREGISTER_IOWQ_AFF, 0).address, 0);

  kernel.answer = (memory) => {
    memory.set(new Uint8Array(Uint32Array.of(40, 50).buffer));
    return 0;
  };
  assert.deepEqual(ring.registerIowqMaxWorkers({ bounded: 4, unbounded: 5 }), { bounded: 40, unbounded: 50 });
  assert.equal(hex(kernel.last(IORING_REGISTER_IOWQ_MAX_WORKERS, 2).bytes), le32(4, 5));
  ring.registerIowqMaxWorkers({ unbounded: 6 });
  assert.equal(hex(kernel.last(IORING_REGISTER_IOWQ_MAX_WORKERS, 2).bytes), le32(0, 6));
  ring.registerIowqMaxWorkers();
  assert.equal(hex(kernel.last(IORING_REGISTER_IOWQ_MAX_WORKERS, 2).bytes), le32(0, 0));
});

test('sync cancel', () => {
  using on = noting();
  const { kernel, ring } = on;
  const slice = { 'timeout.tv_sec': 0, 'timeout.tv_nsec': 100_000_000 };
  const fields = (what: Parameters<IoUringState['registerSyncCancel']>[0]) => {
    ring.registerSyncCancel(what);
    return kernel.last(IORING_REGISTER_SYNC_CANCEL, 1);
  };
  const layout = io_uring_sync_cancel_reg;
  assertStruct(fields({ userData: 2n ** 63n }), layout, { addr: 2n ** 63n, fd: -1, ...slice });
  assertStruct(fields({ userData: 5, flags: IORING_ASYNC_CANCEL_ALL }), layout, {
    addr: 5,
    fd: -1,
    flags: IORING_ASYNC_CANCEL_ALL,
    ...slice,
  });
  assertStruct(fields({ fd: 0 }), layout, { flags: IORING_ASYNC_CANCEL_FD, ...slice });
  assertStruct(fields({ fd: 8, flags: IORING_ASYNC_CANCEL_FD_FIXED, timeout: 1500.25 }), layout, {
    fd: 8,
    flags: IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_FD_FIXED,
    ...slice,
  });
  assertStruct(fields({ opcode: IORING_OP_READ, timeout: 2 }), layout, {
    fd: -1,
    opcode: IORING_OP_READ,
    flags: IORING_ASYNC_CANCEL_OP,
    'timeout.tv_nsec': 2_000_000,
  });
  const all = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_OP | IORING_ASYNC_CANCEL_USERDATA;
  assertStruct(fields({ userData: 0, fd: 1, opcode: 2, timeout: 7n }), layout, {
    fd: 1,
    opcode: 2,
    flags: all,
    'timeout.tv_nsec': 7,
  });
  assertStruct(fields({ flags: IORING_ASYNC_CANCEL_ANY, timeout: 0 }), layout, {
    fd: -1,
    flags: IORING_ASYNC_CANCEL_ANY,
  });
});

test('NAPI and the clock', () => {
  using on = noting();
  const { kernel, ring } = on;
  const layout = io_uring_napi;
  const answer = (tracking: number) => (memory: Uint8Array) => {
    memory.set(makeStruct(layout, { busy_poll_to: 30, prefer_busy_poll: 1, resv: tracking }));
    return 0;
  };
  kernel.answer = answer(255);
  const inactive = { busyPollTo: 30, preferBusyPoll: true, tracking: 'inactive' };
  assert.deepEqual(ring.registerNapi({ busyPollTo: 50, preferBusyPoll: true }), inactive);
  assertStruct(kernel.last(IORING_REGISTER_NAPI, 1), layout, { busy_poll_to: 50, prefer_busy_poll: 1 });
  kernel.answer = answer(0);
  assert.equal(ring.registerNapi({ tracking: 'static' }).tracking, 'dynamic');
  // op_param, 32 bits at byte 8.
  assertStruct(kernel.last(IORING_REGISTER_NAPI, 1), layout, { resv: 1 });
  kernel.answer = answer(1);
  assert.equal(ring.registerNapi().tracking, 'static');
  assertStruct(kernel.last(IORING_REGISTER_NAPI, 1), layout, {});
  // The opcode, 8 bits at byte 5.
  ring.registerNapi({ addId: 8192 });
  assertStruct(kernel.last(IORING_REGISTER_NAPI, 1), layout, { pad: Uint8Array.of(1), resv: 8192 });
  ring.registerNapi({ deleteId: 8193 });
  assertStruct(kernel.last(IORING_REGISTER_NAPI, 1), layout, { pad: Uint8Array.of(2), resv: 8193 });
  kernel.answer = answer(0);
  assert.deepEqual(ring.unregisterNapi(), { busyPollTo: 30, preferBusyPoll: true });
  assertStruct(kernel.last(IORING_UNREGISTER_NAPI, 1), layout, {});

  kernel.answer = undefined;
  ring.registerClock(7);
  assertStruct(kernel.last(IORING_REGISTER_CLOCK, 0), io_uring_clock_register, { clockid: 7 });
});

test('zero-copy receive', () => {
  using on = noting();
  const { kernel, ring } = on;
  const area = allocatePages(2 * pageSize());
  const region = allocatePages(pageSize());
  const layout = io_uring_zcrx_ifq_reg;
  kernel.answer = (memory) => {
    const { area_ptr } = readStruct(memory, layout);
    const offsets = { 'offsets.head': 64, 'offsets.tail': 128, 'offsets.rqes': 192 };
    writeStruct(memory, layout, { rq_entries: 128, zcrx_id: 5, rx_buf_len: 4096, ...offsets });
    const at = Number(area_ptr) - addressOf(memory);
    writeStruct(memory, io_uring_zcrx_area_reg, { rq_area_token: 1n << 48n }, at);
    return 0;
  };
  const made = ring.registerIfq({ ifIdx: 2, ifRxq: 3, rqEntries: 100, area, region, rxBufLen: 4096 });
  assert.deepEqual(made, {
    zcrxId: 5,
    rqEntries: 128,
    offsets: { head: 64, tail: 128, rqes: 192 },
    rqAreaToken: 1n << 48n,
    rxBufLen: 4096,
    area,
    region,
  });
  let call = kernel.last(IORING_REGISTER_ZCRX_IFQ, 1);
  let reg = readStruct(call.bytes, layout);
  const pointers = ({ area_ptr, region_ptr }: typeof reg) => ({ area_ptr, region_ptr });
  assertStruct(call, layout, { if_idx: 2, if_rxq: 3, rq_entries: 100, rx_buf_len: 4096, ...pointers(reg) });
  const { address, byteLength } = region;
  assert.equal(
    hex(pointedAt(call, reg.area_ptr, io_uring_zcrx_area_reg.size)),
    hex(makeStruct(io_uring_zcrx_area_reg, { addr: area.address, len: area.byteLength })),
  );
  const descriptor = { user_addr: address, size: byteLength, flags: IORING_MEM_REGION_TYPE_USER };
  assert.equal(
    hex(pointedAt(call, reg.region_ptr, io_uring_region_desc.size)),
    hex(makeStruct(io_uring_region_desc, descriptor)),
  );

  // A region of our own, memory of a device, no interface.
  const dmabuf = { dmabufFd: 9, byteLength: 8192 };
  const own = ring.registerIfq({ rqEntries: 100, area: dmabuf, flags: ZCRX_REG_NODEV });
  assert.ok(
    own.region.byteLength >= pageSize() + 16 * 128,
    'a header, and entries up to the next power of two',
  );
  call = kernel.last(IORING_REGISTER_ZCRX_IFQ, 1);
  reg = readStruct(call.bytes, layout);
  assertStruct(call, layout, { rq_entries: 100, flags: ZCRX_REG_NODEV, ...pointers(reg) });
  assert.equal(
    hex(pointedAt(call, reg.area_ptr, io_uring_zcrx_area_reg.size)),
    hex(makeStruct(io_uring_zcrx_area_reg, { len: 8192, flags: IORING_ZCRX_AREA_DMABUF, dmabuf_fd: 9 })),
  );

  kernel.answer = (memory) => {
    writeStruct(memory, layout, { zcrx_id: 6 });
    return 0;
  };
  assert.deepEqual(ring.registerIfq({ importFd: 11 }), { zcrxId: 6 });
  call = kernel.last(IORING_REGISTER_ZCRX_IFQ, 1);
  assertStruct(call, layout, { if_idx: 11, flags: ZCRX_REG_IMPORT });
});

test('control of zero-copy receive', () => {
  using on = noting();
  const { kernel, ring } = on;
  kernel.answer = (memory) => {
    writeStruct(memory, zcrx_ctrl, { 'zc_export.zcrx_fd': 33 });
    return 0;
  };
  assert.equal(ring.registerZcrxCtrl({ zcrxId: 4, op: ZCRX_CTRL_EXPORT }), 33);
  assertStruct(kernel.last(IORING_REGISTER_ZCRX_CTRL, 0), zcrx_ctrl, { zcrx_id: 4, op: ZCRX_CTRL_EXPORT });
  assert.equal(ring.registerZcrxCtrl({ zcrxId: 5, op: ZCRX_CTRL_FLUSH_RQ }), 0);
  assertStruct(kernel.last(IORING_REGISTER_ZCRX_CTRL, 0), zcrx_ctrl, { zcrx_id: 5, op: ZCRX_CTRL_FLUSH_RQ });
});

for (const [whose, fd] of [
  ['a ring', 101],
  ['a task', -1],
] as const)
  test(`BPF filters of ${whose}`, () => {
    using on = noting();
    const { kernel, ring } = on;
    const install = (filter: Parameters<typeof registerBpfFilterTask>[0]) =>
      fd < 0 ? registerBpfFilterTask(filter, kernel) : ring.registerBpfFilter(filter);
    const answer = (result: number) => (memory: Uint8Array) => {
      writeStruct(memory, io_uring_bpf, { 'filter.pdu_size': 24 });
      return result;
    };
    const layout = io_uring_bpf;
    // Reads 32 bits at 16, and allows the request when they are 2.
    const program = [
      [0x20, 0, 0, 16],
      [0x15, 0, 1, 2],
      [0x06, 0, 0, 1],
      [0x06, 0, 0, 0],
    ] as const;
    const bytes = '2000000010000000' + '1500000102000000' + '0600000001000000' + '0600000000000000';
    kernel.answer = answer(0);
    const flags = IO_URING_BPF_FILTER_DENY_REST | IO_URING_BPF_FILTER_SZ_STRICT;
    assert.equal(install({ opcode: IORING_OP_OPENAT, filter: program, flags, pduSize: 24 }), 24);
    let call = kernel.last(IORING_REGISTER_BPF_FILTER, 1);
    assert.equal(call.fd, fd < 0 ? -1 : ring.fd);
    let pointer = readStruct(call.bytes, layout)['filter.filter_ptr'];
    assertStruct(call, layout, {
      cmd_type: IO_URING_BPF_CMD_FILTER,
      'filter.opcode': IORING_OP_OPENAT,
      'filter.flags': flags,
      'filter.filter_len': 4,
      'filter.pdu_size': 24,
      'filter.filter_ptr': pointer,
    });
    assert.equal(hex(pointedAt(call, pointer, 32)), bytes);

    install({ opcode: 0, filter: Buffer.from(bytes, 'hex').subarray(16, 24) });
    call = kernel.last(IORING_REGISTER_BPF_FILTER, 1);
    pointer = readStruct(call.bytes, layout)['filter.filter_ptr'];
    assertStruct(call, layout, {
      cmd_type: IO_URING_BPF_CMD_FILTER,
      'filter.filter_len': 1,
      'filter.filter_ptr': pointer,
    });
    assert.equal(hex(pointedAt(call, pointer, 8)), '0600000001000000');

    kernel.answer = answer(-EMSGSIZE);
    const fix = /has 24 bytes .* where pduSize says 25/;
    const refused = { code: 'EMSGSIZE', errno: -EMSGSIZE, syscall: 'io_uring_register', fix };
    assert.throws(() => install({ opcode: IORING_OP_OPENAT, filter: program, pduSize: 25 }), refused);
  });

test('messages without a ring', () => {
  const kernel = new NotingKernel();
  registerSyncMsg((sqe) => msgRing(sqe, 6, 1, 2n ** 64n - 1n), kernel);
  let call = kernel.last(IORING_REGISTER_SEND_MSG_RING, 1);
  assert.equal(call.fd, -1);
  assert.equal(call.bytes.length, io_uring_sqe.size);
  const message = { opcode: IORING_OP_MSG_RING, fd: 6, len: 1 };
  assertStruct(call, io_uring_sqe, { ...message, off: 2n ** 64n - 1n });

  // An entry of a ring, in its middle: it is copied, and stays to be committed.
  using on = noting();
  on.ring.getSqe();
  on.ring.stageSqe();
  const sqe = on.ring.getSqe();
  assert.ok(sqe !== null);
  msgRingCqeFlags(sqe, 6, 1, 9, 0, 0x80);
  sqe.userData = 3;
  registerSyncMsg(sqe, kernel);
  call = kernel.last(IORING_REGISTER_SEND_MSG_RING, 1);
  assertStruct(call, io_uring_sqe, { ...message, off: 9, msg_ring_flags: 2, file_index: 0x80, user_data: 3 });
  assert.equal(on.ring.getSqe(), sqe);
  assert.equal(sqe.userData, 3);
});

test('a chain of queries', () => {
  const kernel = new NotingKernel();
  const layouts = [io_uring_query_opcode, io_uring_query_zcrx, io_uring_query_scq];
  const opcode = {
    nr_request_opcodes: 65,
    nr_register_opcodes: 38,
    feature_flags: 2n ** 40n,
    sqe_flags: 0x7f,
  };
  const more = { ring_setup_flags: 1, enter_flags: 2, nr_query_opcodes: 3 };
  const answers = [
    makeStruct(io_uring_query_opcode, { ...opcode, ...more }),
    makeStruct(io_uring_query_zcrx, {
      register_flags: 3,
      area_flags: 1,
      nr_ctrl_opcodes: 2,
      features: 4,
      rq_hdr_size: 64,
      rq_hdr_alignment: 128,
    }),
    makeStruct(io_uring_query_scq, { hdr_size: 320, hdr_alignment: 64 }),
  ];
  let results = [0, 0, 0];
  kernel.answer = (memory) => {
    const base = addressOf(memory);
    let at: number | undefined = 0;
    for (const [i, query] of [IO_URING_QUERY_OPCODES, IO_URING_QUERY_ZCRX, IO_URING_QUERY_SCQ].entries()) {
      assert.ok(at !== undefined, 'as many as there are');
      const hdr: StructValues<typeof io_uring_query_hdr> = readStruct(memory, io_uring_query_hdr, at);
      assert.deepEqual(
        [hdr.query_op, hdr.size, hdr.result, hex(hdr.__resv)],
        [query, layouts[i].size, 0, '00'.repeat(12)],
      );
      const data = Number(hdr.query_data) - base;
      assert.ok(
        data >= 0 && data + hdr.size <= memory.length,
        'the answer is held together with the question',
      );
      if (results[i] === 0) memory.set(answers[i], data);
      writeStruct(memory, io_uring_query_hdr, { result: results[i] }, at);
      at = hdr.next_entry === 0n ? undefined : Number(hdr.next_entry) - base;
    }
    assert.equal(at, undefined, 'and no more');
    return 0;
  };
  assert.deepEqual(registerQuery(kernel), {
    opcodes: {
      requestOpcodes: 65,
      registerOpcodes: 38,
      queryOpcodes: 3,
      features: 2n ** 40n,
      setupFlags: 1n,
      enterFlags: 2n,
      sqeFlags: 0x7fn,
    },
    zcrx: {
      registerFlags: 3n,
      areaFlags: 1n,
      ctrlOpcodes: 2,
      features: 4,
      rqHdrSize: 64,
      rqHdrAlignment: 128,
    },
    scq: { hdrSize: 320, hdrAlignment: 64 },
  });
  const call = kernel.last(IORING_REGISTER_QUERY, 0);
  assert.equal(call.fd, -1);

  results = [0, -EOPNOTSUPP, -EOPNOTSUPP];
  const { opcodes, zcrx, scq } = registerQuery(kernel);
  assert.deepEqual([opcodes.requestOpcodes, zcrx, scq], [65, null, null]);
  results = [-EOPNOTSUPP, 0, 0];
  assert.throws(() => registerQuery(kernel), { code: 'EOPNOTSUPP', syscall: 'io_uring_register' });
});
