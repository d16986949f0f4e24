/**
 * Waits that are not ended by a signal that was meant for somebody else.
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
