/**
 * Random mixes of operations, failures, aborts and closes: every promise settles once, every buffer holds what it should,
 * and every descriptor is closed in the end.
 */
import assert from 'node:assert/strict';
import { readdirSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { setImmediate as immediate } from 'node:timers/promises';
import { IoUring, nop } from 'tsuring';
import { times } from './support/effort.ts';
import { without } from './support/engine-test.ts';
import { type Scratch, scratch } from './support/live-scratch.ts';
import { randomBelow, seed } from './support/random.ts';

const SIZE = 65_536;

/** What can come of an operation that was aborted, timed out, or met the end of its ring. */
const ENDS = ['ABORT_ERR', 'ETIMEDOUT', 'ECANCELED', 'EBADF'];

class Mix {
  readonly ring: IoUring;
  settled = 0;
  started = 0;
  readonly #below: (limit: number) => number;
  readonly #here: Scratch;
  readonly #fd: number;
  readonly #controllers: AbortController[] = [];
  readonly #promises: Promise<void>[] = [];

  constructor(here: Scratch, below: (limit: number) => number, round: number) {
    const entries = [2, 8, 64, 256][below(4)];
    this.ring = new IoUring({
      entries,
      cqEntries: entries * (1 + below(2)),
      bufferCount: 4,
      bufferSize: 512,
    });
    this.#below = below;
    this.#here = here;
    // Each byte tells where it stands.
    const content = Buffer.from(Array.from({ length: SIZE }, (_, at) => (at * 31 + (at >> 8)) & 0xff));
    this.#fd = here.fileFd(`file ${round}`, content);
  }

  /** Starts something. */
  act(): void {
    const acts = [
      this.read,
      this.read,
      this.write,
      this.open,
      this.none,
      this.wait,
      this.chain,
      this.iterate,
      this.mistake,
    ];
    acts[this.#below(acts.length)].call(this);
    const below = this.#below;
    if (below(10) === 0) this.ring.flush();
    if (below(6) === 0) this.#controllers[below(this.#controllers.length || 1)]?.abort();
  }

  async over(): Promise<void> {
    for (const controller of this.#controllers) if (this.#below(2) === 0) controller.abort();
    // What is to be written yet needs its pipes.
    await immediate();
    await this.ring.close();
    await Promise.all(this.#promises);
    assert.equal(this.settled, this.started);
    const { inFlight, waiting, strays } = this.ring.stats();
    assert.deepEqual({ inFlight, waiting, strays }, { inFlight: 0, waiting: 0, strays: 0 });
  }

  read(): void {
    const length = 1 + this.#below(4096);
    const offset = this.#below(SIZE - length);
    const buffer = Buffer.alloc(length);
    this.#watch(this.ring.read(this.#fd, buffer, { offset, ...this.#limits() }), (count) => {
      assert.equal(count, length);
      for (let at = 0; at < length; at += 97)
        assert.equal(buffer[at], ((offset + at) * 31 + ((offset + at) >> 8)) & 0xff);
    });
  }

  write(): void {
    const name = `written ${this.started}`;
    const fd = this.#here.fileFd(name);
    const bytes = Buffer.from(name.repeat(1 + this.#below(50)));
    this.#watch(this.ring.write(fd, bytes, { offset: 0, ...this.#limits() }), async (count) => {
      assert.equal(count, bytes.length);
    });
  }

  open(): void {
    const { ring } = this;
    this.#watch(ring.openat(this.#here.at('none')), () => assert.fail('it is not there'), ['ENOENT']);
    this.#watch(ring.openat(this.#here.folder), async (fd) => {
      // The ring may be at its end by now.
      await ring.closeFd(fd).catch(() => this.#here.adopt(fd));
    });
  }

  none(): void {
    this.#watch(this.ring.run(nop), (res) => assert.equal(res, 0));
  }

  /** Waits for what may come. */
  wait(): void {
    const [out, into] = this.#here.pipe();
    const buffer = Buffer.alloc(4);
    this.#watch(this.ring.read(out, buffer, this.#limits()), (count) => {
      assert.deepEqual([count, buffer.toString()], [4, 'here']);
    });
    if (this.#below(2) === 0) setImmediate(() => writeSync(into, 'here'));
  }

  chain(): void {
    const [first, second] = [Buffer.alloc(64), Buffer.alloc(64)];
    const fails = this.#below(3) === 0;
    const chain = this.ring.chain(
      (link) => [
        link.read(this.#fd, first, { offset: 0 }),
        ...(fails ? [link.openat(this.#here.at('none'))] : []),
        link.read(this.#fd, second, { offset: 256 }),
      ],
      this.#limits(),
    );
    this.#watch<unknown>(
      chain,
      (results) => {
        assert.deepEqual(results, [64, 64]);
        assert.equal(second[0], (256 * 31 + 1) & 0xff);
      },
      fails ? ['ENOENT', 'ERR_OUT_OF_RANGE'] : ['ERR_OUT_OF_RANGE'],
    );
  }

  iterate(): void {
    const [out, into] = this.#here.pipe();
    const text = 'chunk '.repeat(this.#below(300));
    const iterate = async () => {
      let all = '';
      for await (const chunk of this.ring.readMultishot(out, { highWaterMark: 1 + this.#below(2000) })) {
        all += chunk;
        if (all.length >= text.length) break;
      }
      return all;
    };
    this.#watch(iterate(), (all) => assert.equal(all, text));
    if (text.length > 0) setImmediate(() => writeSync(into, text));
  }

  mistake(): void {
    this.#watch(
      this.ring.read(this.#fd, Buffer.alloc(4), { length: 5 }),
      () => assert.fail('it is too long'),
      ['ERR_OUT_OF_RANGE'],
    );
  }

  #limits(): { signal?: AbortSignal; timeout?: number } {
    const below = this.#below;
    if (below(3) !== 0) return {};
    if (below(2) === 0) return { timeout: below(5) };
    const controller = new AbortController();
    this.#controllers.push(controller);
    return { signal: controller.signal };
  }

  #watch<T>(
    promise: Promise<T>,
    then: (value: T) => void | Promise<void>,
    codes: readonly string[] = [],
  ): void {
    this.started++;
    const watched = promise.then(
      (value) => {
        this.settled++;
        return then(value);
      },
      (error: NodeJS.ErrnoException) => {
        this.settled++;
        assert.ok([...ENDS, ...codes].includes(error.code ?? ''), error);
      },
    );
    // Looked at in the end.
    watched.catch(() => {});
    this.#promises.push(watched);
  }
}

test(`random mixes, seed ${seed}`, without, async () => {
  const below = randomBelow();
  const fds = readdirSync('/proc/self/fd').length;
  for (let round = 0; round < times(60); round++) {
    using here = scratch();
    const mix = new Mix(here, below, round);
    const count = 10 + below(150);
    for (let n = 0; n < count; n++) {
      mix.act();
      if (below(8) === 0) await immediate();
    }
    await mix.over();
  }
  await immediate();
  assert.ok(readdirSync('/proc/self/fd').length <= fds + 2);
});
