/**
 * The peer in C, compiled where a compiler and liburing's headers are.
 */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run } from './processes.ts';

/** The path of the program, or why there is none. */
export async function compileLiburing(): Promise<{ path: string } | { missing: string }> {
  const source = fileURLToPath(new URL('peers/uring.c', import.meta.url));
  const folder = fileURLToPath(new URL('peers/build', import.meta.url));
  const path = `${folder}/uring`;
  mkdirSync(folder, { recursive: true });
  try {
    await run('cc', ['-O2', '-o', path, source, '-luring']);
    return { path };
  } catch (error) {
    return { missing: reason(error as NodeJS.ErrnoException & { stderr?: string }) };
  }
}

function reason({ code, stderr = '', message }: NodeJS.ErrnoException & { stderr?: string }): string {
  if (code === 'ENOENT') return 'there is no C compiler (cc)';
  if (/liburing\.h|-luring|uring/.test(stderr) && /No such file|cannot find|not found/.test(stderr))
    return "liburing's headers are missing (Debian: liburing-dev)";
  return `cc failed: ${(stderr || message).split('\n')[0]}`;
}
