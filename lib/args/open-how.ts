/**
 * `struct open_how` of openat2(2).
 */
import { checkInteger } from '../../syscalls/invalid.ts';
import { open_how } from '../../syscalls/layouts/files.ts';

/** How openat2 opens a file. */
export interface OpenHow {
  /** O_…. Add O_CLOEXEC, as Node does, but not for openat2Direct. Unknown ones are refused (-EINVAL). */
  readonly flags: number;
  /** Permissions of a file that is made, such as 0o666, less the umask. With O_CREAT or O_TMPFILE only (-EINVAL). */
  readonly mode?: number;
  /** RESOLVE_…: conditions on how the path is looked up. */
  readonly resolve?: number;
}

/**
 * 24 bytes of `struct open_how` for openat2 and openat2Direct. The kernel only reads them: one serves any number of
 * operations at once. @throws TypeError, RangeError for what is no such number.
 */
export function openHow({ flags, mode = 0, resolve = 0 }: OpenHow): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(open_how.size / 4);
  words[fields.flags[0] / 4] = checkInteger('flags', flags, 0, 0xffff_ffff);
  words[fields.mode[0] / 4] = checkInteger('mode', mode, 0, 0o7777);
  words[fields.resolve[0] / 4] = checkInteger('resolve', resolve, 0, 0xffff_ffff);
  return new Uint8Array(words.buffer);
}

const { fields } = open_how;
