/**
 * Tests of the engine that have a ring of their own, and a place that goes with it.
 */
import { test } from 'node:test';
import { IoUring } from 'tsuring';
import { lacksRing } from './needs.ts';
import { timeLimit } from './time-limit.ts';

/** Without what the engine needs at all. */
export const without: { readonly skip: string | false; readonly timeout: number } = {
  skip: lacksRing('io_uring', {}),
  timeout: timeLimit,
};

/** A test with a ring, and with what `place` makes, such as `scratch`; the ring is closed before that is given up. */
export type EngineTest<P> = (
  name: string,
  /** A result of support/needs.ts. */
  skip: string | false,
  body: (ring: IoUring, place: P) => Promise<void>,
) => void;

export function engineTests<P extends Disposable>(place: () => P): EngineTest<P> {
  return (name, skip, body) => {
    test(name, { ...without, skip: without.skip || skip }, async () => {
      using here = place();
      const ring = new IoUring();
      try {
        await body(ring, here);
      } finally {
        await ring.close();
      }
    });
  };
}
