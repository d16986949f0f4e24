import assert from 'node:assert/strict';
import { constants as fs, readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as constants from '../syscalls/constants/index.ts';

// What liburing's headers say, by a C compiler.
const vectors: Record<string, number> = JSON.parse(
  readFileSync(new URL('vectors/constants.json', import.meta.url), 'utf8'),
);
const ours: Readonly<Record<string, unknown>> = constants;

test('the vectors hold 270 constants', () => {
  assert.equal(Object.keys(vectors).length, 270);
});

test('every constant of the io_uring headers has the value C gives it', () => {
  const wrong = Object.entries(vectors).filter(([name, value]) => {
    // A u64 with the top bit set: the vectors hold it as signed, we as a positive bigint.
    if (name === 'IORING_ZCRX_AREA_MASK') return ours[name] !== BigInt.asUintN(64, BigInt(value));
    return ours[name] !== value;
  });
  assert.deepEqual(wrong, []);
});

test('every IORING_, IOSQE_, IOU_, ZCRX_ constant of ours is in the vectors', () => {
  const kernels = /^(_*IO_?U?RING_|IOSQE_|IOU_|IO_WQ_|_*ZCRX_|SOCKET_URING_|_*IO_URING_)/;
  const unknown = Object.keys(ours).filter((name) => kernels.test(name) && !(name in vectors));
  assert.deepEqual(unknown, []);
});

test('all others are positive numbers, but for the two that C defines as negative', () => {
  const negative = ['AT_FDCWD', 'IORING_REGISTER_FILES_SKIP'];
  const odd = Object.entries(ours).filter(
    ([name, value]) =>
      typeof value !== 'bigint' &&
      !(Number.isInteger(value) && ((value as number) >= 0 || negative.includes(name))),
  );
  assert.deepEqual(odd, []);
  assert.equal(constants.EPOLLET, 0x8000_0000);
  assert.equal(constants.FUTEX_BITSET_MATCH_ANY, 0xffff_ffff);
});

test('the open flags are those Node has for this machine', () => {
  const node: Readonly<Record<string, number>> = { ...fs };
  for (const name of ['O_DIRECT', 'O_DIRECTORY', 'O_NOFOLLOW', 'O_NOATIME', 'O_SYNC', 'O_DSYNC'])
    assert.equal(ours[name], node[name], name);
  assert.equal(constants.O_TMPFILE & constants.O_DIRECTORY, constants.O_DIRECTORY);
  assert.equal(constants.O_LARGEFILE & (constants.O_DIRECT | constants.O_NOFOLLOW), 0);
});
