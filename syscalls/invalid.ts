/**
 * The errors for a caller's mistakes, with the codes that Node uses for its own, so that one `catch` serves both.
 */
import { inspect } from 'node:util';

/** TypeError ERR_INVALID_ARG_TYPE: `name` should have been `expected`, a phrase such as 'of type number'. */
export function invalidType(name: string, expected: string, value: unknown): TypeError {
  const text = `The "${name}" argument must be ${expected}. Received ${describe(value)}`;
  return Object.assign(new TypeError(text), { code: 'ERR_INVALID_ARG_TYPE' });
}

/** TypeError ERR_INVALID_ARG_VALUE: right type, a value that cannot be used, and `why`. */
export function invalidValue(name: string, value: unknown, why: string): TypeError {
  const text = `The argument '${name}' ${why}. Received ${describe(value)}`;
  return Object.assign(new TypeError(text), { code: 'ERR_INVALID_ARG_VALUE' });
}

/** RangeError ERR_OUT_OF_RANGE: `range` is a phrase such as '>= 0 && <= 4294967295'. */
export function outOfRange(name: string, range: string, value: unknown): RangeError {
  const text = `The value of "${name}" is out of range. It must be ${range}. Received ${describe(value)}`;
  return Object.assign(new RangeError(text), { code: 'ERR_OUT_OF_RANGE' });
}

/** Error ERR_INVALID_STATE: the call is right, but not now. */
export function invalidState(text: string): Error {
  return Object.assign(new Error(text), { code: 'ERR_INVALID_STATE' });
}

/** `value` as an integer of `min` to `max`, else the TypeError or RangeError for it. */
export function checkInteger(name: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  if (typeof value !== 'number') throw invalidType(name, 'of type number', value);
  throw outOfRange(name, Number.isInteger(value) ? `>= ${min} && <= ${max}` : 'an integer', value);
}

/** `value` as an unsigned 32-bit integer. */
export function checkUint32(name: string, value: unknown): number {
  return checkInteger(name, value, 0, 0xffff_ffff);
}

/** `value` as a file descriptor or another signed 32-bit integer that is not negative. */
export function checkFd(name: string, value: unknown): number {
  return checkInteger(name, value, 0, 0x7fff_ffff);
}

function describe(value: unknown): string {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return `an instance of ${value.constructor?.name ?? 'Object'}`;
  return typeof value === 'function'
    ? `function ${value.name}`
    : inspect(value, { depth: 1, maxStringLength: 40 });
}
