import { errnoMessage, errnoName } from './errno.ts';
import { fixFor } from './fixes.ts';

/**
 * A system call that failed, with the properties of Node's own system errors and, in `fix`, what to do about it.
 *
 * `EBUSY: resource busy or locked, io_uring_enter: <fix>`
 */
export class UringError extends Error {
  static {
    // On the prototype, as with Error itself: there the stack's first line finds it, and it is no property to print.
    Object.defineProperty(UringError.prototype, 'name', {
      value: 'UringError',
      writable: true,
      configurable: true,
    });
  }

  /** The errno's name: 'EBUSY'. */
  readonly code: string;
  /** The errno as a negative number, as Node's: -16. */
  readonly errno: number;
  /** The system call that failed: 'io_uring_enter'. */
  readonly syscall: string;
  /** One sentence on what to do. */
  readonly fix: string;

  /** `errno` may be positive or negative; without `fix` the sentence is that of `fixFor`. */
  constructor(errno: number, syscall: string, fix: string = fixFor(syscall, errno)) {
    const code = errnoName(errno);
    super(`${code}: ${errnoMessage(errno)}, ${syscall}: ${fix}`);
    this.code = code;
    this.errno = -Math.abs(errno);
    this.syscall = syscall;
    this.fix = fix;
  }
}
