/**
 * Patience with locked memory: the kernel gives it back some time after a ring is closed, so rings made and buffers
 * registered in a hurry can meet ENOMEM for want of what is already theirs again.
 */

/**
 * Calls `attempt`, and again while `lacksMemory` says that its result is ENOMEM, for as long as that was seen to take
 * and some more: a quarter of a second in all. Gives the last result.
 */
export function retryLocked<T>(attempt: () => T, lacksMemory: (result: T) => boolean): T {
  let result = attempt();
  for (let pause = 1; lacksMemory(result) && pause <= LONGEST_PAUSE_MS; pause *= 2) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause);
    result = attempt();
  }
  return result;
}

const LONGEST_PAUSE_MS = 128;
