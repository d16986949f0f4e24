/**
 * Paths and other names as operations take them.
 */
import { cString } from '../../syscalls/memory.ts';
import type { Sqe } from '../sqe.ts';
import { addressIn } from './check.ts';

/**
 * A path, or the name of an extended attribute. A string or bytes are copied into a C string that the ring holds until
 * the operation's CQE is acknowledged. A number or bigint is the address of a C string, ended by a NUL, that the caller
 * keeps alive.
 */
export type Path = string | Uint8Array | number | bigint;

/** The address of the C string. TypeError when the path contains a NUL or is none of the types. */
export function pathIn(sqe: Sqe, name: string, path: Path): number {
  if (typeof path === 'number' || typeof path === 'bigint') return addressIn(sqe, name, path, 1);
  return sqe.point(cString(path), 1);
}
