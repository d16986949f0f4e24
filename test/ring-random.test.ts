/**
 * A model of the ring beside the real one, through thousands of random steps: whatever the order of the calls, the ring
 * does what the model says. The seed is in the test's name and in what an assertion says; SEED=… runs one again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Cqe, type IoUringState, nop, type Sqe } from 'tsuring';
import { IORING_NOP_INJECT_RESULT } from 'tsuring/syscalls';
import { times } from './support/effort.ts';
import { FakeKernel } from './support/fake-kernel.ts';
import { lacksInjectedResults } from './support/needs.ts';
import { type OpenRing, openRing } from './support/open-ring.ts';
import { plainKinds } from './support/ring-kinds.ts';
import { timeLimit } from './support/time-limit.ts';

const STEPS = Math.max(1000, times(4000));
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 32);
const without = lacksInjectedResults();

for (const { name, options, hinder, lacks } of plainKinds)
  test(`random steps, seed ${seed}: ${name}`, { skip: without || lacks, timeout: timeLimit }, () => {
    using open = openRing(8, { ...options, cqEntries: 8 }, hinder);
    walk(open, 0);
  });

for (const start of [0xffff_fe00, 0x7fff_fe00])
  test(`random steps from ${start.toString(16)}, seed ${seed}`, { timeout: timeLimit }, () => {
    using open = openRing(8, { cqEntries: 8, kernel: new FakeKernel({ start }) });
    walk(open, start);
  });

interface Entry {
  readonly userData: number;
  readonly res: number;
}

/** What the ring should hold. */
class Model {
  open: Entry | null = null;
  staged: Entry[] = [];
  published: Entry[] = [];
  /** Standing in the queue, and behind it in the kernel. */
  done: Entry[] = [];
  overflown: Entry[] = [];
  sqHead = 0;
  cqHead = 0;
  sqes = 0;

  get sqReady(): number {
    return this.staged.length + this.published.length;
  }

  publish(): void {
    this.published.push(...this.staged.splice(0));
  }

  /** The kernel takes everything, and completes it. */
  submit(): number {
    this.publish();
    const taken = this.published.splice(0);
    this.sqHead += taken.length;
    for (const entry of taken) {
      // Behind one that waits everyone waits.
      if (this.overflown.length > 0 || this.done.length === 8) this.overflown.push(entry);
      else this.done.push(entry);
    }
    return taken.length;
  }

  flush(): void {
    while (this.overflown.length > 0 && this.done.length < 8) this.done.push(this.overflown.shift()!);
  }

  /** Nothing stands: what is behind comes. */
  fetch(): void {
    if (this.done.length === 0) this.flush();
  }

  acknowledge(count: number): Entry[] {
    this.cqHead += count;
    return this.done.splice(0, count);
  }
}

function walk(open: OpenRing, start: number): void {
  const { ring } = open;
  const random = generator(seed);
  const model = new Model();
  const names = Object.keys(steps);
  const trail: string[] = [];
  try {
    for (let n = 0; n < STEPS; n++) {
      const name = names[random() % names.length];
      trail.push(name);
      steps[name](ring, model, random);
      open.expect({
        sq: model.sqReady,
        cq: model.done.length,
        staged: model.staged.length,
        sqHead: (start + model.sqHead) >>> 0,
        sqTail: (start + model.sqHead + model.published.length) >>> 0,
        cqHead: (start + model.cqHead) >>> 0,
      });
      assert.equal(ring.cqHasOverflow, model.overflown.length > 0);
      const { sqes, cqes } = ring.counts;
      assert.deepEqual([sqes, cqes], [model.sqes, model.cqHead]);
    }
  } catch (error) {
    (error as Error).message += `\nSEED=${seed}, the last steps: ${trail.slice(-12).join(', ')}`;
    throw error;
  }
  assert.ok(model.cqHead > STEPS / 10, 'a good part of the steps completed something');
}

type Step = (ring: IoUringState, model: Model, random: () => number) => void;

let lastUserData = 0;
const steps: Record<string, Step> = {
  getSqe(ring, model, random) {
    const sqe = ring.getSqe();
    if (model.open === null && model.sqReady === 8) {
      assert.equal(sqe, null);
      return;
    }
    assert.ok(sqe);
    if (model.open) assert.deepEqual([sqe.userData, sqe.len], [model.open.userData, model.open.res >>> 0]);
    else fill(sqe, model, random);
  },
  stage(ring, model) {
    if (model.open === null) {
      assert.throws(() => ring.stageSqe(), { code: 'ERR_INVALID_STATE' });
      return;
    }
    ring.stageSqe();
    model.staged.push(model.open);
    model.open = null;
    model.sqes++;
  },
  commit(ring, model) {
    if (model.open === null) {
      assert.throws(() => ring.commitSqe(), { code: 'ERR_INVALID_STATE' });
      return;
    }
    ring.commitSqe();
    model.staged.push(model.open);
    model.open = null;
    model.sqes++;
    model.publish();
  },
  flush(ring, model) {
    ring.flush();
    model.publish();
  },
  fillSome(ring, model, random) {
    for (let n = random() % 6; n > 0; n--) {
      steps.getSqe(ring, model, random);
      if (model.open !== null) steps.stage(ring, model, random);
    }
  },
  submit(ring, model) {
    assert.equal(ring.submit(), model.submit());
  },
  submitAndWait(ring, model) {
    const taken = model.submit();
    const count = Math.min(8, model.done.length + model.overflown.length);
    const waits = model.done.length < count;
    assert.equal(ring.submitAndWait(count), taken);
    if (waits || deferred(ring)) model.flush();
  },
  submitAndGetEvents(ring, model) {
    assert.equal(ring.submitAndGetEvents(), model.submit());
    model.flush();
  },
  getEvents(ring, model) {
    ring.getEvents();
    model.flush();
  },
  peek(ring, model) {
    const cqe = ring.peekCqe();
    model.fetch();
    same(cqe, model.done[0]);
  },
  advance(ring, model, random) {
    const count = Math.min(random() % 4, model.done.length);
    ring.advanceCq(count);
    model.acknowledge(count);
  },
  advanceTooFar(ring, model) {
    assert.throws(() => ring.advanceCq(model.done.length + 1), { code: 'ERR_OUT_OF_RANGE' });
  },
  peekAndAdvance(ring, model, random) {
    for (let n = random() % 12; n > 0; n--) {
      const cqe = ring.peekCqe();
      model.fetch();
      same(cqe, model.done[0]);
      if (cqe === null) return;
      ring.advanceCq();
      model.acknowledge(1);
    }
  },
  waitCqe(ring, model) {
    const cqe = ring.waitCqe({ timeout: 0 });
    model.fetch();
    same(cqe, model.done[0]);
  },
  forEach(ring, model) {
    model.fetch();
    const wanted = model.acknowledge(model.done.length);
    let n = 0;
    const count = ring.forEachCqe((cqe) => same(cqe, wanted[n++]));
    assert.deepEqual([n, count], [wanted.length, wanted.length]);
  },
  forEachThatThrows(ring, model, random) {
    model.fetch();
    if (model.done.length === 0) return;
    const wanted = model.acknowledge(1 + (random() % model.done.length));
    let n = 0;
    const stop = () =>
      ring.forEachCqe((cqe) => {
        same(cqe, wanted[n++]);
        if (n === wanted.length) throw new Error('stop');
      });
    // What was counted is what was acknowledged.
    assert.throws(stop, /stop/);
  },
};

function fill(sqe: Sqe, model: Model, random: () => number): void {
  const words = Array.from(sqe.words.subarray(sqe.at, sqe.at + 16));
  assert.deepEqual(words, new Array(16).fill(0));
  const entry = { userData: ++lastUserData, res: (random() << 15) | random() };
  nop(sqe);
  sqe.userData = entry.userData;
  sqe.len = entry.res;
  sqe.opFlags = IORING_NOP_INJECT_RESULT;
  model.open = entry;
}

function same(cqe: Cqe | null, entry: Entry | undefined): void {
  assert.deepEqual(cqe && { userData: cqe.userData, res: cqe.res }, entry ?? null);
}

/** Whether every submitAndWait asks for events. */
function deferred(ring: IoUringState): boolean {
  return (ring.setupFlags & 0x2100) !== 0;
}

/** Numbers of 0 to 65,535 that look random, by their seed. */
function generator(from: number): () => number {
  let state = from >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 16;
  };
}
