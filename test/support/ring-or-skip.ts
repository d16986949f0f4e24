/**
 * A ring for a test that decides what it needs while it runs.
 */
import { type IoUringOptions, IoUringState } from 'tsuring';
import { lacksRing } from './needs.ts';

/** A ring of 64 entries; or null, and the test is skipped and says why. */
export function ringOrSkip(t: { skip(message: string): void }, options: IoUringOptions): IoUringState | null {
  const lacks = lacksRing('io_uring', options, 64);
  if (!lacks) return new IoUringState(64, options);
  t.skip(lacks);
  return null;
}
