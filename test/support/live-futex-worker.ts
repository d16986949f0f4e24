/** A Worker with a ring of its own that waits on futexes in memory it shares with others. */
import assert from 'node:assert/strict';
import { parentPort, workerData } from 'node:worker_threads';
import { futexWait, futexWaitv, futexWake, IoUringState, type Sqe } from 'tsuring';
import {
  addressOf,
  EAGAIN,
  FUTEX_BITSET_MATCH_ANY,
  FUTEX2_PRIVATE,
  FUTEX2_SIZE_U32,
  futex_waitv,
  writeStruct,
} from 'tsuring/syscalls';
import { timeLimit } from './time-limit.ts';

export interface FutexWork {
  readonly shared: SharedArrayBuffer;
  readonly task: 'wait' | 'wait twice' | 'waitv' | 'turns' | 'Atomics.wait';
  /** With 'turns': which of the two it is, and how many turns it takes. */
  readonly me?: number;
  readonly turns?: number;
}

const { shared, task, me = 0, turns = 0 }: FutexWork = workerData;
const words = new Int32Array(shared);
const ring = new IoUringState(8, { flags: 0 });
const PRIVATE = FUTEX2_SIZE_U32 | FUTEX2_PRIVATE;
parentPort?.postMessage('ready');
parentPort?.postMessage(work());

function work(): unknown {
  if (task === 'Atomics.wait') return Atomics.wait(words, 0, 0, timeLimit);
  if (task === 'wait') return result((sqe) => futexWait(sqe, words, 0, FUTEX_BITSET_MATCH_ANY, PRIVATE));
  if (task === 'wait twice') {
    for (let n = 0; n < 2; n++) {
      futexWait(entry(), words, 0, FUTEX_BITSET_MATCH_ANY, PRIVATE);
      ring.stageSqe();
    }
    ring.submitAndWait(2, { timeout: timeLimit });
    return ring.cqReady();
  }
  if (task === 'waitv') {
    const waiters = new Uint8Array(3 * futex_waitv.size);
    for (let n = 0; n < 3; n++) {
      const waiter = { val: 0, uaddr: addressOf(words) + 4 * n, flags: PRIVATE };
      writeStruct(waiters, futex_waitv, waiter, n * futex_waitv.size);
    }
    return result((sqe) => futexWaitv(sqe, waiters, 3));
  }
  return takeTurns();
}

/** Counts the word on whenever it is this one's turn, and sleeps on it otherwise. */
function takeTurns(): { slept: number } {
  let slept = 0;
  for (let turn = 0; turn < turns; turn++) {
    for (let value = Atomics.load(words, 0); value % 2 !== me; value = Atomics.load(words, 0)) {
      const res = result((sqe) => futexWait(sqe, words, value, FUTEX_BITSET_MATCH_ANY, PRIVATE));
      assert.ok(res === 0 || res === -EAGAIN, `${res}`);
      if (res === 0) slept++;
    }
    assert.equal(Atomics.add(words, 0, 1), turn * 2 + me);
    const woken = result((sqe) => futexWake(sqe, words, 1, FUTEX_BITSET_MATCH_ANY, PRIVATE));
    assert.ok(woken === 0 || woken === 1, `${woken}`);
  }
  return { slept };
}

function result(encode: (sqe: Sqe) => void): number {
  encode(entry());
  ring.commitSqe();
  ring.submit();
  const cqe = ring.waitCqe({ timeout: timeLimit });
  assert.ok(cqe !== null, 'it was never woken');
  const { res } = cqe;
  ring.advanceCq();
  return res;
}

function entry(): Sqe {
  const sqe = ring.getSqe();
  assert.ok(sqe !== null);
  return sqe;
}
