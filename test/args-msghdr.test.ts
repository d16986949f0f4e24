/**
 * Msghdr: the struct byte for byte, what it points at, what the kernel writes into it, and how it is used again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cmsgSpace,
  Iovecs,
  Msghdr,
  type MsghdrParts,
  parseSockaddr,
  readControlMessages,
  readScmRights,
  type SocketAddress,
  scmRights,
  sockaddr,
} from 'tsuring';
import { addressOf, MSG_CTRUNC, MSG_TRUNC, msghdr, readStruct } from 'tsuring/syscalls';
import { collect, collectUntil } from './support/collect.ts';
import { fillMemory } from './support/fill-memory.ts';
import { memoryAt } from './support/memory-at.ts';

const address = { address: '10.1.2.3', port: 5000, family: 'IPv4' } as const;

/** The struct's fields as numbers. */
function fieldsOf(message: Msghdr): Record<string, number> {
  const raw = readStruct(memoryAt(message.address, msghdr.size), msghdr);
  return Object.fromEntries(Object.entries(raw).map(([name, value]) => [name, Number(value)]));
}

function u32(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

test('nothing: all NULL and 0', () => {
  for (const message of [new Msghdr(), new Msghdr({}), new Msghdr({ name: 0, buffers: [], control: [] })]) {
    assert.equal(message.byteLength, 56);
    assert.deepEqual(memoryAt(message.address, 56), Buffer.alloc(56));
    assert.equal(message.iovecs, null);
    assert.equal(message.name, undefined);
    assert.deepEqual(message.controlMessages(), []);
    assert.equal(message.flags, 0);
  }
});

test('a message to send: struct, address, iovecs, control data', () => {
  const buffers = [new Uint8Array(5), new Uint8Array(7)];
  const message = new Msghdr({ name: address, buffers, control: [scmRights([3])] });
  const fields = fieldsOf(message);
  assert.equal(message.address % 8, 0);
  assert.equal(fields.msg_namelen, 16);
  assert.equal(fields.msg_iov, message.iovecs?.address);
  assert.equal(fields.msg_iovlen, 2);
  assert.equal(fields.msg_controllen, 24);
  assert.equal(fields.msg_flags, 0);
  assert.deepEqual(parseSockaddr(memoryAt(fields.msg_name, 16)), address);
  assert.equal(fields.msg_control % 8, 0);
  assert.deepEqual(readScmRights(readControlMessages(memoryAt(fields.msg_control, 24))), [3]);
  assert.equal(Number(memoryAt(fields.msg_iov, 32).readBigUInt64LE(16)), addressOf(buffers[1]));
  // Padding of the struct is zero, and what is read back is what was given.
  const bytes = memoryAt(message.address, 56);
  assert.equal(bytes.readUInt32LE(12), 0);
  assert.equal(bytes.readUInt32LE(52), 0);
  assert.deepEqual(message.name, address);
  assert.deepEqual(readScmRights(message.controlMessages()), [3]);
});

test('a message to receive: room as asked for, each part apart from the others', () => {
  for (const [name, control] of [
    [128, 256],
    [16, 20],
    [3, 1],
    [0, 64],
    [28, 0],
  ]) {
    const message = new Msghdr({ name, control, buffers: new Iovecs([new Uint8Array(8)]) });
    const fields = fieldsOf(message);
    assert.equal(fields.msg_namelen, name);
    assert.equal(fields.msg_controllen, control);
    assert.equal(message.namelen, name);
    assert.equal(message.controllen, control);
    assert.equal(fields.msg_name === 0, name === 0, 'NULL without room');
    assert.equal(fields.msg_control === 0, control === 0);
    if (name > 0) assert.ok(fields.msg_name >= message.address + 56);
    if (control > 0) assert.ok(fields.msg_control >= message.address + 56 + name);
    assert.equal(message.name, undefined, 'zeros are no address');
    assert.deepEqual(message.controlMessages(), []);
  }
});

test('an Iovecs may be several messages’, and its first ones only', () => {
  const iovecs = new Iovecs([new Uint8Array(5), new Uint8Array(7), new Uint8Array(9)]);
  const messages = [new Msghdr({ buffers: iovecs }), new Msghdr({ buffers: iovecs })];
  assert.ok(messages.every((message) => fieldsOf(message).msg_iov === iovecs.address));
  messages[1].setIovecs(iovecs, 2);
  assert.deepEqual(
    messages.map((message) => fieldsOf(message).msg_iovlen),
    [3, 2],
  );
  messages[1].setIovecs(null);
  assert.equal(fieldsOf(messages[1]).msg_iov, 0);
  assert.equal(fieldsOf(messages[1]).msg_iovlen, 0);
  assert.equal(messages[1].iovecs, null);
  messages[1].setIovecs(new Iovecs([new Uint8Array(1)]));
  assert.equal(fieldsOf(messages[1]).msg_iovlen, 1);
  for (const count of [-1, 4, 0.5])
    assert.throws(() => messages[0].setIovecs(iovecs, count), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => messages[0].setIovecs(null, 1), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => messages[0].setIovecs([] as unknown as Iovecs), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.equal(fieldsOf(messages[0]).msg_iovlen, 3);
});

test('what recvmsg writes is read back, within the room, and reset undoes it', () => {
  const message = new Msghdr({ name: 28, control: 48 });
  const { msg_name, msg_control } = fieldsOf(message);
  const control = Buffer.concat([memoryAt(controlOf([7, 8, 9]), 32), Buffer.alloc(16, 0xff)]);
  fillMemory(msg_name, sockaddr(address));
  fillMemory(message.address + 8, u32(16));
  fillMemory(msg_control, control);
  fillMemory(message.address + 40, u32(32, 0, MSG_CTRUNC | MSG_TRUNC));
  assert.deepEqual(message.name, address);
  assert.equal(message.namelen, 16);
  assert.equal(message.nameBytes.length, 16);
  assert.equal(message.controllen, 32);
  assert.equal(message.flags, MSG_CTRUNC | MSG_TRUNC);
  assert.deepEqual(readScmRights(message.controlMessages()), [7, 8, 9]);

  // A message of before, behind what was received now.
  fillMemory(msg_control + 32, u32(16, 0, 1, 1));
  assert.equal(message.controlMessages().length, 1);
  fillMemory(message.address + 40, u32(48));
  assert.equal(message.controlMessages().length, 2);
  fillMemory(msg_control + 32, u32(0));

  // Lengths beyond the room: an address that was cut, and a lie.
  fillMemory(message.address + 8, u32(0xffff_ffff));
  fillMemory(message.address + 40, u32(0xffff_fff0, 0x1f_ffff));
  assert.equal(message.namelen, 0xffff_ffff);
  assert.equal(message.nameBytes.length, 28);
  assert.deepEqual(message.name, address, 'an IPv4 address has room');
  assert.equal(message.controllen, 0x1f_ffff_ffff_fff0);
  assert.equal(message.controlMessages().length, 1, 'then there is no header any more');

  message.reset();
  assert.equal(message.namelen, 28);
  assert.equal(message.controllen, 48);
  assert.equal(message.flags, 0);
  assert.equal(fieldsOf(message).msg_name, msg_name);
});

test('an address that is cut short, or of an unknown family: its bytes', () => {
  const message = new Msghdr({ name: 16 });
  const { msg_name } = fieldsOf(message);
  fillMemory(msg_name, sockaddr({ address: '::1', port: 1 }).subarray(0, 16));
  fillMemory(message.address + 8, u32(28));
  assert.throws(() => message.name, { code: 'ERR_INVALID_ARG_VALUE' });
  assert.equal(message.nameBytes.length, 16);
  assert.equal(message.nameBytes[0], 10);
});

test('setName and setControl: for another message in the same memory', () => {
  const message = new Msghdr({ name: address, control: [scmRights([1, 2, 3])] });
  const before = fieldsOf(message);
  const path = { path: '/tmp/socket' };
  message.setName(path);
  message.setControl([scmRights([4])]);
  assert.deepEqual(message.name, path);
  assert.equal(message.namelen, 2 + 12);
  assert.equal(message.controllen, 24);
  assert.deepEqual(readScmRights(message.controlMessages()), [4]);
  const { msg_name, msg_control } = fieldsOf(message);
  assert.deepEqual([msg_name, msg_control], [before.msg_name, before.msg_control]);
  message.reset();
  assert.equal(message.namelen, 14, 'reset goes back to what was set last');
  assert.equal(message.controllen, 24);
  message.setName(0);
  message.setControl([]);
  assert.equal(message.name, undefined);
  assert.deepEqual([message.namelen, message.controllen], [0, 0]);
  // And to receive: as much as there is.
  message.setName(128);
  message.setControl(32);
  message.reset();
  assert.deepEqual([message.namelen, message.controllen], [128, 32]);

  assert.throws(() => message.setName(129), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => message.setControl(33), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => message.setControl([scmRights([1, 2, 3, 4, 5])]), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => message.setName({ path: 'x'.repeat(108) }), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => message.setName('::1' as unknown as SocketAddress), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => message.setControl('x' as unknown as number), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.deepEqual([message.namelen, message.controllen], [128, 32]);
  assert.throws(() => new Msghdr({ name: 16 }).setName({ address: '::1', port: 1 }), {
    code: 'ERR_OUT_OF_RANGE',
  });
  assert.throws(() => new Msghdr().setName(address), { code: 'ERR_OUT_OF_RANGE' });
});

test('what is no part of a message is refused', () => {
  const wrong: [unknown, string][] = [
    [{ name: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ name: 129 }, 'ERR_OUT_OF_RANGE'],
    [{ name: 1.5 }, 'ERR_OUT_OF_RANGE'],
    [{ name: '127.0.0.1' }, 'ERR_INVALID_ARG_TYPE'],
    [{ name: {} }, 'ERR_INVALID_ARG_VALUE'],
    [{ control: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ control: 2 ** 31 }, 'ERR_OUT_OF_RANGE'],
    [{ control: Number.NaN }, 'ERR_OUT_OF_RANGE'],
    [{ control: new Uint8Array(8) }, 'ERR_INVALID_ARG_TYPE'],
    [{ control: [{ level: 1, type: 1 }] }, 'ERR_INVALID_ARG_TYPE'],
    [{ buffers: new Uint8Array(8) }, 'ERR_INVALID_ARG_TYPE'],
    [{ buffers: ['text'] }, 'ERR_INVALID_ARG_TYPE'],
  ];
  for (const [parts, code] of wrong)
    assert.throws(() => new Msghdr(parts as MsghdrParts), { code }, JSON.stringify(parts));
});

test('a message keeps its iovecs and their buffers, and stays where it is', async () => {
  const [message, refs] = (() => {
    const buffer = new Uint8Array(64).fill(7);
    const iovecs = new Iovecs([buffer]);
    const made = new Msghdr({ name: address, buffers: iovecs, control: cmsgSpace(4) });
    return [made, [new WeakRef<object>(buffer), new WeakRef<object>(iovecs)]] as const;
  })();
  const before = memoryAt(message.address, 56);
  await collect();
  assert.ok(
    refs.every((ref) => ref.deref()),
    'kept',
  );
  assert.deepEqual(memoryAt(message.address, 56), before);
  assert.deepEqual(message.name, address);
  message.setIovecs(null);
  assert.ok(await collectUntil(() => refs.every((ref) => !ref.deref())), 'let go');
  assert.equal(message.namelen, 16);
});

/** Where the control data of a message with these descriptors lies. */
function controlOf(fds: number[]): number {
  sent = new Msghdr({ control: [scmRights(fds)] });
  return fieldsOf(sent).msg_control;
}
let sent: Msghdr;
