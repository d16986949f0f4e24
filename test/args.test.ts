import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  IoUringState,
  parseSockaddr,
  readTimespec,
  type SocketAddress,
  sockaddr,
  timeout,
  timespec,
  writeSockaddr,
  writeTimespec,
} from 'tsuring';
import { ETIME } from 'tsuring/syscalls';
import { lacksRing } from './support/needs.ts';

const durations: [number | bigint, bigint][] = [
  [0, 0n],
  [1, 1_000_000n],
  [1.5, 1_500_000n],
  [999.999_999_9, 1_000_000_000n],
  [-0.5, -500_000n],
  [1e12, 10n ** 18n],
  [5n, 5n],
  [-1n, -1n],
  [10n ** 18n + 1n, 10n ** 18n + 1n],
];

test('timespec: milliseconds or nanoseconds, and back', () => {
  for (const [duration, nanoseconds] of durations) {
    const bytes = timespec(duration);
    assert.equal(bytes.length, 16);
    assert.equal(readTimespec(bytes), nanoseconds, String(duration));
    const nsec = new DataView(bytes.buffer).getBigInt64(8, true);
    assert(nsec >= 0n && nsec < 1_000_000_000n, 'tv_nsec is within a second, also of negative times');
    const room = new Uint8Array(24).fill(0xff);
    writeTimespec(room, duration, 8);
    assert.deepEqual(room.subarray(8), bytes);
  }
});

test('a timeout takes a timespec, and the ring holds it', {
  skip: lacksRing('io_uring', { flags: 0 }),
}, () => {
  using ring = new IoUringState(4, { flags: 0 });
  const sqe = ring.getSqe();
  assert(sqe !== null);
  timeout(sqe, timespec(1), 0, 0);
  sqe.userData = 3;
  ring.commitSqe();
  ring.submit();
  const cqe = ring.waitCqe();
  assert.deepEqual([cqe?.userData, cqe?.res], [3, -ETIME]);
  ring.advanceCq();
});

test('timespec refuses what is no duration', () => {
  assert.throws(() => timespec('1' as never), { code: 'ERR_INVALID_ARG_TYPE' });
  for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60, 2n ** 63n])
    assert.throws(() => timespec(wrong), { code: 'ERR_OUT_OF_RANGE' }, String(wrong));
  assert.throws(() => writeTimespec(new Uint8Array(8), 1), RangeError);
});

const addresses: [SocketAddress, string, object][] = [
  [{ address: '127.0.0.1', port: 80 }, '020000507f0000010000000000000000', { family: 'IPv4' }],
  [{ address: '255.1.20.3', port: 65535 }, '0200ffffff0114030000000000000000', { family: 'IPv4' }],
  [
    { address: 'fe80::1%2', port: 7, flowInfo: 9 },
    '0a00000700000009fe80000000000000000000000000000102000000',
    { family: 'IPv6' },
  ],
  [
    { address: '::ffff:1.2.3.4', port: 7 },
    '0a0000070000000000000000000000000000ffff0102030400000000',
    { family: 'IPv6', flowInfo: 0 },
  ],
  [
    { address: '2001:db8::1:0:0:1', port: 7 },
    '0a0000070000000020010db800000000000100000000000100000000',
    { family: 'IPv6', flowInfo: 0 },
  ],
  [{ path: '/tmp/x' }, '01002f746d702f7800', {}],
  [{ abstract: 'abc' }, '010000616263', {}],
  [{ unnamed: true }, '0100', {}],
];

test('sockaddr: byte for byte, and back', () => {
  for (const [address, hex, more] of addresses) {
    const bytes = sockaddr(address);
    assert.equal(Buffer.from(bytes).toString('hex'), hex);
    assert.deepEqual(parseSockaddr(bytes), { ...address, ...more });
    const room = new Uint8Array(128).fill(0xff);
    const length = writeSockaddr(room, address);
    assert.deepEqual(room.subarray(0, length), bytes);
    assert.deepEqual(parseSockaddr(room, length), { ...address, ...more });
  }
  assert.deepEqual(parseSockaddr(sockaddr({ address: '1:2:3:4:5:6:7:8', port: 1 })), {
    ...{ address: '1:2:3:4:5:6:7:8', port: 1 },
    ...{ family: 'IPv6', flowInfo: 0 },
  });
  const odd = Uint8Array.of(0x2f, 0xff);
  assert.deepEqual(parseSockaddr(sockaddr({ path: odd })), { path: odd }, 'a path that is no text');
  assert.equal(parseSockaddr(new Uint8Array(16)), undefined);
  assert.equal(parseSockaddr(new Uint8Array(16), 0), undefined);
});

test('sockaddr refuses what is no address', () => {
  const wrong: [unknown, string][] = [
    [null, 'ERR_INVALID_ARG_TYPE'],
    [{}, 'ERR_INVALID_ARG_VALUE'],
    [{ address: 'localhost', port: 1 }, 'ERR_INVALID_ARG_VALUE'],
    [{ address: '1.2.3', port: 1 }, 'ERR_INVALID_ARG_VALUE'],
    [{ address: 'fe80::1%eth0', port: 1 }, 'ERR_INVALID_ARG_VALUE'],
    [{ address: '::1', port: 65536 }, 'ERR_OUT_OF_RANGE'],
    [{ address: '::1', port: '80' }, 'ERR_INVALID_ARG_TYPE'],
    [{ path: '' }, 'ERR_INVALID_ARG_VALUE'],
    [{ path: 'a\0b' }, 'ERR_INVALID_ARG_VALUE'],
    [{ path: 'x'.repeat(108) }, 'ERR_OUT_OF_RANGE'],
    [{ abstract: 5 }, 'ERR_INVALID_ARG_TYPE'],
  ];
  for (const [address, code] of wrong)
    assert.throws(() => sockaddr(address as SocketAddress), { code }, JSON.stringify(address));
  assert.throws(() => writeSockaddr(new Uint8Array(4), { address: '1.2.3.4', port: 1 }), {
    code: 'ERR_OUT_OF_RANGE',
  });
  assert.throws(() => parseSockaddr(Uint8Array.of(99, 0, 1, 2)), { code: 'ERR_INVALID_ARG_VALUE' });
});
