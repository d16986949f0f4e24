/**
 * Waits with a time limit: its arguments copied and checked by the kernel each time, or registered.
 */
import { IoUringState, nop } from 'tsuring';
import { IORING_SETUP_R_DISABLED } from 'tsuring/syscalls';
import { batches, free, reaper } from './batches.ts';
import type { Maker, Workload } from './measure.ts';

export type WaitName = 'nop_timeout' | 'nop_registered_wait' | 'wait_timeout' | 'wait_registered';

export const waitWorkloads: Readonly<Record<WaitName, Maker>> = {
  nop_timeout: () => nops(false),
  nop_registered_wait: () => nops(true),
  wait_timeout: () => waits(false),
  wait_registered: () => waits(true),
};

/** As in bench/peers/waits.c. */
const SAMPLE = { nop: 1024, wait: 128 };
const LIMIT_MS = 50;

/** One NOP at a time, waited for with a limit that is never reached. */
function nops(registered: boolean): Workload {
  const ring = openRing(registered, LIMIT_MS);
  const reap = reaper(ring, 0);
  const options = { timeout: LIMIT_MS };
  const wait = registered ? () => ring.submitAndWaitReg(1, 0) : () => ring.submitAndWait(1, options);
  const batch = (): void => {
    const sqe = free(ring.getSqe());
    nop(sqe);
    sqe.userData = 0;
    ring.stageSqe();
    wait();
    reap(1);
  };
  return { ...batches(batch, 1, SAMPLE.nop), close: () => ring.close() };
}

/** Waits for what does not come, without any time. */
function waits(registered: boolean): Workload {
  const ring = openRing(registered, 0);
  const options = { timeout: 0 };
  const wait = registered ? () => ring.submitAndWaitReg(1, 0) : () => ring.submitAndWait(1, options);
  const batch = (): void => {
    if (wait() !== 0 || ring.cqReady() !== 0) throw new Error('Something came');
  };
  return { ...batches(batch, 1, SAMPLE.wait), close: () => ring.close() };
}

function openRing(registered: boolean, timeout: number): IoUringState {
  if (!registered) return new IoUringState(128, { flags: 0 });
  const ring = new IoUringState(128, { flags: IORING_SETUP_R_DISABLED });
  ring.registerWaitRegion(1).set(0, { timeout });
  ring.enableRings();
  return ring;
}
