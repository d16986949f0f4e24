/**
 * Extended attributes by system calls, beside what the ring does with them.
 */
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addressOf, cString, libc } from 'tsuring/syscalls';

/** getxattr(2): the value, or -errno. */
export function attributeOf(path: string | Uint8Array, name: string | Uint8Array): Buffer | number {
  const value = Buffer.alloc(65_536);
  const length = call(NR.getxattr, path, name, value, value.length);
  return length < 0 ? length : value.subarray(0, length);
}

/** setxattr(2): 0, or -errno. */
export function setAttribute(
  path: string | Uint8Array,
  name: string | Uint8Array,
  value: Uint8Array,
): number {
  return call(NR.setxattr, path, name, value, value.length);
}

/** A folder whose file system takes attributes of the user's, or the reason that there is none. */
export function attributesFolder(): { readonly folder: string } | { readonly lacks: string } {
  const folder = [tmpdir(), process.cwd(), '/var/tmp'].find(takesAttributes);
  return folder !== undefined
    ? { folder }
    : { lacks: `needs a file system with user.* attributes, as ${tmpdir()}` };
}

function takesAttributes(within: string): boolean {
  try {
    const folder = mkdtempSync(join(within, 'tsuring-live-'));
    const result = setAttribute(folder, 'user.tsuring', Buffer.from('x'));
    rmdirSync(folder);
    return result === 0;
  } catch {
    return false;
  }
}

function call(
  number: number,
  path: string | Uint8Array,
  name: string | Uint8Array,
  value: Uint8Array,
  length: number,
): number {
  const [file, key] = [cString(path), cString(name)];
  const result = libc().syscall(number, addressOf(file), addressOf(key), addressOf(value), length, 0, 0);
  // The strings live until here.
  return file.length > 0 && key.length > 0 ? result : 0;
}

const NR = process.arch === 'arm64' ? { setxattr: 5, getxattr: 8 } : { setxattr: 188, getxattr: 191 };
