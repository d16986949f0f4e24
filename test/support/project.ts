/**
 * The project's own modules in other processes and threads: as TypeScript through tsx, or, where the tests themselves
 * run compiled (in the machines of test/kernels/), compiled like them.
 */
import { fileURLToPath } from 'node:url';

/** The project's folder. */
export const root: string = fileURLToPath(new URL('../..', import.meta.url));

/** Whether the tests run compiled. */
export const isCompiled: boolean = !import.meta.url.endsWith('.ts');

/** Flags with which node runs the project's modules from its folder. */
export const nodeFlags: readonly string[] = isCompiled
  ? []
  : ['--conditions=tsuring-source', '--import', 'tsx'];

/** The file of a module: 'lib/cli' is lib/cli.ts, or lib/cli.js where the tests run compiled. */
export function moduleFile(name: string): string {
  return isCompiled ? `${name}.js` : `${name}.ts`;
}
