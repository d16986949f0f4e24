/**
 * What the operations make of arguments: ranges at both ends, wrong types, buffers that are too short or detached, and
 * what the ring is to hold. One table says what every argument is.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as ops from '../lib/ops/index.ts';
import { Sqe } from '../lib/sqe.ts';
import { epoll_event } from '../syscalls/layouts/epoll.ts';
import { addressOf, allocatePages } from '../syscalls/memory.ts';

type Kind = 'i32' | 'u32' | 'u16' | 'bits' | 'u64' | 'length' | 'length64' | 'path' | `${number}`;

/** The arguments of each function: a kind of number, 'path', or how many bytes of memory it points at. */
const ARGUMENTS: Record<string, Kind[]> = {
  accept: ['i32', '128', '4', 'bits'],
  acceptDirect: ['i32', '128', '4', 'bits', 'u32'],
  bind: ['i32', '16', 'length'],
  cancel: ['u64', 'bits'],
  cancel64: ['u64', 'bits'],
  cancelFd: ['i32', 'bits'],
  close: ['i32'],
  closeDirect: ['u32'],
  cmdDiscard: ['i32', 'u64', 'u64'],
  cmdGetsockname: ['i32', '128', '4', 'bits'],
  cmdSock: ['bits', 'i32', 'i32', 'i32', '16', 'length'],
  cmdZoneResetAll: ['i32'],
  connect: ['i32', '16', 'length'],
  epollCtl: ['i32', 'i32', 'i32', `${epoll_event.size}`],
  epollWait: ['i32', `${16 * epoll_event.size}`, 'length', 'bits'],
  fadvise: ['i32', 'u64', 'length', 'bits'],
  fadvise64: ['i32', 'u64', 'u64', 'bits'],
  fallocate: ['i32', 'bits', 'u64', 'u64'],
  fgetxattr: ['i32', 'path', '16', 'length'],
  filesUpdate: ['64', 'length', 'bits'],
  fixedFdInstall: ['i32', 'bits'],
  fsetxattr: ['i32', 'path', '16', 'bits', 'length'],
  fsync: ['i32', 'bits'],
  ftruncate: ['i32', 'u64'],
  futexWait: ['4', 'u64', 'u64', 'bits', 'bits'],
  futexWaitv: ['384', 'length', 'bits'],
  futexWake: ['4', 'u64', 'u64', 'bits', 'bits'],
  getxattr: ['path', '16', 'path', 'length'],
  link: ['path', 'path', 'bits'],
  linkTimeout: ['16', 'bits'],
  linkat: ['i32', 'path', 'i32', 'path', 'bits'],
  listen: ['i32', 'i32'],
  madvise: ['16', 'length', 'bits'],
  madvise64: ['16', 'length64', 'bits'],
  mkdir: ['path', 'u32'],
  mkdirat: ['i32', 'path', 'u32'],
  msgRing: ['i32', 'bits', 'u64', 'bits'],
  msgRingCqeFlags: ['i32', 'bits', 'u64', 'bits', 'bits'],
  msgRingFd: ['i32', 'i32', 'u32', 'u64', 'bits'],
  msgRingFdAlloc: ['i32', 'i32', 'u64', 'bits'],
  multishotAccept: ['i32', '128', '4', 'bits'],
  multishotAcceptDirect: ['i32', '128', '4', 'bits'],
  nop: [],
  nop128: [],
  open: ['path', 'bits', 'u32'],
  openDirect: ['path', 'bits', 'u32', 'u32'],
  openat: ['i32', 'path', 'bits', 'u32'],
  openat2: ['i32', 'path', '24'],
  openat2Direct: ['i32', 'path', '24', 'u32'],
  openatDirect: ['i32', 'path', 'bits', 'u32', 'u32'],
  pipe: ['8', 'bits'],
  pipeDirect: ['8', 'bits', 'u32'],
  pollAdd: ['i32', 'bits'],
  pollMultishot: ['i32', 'bits'],
  pollRemove: ['u64'],
  pollUpdate: ['u64', 'u64', 'bits', 'bits'],
  provideBuffers: ['256', 'length', 'length', 'u16', 'i32'],
  read: ['i32', '16', 'length', 'u64'],
  readFixed: ['i32', '16', 'length', 'u64', 'u16'],
  readMultishot: ['i32', 'u32', 'u64', 'u16'],
  readv: ['i32', '256', 'length', 'u64', 'bits'],
  readv2: ['i32', '256', 'length', 'u64', 'bits'],
  readvFixed: ['i32', '256', 'length', 'u64', 'bits', 'u16'],
  recv: ['i32', '16', 'length', 'bits'],
  recvMultishot: ['i32', '16', 'length', 'bits'],
  recvZc: ['i32', 'u32', 'u32'],
  recvmsg: ['i32', '56', 'bits'],
  recvmsgMultishot: ['i32', '56', 'bits'],
  removeBuffers: ['i32', 'u16'],
  rename: ['path', 'path'],
  renameat: ['i32', 'path', 'i32', 'path', 'bits'],
  send: ['i32', '16', 'length', 'bits'],
  sendBundle: ['i32', 'u32', 'bits'],
  sendSetAddr: ['16', 'length'],
  sendZc: ['i32', '16', 'length', 'bits', 'u16'],
  sendZcFixed: ['i32', '16', 'length', 'bits', 'u16', 'u16'],
  sendmsg: ['i32', '56', 'bits'],
  sendmsgZc: ['i32', '56', 'bits'],
  sendmsgZcFixed: ['i32', '56', 'bits', 'u16'],
  sendto: ['i32', '16', 'length', 'bits', '16', 'length'],
  setxattr: ['path', '16', 'path', 'bits', 'length'],
  shutdown: ['i32', 'i32'],
  socket: ['i32', 'bits', 'i32', 'bits'],
  socketDirect: ['i32', 'bits', 'i32', 'u32', 'bits'],
  socketDirectAlloc: ['i32', 'bits', 'i32', 'bits'],
  splice: ['i32', 'u64', 'i32', 'u64', 'u32', 'bits'],
  statx: ['i32', 'path', 'bits', 'bits', '256'],
  symlink: ['path', 'path'],
  symlinkat: ['path', 'i32', 'path'],
  syncFileRange: ['i32', 'u32', 'u64', 'bits'],
  tee: ['i32', 'i32', 'u32', 'bits'],
  timeout: ['16', 'u32', 'bits'],
  timeoutRemove: ['u64', 'bits'],
  timeoutUpdate: ['16', 'u64', 'bits'],
  unlink: ['path', 'bits'],
  unlinkat: ['i32', 'path', 'bits'],
  uringCmd: ['bits', 'i32'],
  uringCmd128: ['bits', 'i32'],
  waitid: ['bits', 'bits', '128', 'bits', 'bits'],
  write: ['i32', '16', 'length', 'u64'],
  writeFixed: ['i32', '16', 'length', 'u64', 'u16'],
  writev: ['i32', '256', 'length', 'u64', 'bits'],
  writev2: ['i32', '256', 'length', 'u64', 'bits'],
  writevFixed: ['i32', '256', 'length', 'u64', 'bits', 'u16'],
};

/** A length or count that fits the memory of the table: 16 bytes, or 16 elements. */
const LENGTH = 16;
const ADDRESS = 0x7f3a_0222_1080;
const NEVER = ['7', null, {}, [1], true, Number.NaN, 0.5, Infinity];

const GOOD: Record<string, unknown[]> = {
  i32: [0, -1, -(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 31, 2 ** 32 - 1],
  u16: [0, 0xffff],
  bits: [0, -1, -(2 ** 31), 2 ** 31, 2 ** 32 - 1],
  u64: [0, -1, 2 ** 53 - 1, 2n ** 64n - 1n, -(2n ** 63n)],
  length: [0, LENGTH],
  length64: [0, LENGTH, BigInt(LENGTH)],
  path: ['', 'a', Buffer.from('b'), ADDRESS, BigInt(ADDRESS), 0],
  pointer: [0, ADDRESS, 2 ** 53 - 1, BigInt(ADDRESS)],
};

const BAD: Record<string, unknown[]> = {
  i32: [...NEVER, 2 ** 31, -(2 ** 31) - 1],
  u32: [...NEVER, -1, 2 ** 32],
  u16: [...NEVER, -1, 0x1_0000],
  bits: [...NEVER, 2 ** 32, -(2 ** 31) - 1],
  u64: [...NEVER, 2 ** 53, 2n ** 64n, -(2n ** 63n) - 1n],
  length: [...NEVER, 2 ** 32],
  length64: [...NEVER, 2 ** 53, 2n ** 64n],
  path: [null, {}, [1], true, 'a\0b', Buffer.from([0]), -1, 2 ** 53, -1n, 0.5],
  pointer: ['7', null, {}, [1], true, -1, 0.5, Number.NaN, 2 ** 53, -1n, 2n ** 53n],
};

type Encode = (sqe: Sqe, ...args: unknown[]) => void;
const functions = new Map(Object.entries(ops)) as Map<string, Encode>;

function tableOf(kind: Kind): string {
  return Number.isNaN(Number(kind)) ? kind : 'pointer';
}

function plain(kind: Kind): unknown {
  if (kind === 'length' || kind === 'length64') return LENGTH;
  return tableOf(kind) === 'pointer' || kind === 'path' ? ADDRESS : 1;
}

function makeSqe(): Sqe {
  const memory = new ArrayBuffer(128);
  const sqe = new Sqe();
  sqe.words = new Int32Array(memory).fill(0x5aa5_a55a);
  sqe.doubles = new Float64Array(memory);
  return sqe;
}

/** The error has a code of Node's, and the entry is as it was. */
function refuses(what: string, encode: (sqe: Sqe) => void, code = /^ERR_(OUT_OF_RANGE|INVALID_ARG_)/): void {
  const sqe = makeSqe();
  const before = sqe.words.slice();
  assert.throws(
    () => encode(sqe),
    (error: Error & { code?: string }) => {
      assert.ok(error instanceof TypeError || error instanceof RangeError, `${what}: ${error.stack}`);
      assert.match(String(error.code), code, `${what}: ${error.stack}`);
      return true;
    },
    what,
  );
  assert.deepEqual(sqe.words, before, `${what}: the entry was changed`);
}

/** Calls `visit` for every argument of every function. */
function forEachArgument(
  visit: (name: string, kind: Kind, call: (sqe: Sqe, value: unknown) => void) => void,
): void {
  for (const [name, kinds] of Object.entries(ARGUMENTS))
    kinds.forEach((kind, position) => {
      const label = `${name}, argument ${position + 1} (${kind})`;
      visit(label, kind, (sqe, value) => {
        const args = kinds.map(plain);
        args[position] = value;
        functions.get(name)!(sqe, ...args);
      });
    });
}

test('the table has every function', () => {
  assert.deepEqual(Object.keys(ARGUMENTS).sort(), [...functions.keys()].sort());
});

test('every argument takes what its field can hold', () => {
  forEachArgument((name, kind, call) => {
    for (const value of GOOD[tableOf(kind)])
      assert.doesNotThrow(() => call(makeSqe(), value), `${name}: ${String(value)}`);
  });
});

test('every argument refuses wrong types and ranges, and leaves the entry alone', () => {
  forEachArgument((name, kind, call) => {
    for (const value of BAD[tableOf(kind)]) refuses(`${name}: ${String(value)}`, (sqe) => call(sqe, value));
  });
});

test('a missing argument is an error, unless it is optional', () => {
  for (const [name, kinds] of Object.entries(ARGUMENTS)) {
    if (kinds.length === 0) continue;
    refuses(`${name}()`, (sqe) => functions.get(name)!(sqe));
  }
});

test('a buffer is checked for its length, encoded as its address and held', () => {
  forEachArgument((name, kind, call) => {
    if (tableOf(kind) !== 'pointer') return;
    const buffer = new Uint8Array(Number(kind));
    const sqe = makeSqe();
    call(sqe, buffer);
    assert.ok(pointsAt(sqe, addressOf(buffer)), `${name}: its address`);
    assert.deepEqual(sqe.held?.list(), [buffer], `${name}: held`);

    const short = new Uint8Array(Number(kind) - 1);
    refuses(`${name}: one byte too short`, (entry) => call(entry, short), /^ERR_OUT_OF_RANGE$/);
    const { buffer: gone } = new Uint8Array(Number(kind));
    addressOf(gone);
    structuredClone(gone, { transfer: [gone] });
    refuses(`${name}: detached`, (entry) => call(entry, gone));
  });
});

test('every form of buffer will do', () => {
  const pages = allocatePages(4096);
  const whole = new ArrayBuffer(4096);
  const shared = new SharedArrayBuffer(4096);
  const views = [new DataView(whole, 8, 512), new Float64Array(whole, 8, 64), Buffer.alloc(512)];
  forEachArgument((name, kind, call) => {
    if (tableOf(kind) !== 'pointer') return;
    for (const buffer of [pages, whole, shared, ...views]) {
      const sqe = makeSqe();
      call(sqe, buffer);
      const address = buffer === pages ? pages.address : addressOf(buffer as ArrayBufferView);
      assert.ok(pointsAt(sqe, address), `${name}: ${buffer.constructor.name}`);
      assert.equal(sqe.held?.list()[0], buffer);
    }
  });
});

test('a path becomes a C string that is held; an address is not', () => {
  forEachArgument((name, kind, call) => {
    if (kind !== 'path') return;
    for (const path of ['/tmp/größe', Buffer.from('/tmp/größe')]) {
      const sqe = makeSqe();
      call(sqe, path);
      assert.equal(sqe.held?.count, 1, name);
      const text = sqe.held!.list()[0] as Uint8Array;
      assert.deepEqual(Buffer.from(text), Buffer.from('/tmp/größe\0'), name);
      assert.ok(pointsAt(sqe, addressOf(text)), `${name}: its address`);
    }
    const sqe = makeSqe();
    call(sqe, ADDRESS);
    assert.ok(pointsAt(sqe, ADDRESS), `${name}: the address`);
    assert.equal(sqe.held, null, name);
  });
});

test('two paths and a value are held together', () => {
  const sqe = makeSqe();
  const value = Buffer.from('v');
  ops.setxattr(sqe, 'user.a', value, '/tmp/a', 0, 1);
  assert.deepEqual(
    sqe.held?.list().map((held) => Buffer.from(held as Uint8Array).toString()),
    ['user.a\0', '/tmp/a\0', 'v'],
  );
  for (const held of sqe.held!.list()) assert.ok(pointsAt(sqe, addressOf(held as Uint8Array)));
});

test('room for a peer’s address is as long as its length says', () => {
  const length = Uint32Array.of(16);
  const room = new Uint8Array(16);
  for (const call of [ops.accept, ops.cmdGetsockname]) {
    call(makeSqe(), 1, room, length);
    refuses('a shorter room', (sqe) => call(sqe, 1, room.subarray(1), length), /^ERR_OUT_OF_RANGE$/);
    // The kernel never writes more than 128 bytes, whatever the length says.
    call(makeSqe(), 1, new Uint8Array(128), Uint32Array.of(4096));
    refuses('a length that cannot be read', (sqe) => call(sqe, 1, room, ADDRESS), /^ERR_OUT_OF_RANGE$/);
  }
  const pages = allocatePages(4096);
  new DataView(pages.buffer, pages.byteOffset).setUint32(0, 17, true);
  refuses('a length in shared pages', (sqe) => ops.accept(sqe, 1, room, pages), /^ERR_OUT_OF_RANGE$/);
  // The length of one address is the room for the next: nothing shorter is safe.
  refuses('multishot', (sqe) => ops.multishotAccept(sqe, 1, room, length), /^ERR_OUT_OF_RANGE$/);
});

test('lengths count elements where elements are meant', () => {
  const words = new Uint8Array(64);
  ops.readv(makeSqe(), 1, words, 4, 0);
  refuses('5 iovecs in 64 bytes', (sqe) => ops.readv(sqe, 1, words, 5, 0));
  ops.filesUpdate(makeSqe(), words, 16, 0);
  refuses('17 descriptors in 64 bytes', (sqe) => ops.filesUpdate(sqe, words, 17, 0));
  ops.futexWaitv(makeSqe(), words, 2);
  refuses('3 futexes in 64 bytes', (sqe) => ops.futexWaitv(sqe, words, 3));
  ops.provideBuffers(makeSqe(), words, 16, 4, 0, 0);
  refuses('5 buffers of 16 bytes in 64', (sqe) => ops.provideBuffers(sqe, words, 16, 5, 0, 0));
  ops.madvise64(makeSqe(), words, 64n, 0);
  refuses('65 bytes of 64', (sqe) => ops.madvise64(sqe, words, 65n, 0));
});

test('the slot that would be read as IORING_FILE_INDEX_ALLOC is refused, and only that one', () => {
  const direct: Record<string, (sqe: Sqe, slot: number) => void> = {
    accept: (sqe, slot) => ops.acceptDirect(sqe, 1, 0, 0, 0, slot),
    open: (sqe, slot) => ops.openDirect(sqe, 'a', 0, 0, slot),
    openat: (sqe, slot) => ops.openatDirect(sqe, 1, 'a', 0, 0, slot),
    openat2: (sqe, slot) => ops.openat2Direct(sqe, 1, 'a', ADDRESS, slot),
    pipe: (sqe, slot) => ops.pipeDirect(sqe, ADDRESS, 0, slot),
    socket: (sqe, slot) => ops.socketDirect(sqe, 2, 1, 0, slot),
    msgRing: (sqe, slot) => ops.msgRingFd(sqe, 1, 0, slot, 0),
  };
  for (const [name, call] of Object.entries(direct)) {
    refuses(name, (sqe) => call(sqe, 0xffff_fffe), /^ERR_OUT_OF_RANGE$/);
    for (const [slot, encoded] of [
      [0, 1],
      [0xffff_fffd, -2],
      [0xffff_ffff, -1],
    ]) {
      const sqe = makeSqe();
      call(sqe, slot);
      assert.equal(sqe.fileIndex, encoded, `${name}: ${slot}`);
    }
  }
  // Closing has no such wish: it is a slot like others, beyond every table.
  const sqe = makeSqe();
  ops.closeDirect(sqe, 0xffff_fffe);
  assert.equal(sqe.fileIndex, -1);
});

test('the error names the argument', () => {
  assert.throws(() => ops.readFixed(makeSqe(), 1, 0, 0, 0, 0x1_0000), /"bufIndex".*<= 65535.*65536/);
  assert.throws(() => ops.renameat(makeSqe(), 1, 'a', 2 ** 31, 'b'), /"newDirFd"/);
  assert.throws(() => ops.statx(makeSqe(), 1, 'a', 0, 0, -1), /"buffer"/);
  assert.throws(() => ops.open(makeSqe(), 'a', '0' as unknown as number), /"flags".*type number/);
  assert.throws(() => ops.cancel(makeSqe(), 2n ** 64n), /"userData".*64 bits/);
  assert.throws(() => ops.msgRingFd(makeSqe(), 1, 0, -1, 0), /"targetIndex"/);
  assert.throws(() => ops.pipeDirect(makeSqe(), 0, 0, 0xffff_fffe), /"fileIndex".*IORING_FILE_INDEX_ALLOC/);
  assert.throws(() => ops.pollAdd(makeSqe(), 1, 1n as unknown as number), /"events".*type number/);
});

/** Whether one of the entry's 64-bit fields holds this address. */
function pointsAt(sqe: Sqe, address: number): boolean {
  return [2, 4, 12].some((word) => sqe.getU64(word) === address);
}
