/**
 * What the system says of itself where that decides about io_uring: read when an error is explained or a report is
 * made, never before. Whatever cannot be read (no /proc, another OS) is undefined.
 */
import { readFileSync } from 'node:fs';
import { release, version } from 'node:os';

/** A resource limit in the unit of its kind; Infinity where there is none. */
export interface Limit {
  readonly soft: number;
  readonly hard: number;
}

/** Facts of the kernel and of this thread. */
export interface SystemFacts {
  /** uname's release: '6.18.44'. */
  readonly release: string;
  /** uname's version: '#1 SMP …'. */
  readonly version: string;
  /** Whether /proc/sys can be read at all, so that a missing sysctl means something. */
  readonly hasSysctls: boolean;
  /** kernel.io_uring_disabled, since Linux 6.6: 0 allows, 1 restricts, 2 forbids. */
  readonly ioUringDisabled: number | undefined;
  /** kernel.io_uring_group, since Linux 6.6: -1 is nobody. */
  readonly ioUringGroup: number | undefined;
  /** Whether this process is in that group. */
  readonly inGroup: boolean;
  /** 0 none, 1 strict, 2 a filter. */
  readonly seccompMode: number | undefined;
  /** RLIMIT_MEMLOCK, bytes. */
  readonly memlock: Limit | undefined;
  /** RLIMIT_NOFILE, descriptors. */
  readonly nofile: Limit | undefined;
  /** RLIMIT_NPROC, threads of the user. */
  readonly nproc: Limit | undefined;
  /** CAP_SYS_ADMIN and CAP_IPC_LOCK as io_uring asks for them: in the initial user namespace. */
  readonly sysAdmin: boolean | undefined;
  readonly ipcLock: boolean | undefined;
}

/** Reads all facts. Never throws. */
export function systemFacts(): SystemFacts {
  const status = read('/proc/thread-self/status') ?? read('/proc/self/status') ?? '';
  const limits = read('/proc/self/limits') ?? '';
  const ioUringGroup = number(read('/proc/sys/kernel/io_uring_group'));
  return {
    release: release(),
    version: version(),
    hasSysctls: read('/proc/sys/kernel/ostype') !== undefined,
    ioUringDisabled: number(read('/proc/sys/kernel/io_uring_disabled')),
    ioUringGroup,
    inGroup: ioUringGroup !== undefined && ioUringGroup >= 0 && groups().includes(ioUringGroup),
    seccompMode: number(field(status, 'Seccomp')),
    memlock: limit(limits, 'Max locked memory'),
    nofile: limit(limits, 'Max open files'),
    nproc: limit(limits, 'Max processes'),
    ...capabilities(status),
  };
}

/** The CPUs that a thread may be bound to: online, and in the cpuset of this process. Empty when unknown. */
export function allowedCpus(): number[] {
  const online = cpuList(read('/sys/devices/system/cpu/online'));
  const allowed = cpuList(field(read('/proc/self/status') ?? '', 'Cpus_allowed_list'));
  return online.filter((cpu) => allowed.includes(cpu));
}

/** Whether `release` is at least Linux `major`.`minor`; undefined when it is no version. */
export function isAtLeast(release: string, major: number, minor: number): boolean | undefined {
  const found = /^(\d+)\.(\d+)/.exec(release);
  if (found === null) return undefined;
  const [has, hasMinor] = [Number(found[1]), Number(found[2])];
  return has > major || (has === major && hasMinor >= minor);
}

/** 65536 as '64 KiB', 100 as '100 bytes', Infinity as 'unlimited'. */
export function bytesText(bytes: number): string {
  if (bytes === Infinity) return 'unlimited';
  if (bytes < 1024) return `${bytes} bytes`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), units.length);
  return `${Math.round((bytes / 1024 ** power) * 10) / 10} ${units[power - 1]}`;
}

/** A file's text, or undefined when it cannot be read. */
export function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function number(text: string | undefined): number | undefined {
  const value = Number.parseInt(text ?? '', 10);
  return Number.isNaN(value) ? undefined : value;
}

/** The value of `Name:	value`. */
function field(text: string, name: string): string | undefined {
  return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(text)?.[1];
}

function limit(text: string, name: string): Limit | undefined {
  const found = new RegExp(`^${name}\\s+(\\S+)\\s+(\\S+)`, 'm').exec(text);
  if (found === null) return undefined;
  const value = (word: string) => (word === 'unlimited' ? Infinity : Number(word));
  return { soft: value(found[1]), hard: value(found[2]) };
}

function groups(): number[] {
  return [process.getegid?.() ?? -1, ...(process.getgroups?.() ?? [])];
}

function capabilities(status: string): Pick<SystemFacts, 'sysAdmin' | 'ipcLock'> {
  const effective = field(status, 'CapEff');
  if (effective === undefined) return { sysAdmin: undefined, ipcLock: undefined };
  const bits = BigInt(`0x${effective}`);
  // In a user namespace of its own a process may have every capability and yet none that counts here.
  const map = read('/proc/self/uid_map');
  const initial = map === undefined || /^\s*0\s+0\s+4294967295\s*$/.test(map);
  const has = (bit: bigint) => initial && (bits & (1n << bit)) !== 0n;
  return { sysAdmin: has(CAP_SYS_ADMIN), ipcLock: has(CAP_IPC_LOCK) };
}

/** '0-2,5' as [0, 1, 2, 5]. */
function cpuList(text: string | undefined): number[] {
  return (text ?? '').split(',').flatMap((part) => {
    const [first, last = first] = part.split('-').map(Number);
    if (part.trim() === '' || Number.isNaN(last)) return [];
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

const CAP_IPC_LOCK = 14n;
const CAP_SYS_ADMIN = 21n;
