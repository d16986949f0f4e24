/**
 * A thread that has a ring of another one. What it does is the message's `role`.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { allocatePages, type Cqe, IoUringState, nop, read, type SharedRing } from 'tsuring';
import { IORING_ENTER_GETEVENTS, UringError } from 'tsuring/syscalls';

export interface ShareTask {
  readonly role: 'reap' | 'submit' | 'hold' | 'refused' | 'stale' | 'hang';
  readonly ring: SharedRing;
  /** How many completions, or operations. */
  readonly count: number;
  /** The time after which something is wrong, in milliseconds. */
  readonly limit: number;
}

const { role, ring: shared, count, limit }: ShareTask = workerData;
const say = (message: unknown): void => parentPort!.postMessage(message);

const roles: Record<ShareTask['role'], () => void> = { reap, submit, hold, refused, stale, hang };
roles[role]();

/** Sees every completion, each user data once; keeps the ring until it is told. */
function reap(): void {
  const ring = new IoUringState(shared);
  const seen = new Uint8Array(count);
  let total = 0;
  let wrong = 0;
  const see = (cqe: Cqe): void => {
    total++;
    if (cqe.res !== 0 || seen[cqe.userDataLow]++ !== 0) wrong++;
  };
  const end = performance.now() + limit;
  while (total < count && performance.now() < end)
    if (ring.forEachCqe(see) === 0) ring.waitCqe({ timeout: 10 });
  const left = ring.cqReady();
  ring.close();
  say({ total, wrong, left });
}

/** Submits NOPs, numbered, whenever there is room. */
function submit(): void {
  const ring = new IoUringState(shared);
  let next = 0;
  while (next < count) {
    const sqe = ring.getSqe();
    if (sqe === null) {
      ring.submit();
      if (ring.usesSqpoll) ring.sqringWait();
      continue;
    }
    nop(sqe);
    sqe.userData = next++;
    ring.stageSqe();
    if (next % 64 === 0) ring.submit();
  }
  ring.submit();
  say({ submitted: next });
  // The queue must be taken before the last handle may go.
  const end = performance.now() + limit;
  while (ring.sqReady() > 0 && performance.now() < end) ring.wakeSqpoll();
  ring.close();
}

/** Has the ring until it is told to close it. */
function hold(): void {
  const ring = new IoUringState(shared);
  say({ kind: ring.memory.kind, sqEntries: ring.sqEntries, flags: ring.setupFlags });
  parentPort!.once('message', () => {
    // It works although its maker has closed it.
    const sqe = ring.getSqe()!;
    nop(sqe);
    sqe.userData = 77;
    ring.commitSqe();
    ring.submitAndWait(1, { timeout: limit });
    const userData = ring.peekCqe()?.userData;
    const { fd } = ring;
    ring.close();
    say({ userData, fd });
  });
}

/** What the kernel refuses another thread. */
function refused(): void {
  const ring = new IoUringState(shared);
  const codes = [
    () => ring.enter(0, 0, IORING_ENTER_GETEVENTS),
    () => ring.registerFiles([0]),
    () => ring.resizeRings(64),
    () => ring.closeRingFd(),
  ].map(codeOf);
  say({ codes, standing: ring.cqReady(), userData: ring.peekCqe()?.userData });
  ring.close();
}

/** A handle of a ring that is closed. */
function stale(): void {
  say({ code: codeOf(() => new IoUringState(shared)) });
}

/** Is terminated with the ring open and an operation in flight. */
function hang(): void {
  const ring = new IoUringState(shared);
  const pages = allocatePages(4096);
  const sqe = ring.getSqe()!;
  read(sqe, count, pages, 1, -1);
  sqe.userData = 5;
  ring.commitSqe();
  ring.submit();
  say('ready');
  parentPort!.once('message', () => ring.close());
}

function codeOf(call: () => unknown): string {
  try {
    call();
    return 'nothing';
  } catch (error) {
    if (error instanceof UringError && !/thread|closed/.test(error.fix)) return `${error.code}: ${error.fix}`;
    return (error as { code: string }).code;
  }
}
