/**
 * Messages of 64 bytes through a pair of sockets: received by one request for each, or by one that goes on and takes a
 * provided buffer for each.
 *
 * A batch of messages is sent at once, by the same ring and the same system call that waits for them.
 */
import {
  allocatePages,
  BufferRing,
  type Cqe,
  IoUringState,
  recv,
  recvMultishot,
  type SharedPages,
  send,
} from 'tsuring';
import {
  AF_UNIX,
  addressOf,
  IOSQE_BUFFER_SELECT,
  libc,
  SOCK_CLOEXEC,
  SOCK_STREAM,
  UringError,
} from 'tsuring/syscalls';
import { batches, free } from './batches.ts';
import type { Maker, Workload } from './measure.ts';

export type ReceiveName = 'recv' | 'recv_multishot';

export const receiveWorkloads: Readonly<Record<ReceiveName, Maker>> = {
  recv: singleShot,
  recv_multishot: multishot,
};

/** As in bench/peers/receive.c. */
const MESSAGE = 64;
const SAMPLE = 512;
const GROUP = 0;
/** User data of the send, and of the receive that goes on; that of the others is their number. */
const SENT = 1000;
const RECEIVED = 1001;

function singleShot(depth: number): Workload {
  const scene = new Scene(depth);
  const { ring, to } = scene;
  const pages = allocatePages(depth * MESSAGE);
  const { address } = pages;
  const bytes = pages.bytes();
  const see = (cqe: Cqe): void => {
    const n = cqe.userDataLow;
    if (n === SENT) scene.checkSent(cqe.res);
    else scene.check(cqe.res, bytes[n * MESSAGE]);
  };
  const batch = (): void => {
    scene.stageSend();
    for (let i = 0; i < depth; i++) {
      const sqe = free(ring.getSqe());
      recv(sqe, to, address + i * MESSAGE, MESSAGE);
      sqe.userData = i;
      ring.stageSqe();
    }
    scene.finish(see);
  };
  return { ...batches(batch, depth, SAMPLE), close: () => scene.close(), memory: [scene, pages] };
}

function multishot(depth: number): Workload {
  const scene = new Scene(depth);
  const { ring, to } = scene;
  const buffers = new BufferRing(ring, { group: GROUP, entries: 2 * depth, bufferSize: MESSAGE });
  const bytes = (buffers.pages as SharedPages).bytes();
  const sqe = free(ring.getSqe());
  recvMultishot(sqe, to);
  sqe.flags = IOSQE_BUFFER_SELECT;
  sqe.bufIndex = GROUP;
  sqe.userData = RECEIVED;
  ring.commitSqe();
  ring.submit();
  const see = (cqe: Cqe): void => {
    if (cqe.userDataLow === SENT) {
      scene.checkSent(cqe.res);
      return;
    }
    if (!cqe.more || buffers.take(cqe) !== 1) throw new Error(`The receive has ended: ${cqe.res}`);
    const id = cqe.bufferId;
    scene.check(cqe.res, bytes[id * MESSAGE]);
    buffers.recycle(id);
  };
  const batch = (): void => {
    scene.stageSend();
    scene.finish(see);
    buffers.publish();
  };
  const close = (): void => {
    buffers.close();
    scene.close();
  };
  return { ...batches(batch, depth, SAMPLE), close, memory: scene };
}

/** A ring, two sockets, and what is sent: `depth` messages, each beginning with its number. */
class Scene {
  readonly ring: IoUringState = new IoUringState(128, { flags: 0 });
  readonly to: number;
  readonly #from: number;
  readonly #depth: number;
  readonly #sent: SharedPages;
  readonly #address: number;
  #received = 0;

  constructor(depth: number) {
    [this.#from, this.to] = socketpair();
    this.#depth = depth;
    this.#sent = allocatePages(depth * MESSAGE);
    this.#address = this.#sent.address;
    const bytes = this.#sent.bytes();
    for (let i = 0; i < depth; i++) bytes[i * MESSAGE] = i;
  }

  stageSend(): void {
    const sqe = free(this.ring.getSqe());
    send(sqe, this.#from, this.#address, this.#depth * MESSAGE);
    sqe.userData = SENT;
    this.ring.stageSqe();
  }

  /** Submits, and sees the completions of the batch: the send's and one for each message. */
  finish(see: (cqe: Cqe) => void): void {
    this.#received = 0;
    this.ring.submitAndWait(this.#depth + 1);
    const seen = this.ring.forEachCqe(see);
    if (seen !== this.#depth + 1) throw new Error(`${seen} completions of ${this.#depth + 1}`);
  }

  checkSent(res: number): void {
    if (res !== this.#depth * MESSAGE) throw new Error(`res of the send is ${res}`);
  }

  /** The messages come in their order. */
  check(res: number, first: number): void {
    if (res !== MESSAGE || first !== this.#received++) throw new Error(`res is ${res}, message ${first}`);
  }

  close(): void {
    this.ring.close();
    libc().close(this.#from);
    libc().close(this.to);
  }
}

/** Two connected Unix sockets. */
function socketpair(): [number, number] {
  const fds = new Int32Array(2);
  const result = libc().syscall(NR_SOCKETPAIR, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, addressOf(fds), 0, 0);
  if (result < 0) throw new UringError(result, 'socketpair');
  return [fds[0], fds[1]];
}

const NR_SOCKETPAIR = process.arch === 'arm64' ? 199 : 53;
