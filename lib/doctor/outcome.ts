/**
 * Whether something that was tried worked, as the report tells it.
 */
import { errnoName } from '../../syscalls/errno.ts';

/** What came of a try: of a failure the errno's name, the call that failed, and what to do. */
export interface Outcome {
  readonly ok: boolean;
  readonly code: string | null;
  readonly syscall: string | null;
  readonly fix: string | null;
}

/** Runs `action`: its error becomes the outcome. */
export function outcomeOf(action: () => void): Outcome {
  try {
    action();
    return { ok: true, code: null, syscall: null, fix: null };
  } catch (error) {
    return failure(error);
  }
}

/** The errno's name of a raw result, null for success. */
export function codeOf(result: number): string | null {
  return result < 0 ? errnoName(result) : null;
}

function failure(error: unknown): Outcome {
  const { code, syscall, fix, message } = error as Partial<Record<keyof Outcome | 'message', unknown>>;
  const text = (value: unknown) => (typeof value === 'string' ? value : null);
  const told = text(fix) ?? text(message) ?? String(error);
  return { ok: false, code: text(code), syscall: text(syscall), fix: told };
}
