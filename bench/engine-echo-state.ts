/**
 * A server of the echo on a ring driven by hand, without the event loop: multishot operations that take buffers of a group,
 * which are sent back from where they lie.
 */
import {
  BufferRing,
  type Cqe,
  IoUringState,
  multishotAccept,
  read,
  recvMultishot,
  type Sqe,
  send,
} from 'tsuring';
import {
  addressOf,
  ENOBUFS,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SUBMIT_ALL,
  IOSQE_BUFFER_SELECT,
  libc,
} from 'tsuring/syscalls';
import { free } from './batches.ts';
import { listenAnywhere, sayPort, sayUsage } from './engine-echo-control.ts';

const FLAGS = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
const GROUP = 0;
const BUFFERS = 512;
const SIZE = 4096;

/** User data: which of these in the two highest bits, then 10 bits for a buffer, 20 for a connection. */
const ACCEPT = 0;
const RECEIVE = 1;
const SEND = 2;
const CONTROL = 3;

const ring = new IoUringState(1024, { flags: FLAGS, cqEntries: 4096 });
const buffers = new BufferRing(ring, { group: GROUP, entries: BUFFERS, bufferSize: SIZE });
const address = buffers.pages!.address;
const control = Buffer.allocUnsafeSlow(64);
const controlAddress = addressOf(control);
const { fd: listener, port } = listenAnywhere();

function stage(sqe: Sqe, kind: number, id: number, fd: number): void {
  sqe.userData = ((kind << 30) | (id << 20) | fd) >>> 0;
  ring.stageSqe();
}

function stageAccept(): void {
  const sqe = free(ring.getSqe());
  multishotAccept(sqe, listener);
  stage(sqe, ACCEPT, 0, 0);
}

function stageReceive(fd: number): void {
  const sqe = free(ring.getSqe());
  recvMultishot(sqe, fd);
  sqe.flags = IOSQE_BUFFER_SELECT;
  sqe.bufIndex = GROUP;
  stage(sqe, RECEIVE, 0, fd);
}

/** Whoever sends waits for the answer, so that it always finds room, and nothing overtakes it. */
function stageSend(fd: number, id: number, length: number): void {
  const sqe = free(ring.getSqe());
  send(sqe, fd, address + id * SIZE, length);
  stage(sqe, SEND, id, fd);
}

function stageControl(): void {
  const sqe = free(ring.getSqe());
  read(sqe, 0, controlAddress, control.length, -1);
  stage(sqe, CONTROL, 0, 0);
}

function received(fd: number, cqe: Cqe): void {
  const { res, more } = cqe;
  if (res > 0) {
    buffers.take(cqe);
    stageSend(fd, cqe.bufferId, res);
    if (!more) stageReceive(fd);
  } else if (res === -ENOBUFS) stageReceive(fd);
  else libc().close(fd);
}

function controlled(res: number): void {
  if (res <= 0) process.exit(0);
  sayUsage(res);
  stageControl();
}

function see(cqe: Cqe): void {
  const { userDataLow, res } = cqe;
  const kind = userDataLow >>> 30;
  if (kind === RECEIVE) received(userDataLow & 0xf_ffff, cqe);
  else if (kind === SEND) buffers.recycle((userDataLow >>> 20) & 0x3ff);
  else if (kind === CONTROL) controlled(res);
  else {
    if (res < 0) throw new Error(`accept: ${res}`);
    stageReceive(res);
    if (!cqe.more) stageAccept();
  }
}

stageAccept();
stageControl();
sayPort(port);
const limit = { timeout: 1000 };
for (;;) {
  ring.submitAndWait(1, limit);
  ring.forEachCqe(see);
  buffers.publish();
}
