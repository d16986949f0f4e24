/**
 * The peers in C, compiled into one program where a compiler and liburing's headers are.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Data } from './files.ts';
import { run } from './processes.ts';

/** The path of the program, or why there is none. */
export async function compileLiburing(): Promise<{ path: string } | { missing: string }> {
  const sources = fileURLToPath(new URL('peers', import.meta.url));
  const folder = `${sources}/build`;
  const path = `${folder}/uring`;
  mkdirSync(folder, { recursive: true });
  try {
    const files = readdirSync(sources).filter((name) => name.endsWith('.c'));
    await run('cc', ['-O2', '-pthread', '-o', path, ...files.map((name) => `${sources}/${name}`), '-luring']);
    return { path };
  } catch (error) {
    return { missing: reason(error as NodeJS.ErrnoException & { stderr?: string }) };
  }
}

/** What a peer measured. */
export interface PeerResult {
  readonly ns: number;
  /** What it could not do as we do. */
  readonly note?: string;
}

/** Lets the peer of this name run for so many milliseconds. */
export function peerInC(
  program: string,
  workload: string,
  depth: number,
  milliseconds: number,
  data: Data | null,
): PeerResult {
  const args = [workload, String(depth), String(milliseconds)];
  if (data !== null) args.push(data.path, String(data.blocks));
  return JSON.parse(execFileSync(program, args, { encoding: 'utf8' }));
}

function reason({ code, stderr = '', message }: NodeJS.ErrnoException & { stderr?: string }): string {
  if (code === 'ENOENT') return 'there is no C compiler (cc)';
  if (/liburing\.h|-luring|uring/.test(stderr) && /No such file|cannot find|not found/.test(stderr))
    return "liburing's headers are missing (Debian: liburing-dev)";
  return `cc failed: ${(stderr || message).split('\n')[0]}`;
}
