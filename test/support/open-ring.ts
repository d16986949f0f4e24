/**
 * A ring together with what its memory says: the raw head and tail words, beside what the ring says of them.
 */
import assert from 'node:assert/strict';
import { type IoUringOptions, IoUringState } from 'tsuring';
import type { Kernel } from 'tsuring/syscalls';
import { type Params, ProbeKernel, type ProbeOptions } from './probe-kernel.ts';
import { timeLimit } from './time-limit.ts';

/** The words of the rings as the kernel and we see them, unsigned. */
export interface RawWords {
  readonly sqHead: number;
  readonly sqTail: number;
  readonly cqHead: number;
  readonly cqTail: number;
}

export interface OpenRing extends Disposable {
  readonly ring: IoUringState;
  readonly probe: ProbeKernel;
  /** What the kernel filled in at setup. */
  readonly params: Params;
  raw(): RawWords;
  /** Asserts the queues' state: by the ring's methods and by the words in its memory. */
  expect(state: ExpectedState, message?: string): void;
}

/** Entries that were submitted and not consumed, and completions that were not acknowledged; the raw words if told. */
export interface ExpectedState extends Partial<RawWords> {
  readonly sq: number;
  readonly cq: number;
  /** Entries that are staged only: the ring counts them, the tail word does not. */
  readonly staged?: number;
}

/** Makes a ring over a watched kernel. Unlike the ring's own default, without SQPOLL. */
export function openRing(
  entries: number,
  { kernel, ...options }: IoUringOptions = {},
  hinder: ProbeOptions = {},
): OpenRing {
  const probe = new ProbeKernel(kernel === undefined ? hinder : { ...hinder, base: kernel as Kernel });
  const ring = new IoUringState(entries, { flags: 0, ...options, kernel: probe });
  const params = probe.params as Params;
  const raw = () => rawWords(ring, params);
  return {
    ring,
    probe,
    params,
    raw,
    expect: (state, message) => {
      settle(ring, raw, state);
      expectState(ring, raw(), state, message);
    },
    [Symbol.dispose]: () => ring.close(),
  };
}

/** The SQPOLL thread posts completions first and moves the SQ head then: it may be a moment behind. */
function settle(ring: IoUringState, raw: () => RawWords, { sq, staged = 0 }: ExpectedState): void {
  if (!ring.usesSqpoll) return;
  const end = performance.now() + timeLimit / 10;
  const pending = () => (raw().sqTail - raw().sqHead) >>> 0;
  while (pending() > sq - staged && performance.now() < end);
}

function rawWords(ring: IoUringState, params: Params): RawWords {
  const { sqRing, cqRing } = ring.memory;
  const word = (bytes: Uint8Array, offset: number) =>
    Atomics.load(new Int32Array(bytes.buffer, bytes.byteOffset + offset, 1), 0) >>> 0;
  return {
    sqHead: word(sqRing, params['sq_off.head']),
    sqTail: word(sqRing, params['sq_off.tail']),
    cqHead: word(cqRing, params['cq_off.head']),
    cqTail: word(cqRing, params['cq_off.tail']),
  };
}

function expectState(ring: IoUringState, raw: RawWords, state: ExpectedState, message = ''): void {
  const { sq, cq, staged = 0, ...words } = state;
  const seen = {
    sqReady: ring.sqReady(),
    sqSpaceLeft: ring.sqSpaceLeft(),
    cqReady: ring.cqReady(),
    sqWords: (raw.sqTail - raw.sqHead) >>> 0,
    cqWords: (raw.cqTail - raw.cqHead) >>> 0,
  };
  const wanted = {
    sqReady: sq,
    sqSpaceLeft: ring.sqEntries - sq,
    cqReady: cq,
    sqWords: sq - staged,
    cqWords: cq,
  };
  assert.deepEqual(seen, wanted, message);
  for (const [name, value] of Object.entries(words))
    assert.equal(raw[name as keyof RawWords], value, `${message} ${name}`);
}
