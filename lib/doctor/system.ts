/**
 * What runs here: the system part of the report.
 */
import { release, version } from 'node:os';
import { pageSize } from '../../syscalls/memory.ts';
import { read } from '../diagnose/facts.ts';

/** The machine and what this process is made of. */
export interface SystemReport {
  readonly platform: string;
  /** uname's release and version. */
  readonly release: string;
  readonly version: string;
  readonly arch: string;
  readonly node: string;
  readonly libc: { readonly name: 'glibc' | 'musl'; readonly version: string | null } | null;
  /** Bytes. */
  readonly pageSize: number | null;
}

/** Gathers it. Never throws. */
export function systemReport(): SystemReport {
  return {
    platform: process.platform,
    release: release(),
    version: version(),
    arch: process.arch,
    node: process.version,
    libc: libcReport(),
    pageSize: pageSizeOrNull(),
  };
}

function libcReport(): SystemReport['libc'] {
  const glibc = glibcVersion();
  if (glibc !== undefined) return { name: 'glibc', version: glibc };
  const musl = /\/(ld-musl-|libc\.musl-)/.test(read('/proc/self/maps') ?? '');
  return musl ? { name: 'musl', version: null } : null;
}

function glibcVersion(): string | undefined {
  // Node calls it an object and tells of the version only in the report's header, and not at all on musl.
  const { header } = (process.report?.getReport() ?? {}) as { header?: { glibcVersionRuntime?: string } };
  return header?.glibcVersionRuntime;
}

function pageSizeOrNull(): number | null {
  try {
    return pageSize();
  } catch {
    return null;
  }
}
