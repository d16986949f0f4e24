/**
 * recvmsgValidate: the layout byte for byte, what is too short, headers that lie, and random ones.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Msghdr,
  type RecvmsgOut,
  readScmRights,
  recvmsgValidate,
  scmRights,
  sockaddr,
  writeControlMessages,
} from 'tsuring';
import { io_uring_recvmsg_out, MSG_CTRUNC, MSG_TRUNC, makeStruct } from 'tsuring/syscalls';
import { randomBelow, seed } from './support/random.ts';

interface Header {
  namelen?: number;
  controllen?: number;
  payloadlen?: number;
  flags?: number;
}

/** A buffer as the kernel fills it: header, rooms, payload. */
function delivered(
  header: Header,
  [name, nameRoom]: [Uint8Array, number],
  [control, controlRoom]: [Uint8Array, number],
  payload: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(16 + nameRoom + controlRoom + payload.length).fill(0xee);
  bytes.set(makeStruct(io_uring_recvmsg_out, { ...header }));
  bytes.set(name.subarray(0, nameRoom), 16);
  bytes.set(control.subarray(0, controlRoom), 16 + nameRoom);
  bytes.set(payload, 16 + nameRoom + controlRoom);
  return bytes;
}

const address = { address: '127.0.0.1', port: 4242, family: 'IPv4' } as const;
const name = sockaddr(address);
const control = new Uint8Array(24);
writeControlMessages(control, [scmRights([5, 6])]);
const payload = Buffer.from('hello, world');

test('everything in its place', () => {
  const header = { namelen: 16, controllen: 24, payloadlen: 12, flags: 0x4000_0080 };
  const bytes = delivered(header, [name, 128], [control, 64], payload);
  for (const rooms of [{ namelen: 128, controllen: 64 }, new Msghdr({ name: 128, control: 64 })]) {
    const message = recvmsgValidate(bytes, rooms);
    assert.ok(message !== null);
    const { namelen, controllen, payloadlen, flags } = message;
    assert.deepEqual({ namelen, controllen, payloadlen, flags }, header);
    assert.deepEqual(message.name, address);
    assert.deepEqual(Buffer.from(message.nameBytes), Buffer.from(name));
    assert.deepEqual(readScmRights(message.controlMessages()), [5, 6]);
    assert.equal(message.controlMessages().length, 1);
    assert.equal(Buffer.from(message.payload).toString(), 'hello, world');
    assert.equal(message.payloadLength, 12);
  }
});

test('views, not copies', () => {
  const bytes = delivered({ namelen: 16, controllen: 24 }, [name, 16], [control, 24], payload);
  const message = recvmsgValidate(bytes, { namelen: 16, controllen: 24 }) as RecvmsgOut;
  assert.equal(message.payload.buffer, bytes.buffer);
  assert.equal(message.nameBytes.buffer, bytes.buffer);
  assert.equal(message.controlMessages()[0].data.buffer, bytes.buffer);
  bytes[bytes.length - 1] = 0x21;
  assert.equal(Buffer.from(message.payload).toString(), 'hello, worl!');
});

test('too short for header and rooms: null; of just that length: an empty payload', () => {
  const rooms = { namelen: 16, controllen: 24 };
  const bytes = new Uint8Array(16 + 16 + 24 + 1);
  for (let length = 0; length < 56; length++)
    assert.equal(recvmsgValidate(bytes.subarray(0, length), rooms), null, `${length} bytes`);
  const least = recvmsgValidate(bytes.subarray(0, 56), rooms);
  assert.equal(least?.payloadLength, 0);
  assert.equal(least?.payload.length, 0);
  assert.equal(least?.name, undefined);
  assert.deepEqual(least?.controlMessages(), []);
  assert.equal(recvmsgValidate(bytes, rooms)?.payloadLength, 1);
  assert.equal(recvmsgValidate(bytes.subarray(0, 15), { namelen: 0, controllen: 0 }), null);
  assert.equal(recvmsgValidate(bytes.subarray(0, 16), { namelen: 0, controllen: 0 })?.payloadLength, 0);
  // Sums beyond 32 bits and beyond what is exact.
  for (const huge of [0xffff_ffff, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    assert.equal(recvmsgValidate(bytes, { namelen: huge, controllen: 0 }), null);
    assert.equal(recvmsgValidate(bytes, { namelen: 16, controllen: huge }), null);
    assert.equal(recvmsgValidate(bytes, { namelen: huge, controllen: huge }), null);
  }
});

test('a header that claims more than there is room for is clamped', () => {
  // An address that was cut: the kernel says how long it would have been.
  const cut = delivered({ namelen: 110, flags: MSG_TRUNC | MSG_CTRUNC }, [name, 8], [control, 24], payload);
  const message = recvmsgValidate(cut, { namelen: 8, controllen: 24 }) as RecvmsgOut;
  assert.equal(message.namelen, 110);
  assert.equal(message.nameBytes.length, 8);
  assert.throws(() => message.name, { code: 'ERR_INVALID_ARG_VALUE' });
  assert.equal(message.flags, MSG_TRUNC | MSG_CTRUNC);
  assert.deepEqual(message.controlMessages(), [], 'controllen is 0');

  const lies = { namelen: 0xffff_ffff, controllen: 0xffff_ffff, payloadlen: 0xffff_ffff };
  const bytes = delivered(lies, [name, 16], [control, 24], payload);
  const lying = recvmsgValidate(bytes, { namelen: 16, controllen: 24 }) as RecvmsgOut;
  assert.deepEqual(lying.name, address);
  assert.equal(lying.controlMessages().length, 1);
  assert.equal(lying.payloadlen, 0xffff_ffff, 'as it stands there');
  assert.equal(lying.payloadLength, 12, 'as it is');
  assert.equal(lying.payload.length, 12);
  // A control message that would reach into the payload.
  bytes[16 + 16] = 25;
  assert.deepEqual(lying.controlMessages(), []);
});

test('without rooms there is no address and no control message, whatever the header says', () => {
  const bytes = delivered({ namelen: 16, controllen: 64 }, [name, 0], [control, 0], payload);
  const message = recvmsgValidate(bytes, { namelen: 0, controllen: 0 }) as RecvmsgOut;
  assert.equal(message.name, undefined);
  assert.deepEqual(message.controlMessages(), []);
  assert.equal(Buffer.from(message.payload).toString(), 'hello, world');
});

test('wrong arguments', () => {
  const rooms = { namelen: 0, controllen: 0 };
  for (const bad of [undefined, null, 'text', [], new ArrayBuffer(64)])
    assert.throws(() => recvmsgValidate(bad as unknown as Uint8Array, rooms), {
      code: 'ERR_INVALID_ARG_TYPE',
    });
  for (const bad of [-1, 0.5, Number.NaN, 2 ** 53]) {
    assert.throws(() => recvmsgValidate(new Uint8Array(64), { namelen: bad, controllen: 0 }), {
      code: 'ERR_OUT_OF_RANGE',
    });
    assert.throws(() => recvmsgValidate(new Uint8Array(64), { namelen: 0, controllen: bad }), {
      code: 'ERR_OUT_OF_RANGE',
    });
  }
  assert.throws(() => recvmsgValidate(new Uint8Array(64), { namelen: '1' } as never), {
    code: 'ERR_INVALID_ARG_TYPE',
  });
});

test(`random bytes and rooms never lead outside, seed ${seed}`, () => {
  const below = randomBelow();
  let valid = 0;
  for (let round = 0; round < 20_000; round++) {
    const begin = below(32);
    const length = below(160);
    const memory = Uint8Array.from({ length: begin + length + 32 }, () =>
      below(4) > 0 ? below(48) : below(256),
    );
    for (let at = 0; at < memory.length; at++) if (below(2) > 0) memory[at] = 0;
    const rooms = { namelen: below(40), controllen: below(80) };
    const message = recvmsgValidate(memory.subarray(begin, begin + length), rooms);
    assert.equal(message === null, length < 16 + rooms.namelen + rooms.controllen, `SEED=${seed}`);
    if (message === null) continue;
    valid++;
    const within = (view: Uint8Array, from: number, to: number) =>
      assert.ok(
        view.byteOffset >= begin + from && view.byteOffset + view.length <= begin + to,
        `SEED=${seed}, ${view.byteOffset} + ${view.length} is not within ${from}…${to}`,
      );
    const controlAt = 16 + rooms.namelen;
    const payloadAt = controlAt + rooms.controllen;
    within(message.nameBytes, 16, controlAt);
    for (const { data } of message.controlMessages()) within(data, controlAt, payloadAt);
    within(message.payload, payloadAt, length);
    assert.equal(message.payloadLength, length - payloadAt);
    try {
      message.name;
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'ERR_INVALID_ARG_VALUE', `SEED=${seed}`);
    }
  }
  assert.ok(valid > 1000, `${valid} valid`);
});
