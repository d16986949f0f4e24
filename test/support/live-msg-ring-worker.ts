/**
 * A Worker with a ring of its own, which it tells the number of. Told the number of another one's, it sends messages
 * there, or answers those that come.
 */
import assert from 'node:assert/strict';
import { parentPort, workerData } from 'node:worker_threads';
import { type IoUringOptions, IoUringState, msgRing, read } from 'tsuring';
import { IOSQE_CQE_SKIP_SUCCESS, IOSQE_FIXED_FILE } from 'tsuring/syscalls';
import { timeLimit } from './time-limit.ts';

export interface MessageWork {
  readonly task: 'send' | 'receive' | 'serve' | 'return' | 'read file';
  readonly entries: number;
  readonly options: IoUringOptions;
  /** Messages that each sender sends. */
  readonly count: number;
  /** With 'send': which of the senders it is. With 'receive': how many there are. */
  readonly sender?: number;
  readonly senders?: number;
}

/** User data of a message: its sender and its number. */
export const messageTag = (sender: number, n: number): number => sender * 0x1_0000_0000 + n;

/** What it carries as `res`: all 32 bits are used. */
export const messageValue = (n: number): number => Math.imul(n, -0x61c8_8647);

const { task, entries, options, count, sender = 0, senders = 1 }: MessageWork = workerData;
const ring = new IoUringState(entries, { flags: 0, ...options });
const OWN = 2 ** 52;

parentPort?.once('message', (target: number) => parentPort?.postMessage(work(target)));
parentPort?.postMessage(ring.fd);

function work(target: number): unknown {
  if (task === 'send') return sendAll(target);
  if (task === 'receive') return receiveAll();
  if (task === 'read file') return readFile();
  return volley(target, task === 'serve');
}

function sendAll(target: number): unknown {
  let sent = 0;
  let staged = 0;
  while (sent < count) {
    for (let sqe = ring.getSqe(); sqe !== null && staged < count; sqe = ring.getSqe()) {
      msgRing(sqe, target, messageValue(staged), messageTag(sender, staged));
      sqe.userData = OWN + staged++;
      ring.stageSqe();
    }
    // With SQPOLL the head moves a little after the completions came: without room nothing need be in flight.
    ring.submitAndWait(staged > sent ? 1 : 0, { timeout: timeLimit });
    ring.forEachCqe(({ userData, res }) => {
      assert.deepEqual([userData, res], [OWN + sent++, 0]);
    });
  }
  return { sent };
}

/** Every message of every sender, once and in the order in which it was sent. */
function receiveAll(): unknown {
  const next = new Array<number>(senders).fill(0);
  let received = 0;
  let overflowed = false;
  while (received < count * senders) {
    assert.ok(ring.waitCqe({ timeout: timeLimit }) !== null, `${received} came`);
    overflowed ||= ring.cqHasOverflow;
    received += ring.forEachCqe(({ userDataHigh: from, userDataLow: n, res, flags }) => {
      assert.deepEqual([n, res, flags], [next[from], messageValue(n), 0]);
      next[from]++;
    });
  }
  assert.equal(ring.peekCqe(), null);
  return { received, overflowed, lost: ring.cqOverflow };
}

/** Sends a message and awaits it back, or the other way round, `count` times. */
function volley(target: number, serves: boolean): unknown {
  for (let n = 0; n < count; n++) {
    if (serves) send(n, target);
    assert.ok(ring.waitCqe({ timeout: timeLimit }) !== null, `message ${n} came`);
    ring.forEachCqe(({ userData, res }) => assert.deepEqual([userData, res], [n, messageValue(n)]));
    if (!serves) send(n, target);
  }
  return { volleys: count };
}

function send(n: number, target: number): void {
  const sqe = ring.getSqe();
  assert.ok(sqe !== null);
  msgRing(sqe, target, messageValue(n), n);
  sqe.flags = IOSQE_CQE_SKIP_SUCCESS;
  sqe.userData = OWN + n;
  ring.commitSqe();
  assert.equal(ring.submit(), 1);
}

/** Waits for a message with a slot, and reads the file that was put there. */
function readFile(): unknown {
  ring.registerFiles([-1, -1, -1]);
  parentPort?.postMessage('registered');
  const cqe = ring.waitCqe({ timeout: timeLimit });
  assert.ok(cqe !== null);
  const slot = cqe.res;
  ring.advanceCq();
  const buffer = Buffer.alloc(100);
  const sqe = ring.getSqe();
  assert.ok(sqe !== null);
  read(sqe, slot, buffer, 100, 0);
  sqe.flags = IOSQE_FIXED_FILE;
  ring.commitSqe();
  ring.submit();
  const length = ring.waitCqe({ timeout: timeLimit })?.res ?? 0;
  return { slot, text: buffer.toString('utf8', 0, Math.max(0, length)) };
}
