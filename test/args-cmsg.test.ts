/**
 * Control messages: byte for byte, there and back, and a walk that believes nothing.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type ControlMessage,
  cmsgSpace,
  readControlMessages,
  readScmCredentials,
  readScmRights,
  scmCredentials,
  scmRights,
  writeControlMessages,
} from 'tsuring';
import { cmsghdr, makeStruct, SOL_SOCKET, SOL_UDP } from 'tsuring/syscalls';
import { randomBelow, seed } from './support/random.ts';

function encode(messages: readonly ControlMessage[], room = 4096): Buffer {
  const bytes = new Uint8Array(room).fill(0xff);
  return Buffer.from(bytes.subarray(0, writeControlMessages(bytes, messages)));
}

/** As plain as deepEqual likes it. */
function plain(messages: readonly ControlMessage[]): object[] {
  return messages.map(({ level, type, data }) => ({ level, type, data: Buffer.from(data).toString('hex') }));
}

test('cmsgSpace is CMSG_SPACE of a 64-bit system', () => {
  const spaces = [0, 1, 7, 8, 9, 12, 16, 17].map((length) => cmsgSpace(length));
  assert.deepEqual(spaces, [16, 24, 24, 24, 32, 32, 32, 40]);
  assert.equal(cmsgSpace(2 ** 31 - 40), 2 ** 31 - 24);
  for (const bad of [-1, 0.5, Number.NaN, 2 ** 31])
    assert.throws(() => cmsgSpace(bad), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => cmsgSpace('4' as unknown as number), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('messages one behind the other, byte for byte', () => {
  const messages = [
    { level: 1, type: 2, data: Uint8Array.of(0xaa, 0xbb, 0xcc) },
    { level: -2, type: 0x7fff_ffff, data: new Uint8Array(0) },
    { level: 41, type: 50, data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
  ];
  const hex = [
    '1300000000000000' + '01000000' + '02000000' + 'aabbcc0000000000',
    '1000000000000000' + 'feffffff' + 'ffffff7f',
    '1800000000000000' + '29000000' + '32000000' + '0102030405060708',
  ].join('');
  assert.equal(encode(messages).toString('hex'), hex);
  assert.equal(encode(messages, hex.length / 2).toString('hex'), hex, 'in just the room they need');
  assert.deepEqual(plain(readControlMessages(encode(messages))), plain(messages));
  assert.equal(encode([]).length, 0);
  const one = makeStruct(cmsghdr, { cmsg_len: 19, cmsg_level: 1, cmsg_type: 2 });
  assert.equal(encode([messages[0]]).subarray(0, 16).toString('hex'), Buffer.from(one).toString('hex'));
});

test('what is no control message, or does not fit, is refused and nothing written', () => {
  const good = { level: 1, type: 1, data: new Uint8Array(4) };
  const wrong: [unknown, string][] = [
    [undefined, 'ERR_INVALID_ARG_TYPE'],
    [good, 'ERR_INVALID_ARG_TYPE'],
    [[good, null], 'ERR_INVALID_ARG_TYPE'],
    [[good, { ...good, level: '1' }], 'ERR_INVALID_ARG_TYPE'],
    [[good, { ...good, type: 2 ** 31 }], 'ERR_OUT_OF_RANGE'],
    [[good, { ...good, data: [1, 2] }], 'ERR_INVALID_ARG_TYPE'],
    [[good, { ...good, data: new ArrayBuffer(4) }], 'ERR_INVALID_ARG_TYPE'],
    [[good, good, good], 'ERR_OUT_OF_RANGE'],
  ];
  const room = new Uint8Array(71).fill(0x55);
  for (const [messages, code] of wrong)
    assert.throws(() => writeControlMessages(room, messages as ControlMessage[]), { code });
  assert.ok(room.every((byte) => byte === 0x55));
});

test('the walk ends where a header lies', () => {
  const good = encode([{ level: 1, type: 1, data: new Uint8Array(5).fill(9) }]);
  const after = (low: number, high = 0, rest = 0) => {
    const tail = Buffer.alloc(16 + rest);
    tail.writeUInt32LE(low, 0);
    tail.writeUInt32LE(high, 4);
    return readControlMessages(Buffer.concat([good, tail])).length;
  };
  assert.equal(after(16), 2, 'a header and nothing else');
  assert.equal(after(17, 0, 1), 2, 'data without what fills it up: the kernel cuts there');
  assert.equal(after(16 + 8, 0, 8), 2);
  const lies = [0, 1, 15, 17, 0x7fff_ffff, 0x8000_0010, 0xffff_fff0, 0xffff_ffff];
  for (const length of lies) assert.equal(after(length), 1, `a length of ${length}`);
  assert.equal(after(16, 1), 1, 'a length of 2^32 + 16');
  assert.equal(after(16, 0x8000_0000), 1);
  for (let cut = 0; cut < 16; cut++)
    assert.equal(
      readControlMessages(Buffer.concat([good, good.subarray(0, cut)])).length,
      1,
      `cut at ${cut}`,
    );
  for (let cut = 0; cut < 21; cut++) assert.equal(readControlMessages(good.subarray(0, cut)).length, 0);
  assert.equal(readControlMessages(good.subarray(0, 21)).length, 1);
  assert.deepEqual(readControlMessages(new Uint8Array(0)), []);
});

test('data are views of the bytes', () => {
  const bytes = encode([{ level: 1, type: 1, data: Uint8Array.of(1, 2, 3) }]);
  const [{ data }] = readControlMessages(bytes);
  assert.equal(data.buffer, bytes.buffer);
  bytes[17] = 99;
  assert.deepEqual([...data], [1, 99, 3]);
});

test(`random messages there and back, seed ${seed}`, () => {
  const below = randomBelow();
  for (let round = 0; round < 2000; round++) {
    const messages = Array.from({ length: below(6) }, () => ({
      level: below(2 ** 32) | 0,
      type: below(2 ** 32) | 0,
      data: Uint8Array.from({ length: below(40) }, () => below(256)),
    }));
    const bytes = encode(messages);
    assert.equal(
      bytes.length,
      messages.reduce((sum, { data }) => sum + cmsgSpace(data.length), 0),
    );
    assert.deepEqual(plain(readControlMessages(bytes)), plain(messages), `SEED=${seed}`);
    // Cut anywhere, it gives those that are whole.
    const cut = below(bytes.length + 1);
    const whole = readControlMessages(bytes.subarray(0, cut));
    assert.deepEqual(plain(whole), plain(messages.slice(0, whole.length)), `SEED=${seed}`);
    const ends = messages.map((_, i) => encode(messages.slice(0, i)).length + 16 + messages[i].data.length);
    assert.equal(whole.length, ends.filter((end) => end <= cut).length, `SEED=${seed}`);
  }
});

test(`random bytes never lead outside, seed ${seed}`, () => {
  const below = randomBelow();
  let walked = 0;
  for (let round = 0; round < 20_000; round++) {
    // Between fences of one memory: a view beyond its part would be seen by its place.
    const begin = below(64);
    const length = below(200);
    const memory = new Uint8Array(begin + length + 64);
    for (let i = 0; i < memory.length; i++) memory[i] = below(256);
    const bytes = memory.subarray(begin, begin + length);
    // Mostly small numbers, or nothing would ever be walked.
    for (let at = 0; at + 8 <= length; at += 8)
      if (below(4) > 0) bytes.set([below(64), below(8) > 0 ? 0 : 1, 0, 0, 0, 0, 0, 0], at);
    const messages = readControlMessages(bytes);
    let least = begin + 16;
    for (const { data } of messages) {
      assert.ok(data.byteOffset >= least, `SEED=${seed}`);
      assert.ok(data.byteOffset + data.length <= begin + length, `SEED=${seed}`);
      least = data.byteOffset + data.length + 16;
      walked++;
    }
    // What was read can be written again, and reads the same.
    assert.deepEqual(plain(readControlMessages(encode(messages))), plain(messages), `SEED=${seed}`);
    readScmRights(messages);
    readScmCredentials(messages);
  }
  assert.ok(walked > 1000, `${walked} messages`);
});

test('scmRights: the descriptors as C has them, and back', () => {
  const message = scmRights([3, 0x7fff_ffff]);
  const hex = '1800000000000000' + '01000000' + '01000000' + '03000000ffffff7f';
  assert.equal(encode([message]).toString('hex'), hex);
  const more = { level: SOL_UDP, type: 1, data: Uint8Array.of(9, 0, 0, 0) };
  const bytes = encode([more, message, { ...more, level: SOL_SOCKET, type: 2 }, scmRights([7])]);
  assert.deepEqual(readScmRights(readControlMessages(bytes)), [3, 0x7fff_ffff, 7]);
  assert.deepEqual(readScmRights([]), []);
  // At any offset, and cut: half a descriptor is none.
  const odd = new Uint8Array(11);
  odd.set([5, 0, 0, 0, 6, 0, 0, 0, 7, 0], 1);
  const cut = { level: SOL_SOCKET, type: 1, data: odd.subarray(1) };
  assert.deepEqual(readScmRights([cut]), [5, 6]);

  assert.equal(scmRights(new Array(253).fill(1)).data.length, 253 * 4);
  for (const count of [0, 254])
    assert.throws(() => scmRights(new Array(count).fill(1)), { code: 'ERR_OUT_OF_RANGE' });
  for (const fd of [-1, 2 ** 31, 1.5]) assert.throws(() => scmRights([fd]), { code: 'ERR_OUT_OF_RANGE' });
  assert.throws(() => scmRights(['1' as unknown as number]), { code: 'ERR_INVALID_ARG_TYPE' });
  assert.throws(() => scmRights(1 as unknown as number[]), { code: 'ERR_INVALID_ARG_TYPE' });
});

test('scmCredentials: struct ucred, and back', () => {
  const who = { pid: 0x7654_3210, uid: 0xffff_fffe, gid: 1 };
  const message = scmCredentials(who);
  const hex = '1c00000000000000' + '01000000' + '02000000' + '10325476feffffff01000000' + '00000000';
  assert.equal(encode([message]).toString('hex'), hex);
  assert.deepEqual(readScmCredentials([scmRights([1]), message]), who);
  assert.equal(readScmCredentials([scmRights([1])]), undefined);
  assert.equal(readScmCredentials([{ ...message, data: message.data.subarray(0, 11) }]), undefined);
  for (const bad of [
    { ...who, pid: -1 },
    { ...who, uid: 2 ** 32 },
    { ...who, gid: -1 },
  ])
    assert.throws(() => scmCredentials(bad), { code: 'ERR_OUT_OF_RANGE' });
});
