import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { lacksOpcode } from './support/needs.ts';
import { isCompiled, nodeFlags, root } from './support/project.ts';
import { compiled } from './support/worker-start.ts';

const folder = join(root, 'docs/examples');
const examples = readdirSync(folder).filter((name) => name.endsWith(isCompiled ? '.js' : '.ts'));

test('there are examples', () => assert(examples.length >= 6, examples.join()));

/** What some of them need beyond the oldest kernel. */
const NEEDS: Readonly<Record<string, string>> = {
  deadline: 'IORING_OP_PIPE',
  'echo-server': 'IORING_OP_LISTEN',
  'worker-pool': 'IORING_OP_MSG_RING',
};

for (const name of examples) {
  const opcode = NEEDS[name.replace(/\.[jt]s$/, '')];
  const skip = opcode !== undefined && lacksOpcode(opcode);
  test(`docs/examples/${name} runs and its assertions hold`, { skip }, async () => {
    // Node 20 does not hand tsx down to the Workers of a program.
    const args = name.startsWith('worker-')
      ? [fileURLToPath(compiled(name.replace(/\.[jt]s$/, ''), 'docs/examples'))]
      : [...nodeFlags, join('docs/examples', name)];
    await promisify(execFile)(process.execPath, args, { cwd: root });
  });
}

test("the README's program is docs/examples/read-file.ts", () => {
  const blocks = readFileSync('README.md', 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm);
  const programs = Array.from(blocks, ([, code]) => code);
  assert(programs.includes(readFileSync('docs/examples/read-file.ts', 'utf8')));
});
