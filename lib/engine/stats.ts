/** What an engine has done so far, as plain numbers. */
export interface EngineStats {
  /** Operations that were started. */
  readonly submitted: number;
  /** Those that are over. */
  readonly completed: number;
  /** Those that are with the kernel or about to be. */
  readonly inFlight: number;
  /** Those that wait for room in the queue. */
  readonly waiting: number;
  /** Calls of io_uring_enter. */
  readonly enters: number;
  /** Turns of the event loop that completions caused. */
  readonly wakeups: number;
  /** How often completions waited in the kernel because the completion queue was full. */
  readonly overflows: number;
  /** Submissions that followed each other, without a turn of the event loop in between or with one. */
  readonly inlineRounds: number;
  /** How often the event loop was given its turn for all the inline rounds. */
  readonly yields: number;
  /** Completions that belonged to no operation. */
  readonly strays: number;
}
