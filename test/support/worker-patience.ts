/**
 * Waits that are not ended by a signal that was meant for somebody else, nor by what passes.
 */

/** What `wait` gives, asked again for as long as it fails with EINTR. */
export function patiently<T>(wait: () => T): T {
  for (;;) {
    try {
      return wait();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINTR') throw error;
    }
  }
}

/** What `attempt` gives, tried again while the kernel still counts the locked memory of rings that are gone. */
export function whenUnlocked<T>(attempt: () => T): T {
  for (let left = 200; ; left--) {
    try {
      return attempt();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOMEM' || left === 0) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    }
  }
}
