/**
 * Messages about files that could not be read, in the words and the quoting of coreutils.
 */

import * as errno from '../../syscalls/errno.ts';
import { errnoMessage } from '../../syscalls/errno.ts';

/** What strerror(3) of glibc says of an errno, positive or negative. */
export function strerror(number: number): string {
  const known = GLIBC.get(Math.abs(number));
  if (known !== undefined) return known;
  const text = errnoMessage(number);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * A file name as a shell would take it, with quotes only where they are needed: nothing in it can move the cursor or
 * look like the end of the line.
 */
export function quote(name: Uint8Array): string {
  const text = Buffer.from(name).toString();
  const isText = Buffer.from(text).equals(name);
  if (isText && /^(?![~#]|[{}]$)[^\p{C}\p{Z}!"$&'()*;<=>?[\\^`|:]+$/u.test(text)) return text;
  if (
    isText &&
    /^[^\p{Cc}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}!"$\\`]*'[^\p{Cc}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}!"$\\`]*$/u.test(
      text,
    )
  )
    return `"${text}"`;
  return escaped(name);
}

/** 'plain'$'\n''plain': runs of what can be shown in plain quotes, everything else as escapes. */
function escaped(name: Uint8Array): string {
  let result = '';
  let odd = false;
  for (const part of parts(name)) {
    const isByte = typeof part === 'number';
    if (isByte !== odd) result += isByte ? "'$'" : "''";
    odd = isByte;
    result += isByte ? escapeByte(part) : part === "'" ? "'\\''" : part;
  }
  return `'${result}'`;
}

/** Characters that can be shown, and the bytes of all others. */
function* parts(name: Uint8Array): Generator<string | number> {
  for (let at = 0; at < name.length; ) {
    const length = sequenceLength(name[at]);
    const bytes = Buffer.from(name.subarray(at, at + length));
    const character = bytes.toString();
    const valid = Buffer.from(character).equals(bytes) && [...character].length === 1;
    if (valid && !/[\p{Cc}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u.test(character)) {
      yield character;
      at += length;
    } else yield name[at++];
  }
}

const sequenceLength = (first: number): number =>
  first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

function escapeByte(byte: number): string {
  const letter = 'abtnvfr'[byte - 7];
  return `\\${letter ?? byte.toString(8).padStart(3, '0')}`;
}

/** Where glibc's words are not Node's. */
const GLIBC: ReadonlyMap<number, string> = new Map([
  [errno.EIO, 'Input/output error'],
  [errno.ENOMEM, 'Cannot allocate memory'],
  [errno.EISDIR, 'Is a directory'],
  [errno.EINVAL, 'Invalid argument'],
  [errno.EMFILE, 'Too many open files'],
  [errno.ENFILE, 'Too many open files in system'],
  [errno.ESPIPE, 'Illegal seek'],
  [errno.ENAMETOOLONG, 'File name too long'],
  [errno.ELOOP, 'Too many levels of symbolic links'],
  [errno.EOVERFLOW, 'Value too large for defined data type'],
  [errno.EBUSY, 'Device or resource busy'],
]);
