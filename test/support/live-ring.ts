/**
 * One operation on a ring, from its entry to its acknowledged completion, with the state of the queues at each step.
 */
import assert from 'node:assert/strict';
import type { Sqe } from 'tsuring';
import { errnoName } from 'tsuring/syscalls';
import type { OpenRing } from './open-ring.ts';
import { timeLimit } from './time-limit.ts';

export type Encode = (sqe: Sqe) => void;

/** What a completion said. */
export interface Done {
  readonly res: number;
  readonly flags: number;
}

/** Submits one operation alone and asserts the result of its only completion: a number, or -errno. */
export function does(open: OpenRing, expected: number, encode: Encode, message?: string): Done {
  const userData = starts(open, encode);
  return ends(open, userData, expected, message);
}

/** As `does`, for an operation whose result is not known beforehand; a failure is an error. */
export function gives(open: OpenRing, encode: Encode, message = ''): number {
  const { res } = next(open, starts(open, encode), message);
  assert.ok(res >= 0, `${message} ${named(res)}`);
  return res;
}

/** Submits one operation and leaves it to itself. Gives its user data. */
export function starts(open: OpenRing, encode: Encode): number {
  const userData = commits(open, encode);
  open.ring.submit();
  return userData;
}

/** Asserts that no completion comes for a while: what is in flight waits for something. */
export function waits(open: OpenRing): void {
  assert.equal(open.ring.waitCqe({ timeout: 20 }), null);
  open.expect({ sq: 0, cq: 0 });
}

/** Waits for the next completion, which must be this one and the only one, and asserts its result. */
export function ends(open: OpenRing, userData: number, expected: number, message = ''): Done {
  const done = next(open, userData, message);
  assert.equal(named(done.res), named(expected), message);
  return done;
}

/** Waits for the next completion, which must be of this operation, and acknowledges it. */
export function next(open: OpenRing, userData: number, message = ''): Done {
  const { ring } = open;
  const cqe = ring.waitCqe({ timeout: timeLimit });
  assert.ok(cqe !== null, `no completion: ${message}`);
  open.expect({ sq: 0, cq: 1 }, message);
  const done = { res: cqe.res, flags: cqe.flags };
  assert.equal(cqe.userData, userData, message);
  ring.advanceCq();
  open.expect({ sq: 0, cq: 0 }, message);
  return done;
}

/** Submits several operations at once, and gives what each said, in the order of their entries. */
export function together(open: OpenRing, encoders: readonly Encode[]): Done[] {
  const tags = encoders.map((encode) => commits(open, encode));
  open.ring.submit();
  const done = nextOnes(open, tags.length);
  return tags.map((tag) => done.find(({ userData }) => userData === tag) as Done);
}

/** Waits for so many completions, which must be all that come, and acknowledges them. */
export function nextOnes(open: OpenRing, count: number): (Done & { readonly userData: number })[] {
  const { ring } = open;
  assert.ok(ring.waitCqes(count, { timeout: timeLimit }), `${count} completions`);
  open.expect({ sq: 0, cq: count });
  const done: (Done & { userData: number })[] = [];
  ring.forEachCqe(({ userData, res, flags }) => done.push({ userData: Number(userData), res, flags }));
  open.expect({ sq: 0, cq: 0 });
  return done;
}

/** Asserts that an encoder refuses its arguments, and that neither the entry nor the ring has lost anything by it. */
export function refuses(open: OpenRing, encode: Encode, error: object): void {
  const { ring } = open;
  const sqe = ring.getSqe();
  assert.ok(sqe !== null);
  const words = () => Array.from(sqe.words.subarray(sqe.at, sqe.at + 16));
  const before = words();
  assert.throws(() => encode(sqe), error);
  assert.deepEqual(words(), before, 'the entry is as it was');
  assert.equal(ring.getSqe(), sqe, 'and still the next one');
  open.expect({ sq: 0, cq: 0 });
}

/** A result for messages: '-ENOENT' rather than -2. */
export function named(res: number): string {
  return res < 0 ? `-${errnoName(res)}` : `${res}`;
}

function commits(open: OpenRing, encode: Encode): number {
  const { ring } = open;
  const sqe = ring.getSqe();
  assert.ok(sqe !== null, 'the queue has room');
  encode(sqe);
  const userData = ++lastTag;
  sqe.userData = userData;
  ring.commitSqe();
  return userData;
}

let lastTag = 1_000_000;
