/**
 * The scripts of the engine's rows, and the package, compiled as a user has them. Run through tsx every closure that
 * has a name would be given it anew each time that it is made, which the operations of the engine would pay for.
 */
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './processes.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BUILD = join(ROOT, 'bench/peers/build/engine');

/** The arguments with which node runs the script of this name, without an ending. Compiles all of them the first time. */
export async function compiledScript(name: string, args: readonly string[]): Promise<string[]> {
  folder ??= compile();
  return [join(await folder, `${name}.js`), ...args];
}

/** What the compiled script printed. */
export async function runCompiled(
  name: string,
  args: readonly string[],
  nodeFlags: readonly string[] = [],
): Promise<string> {
  return run(process.execPath, [...nodeFlags, ...(await compiledScript(name, args))]);
}

let folder: Promise<string> | null = null;

async function compile(): Promise<string> {
  const scripts = join(BUILD, 'dist/bench');
  const last = join(scripts, 'waits.js');
  mkdirSync(BUILD, { recursive: true });
  copyFileSync(join(ROOT, 'package.json'), join(BUILD, 'package.json'));
  rmSync(last, { force: true });
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  await run(process.execPath, [tsc, '-p', join(ROOT, 'bench/tsconfig.build.json')]).catch((error) => {
    // What it complains of may be in what no row needs.
    if (!existsSync(last)) throw error;
  });
  return scripts;
}
