/**
 * Commands to files: what is queued at a socket, its options, its names, when it sent; and to a file that takes none.
 */
import assert from 'node:assert/strict';
import { cmdGetsockname, cmdSock, parseSockaddr, uringCmd } from 'tsuring';
import {
  AF_INET,
  AF_UNIX,
  EBADF,
  EFAULT,
  EINVAL,
  ENOPROTOOPT,
  ENOTCONN,
  EOPNOTSUPP,
  IORING_CQE_F_TSTAMP_HW,
  IORING_SETUP_CQE_MIXED,
  IORING_SETUP_CQE32,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_TIMESTAMP_TYPE_SHIFT,
  libc,
  O_CLOEXEC,
  SO_DOMAIN,
  SO_RCVBUF,
  SO_REUSEADDR,
  SO_TIMESTAMPING,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOCKET_URING_OP_GETSOCKOPT,
  SOCKET_URING_OP_SETSOCKOPT,
  SOCKET_URING_OP_SIOCINQ,
  SOCKET_URING_OP_SIOCOUTQ,
  SOCKET_URING_OP_TX_TIMESTAMP,
  SOL_SOCKET,
  SOL_TCP,
  TCP_NODELAY,
} from 'tsuring/syscalls';
import { live } from './support/live.ts';
import { lacksOpcode, lacksRing } from './support/needs.ts';
import { fill, option, receive, sendNow, setOption } from './support/sockets.ts';
import { lacksWith, liveOnRings, MORE, Scene } from './support/sockets-ring.ts';
import { timeLimit } from './support/time-limit.ts';

const lacksCommand = lacksOpcode('IORING_OP_URING_CMD');
const lacksQueued = lacksOf('commands to sockets (Linux 6.7)', SOCKET_URING_OP_SIOCINQ);
const lacksOptions = lacksOf('SOCKET_URING_OP_SETSOCKOPT (Linux 6.7)', SOCKET_URING_OP_SETSOCKOPT);
const lacksTimestamps = lacksOf('SOCKET_URING_OP_TX_TIMESTAMP (Linux 6.17)', SOCKET_URING_OP_TX_TIMESTAMP);
const lacksNames = lacksGetsockname();

/** The number of bytes that wait at one side of a socket. */
function queued(scene: Scene, command: number, fd: number): number {
  return scene.once((sqe) => cmdSock(sqe, command, fd, 0, 0, 0, 0));
}

liveOnRings(['cmdSock'], 'SOCKET_URING_OP_SIOCINQ: what waits to be received', [lacksQueued], (scene) => {
  const { sockets } = scene;
  const incoming = (fd: number) => queued(scene, SOCKET_URING_OP_SIOCINQ, fd);
  const [a, b] = sockets.tcp();
  assert.equal(incoming(b), 0);
  sendNow(a, 'hello');
  receive(b, 2);
  assert.equal(incoming(b), 3);
  const to = sockets.bound(SOCK_DGRAM);
  const from = sockets.socket(AF_INET, SOCK_DGRAM);
  sendNow(from, 'a datagram', to);
  sendNow(from, 'another one', to);
  assert.equal(incoming(to.fd), 10, 'of the next datagram');
  assert.equal(incoming(sockets.listener().fd), -EINVAL, 'it listens');
  assert.equal(incoming(sockets.pair()[0]), -EOPNOTSUPP, 'a Unix socket');
  assert.equal(incoming(0x7fff_fff0), -EBADF);
});

liveOnRings(['cmdSock'], 'SOCKET_URING_OP_SIOCOUTQ: what was not acknowledged', [lacksQueued], (scene) => {
  const { sockets } = scene;
  const [a, b] = sockets.tcp();
  const outgoing = () => queued(scene, SOCKET_URING_OP_SIOCOUTQ, a);
  assert.equal(outgoing(), 0);
  const sent = fill(a);
  const out = outgoing();
  const arrived = queued(scene, SOCKET_URING_OP_SIOCINQ, b);
  assert(out > 0 && out <= sent, `${out} of ${sent}`);
  assert(arrived > 0 && out + arrived >= sent, `${out} and ${arrived} of ${sent}`);
  assert.equal(queued(scene, SOCKET_URING_OP_SIOCOUTQ, sockets.listener().fd), -EINVAL, 'it listens');
});

liveOnRings(['cmdSock'], 'SOCKET_URING_OP_GETSOCKOPT reads an option', [lacksOptions], (scene) => {
  const { sockets } = scene;
  const fd = sockets.socket(AF_INET, SOCK_DGRAM);
  const get = (level: number, name: number, value: Uint8Array | number, length: number) =>
    scene.once((sqe) => cmdSock(sqe, SOCKET_URING_OP_GETSOCKOPT, fd, level, name, value, length));
  const value = new Uint8Array(8).fill(0xee);
  assert.equal(get(SOL_SOCKET, SO_TYPE, value, 8), 4, 'the length of the value');
  assert.deepEqual([...value], [SOCK_DGRAM, 0, 0, 0, 0xee, 0xee, 0xee, 0xee]);
  assert.equal(get(SOL_SOCKET, SO_DOMAIN, value, 1), 1, 'what there is room for');
  assert.deepEqual([...value.subarray(0, 2)], [AF_INET, 0]);
  assert.equal(get(SOL_TCP, TCP_NODELAY, value, 4), -EOPNOTSUPP, 'another level');
  assert.equal(get(SOL_SOCKET, 9999, value, 4), -ENOPROTOOPT);
  assert.equal(get(SOL_SOCKET, SO_TYPE, 1, 4), -EFAULT, 'no memory there');
});

liveOnRings(
  ['cmdSock'],
  'SOCKET_URING_OP_SETSOCKOPT sets an option of any level',
  [lacksOptions],
  (scene) => {
    const fd = scene.sockets.socket(AF_INET, SOCK_STREAM);
    const set = (level: number, name: number, value: Int32Array | number, length = 4) =>
      scene.once((sqe) => cmdSock(sqe, SOCKET_URING_OP_SETSOCKOPT, fd, level, name, value, length));
    for (const [level, name] of [
      [SOL_SOCKET, SO_REUSEADDR],
      [SOL_TCP, TCP_NODELAY],
    ]) {
      assert.equal(option(fd, level, name), 0);
      assert.equal(set(level, name, Int32Array.of(1)), 0);
      assert.equal(option(fd, level, name), 1);
    }
    assert.equal(set(SOL_SOCKET, SO_RCVBUF, Int32Array.of(10_000)), 0);
    assert.equal(option(fd, SOL_SOCKET, SO_RCVBUF), 20_000, 'the kernel doubles it');
    assert.equal(set(SOL_SOCKET, 9999, Int32Array.of(1)), -ENOPROTOOPT);
    assert.equal(set(SOL_SOCKET, SO_REUSEADDR, Int32Array.of(1), 2), -EINVAL, 'half a value');
    assert.equal(set(SOL_SOCKET, SO_REUSEADDR, 1), -EFAULT, 'no memory there');
  },
);

liveOnRings(['cmdGetsockname'], 'cmdGetsockname: the own name and the peer’s', [lacksNames], (scene) => {
  const { sockets } = scene;
  const listener = sockets.listener();
  const client = sockets.client(listener);
  const server = sockets.accept(listener);
  const address = new Uint8Array(128);
  const length = Uint32Array.of(128);
  const name = (fd: number, peer: number) => {
    length[0] = 128;
    scene.gives((sqe) => cmdGetsockname(sqe, fd, address, length, peer), 0);
    return parseSockaddr(address, length[0]);
  };
  assert.deepEqual(name(server, 0), listener.address);
  assert.deepEqual(name(client, 1), listener.address);
  assert.deepEqual(name(server, 1), sockets.named(client).address);
  assert.equal(length[0], 16);
  scene.gives((sqe) => cmdGetsockname(sqe, listener.fd, address, length, 1), -ENOTCONN);
  scene.gives((sqe) => cmdGetsockname(sqe, listener.fd, address, length, 2), -EINVAL);
});

liveOnRings(['uringCmd'], 'uringCmd on files without commands', [lacksCommand], (scene) => {
  const { sockets } = scene;
  const event = sockets.keep(libc().eventfd(0, O_CLOEXEC));
  scene.gives((sqe) => uringCmd(sqe, 0, event), -EOPNOTSUPP);
  const unix = sockets.socket(AF_UNIX);
  scene.gives((sqe) => uringCmd(sqe, 0, unix), -EOPNOTSUPP, 'its protocol has none');
  const unknown = sockets.socket(AF_INET);
  scene.gives((sqe) => uringCmd(sqe, 0x7fff, unknown), -EOPNOTSUPP, 'no such command');
});

liveOnRings(
  ['uringCmd'],
  'uringCmd: /dev/null takes any command',
  [lacksWith('commands to /dev/null (Linux 6.0)', 'IORING_OP_SEND_ZC')],
  (scene) => scene.gives((sqe) => uringCmd(sqe, 0xffff_ffff, scene.sockets.file()), 0),
);

liveOnRings(
  ['cmdSock'],
  'SOCKET_URING_OP_TX_TIMESTAMP needs completions of 32 bytes',
  [lacksTimestamps],
  (scene) => {
    const fd = scene.sockets.socket(AF_INET, SOCK_DGRAM);
    assert.equal(queued(scene, SOCKET_URING_OP_TX_TIMESTAMP, fd), -EINVAL);
  },
);

const wide: Record<string, number> = {
  CQE32: IORING_SETUP_CQE32,
  'CQE32, DEFER_TASKRUN': IORING_SETUP_CQE32 | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
  CQE_MIXED: IORING_SETUP_CQE_MIXED,
};

for (const [kind, flags] of Object.entries(wide))
  live(
    ['cmdSock', 'cancel'],
    `SOCKET_URING_OP_TX_TIMESTAMP tells when a datagram was sent, again and again (${kind})`,
    [lacksTimestamps, lacksRing(kind, { flags })],
    () => timestamps(flags),
  );

/** Of linux/net_tstamp.h: by software, when sent and when queued, with a number for each and without its bytes. */
const SOF_TIMESTAMPING = (1 << 1) | (1 << 4) | (1 << 7) | (1 << 8) | (1 << 11);
const SCM_TSTAMP_SND = 0;
const SCM_TSTAMP_SCHED = 1;

function timestamps(flags: number): void {
  using scene = new Scene(flags);
  const { ring, sockets } = scene;
  const to = sockets.bound(SOCK_DGRAM);
  const from = sockets.socket(AF_INET, SOCK_DGRAM);
  setOption(from, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING);
  const watching = scene.start((sqe) => cmdSock(sqe, SOCKET_URING_OP_TX_TIMESTAMP, from, 0, 0, 0, 0));
  for (const key of [0, 1, 2]) {
    scene.idle();
    sendNow(from, 'a datagram', to);
    const times = new Map<number, bigint>();
    while (times.size < 2) {
      const cqe = ring.waitCqe({ timeout: timeLimit });
      assert(cqe !== null);
      assert.equal(cqe.userData, watching);
      assert.equal(cqe.res, key, 'the number of the datagram');
      assert.equal(cqe.is32, (flags & IORING_SETUP_CQE_MIXED) !== 0);
      assert.equal(cqe.flags & (MORE | IORING_CQE_F_TSTAMP_HW), MORE);
      const [seconds, nanoseconds] = cqe.bigCqe;
      assert(nanoseconds < 1_000_000_000n);
      times.set(cqe.flags >>> IORING_TIMESTAMP_TYPE_SHIFT, seconds * 1_000_000_000n + nanoseconds);
      ring.advanceCq();
    }
    const [queuedAt, sentAt] = [times.get(SCM_TSTAMP_SCHED), times.get(SCM_TSTAMP_SND)];
    assert(queuedAt !== undefined && sentAt !== undefined && queuedAt <= sentAt);
    assert(Math.abs(Number(sentAt / 1_000_000n) - Date.now()) < 3_600_000, 'a moment of these days');
    assert.equal(receive(to.fd).toString(), 'a datagram');
  }
  scene.stop(watching);
}

/** For a command to a socket. What it is asked for here is nonsense, which only a kernel that knows it says. */
function lacksOf(what: string, command: number): string | false {
  if (lacksCommand) return lacksCommand;
  using scene = new Scene(0);
  const fd = scene.sockets.socket(AF_INET, SOCK_DGRAM);
  return queued(scene, command, fd) === -EOPNOTSUPP && `needs ${what}`;
}

function lacksGetsockname(): string | false {
  if (lacksCommand) return lacksCommand;
  using scene = new Scene(0);
  const { fd } = scene.sockets.bound(SOCK_DGRAM);
  const res = scene.once((sqe) => cmdGetsockname(sqe, fd, new Uint8Array(128), Uint32Array.of(128)));
  return res === -EOPNOTSUPP && 'needs SOCKET_URING_OP_GETSOCKNAME (Linux 6.19)';
}
