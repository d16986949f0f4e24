/**
 * The peers in C: compiled into one program where a compiler and liburing's headers are; and those of the echo, which are
 * programs of their own and need a compiler only.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Data } from './files.ts';
import { run } from './processes.ts';

/** What plays with the servers of the echo: paths of programs. */
export interface EchoPrograms {
  readonly epoll: string;
  readonly load: string;
}

/** The path of the program, or why there is none. */
export async function compileLiburing(): Promise<{ path: string } | { missing: string }> {
  const files = readdirSync(SOURCES).filter((name) => name.endsWith('.c') && !ECHO.includes(name));
  return compile('uring', files, ['-luring']);
}

/** The paths of the programs, or why there are none. */
export async function compileEcho(): Promise<EchoPrograms | { missing: string }> {
  const [epoll, load] = await Promise.all(ECHO.map((file) => compile(file.slice(0, -2), [file], [])));
  if ('missing' in epoll) return epoll;
  return 'missing' in load ? load : { epoll: epoll.path, load: load.path };
}

async function compile(
  name: string,
  files: readonly string[],
  libraries: readonly string[],
): Promise<{ path: string } | { missing: string }> {
  const folder = `${SOURCES}/build`;
  const path = `${folder}/${name}`;
  mkdirSync(folder, { recursive: true });
  try {
    const paths = files.map((file) => `${SOURCES}/${file}`);
    await run('cc', ['-O2', '-pthread', '-o', path, ...paths, ...libraries]);
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

const SOURCES = fileURLToPath(new URL('peers', import.meta.url));
const ECHO = ['epoll.c', 'echo-load.c'];
