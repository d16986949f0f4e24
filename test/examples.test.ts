import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';

const examples = readdirSync('docs/examples').filter((name) => name.endsWith('.ts'));

test('there are examples', () => assert(examples.length >= 6, examples.join()));

for (const name of examples)
  test(`docs/examples/${name} runs and its assertions hold`, async () => {
    const args = ['--conditions=tsuring-source', '--import', 'tsx', `docs/examples/${name}`];
    await promisify(execFile)(process.execPath, args);
  });

test("the README's program is docs/examples/read-file.ts", () => {
  const blocks = readFileSync('README.md', 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm);
  const programs = Array.from(blocks, ([, code]) => code);
  assert(programs.includes(readFileSync('docs/examples/read-file.ts', 'utf8')));
});
