/**
 * A Worker that runs a TypeScript file of this folder as it is. Node 20 does not hand tsx down to Workers.
 */
import { Worker } from 'node:worker_threads';
import { isCompiled } from './project.ts';

export function tsWorker(name: string, workerData: unknown): Worker {
  if (isCompiled) return new Worker(new URL(`${name}.js`, import.meta.url), { workerData });
  const file = new URL(`${name}.ts`, import.meta.url).href;
  const tsx = import.meta.resolve('tsx/esm/api');
  const code = `import(${JSON.stringify(tsx)}).then(({ register }) => { register(); return import(${JSON.stringify(file)}); })`;
  return new Worker(code, { eval: true, workerData });
}
