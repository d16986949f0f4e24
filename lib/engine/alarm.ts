/**
 * While the engine rests, completions of its ring turn the event loop: by an eventfd that is signalled only then.
 */

import { IORING_SETUP_DEFER_TASKRUN } from '../../syscalls/constants/setup.ts';
import type { IoUringState } from '../state.ts';
import { clearInterval, setInterval } from '../timers.ts';
import { inRootContext } from './root-context.ts';
import { Waker } from './waker.ts';

export class Alarm {
  readonly #ring: IoUringState;
  readonly #waker: Waker;
  readonly #deferred: boolean;
  readonly #wake: () => void;
  #armed = false;
  #referenced = false;
  #watch: NodeJS.Timeout | null = null;
  /** Rounds of the watch in which nobody rested, or in which work stood and nobody was woken. */
  #idle = 0;
  #unheard = 0;
  /** Whether the kernel was seen to keep a signal to itself. */
  #deaf = false;

  /**
   * Calls `wake` from the event loop when, while it is armed, something happens on the ring.
   * @throws UringError as Waker, EOPNOTSUPP before Linux 5.8.
   */
  constructor(ring: IoUringState, wake: () => void) {
    this.#ring = ring;
    this.#wake = wake;
    this.#deferred = (ring.setupFlags & IORING_SETUP_DEFER_TASKRUN) !== 0;
    this.#waker = inRootContext(() => new Waker(wake));
    try {
      ring.registerEventfd(this.#waker.fd);
      ring.cqEventfdToggle(false);
    } catch (error) {
      this.#waker.close();
      throw error;
    }
  }

  /**
   * From now on what happens wakes the event loop. True when something has happened already, which did not: then look
   * again soon.
   */
  arm(): boolean {
    if (!this.#armed) {
      this.#armed = true;
      if (this.#deaf) {
        this.#ring.unregisterEventfd();
        this.#ring.registerEventfd(this.#waker.fd);
      }
      this.#ring.cqEventfdToggle(true);
      this.#idle = 0;
      this.#unheard = 0;
      if (this.#deferred) this.#watch ??= inRootContext(() => setInterval(this.#look, WATCH_MS).unref());
    }
    // In this order: the kernel posts, or says that it has work, and then looks whether it shall signal.
    return this.#ring.cqReady() > 0 || this.#ring.cqNeedsEnter;
  }

  /** What happens wakes nobody: we look ourselves. */
  disarm(): void {
    if (!this.#armed) return;
    this.#armed = false;
    this.#ring.cqEventfdToggle(false);
  }

  /** Whether it keeps the process alive. */
  keep(alive: boolean): void {
    if (alive === this.#referenced) return;
    this.#referenced = alive;
    if (alive) this.#waker.ref();
    else this.#waker.unref();
  }

  close(): void {
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#watch = null;
    this.#waker.close();
  }

  /**
   * With deferred task work Linux (seen with 6.18) signals once and never again after an operation was woken by an eventfd
   * itself: there it must put the signal off, and does not forget that it has. To register the eventfd anew makes it forget
   * (which before Linux 5.17 would wait for all requests in flight; these kernels do not defer).
   */
  readonly #look = (): void => {
    if (!this.#armed) {
      // When that goes on, nobody needs to be watched over.
      if (++this.#idle < MOST_IDLE) return;
      clearInterval(this.#watch!);
      this.#watch = null;
    } else if (this.#ring.cqReady() > 0 || this.#ring.cqNeedsEnter) {
      // The first time the event loop may only not have come to the signal yet: timers come before it.
      if (++this.#unheard < 2) return;
      this.#deaf = true;
      this.#wake();
    }
  };
}

const WATCH_MS = 50;
const MOST_IDLE = 20;
