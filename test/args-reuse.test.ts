/**
 * Arguments that are made once: writing them anew allocates nothing, and retains nothing.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  allocatePages,
  EpollEvents,
  FutexWaiters,
  Iovecs,
  Msghdr,
  SockaddrRoom,
  scmRights,
  timespec,
  writeSockaddr,
  writeTimespec,
} from 'tsuring';
import { times } from './support/effort.ts';

/** With fewer the optimizer has not done its work. */
const ROUNDS = Math.max(10_000, times(100_000));
const WARMING = 5_000;
const PARTS = 10;
const ATTEMPTS = 40;

setFlagsFromString('--expose-gc');
const gc: () => void = runInNewContext('gc');

const address = { address: '10.1.2.3', port: 5000 };
const buffers = [new Uint8Array(64), new Uint8Array(4096), allocatePages(4096)];
const iovecs = new Iovecs(buffers);
const control = [scmRights([1, 2])];
const message = new Msghdr({ name: address, buffers: iovecs, control });
const futex = new Int32Array(new SharedArrayBuffer(4));
const waiters = new FutexWaiters([{ futex, value: 0 }]);
const events = new EpollEvents(4);
const room = new SockaddrRoom();
const time = timespec(1);
const bytes = new Uint8Array(128);
let sum = 0;

const reuses: Record<string, (n: number) => void> = {
  'Iovecs.set': (n) => iovecs.set(n % 3, buffers[n % 3], n % 32, 16),
  'Msghdr.setName': () => message.setName(address),
  'Msghdr.setControl': () => message.setControl(control),
  'Msghdr.setIovecs': (n) => message.setIovecs(iovecs, n % 3),
  'Msghdr.reset': () => message.reset(),
  'Msghdr’s fields': () => {
    sum += message.namelen + message.controllen + message.flags;
  },
  'FutexWaiters.set': (n) => waiters.set(0, futex, n),
  'FutexWaiters.setValue': (n) => waiters.setValue(0, n),
  'EpollEvents’ fields': (n) => {
    sum += events.events(n % 4) + Number(events.data(n % 4));
  },
  'SockaddrRoom.reset': () => room.reset(),
  writeTimespec: (n) => writeTimespec(time, n + 0.5),
  writeSockaddr: () => writeSockaddr(bytes, address),
};

for (const [name, reuse] of Object.entries(reuses))
  test(`${name}: many times without growth of the heap`, async () => {
    // Before the compiler is done with it, which it does in a thread of its own, numbers are boxed; and whatever else
    // runs may allocate once. What a call allocates by itself shows in every attempt.
    let best = grow(reuse);
    for (let attempt = 1; attempt < ATTEMPTS && !isNothing(best); attempt++) {
      await new Promise((resolve) => setTimeout(resolve, attempt));
      best = grow(reuse);
    }
    assert.ok(isNothing(best), `${best.allocated / ROUNDS} bytes each time, ${best.retained} bytes are kept`);
    assert.ok(Number.isSafeInteger(sum));
  });

interface Growth {
  readonly allocated: number;
  readonly retained: number;
}

function isNothing({ allocated, retained }: Growth): boolean {
  return allocated < ROUNDS && retained < ROUNDS / 10;
}

function grow(reuse: (n: number) => void): Growth {
  gc();
  const start = process.memoryUsage().heapUsed;
  // Optimized code that a collection has made void is made anew, and boxes numbers until then.
  for (let n = 0; n < WARMING; n++) reuse(n);
  let allocated = 0;
  // In parts: a collection in the midst of one hides what that one has allocated.
  for (let part = 0; part < PARTS; part++) {
    const used = process.memoryUsage().heapUsed;
    for (let n = 0; n < ROUNDS / PARTS; n++) reuse(n);
    allocated += Math.max(0, process.memoryUsage().heapUsed - used);
  }
  gc();
  return { allocated, retained: process.memoryUsage().heapUsed - start };
}
