/**
 * The small arguments byte for byte: open_how, epoll_event, futex_waitv, siginfo, statx, room for an address.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  accept,
  EpollEvents,
  epollEvent,
  type FutexWaiter,
  FutexWaiters,
  type OpenHow,
  openHow,
  readSiginfo,
  readStatx,
  SIGINFO_BYTES,
  SOCKADDR_STORAGE_BYTES,
  SockaddrRoom,
  STATX_BYTES,
  sockaddr,
  type U64,
} from 'tsuring';
import * as abi from 'tsuring/syscalls';
import { addressOf, epoll_event, futex_waitv, makeStruct, open_how, siginfo } from 'tsuring/syscalls';
import { Sqe } from '../lib/sqe.ts';
import { collect, collectUntil } from './support/collect.ts';
import { fillMemory } from './support/fill-memory.ts';
import { memoryAt } from './support/memory-at.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

test('openHow: byte for byte', () => {
  assert.equal(hex(openHow({ flags: 0 })), '00'.repeat(24));
  const how = openHow({ flags: abi.O_CREAT | abi.O_CLOEXEC, mode: 0o4755, resolve: abi.RESOLVE_BENEATH });
  assert.equal(hex(how), ['4000080000000000', 'ed09000000000000', '0800000000000000'].join(''));
  const fields = { flags: 0x8000_0001, mode: 0o7777, resolve: 0xffff_ffff };
  assert.equal(hex(openHow(fields)), hex(makeStruct(open_how, fields)));
  const wrong: [unknown, string][] = [
    [{}, 'ERR_INVALID_ARG_TYPE'],
    [{ flags: '0' }, 'ERR_INVALID_ARG_TYPE'],
    [{ flags: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ flags: 2 ** 32 }, 'ERR_OUT_OF_RANGE'],
    [{ flags: 0, mode: 0o10000 }, 'ERR_OUT_OF_RANGE'],
    [{ flags: 0, resolve: 0.5 }, 'ERR_OUT_OF_RANGE'],
  ];
  for (const [how, code] of wrong)
    assert.throws(() => openHow(how as OpenHow), { code }, JSON.stringify(how));
});

test('epollEvent: byte for byte', () => {
  const pad = process.arch === 'x64' ? '' : '00000000';
  assert.equal(hex(epollEvent(abi.EPOLLIN, 7)), `01000000${pad}0700000000000000`);
  // As JavaScript's | makes them.
  assert.equal(hex(epollEvent(abi.EPOLLET | abi.EPOLLOUT, -1)), `04000080${pad}ffffffffffffffff`);
  assert.equal(hex(epollEvent(0, 0x1122_3344_5566_7788n)), `00000000${pad}8877665544332211`);
  assert.equal(hex(epollEvent(0, 2n ** 64n - 1n)), `00000000${pad}ffffffffffffffff`);
  for (const data of [2 ** 53, 0.5, Number.NaN, 2n ** 64n, -(2n ** 63n) - 1n])
    assert.throws(() => epollEvent(0, data), { code: 'ERR_OUT_OF_RANGE' }, String(data));
  for (const data of ['1', undefined, null])
    assert.throws(() => epollEvent(0, data as unknown as U64), { code: 'ERR_INVALID_ARG_TYPE' });
  for (const events of [2 ** 32, -(2 ** 31) - 1, 0.5])
    assert.throws(() => epollEvent(events, 0), { code: 'ERR_OUT_OF_RANGE' });
});

test('EpollEvents reads what the kernel writes', () => {
  const events = new EpollEvents(3);
  assert.equal(events.capacity, 3);
  assert.equal(events.byteLength, 3 * epoll_event.size);
  const given: [number, U64][] = [
    [abi.EPOLLIN, 2 ** 53 - 1],
    [0x8000_0001, 2n ** 53n],
    [abi.EPOLLHUP, 2n ** 64n - 1n],
  ];
  fillMemory(events.address, Buffer.concat(given.map(([mask, data]) => epollEvent(mask, data))));
  assert.deepEqual(
    given.map((_, i) => [events.events(i), events.data(i)]),
    given,
  );
  for (const index of [-1, 3, 0.5]) {
    assert.throws(() => events.events(index), { code: 'ERR_OUT_OF_RANGE' });
    assert.throws(() => events.data(index), { code: 'ERR_OUT_OF_RANGE' });
  }
  for (const capacity of [0, -1, 2 ** 31, 1.5])
    assert.throws(() => new EpollEvents(capacity), { code: 'ERR_OUT_OF_RANGE' });
});

test('FutexWaiters: byte for byte, and again', () => {
  const futexes = new Int32Array(new SharedArrayBuffer(16));
  const waiters = new FutexWaiters([
    { futex: futexes, value: 5 },
    { futex: futexes.subarray(2), value: 0xffff_ffff, flags: 0x82 },
  ]);
  const base = addressOf(futexes);
  const bytes = (first: number, second: number, at = base + 8, flags = 0x82) =>
    Buffer.concat([
      makeStruct(futex_waitv, { val: first, uaddr: base, flags: 2 }),
      makeStruct(futex_waitv, { val: second, uaddr: at, flags }),
    ]);
  assert.equal(waiters.count, 2);
  assert.equal(waiters.byteLength, 48);
  assert.deepEqual(memoryAt(waiters.address, 48), bytes(5, 0xffff_ffff));
  waiters.setValue(1, 6);
  assert.deepEqual(memoryAt(waiters.address, 48), bytes(5, 6));
  const own = new Int32Array(new SharedArrayBuffer(4));
  waiters.set(1, own, 0x8000_0000);
  assert.deepEqual(memoryAt(waiters.address, 48), bytes(5, 0x8000_0000, addressOf(own), 2));
  assert.deepEqual(waiters.futexes, [futexes, own]);
});

test('FutexWaiters refuses what is no futex, and stays as it was', () => {
  const futex = new Int32Array(new SharedArrayBuffer(8));
  const waiters = new FutexWaiters([{ futex, value: 1 }]);
  const before = memoryAt(waiters.address, 24);
  const bytes = new Uint8Array(futex.buffer);
  const wrong: [() => void, string][] = [
    [() => new FutexWaiters([]), 'ERR_OUT_OF_RANGE'],
    [() => new FutexWaiters(new Array(129).fill({ futex, value: 1 })), 'ERR_OUT_OF_RANGE'],
    [() => new FutexWaiters({} as FutexWaiter[]), 'ERR_INVALID_ARG_TYPE'],
    [() => waiters.set(1, futex, 1), 'ERR_OUT_OF_RANGE'],
    [() => waiters.setValue(-1, 1), 'ERR_OUT_OF_RANGE'],
    [() => waiters.setValue(0, 2 ** 32), 'ERR_OUT_OF_RANGE'],
    [() => waiters.set(0, futex, -1), 'ERR_OUT_OF_RANGE'],
    [() => waiters.set(0, futex, 1, -1), 'ERR_OUT_OF_RANGE'],
    [() => waiters.set(0, bytes.subarray(0, 3), 1), 'ERR_OUT_OF_RANGE'],
    [() => waiters.set(0, bytes.subarray(1, 5), 1), 'ERR_INVALID_ARG_VALUE'],
    [() => waiters.set(0, 4096 as never, 1), 'ERR_INVALID_ARG_TYPE'],
    [() => waiters.set(0, null as never, 1), 'ERR_INVALID_ARG_TYPE'],
    [() => waiters.set(0, futex, 1n as never), 'ERR_INVALID_ARG_TYPE'],
  ];
  for (const [call, code] of wrong) assert.throws(call, { code }, String(call));
  assert.deepEqual(memoryAt(waiters.address, 24), before);
  assert.deepEqual(waiters.futexes, [futex]);
  assert.equal(new FutexWaiters(new Array(128).fill({ futex, value: 1 })).byteLength, 128 * 24);
});

test('FutexWaiters keeps its futexes', async () => {
  const [waiters, refs] = (() => {
    const all = [1, 2].map(() => new Int32Array(new SharedArrayBuffer(4)));
    return [
      new FutexWaiters(all.map((futex) => ({ futex, value: 0 }))),
      all.map((futex) => new WeakRef(futex)),
    ] as const;
  })();
  await collect();
  assert.ok(refs.every((ref) => ref.deref()));
  waiters.set(0, new Int32Array(new SharedArrayBuffer(4)), 0);
  assert.ok(await collectUntil(() => !refs[0].deref()));
  assert.ok(refs[1].deref());
  assert.equal(waiters.count, 2);
});

test('readSiginfo', () => {
  const bytes = makeStruct(siginfo, {
    si_signo: 17,
    si_code: 2,
    si_pid: 4711,
    si_uid: 0xffff_fffe,
    si_status: -9,
  });
  assert.equal(SIGINFO_BYTES, 128);
  assert.deepEqual(readSiginfo(bytes), { pid: 4711, uid: 0xffff_fffe, signo: 17, code: 2, status: -9 });
  assert.deepEqual(readSiginfo(new Uint8Array(128)), { pid: 0, uid: 0, signo: 0, code: 0, status: 0 });
  assert.throws(() => readSiginfo(new Uint8Array(127)), { code: 'ERR_OUT_OF_RANGE' });
});

test('readStatx: every field, and only those that are there', () => {
  const fields = {
    stx_blksize: 4096,
    stx_attributes: 2n ** 63n,
    stx_nlink: 0xffff_ffff,
    stx_uid: 0xffff_fffe,
    stx_gid: 3,
    stx_mode: 0o100644,
    stx_ino: 2n ** 64n - 1n,
    stx_size: 2n ** 53n + 1n,
    stx_blocks: 9,
    stx_attributes_mask: 5,
    'stx_atime.tv_sec': -2,
    'stx_atime.tv_nsec': 999_999_999,
    'stx_btime.tv_sec': 1,
    'stx_ctime.tv_sec': 2n ** 40n,
    'stx_mtime.tv_nsec': 1,
    stx_rdev_major: 1,
    stx_rdev_minor: 2,
    stx_dev_major: 3,
    stx_dev_minor: 4,
    stx_mnt_id: 2n ** 60n,
    stx_dio_mem_align: 512,
    stx_dio_offset_align: 4096,
  };
  const always = {
    blksize: 4096,
    attributes: 2n ** 63n,
    attributesMask: 5n,
    rdevMajor: 1,
    rdevMinor: 2,
    devMajor: 3,
    devMinor: 4,
  };
  const parts: [mask: number, Partial<Record<string, number | bigint>>][] = [
    [abi.STATX_TYPE, { mode: 0o100644 }],
    [abi.STATX_MODE, { mode: 0o100644 }],
    [abi.STATX_NLINK, { nlink: 0xffff_ffff }],
    [abi.STATX_UID, { uid: 0xffff_fffe }],
    [abi.STATX_GID, { gid: 3 }],
    [abi.STATX_ATIME, { atimeNs: -1_000_000_001n }],
    [abi.STATX_MTIME, { mtimeNs: 1n }],
    [abi.STATX_CTIME, { ctimeNs: 10n ** 9n * 2n ** 40n }],
    [abi.STATX_INO, { ino: 2n ** 64n - 1n }],
    [abi.STATX_SIZE, { size: 2n ** 53n + 1n }],
    [abi.STATX_BLOCKS, { blocks: 9n }],
    [abi.STATX_BTIME, { btimeNs: 10n ** 9n }],
    [abi.STATX_MNT_ID, { mntId: 2n ** 60n }],
    [abi.STATX_MNT_ID_UNIQUE, { mntId: 2n ** 60n }],
    [abi.STATX_DIOALIGN, { dioMemAlign: 512, dioOffsetAlign: 4096 }],
  ];
  const read = (mask: number) => {
    const all = readStatx(makeStruct(abi.statx, { ...fields, stx_mask: mask }));
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  };
  assert.deepEqual(read(0), { mask: 0, ...always });
  for (const [mask, more] of parts) assert.deepEqual(read(mask), { mask, ...always, ...more });
  const everything = parts.reduce((mask, [bit]) => mask | bit, 0);
  assert.deepEqual(read(everything), {
    mask: everything,
    ...always,
    ...Object.assign({}, ...parts.map(([, more]) => more)),
  });
  assert.equal(STATX_BYTES, 256);
  assert.throws(() => readStatx(new Uint8Array(255)), { code: 'ERR_OUT_OF_RANGE' });
});

test('SockaddrRoom: room for every address, and for the next one after reset', () => {
  const room = new SockaddrRoom();
  assert.equal(room.byteLength, 128);
  assert.equal(SOCKADDR_STORAGE_BYTES, 128);
  assert.deepEqual([...room.addressLength], [128]);
  assert.equal(room.name, undefined);
  const address = { address: '::1', port: 80, family: 'IPv6', flowInfo: 0 } as const;
  fillMemory(room.address, sockaddr(address));
  fillMemory(addressOf(room.addressLength), Uint8Array.of(28, 0, 0, 0));
  assert.deepEqual(room.name, address);
  assert.equal(room.nameBytes.length, 28);
  room.reset();
  assert.deepEqual([...room.addressLength], [128]);
  assert.equal(room.name, undefined);

  const memory = new ArrayBuffer(64);
  const sqe = new Sqe();
  sqe.words = new Int32Array(memory);
  sqe.doubles = new Float64Array(memory);
  accept(sqe, 1, room, room.addressLength);
  assert.equal(sqe.addr, room.address);
  assert.equal(sqe.off, addressOf(room.addressLength));
});
