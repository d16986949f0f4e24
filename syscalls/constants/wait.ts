// Waiting for children: IORING_OP_WAITID. Source: waitid(2).

/** Any child. */
export const P_ALL = 0;
/** The child with this process ID. */
export const P_PID = 1;
/** Any child of this process group; 0 is ours, since 5.4. */
export const P_PGID = 2;
/** The child of this pidfd; since 5.4. */
export const P_PIDFD = 3;
/** Do not wait. */
export const WNOHANG = 0x1;
/** Children that were stopped. */
export const WSTOPPED = 0x2;
/** The same, as waitpid(2) calls it. */
export const WUNTRACED = 0x2;
/** Children that ended. */
export const WEXITED = 0x4;
/** Children that went on after SIGCONT. */
export const WCONTINUED = 0x8;
/** Leave the child to be waited for again. */
export const WNOWAIT = 0x1000000;
/** Only children of this thread. */
export const __WNOTHREAD = 0x20000000;
/** Children of every kind. */
export const __WALL = 0x40000000;
/** Only clone children. */
export const __WCLONE = 0x80000000;

// siginfo.si_code after waitid

/** Ended by exit; `si_status` is the code. */
export const CLD_EXITED = 1;
/** Ended by a signal; `si_status` is the signal. */
export const CLD_KILLED = 2;
/** The same, with a core dump. */
export const CLD_DUMPED = 3;
/** Trapped by its tracer. */
export const CLD_TRAPPED = 4;
/** Stopped by a signal. */
export const CLD_STOPPED = 5;
/** Continued by SIGCONT. */
export const CLD_CONTINUED = 6;
