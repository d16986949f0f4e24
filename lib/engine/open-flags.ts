/**
 * The flags of open(2), also by Node's names for them.
 */
import { constants } from 'node:fs';
import { O_CLOEXEC } from '../../syscalls/constants/fcntl.ts';
import { checkUint32, invalidType, invalidValue } from '../../syscalls/invalid.ts';

/** As Node's: 'r', 'r+', 'w', 'wx', 'a', …; or O_… as a number. */
export type OpenFlags = string | number;

/** The number, with O_CLOEXEC: no descriptor goes to a program that is executed. @throws TypeError. */
export function openFlags(flags: OpenFlags): number {
  if (typeof flags === 'number') return (checkUint32('flags', flags) | O_CLOEXEC) >>> 0;
  if (typeof flags !== 'string') throw invalidType('flags', 'of type string or number', flags);
  const bits = NAMED.get(flags);
  if (bits === undefined) throw invalidValue('flags', flags, 'is no mode of opening');
  return bits | O_CLOEXEC;
}

/** Whether it is one of Node's names. */
export function isFlags(flags: unknown): flags is string {
  return typeof flags === 'string' && NAMED.has(flags);
}

const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_SYNC, O_TRUNC, O_WRONLY } = constants;
const NAMED: ReadonlyMap<string, number> = new Map([
  ['r', O_RDONLY],
  ['rs', O_RDONLY | O_SYNC],
  ['sr', O_RDONLY | O_SYNC],
  ['r+', O_RDWR],
  ['rs+', O_RDWR | O_SYNC],
  ['sr+', O_RDWR | O_SYNC],
  ['w', O_TRUNC | O_CREAT | O_WRONLY],
  ['wx', O_TRUNC | O_CREAT | O_WRONLY | O_EXCL],
  ['xw', O_TRUNC | O_CREAT | O_WRONLY | O_EXCL],
  ['w+', O_TRUNC | O_CREAT | O_RDWR],
  ['wx+', O_TRUNC | O_CREAT | O_RDWR | O_EXCL],
  ['xw+', O_TRUNC | O_CREAT | O_RDWR | O_EXCL],
  ['a', O_APPEND | O_CREAT | O_WRONLY],
  ['ax', O_APPEND | O_CREAT | O_WRONLY | O_EXCL],
  ['xa', O_APPEND | O_CREAT | O_WRONLY | O_EXCL],
  ['as', O_APPEND | O_CREAT | O_WRONLY | O_SYNC],
  ['sa', O_APPEND | O_CREAT | O_WRONLY | O_SYNC],
  ['a+', O_APPEND | O_CREAT | O_RDWR],
  ['ax+', O_APPEND | O_CREAT | O_RDWR | O_EXCL],
  ['xa+', O_APPEND | O_CREAT | O_RDWR | O_EXCL],
  ['as+', O_APPEND | O_CREAT | O_RDWR | O_SYNC],
  ['sa+', O_APPEND | O_CREAT | O_RDWR | O_SYNC],
]);
