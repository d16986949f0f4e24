/**
 * `npm run test:node [-- [--only PATTERN] VERSION …]`: the whole suite, or the files whose name matches the regular
 * expression, under every supported line of Node, each by its own binary.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { nodeBinary } from './node-binary.ts';
import { nodeFlags } from './project.ts';

const LINES = ['20', '22', '24', '26'];

const { values, positionals } = parseArgs({
  options: { only: { type: 'string', default: '' } },
  allowPositionals: true,
});
const wanted = positionals.length > 0 ? positionals : LINES;
const chosen = new RegExp(values.only);
const results = wanted.map((line) => ({ line, ...runSuite(nodeBinary(line)) }));
for (const { line, version, summary, ok } of results)
  process.stdout.write(`Node ${line} (${version}): ${ok ? 'ok' : 'FAILED'}, ${summary}\n`);
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;

function runSuite(node: string): { version: string; summary: string; ok: boolean } {
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
  const files = readdirSync('test').filter((name) => name.endsWith('.test.ts') && chosen.test(name));
  const args = [...nodeFlags, '--test', '--test-concurrency=1'];
  const paths = files.sort().map((name) => join('test', name));
  // Tests that start children find this binary by process.execPath, `npm` and shells find it first in the path.
  const env = { ...process.env, PATH: `${join(node, '..')}:${process.env.PATH}` };
  const run = spawnSync(node, [...args, '--test-reporter=tap', ...paths], {
    env,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const count = (what: string) => Number(run.stdout.match(new RegExp(`^# ${what} (\\d+)$`, 'm'))?.[1] ?? 0);
  const ok = run.status === 0 && count('fail') === 0 && count('tests') >= files.length;
  if (!ok) process.stdout.write(failuresOf(run.stdout));
  return {
    version,
    summary: `${count('pass')} passed, ${count('skipped')} skipped, ${count('fail')} failed`,
    ok,
  };
}

/** The parts of a TAP stream that begin with `not ok`, with their explanation. */
function failuresOf(tap: string): string {
  const lines = tap.split('\n');
  const at = lines.flatMap((line, i) => (/^\s*not ok/.test(line) ? [i] : []));
  return `${at.map((i) => lines.slice(i, i + 40).join('\n')).join('\n…\n')}\n`;
}
