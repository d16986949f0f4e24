/**
 * Starts Workers that run the project's TypeScript. Node 20 has no way to hand tsx down to a Worker, and starting a
 * loader in each would take longer than the tests: the sources are compiled once per test file into a temporary
 * folder. When this file itself runs compiled, its neighbours are there already.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';
import { isCompiled, root } from './project.ts';

/** Milliseconds after which something that should have come will not come: generous, for emulated machines. */
export const timeLimit = 60_000;

/** The address of `test/support/NAME`, or of another folder's, compiled to JavaScript. */
export function compiled(name: string, within = 'test/support'): URL {
  if (isCompiled) return pathToFileURL(join(root, within, `${name}.js`));
  folder ??= compile();
  return pathToFileURL(join(folder, within, `${name}.js`));
}

/** A Worker that said something. */
export interface Started {
  readonly worker: Worker;
  /** Its first message. */
  readonly message: unknown;
  /** Its exit code, when it has ended. Listened for from the start: a Worker can end in the turn it says something. */
  readonly exited: Promise<number>;
  /** What it did not catch. */
  readonly errors: Error[];
}

/** Starts the Worker `test/support/NAME.ts` and waits for its first message. Rejects when it ends without one. */
export async function startWorker(
  name: string,
  workerData: unknown,
  options: WorkerOptions = {},
): Promise<Started> {
  const worker = new Worker(compiled(name), { workerData, execArgv: [], ...options });
  const errors: Error[] = [];
  worker.on('error', (error: Error) => errors.push(error));
  const exited = new Promise<number>((resolve) => worker.once('exit', resolve));
  const message = await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    exited.then((code) => reject(errors[0] ?? new Error(`The Worker ended with ${code} and said nothing`)));
  });
  return { worker, message, exited, errors };
}

let folder: string | undefined;

function compile(): string {
  const to = mkdtempSync(join(tmpdir(), 'tsuring-workers-'));
  process.on('exit', () => rmSync(to, { recursive: true, force: true }));
  symlinkSync(join(root, 'node_modules'), join(to, 'node_modules'));
  const exports = {
    '.': './lib/index.js',
    './fs': './lib/fs/index.js',
    './syscalls': './syscalls/index.js',
  };
  writeFileSync(join(to, 'package.json'), JSON.stringify({ name: 'tsuring', type: 'module', exports }));
  writeFileSync(
    join(to, 'tsconfig.json'),
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        rootDir: root,
        outDir: to,
        declaration: false,
        declarationMap: false,
        isolatedDeclarations: false,
        sourceMap: false,
        noCheck: true,
        typeRoots: [join(root, 'node_modules', '@types')],
      },
      include: ['test/support/worker-*.ts', 'docs/examples/worker-*.ts'].map((name) => join(root, name)),
    }),
  );
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  execFileSync(process.execPath, [tsc, '-p', to], { stdio: 'inherit' });
  return to;
}
