/**
 * Every operation against what liburing's prep function writes for the same arguments: test/vectors/sqe.json.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as ops from '../lib/ops/index.ts';
import { Sqe } from '../lib/sqe.ts';
import * as opcodes from '../syscalls/constants/opcodes.ts';

interface Vector {
  readonly fn: string;
  readonly variant: number;
  /** In the order of the C function. Pointers and numbers past 2^53 are strings. */
  readonly args: Record<string, number | string>;
  /** 64 bytes in hex, with user_data 0. */
  readonly sqe: string;
}

type Encode = (sqe: Sqe, ...args: (number | bigint)[]) => void;

const vectors: Vector[] = JSON.parse(readFileSync(new URL('vectors/sqe.json', import.meta.url), 'utf8'));
const functions = new Map(Object.entries(ops)) as Map<string, Encode>;
const USER_DATA = 0x1122_3344_5566_7788n;
const GARBAGE = 0x5aa5_a55a;

/** io_uring_prep_recv_multishot: recvMultishot. */
function nameOf(fn: string): string {
  return fn.replace('io_uring_prep_', '').replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** A cursor on the middle one of three entries full of garbage, so that a word not written shows. */
function dirtySqe(): Sqe {
  const memory = new ArrayBuffer(3 * 64);
  const sqe = new Sqe();
  sqe.words = new Int32Array(memory).fill(GARBAGE);
  sqe.doubles = new Float64Array(memory);
  sqe.at = 16;
  sqe.userData = USER_DATA;
  return sqe;
}

function encode(vector: Vector, sqe: Sqe, args: (number | bigint)[]): void {
  const name = nameOf(vector.fn);
  const fn = functions.get(name);
  assert.ok(fn, `no function ${name} for ${vector.fn}`);
  // It adds to an entry that another function made; these are the arguments of the one that the vectors used.
  if (name === 'sendSetAddr') ops.send(sqe, 11, 0x7f3a_0000_9000, 512);
  fn(sqe, ...args);
}

function check(vector: Vector, args: (number | bigint)[]): number {
  const what = `${vector.fn} ${JSON.stringify(vector.args)}`;
  const sqe = dirtySqe();
  encode(vector, sqe, args);
  assert.equal(BigInt(sqe.userData), USER_DATA, `user_data of ${what}`);
  sqe.userData = 0;
  assert.equal(Buffer.from(sqe.words.buffer, 64, 64).toString('hex'), vector.sqe, what);
  assert.ok(
    sqe.words.every((word, i) => (i >= 16 && i < 32) || word === GARBAGE),
    `${what} wrote beside the entry`,
  );
  assert.equal(sqe.held, null, `${what}: nothing to hold`);
  return sqe.opcode;
}

test('every SQE of the vectors, byte for byte', () => {
  for (const vector of vectors) {
    const values = Object.values(vector.args);
    const asGiven = values.map((value) => (typeof value === 'number' ? value : BigInt(value)));
    check(vector, asGiven);
    // Pointers and other big numbers as numbers where they are exact.
    check(
      vector,
      asGiven.map((value) => (value <= Number.MAX_SAFE_INTEGER ? Number(value) : value)),
    );
  }
});

test('the vectors are all there, and a function of liburing’s name for each', () => {
  assert.equal(vectors.length, 305);
  const names = new Set(vectors.map((vector) => nameOf(vector.fn)));
  assert.equal(names.size, 103);
  // liburing has no function for IORING_OP_RECV_ZC.
  names.add('recvZc');
  assert.deepEqual([...functions.keys()].sort(), [...names].sort());
});

test('recvZc, for which liburing has no function', () => {
  const sqe = dirtySqe();
  ops.recvZc(sqe, 11, 0xffff_fff0, 4099);
  const words = new Array(16).fill(0);
  words[0] = opcodes.IORING_OP_RECV_ZC | (2 << 16); // ioprio: IORING_RECV_MULTISHOT
  words[1] = 11;
  words[6] = 4099;
  words[8] = Number(USER_DATA & 0xffff_ffffn);
  words[9] = Number(USER_DATA >> 32n);
  words[11] = 0xffff_fff0 | 0;
  assert.deepEqual([...sqe.words.subarray(16, 32)], words);
});

test('every opcode is encoded by a function', () => {
  const encoded = new Set([opcodes.IORING_OP_RECV_ZC]);
  for (const { sqe } of vectors) encoded.add(Number.parseInt(sqe.slice(0, 2), 16));
  const all = Array.from({ length: opcodes.IORING_OP_LAST }, (_, opcode) => opcode);
  assert.equal(all.length, 65);
  assert.deepEqual(
    [...encoded].sort((a, b) => a - b),
    all,
  );
});

test('flags as JavaScript’s | makes them, negative with the highest bit', () => {
  const sqe = dirtySqe();
  const edgeTriggered = 0x8000_0000;
  ops.pollAdd(sqe, 1, edgeTriggered | 1);
  assert.equal(sqe.opFlags, 0x8000_0001);
  ops.pollAdd(sqe, 1, edgeTriggered + 1);
  assert.equal(sqe.opFlags, 0x8000_0001);
  ops.msgRing(sqe, 1, -5, 0);
  assert.equal(sqe.len, 0xffff_fffb);
});

test('IORING_FILE_INDEX_ALLOC for the slots of another table', () => {
  const sqe = dirtySqe();
  ops.msgRingFd(sqe, 1, 2, 0xffff_ffff, 0);
  assert.equal(sqe.fileIndex, -1);
  ops.filesUpdate(sqe, 4096, 1, 0xffff_ffff);
  assert.equal(sqe.off, 0xffff_ffff);
});
