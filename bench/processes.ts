/**
 * Children: scripts of this folder by the same node, with the same options.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** What the script printed. Throws with what it wrote to stderr when it failed. */
export async function runScript(
  name: string,
  args: readonly string[],
  options: { nodeFlags?: readonly string[]; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const { nodeFlags = [], env = process.env } = options;
  // Compiled ones run compiled ones.
  const file = import.meta.url.endsWith('.js') ? name.replace(/ts$/, 'js') : name;
  const script = fileURLToPath(new URL(file, import.meta.url));
  return run(process.execPath, [...process.execArgv, ...nodeFlags, script, ...args], env);
}

/** What the program printed. */
export async function run(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const { stdout } = await execute(program, args, { env, maxBuffer: 2 ** 26 });
  return stdout;
}
