/**
 * `npm run test:nodejs -- [--node LINE] PATH [PATTERN]`: Node's own tests of fs promises and FileHandle, out of a checkout of
 * nodejs/node at PATH of the same line as the Node that runs them, with tsuring/fs in the place of node:fs/promises. PATTERN:
 * only files whose name matches this regular expression. Nothing of the checkout is changed.
 *
 * A test that fails is run again with Node's own functions: what fails then, too, fails for the machine.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { nodeBinary } from '../support/node-binary.ts';
import { leftOut } from './left-out.ts';

interface Outcome {
  readonly file: string;
  readonly failed: boolean;
  /** What it printed. */
  readonly text: string;
}

/** For one file. */
const LIMIT_MS = 120_000;

const { values, positionals } = parseArgs({
  options: { node: { type: 'string' } },
  allowPositionals: true,
});
const [checkout, pattern = ''] = positionals;
if (checkout === undefined) throw new Error('Usage: npm run test:nodejs -- [--node LINE] PATH [PATTERN]');
const binary = values.node === undefined ? process.execPath : nodeBinary(values.node);
const folder = resolve(checkout, 'test', 'parallel');
const swap = fileURLToPath(new URL('swap.mjs', import.meta.url));
const ours = pathToFileURL(resolve('dist/lib/fs/index.js')).href;
const scratch = mkdtempSync(join(tmpdir(), 'tsuring-nodejs-'));

const files = readdirSync(folder).filter((file) => new RegExp(pattern).test(file) && isAboutPromises(file));
const run = files.filter((file) => leftOut[file] === undefined);
const outcomes = await inParallel(run, (file, worker) => test(file, worker, true));
const failures: Outcome[] = [];
const nodes: string[] = [];
for (const outcome of outcomes.filter(({ failed }) => failed))
  if ((await test(outcome.file, 0, false)).failed) nodes.push(outcome.file);
  else failures.push(outcome);
rmSync(scratch, { recursive: true });

for (const { file, text } of failures) process.stdout.write(`\n${file}\n${text}\n`);
for (const file of files) if (leftOut[file]) process.stdout.write(`left out: ${file}: ${leftOut[file]}\n`);
for (const file of nodes) process.stdout.write(`fails with Node's own functions, too: ${file}\n`);
const passed = run.length - failures.length - nodes.length;
process.stdout.write(
  `${passed} passed, ${failures.length} failed${failures.map(({ file }) => `\n  ${file}`).join('')}\n`,
);
process.exitCode = failures.length === 0 && passed > 0 ? 0 : 1;

/** Whether it has to do with what tsuring/fs stands in for. */
function isAboutPromises(file: string): boolean {
  if (!/\.m?js$/.test(file) || !/fs|filehandle/.test(file)) return false;
  return /fs\/promises|promises|FileHandle/.test(readFileSync(join(folder, file), 'utf8'));
}

function test(file: string, worker: number, swapped: boolean): Promise<Outcome> {
  const path = join(folder, file);
  const flags = /^\/\/ Flags: (.*)$/m.exec(readFileSync(path, 'utf8'))?.[1].split(' ') ?? [];
  const args = [...flags, ...(swapped ? ['--import', swap] : []), path];
  const env = { ...process.env, TSURING_FS: ours, NODE_TEST_DIR: scratch, TEST_THREAD_ID: `${worker}` };
  return new Promise((done) => {
    const child = spawn(binary, args, { env, cwd: checkout, stdio: ['ignore', 'pipe', 'pipe'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      done({ file, failed: status !== 0, text: signal === null ? text : `${text}\nended by ${signal}` });
    });
  });
}

async function inParallel<T>(
  items: string[],
  run: (item: string, worker: number) => Promise<T>,
): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const work = async (_: unknown, worker: number): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      results[at] = await run(items[at], worker);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return results;
}
