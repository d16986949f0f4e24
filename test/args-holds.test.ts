/**
 * Whatever an argument refers to lives until the operation's completion is acknowledged, and no longer: nobody but the
 * ring holds the argument.
 */
import assert from 'node:assert/strict';
import { writeSync } from 'node:fs';
import {
  accept,
  FutexWaiters,
  futexWaitv,
  futexWake,
  Iovecs,
  Msghdr,
  provideBuffers,
  readScmRights,
  readv,
  recvmsg,
  recvmsgMultishot,
  SockaddrRoom,
  type Sqe,
  scmRights,
  sendmsg,
} from 'tsuring';
import {
  ENOBUFS,
  FUTEX2_SIZE_U32,
  IORING_CQE_F_MORE,
  IOSQE_BUFFER_SELECT,
  libc,
  MSG_CMSG_CLOEXEC,
  SOCK_DGRAM,
} from 'tsuring/syscalls';
import { collect, collectUntil } from './support/collect.ts';
import { live } from './support/live.ts';
import { does, next, starts } from './support/live-ring.ts';
import { lacksOpcode, lacksRing } from './support/needs.ts';
import { type OpenRing, openRing } from './support/open-ring.ts';
import { lacksRecvmsgMultishot } from './support/recvmsg-needs.ts';
import { fill, nameOf, receiveAll, Sockets, sendNow } from './support/sockets.ts';
import { timeLimit } from './support/time-limit.ts';
import { pipe } from './support/worker-pipes.ts';

type Refs<T extends readonly object[]> = { [K in keyof T]: WeakRef<T[K]> };

/** A ring for the operation that is looked at, and another one for those that make it complete. */
class Scene implements Disposable {
  readonly open: OpenRing = openRing(4);
  readonly other: OpenRing = openRing(4);
  readonly sockets: Sockets = new Sockets();

  /**
   * Starts an operation on things that `make` makes and nobody else knows; `finish` makes it complete, and `check`
   * looks at what they became.
   */
  async holds<const T extends readonly object[]>(
    expected: number,
    make: () => T,
    encode: (sqe: Sqe, things: NoInfer<T>) => void,
    finish: (refs: Refs<NoInfer<T>>) => void,
    check: (things: NoInfer<T>) => void,
  ): Promise<void> {
    const { ring } = this.open;
    const [userData, refs] = ((): [number, Refs<T>] => {
      const things = make();
      const started = starts(this.open, (sqe) => encode(sqe, things));
      return [started, things.map((thing) => new WeakRef(thing)) as Refs<T>];
    })();
    await held(refs, 'in flight');
    this.open.expect({ sq: 0, cq: 0 }, 'it waits');
    finish(refs);
    assert.ok(ring.waitCqe({ timeout: timeLimit }));
    await held(refs, 'completed');
    check(refs.map((ref) => ref.deref()) as unknown as T);
    assert.equal(next(this.open, userData).res, expected);
    await letGo(refs);
  }

  [Symbol.dispose](): void {
    this.open[Symbol.dispose]();
    this.other[Symbol.dispose]();
    this.sockets[Symbol.dispose]();
  }
}

const none = lacksRing('io_uring', {});
const bytesOf = (view: Uint8Array) => Buffer.from(view).toString();

live(['readv'], 'Iovecs and its buffers are held until the CQE', [none], async () => {
  using scene = new Scene();
  const pair = pipe().map((fd) => scene.sockets.keep(fd));
  await scene.holds(
    12,
    () => {
      const [first, second] = [Buffer.alloc(5), new Uint8Array(new SharedArrayBuffer(2000))];
      return [new Iovecs([first, second]), first, second];
    },
    (sqe, [iovecs]) => readv(sqe, pair[0], iovecs, iovecs.count, -1),
    () => writeSync(pair[1], 'hello, world'),
    ([, first, second]) => {
      assert.equal(bytesOf(first), 'hello');
      assert.equal(bytesOf(second.subarray(0, 8)), ', world\0');
    },
  );
});

live(['recvmsg', 'sendmsg'], 'Msghdr and all that it points at are held until the CQE', [none], async () => {
  using scene = new Scene();
  const [here, there] = scene.sockets.pair();
  await scene.holds(
    5,
    () => {
      const buffer = Buffer.alloc(2000);
      const iovecs = new Iovecs([buffer]);
      return [new Msghdr({ buffers: iovecs, control: 64 }), iovecs, buffer];
    },
    (sqe, [message]) => recvmsg(sqe, here, message, MSG_CMSG_CLOEXEC),
    () => {
      const sent = new Msghdr({ buffers: [Buffer.from('hello')], control: [scmRights([here])] });
      does(scene.other, 5, (sqe) => sendmsg(sqe, there, sent));
    },
    ([message, , buffer]) => {
      const fds = readScmRights(message.controlMessages());
      assert.equal(fds.length, 1);
      libc().close(fds[0]);
      assert.equal(bytesOf(buffer.subarray(0, 5)), 'hello');
    },
  );
});

live(['sendmsg'], 'what is sent, and its control data, are held while there is no room', [none], async () => {
  using scene = new Scene();
  const [here, there] = scene.sockets.pair();
  const filled = fill(there);
  await scene.holds(
    5,
    () => {
      const buffer = Buffer.from('hello');
      const iovecs = new Iovecs([buffer]);
      return [new Msghdr({ buffers: iovecs, control: [scmRights([here])] }), iovecs, buffer];
    },
    (sqe, [message]) => sendmsg(sqe, there, message),
    () => receiveAll(here, filled),
    ([, , buffer]) => assert.equal(bytesOf(buffer), 'hello'),
  );
  const into = Buffer.alloc(16);
  const message = new Msghdr({ buffers: [into], control: 64 });
  does(scene.other, 5, (sqe) => recvmsg(sqe, here, message, MSG_CMSG_CLOEXEC));
  const fds = readScmRights(message.controlMessages());
  assert.equal(fds.length, 1, 'the control data was right when its time came');
  libc().close(fds[0]);
  assert.equal(into.toString('utf8', 0, 5), 'hello');
});

live(
  ['recvmsgMultishot'],
  'Msghdr is held until the last CQE of a multishot recvmsg',
  [none, lacksRecvmsgMultishot()],
  async () => {
    using scene = new Scene();
    const { open, sockets } = scene;
    const [here, there] = sockets.pair(SOCK_DGRAM);
    const group = 3;
    const buffers = new Uint8Array(4 * 256);
    does(open, 0, (sqe) => provideBuffers(sqe, buffers, 256, 4, group, 0));
    const [userData, refs] = ((): [number, Refs<[Msghdr]>] => {
      const message = new Msghdr({ name: 128, control: 64 });
      const started = starts(open, (sqe) => {
        recvmsgMultishot(sqe, here, message);
        sqe.flags = IOSQE_BUFFER_SELECT;
        sqe.bufIndex = group;
      });
      return [started, [new WeakRef(message)]];
    })();
    for (let n = 0; n < 3; n++) {
      sendNow(there, `number ${n}`);
      const { res, flags } = next(open, userData);
      assert.equal(res, 16 + 128 + 64 + 8);
      assert.notEqual(flags & IORING_CQE_F_MORE, 0);
      await held(refs, `number ${n} acknowledged`);
    }
    // The last buffer is taken; that none is left shows with it on some kernels, with the next one on others.
    for (const text of ['number 3', 'number 4']) sendNow(there, text);
    const results: number[] = [];
    for (let more = true; more; ) {
      const cqe = open.ring.waitCqe({ timeout: timeLimit });
      assert.ok(cqe !== null);
      results.push(cqe.res);
      more = cqe.more;
      await held(refs, 'the next one stands ready');
      open.ring.advanceCq();
    }
    assert.deepEqual(results, [16 + 128 + 64 + 8, -ENOBUFS]);
    // Until here they are the kernel's, and nobody else's to keep.
    assert.ok(Buffer.from(buffers).includes('number 0'));
    await letGo(refs);
  },
);

live(
  ['futexWaitv', 'futexWake'],
  'FutexWaiters and its futexes are held until the CQE',
  [none, lacksOpcode('IORING_OP_FUTEX_WAITV')],
  async () => {
    using scene = new Scene();
    await scene.holds(
      1,
      () => {
        const futexes = [1, 2].map((value) => new Int32Array(new SharedArrayBuffer(4)).fill(value));
        const waiters = new FutexWaiters(futexes.map((futex, i) => ({ futex, value: i + 1 })));
        return [waiters, futexes[0], futexes[1]] as const;
      },
      (sqe, [waiters]) => futexWaitv(sqe, waiters, waiters.count),
      ([, , second]) => {
        const futex = second.deref() as Int32Array;
        does(scene.other, 1, (sqe) => futexWake(sqe, futex, 1, 1, FUTEX2_SIZE_U32));
      },
      ([, first, second]) => assert.deepEqual([first[0], second[0]], [1, 2]),
    );
  },
);

live(['accept'], 'SockaddrRoom is held until the CQE', [none], async () => {
  using scene = new Scene();
  const { sockets } = scene;
  const listener = sockets.listener();
  const [userData, ref] = ((): [number, WeakRef<SockaddrRoom>] => {
    const room = new SockaddrRoom();
    return [
      starts(scene.open, (sqe) => accept(sqe, listener.fd, room, room.addressLength)),
      new WeakRef(room),
    ];
  })();
  await collect();
  const client = sockets.client(listener);
  assert.ok(scene.open.ring.waitCqe({ timeout: timeLimit }));
  await held([ref], 'completed');
  assert.deepEqual(ref.deref()?.name, nameOf(client));
  sockets.keep(next(scene.open, userData).res);
  await letGo([ref]);
});

/** Collects, and asserts that everything is still there. */
async function held(refs: readonly WeakRef<object>[], when: string): Promise<void> {
  await collect();
  assert.deepEqual(
    refs.map((ref) => ref.deref() !== undefined),
    refs.map(() => true),
    when,
  );
}

async function letGo(refs: readonly WeakRef<object>[]): Promise<void> {
  const gone = await collectUntil(() => refs.every((ref) => ref.deref() === undefined));
  assert.ok(gone, 'nobody holds it when it is acknowledged');
}
