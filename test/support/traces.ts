/**
 * What this process holds of the system: open fds and mappings.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** Number of open fds. */
export function fdCount(): number {
  // One of them is the folder's own.
  return readdirSync('/proc/self/fd').length - 1;
}

/** Number of mappings that are of rings: memory of kind `view`, `overlay`. */
export function ringMappings(): number {
  return mapLines().filter((line) => line.endsWith('anon_inode:[io_uring]')).length;
}

/** Number of mappings of any kind. */
export function mappingCount(): number {
  return mapLines().length;
}

/** Whether any mapping contains this address. */
export function isMapped(address: number): boolean {
  return mapLines().some((line) => contains(line, address));
}

/** The kernel's VmFlags of the mapping that contains this address: proc_pid_smaps(5). */
export function mappingFlags(address: number): string[] {
  const mappings = readFileSync('/proc/self/smaps', 'latin1').split(/\n(?=[0-9a-f]+-)/);
  const own = mappings.find((mapping) => contains(mapping, address)) ?? '';
  return /VmFlags: (.*)/.exec(own)?.[1].trim().split(' ') ?? [];
}

/** Whether the mapping that is told of here, its addresses first, contains this one. */
function contains(told: string, address: number): boolean {
  const [from, to] = told.split(' ', 1)[0].split('-');
  return Number.parseInt(from, 16) <= address && address < Number.parseInt(to, 16);
}

function mapLines(): string[] {
  return readFileSync('/proc/self/maps', 'latin1').split('\n').slice(0, -1);
}
