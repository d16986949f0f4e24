/**
 * `npm run bench`: see docs/bench.md.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Arguments, parseArguments, usage } from './arguments.ts';
import { chart } from './chart.ts';
import { benchFolder } from './files.ts';
import { compileEcho, compileLiburing } from './liburing.ts';
import { heading, line, type Result, resultOf } from './report.ts';
import { type Context, type Row, rows } from './rows.ts';

const say = (text: string): void => void process.stdout.write(text);
const complain = (text: string): void => void process.stderr.write(text);

function main(): void {
  let args: Arguments;
  try {
    args = parseArguments(process.argv.slice(2));
  } catch (error) {
    complain(`bench: ${(error as Error).message}\n\n${usage}`);
    process.exitCode = 2;
    return;
  }
  if (args.help) say(`${usage}\nRows:\n${rows.map(({ name }) => `  ${name}\n`).join('')}`);
  else void bench(args);
}

async function bench({ quick, only, out }: Arguments): Promise<void> {
  const chosen = rows.filter(({ name }) => only === null || only.test(name));
  if (chosen.length === 0) {
    complain(`bench: no row matches ${only}. The rows are: ${rows.map(({ name }) => name).join('; ')}\n`);
    process.exitCode = 2;
    return;
  }
  const folder = benchFolder();
  const clean = (): void => rmSync(folder, { recursive: true, force: true });
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      clean();
      process.exit(1);
    });
  try {
    const results = await measureAll(chosen, await contextFor(quick, folder));
    const target = out ?? (only === null ? RESULTS : null);
    if (target !== null) write(results, target, out === null ? CHART : chartBeside(target));
  } finally {
    clean();
  }
}

/** Says what this system lacks, so that nobody looks for a column that cannot be there. */
async function contextFor(quick: boolean, folder: string): Promise<Context> {
  const made = await compileLiburing();
  if ('missing' in made) say(`Without the liburing columns: ${made.missing}.\n`);
  const echo = await compileEcho();
  if ('missing' in echo) say(`Without the rows of the echo: ${echo.missing}.\n`);
  const uv = process.version.startsWith('v20.');
  if (!uv) say(`Without the UV_USE_IO_URING columns: they are for Node 20, this is ${process.version}.\n`);
  return {
    quick,
    folder,
    liburing: 'path' in made ? made.path : null,
    echo: 'missing' in echo ? null : echo,
    uv,
  };
}

async function measureAll(chosen: readonly Row[], context: Context): Promise<Result[]> {
  const results: Result[] = [];
  say(heading);
  for (const row of chosen) {
    try {
      const missing = row.needs?.(context) ?? null;
      if (missing !== null) {
        say(`${row.name}: left out: ${missing}\n`);
        continue;
      }
      const result = resultOf(row, await row.measure(context));
      results.push(result);
      say(line(result, row));
    } catch (error) {
      const { message, stderr } = error as Error & { stderr?: string };
      complain(`${row.name}: failed, and is left out: ${stderr || message}\n`);
      process.exitCode = 1;
    }
  }
  return results;
}

function write(results: readonly Result[], target: string, chartPath: string): void {
  writeFileSync(target, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(chartPath, chart(results));
  say(`\n${target}\n${chartPath}\n`);
}

function chartBeside(path: string): string {
  const end = extname(path);
  return `${end === '' ? path : path.slice(0, -end.length)}.svg`;
}

const RESULTS = fileURLToPath(new URL('results.json', import.meta.url));
const CHART = fileURLToPath(new URL('../docs/bench.svg', import.meta.url));

main();
