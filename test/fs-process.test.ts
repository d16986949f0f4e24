/**
 * What a whole program sees of tsuring/fs beyond what a call gives: its end, its folder, its asynchronous contexts, its terminals.
 * Each is run with Node's functions, too.
 */
import assert from 'node:assert/strict';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { type Scratch, scratch } from './support/live-scratch.ts';
import { runNode } from './support/sandbox.ts';
import { timeLimit } from './support/time-limit.ts';

const WAYS = ['node:fs/promises', 'tsuring/fs'] as const;

/** Runs the code with each of both as `fs`, in a folder of its own that `fill` has filled, and has `check` look at the outcome. */
function programTest(
  name: string,
  code: string,
  fill: (here: Scratch) => void,
  check: (stdout: string, here: Scratch) => void,
  { ways = WAYS, skip = false }: { ways?: readonly string[]; skip?: string | false } = {},
): void {
  test(name, { timeout: timeLimit, skip }, async (t) => {
    for (const way of ways)
      await t.test(way, async () => {
        using here = scratch();
        fill(here);
        const program = `process.chdir(process.argv[1]);\n${code}`.replace('FS', JSON.stringify(way));
        const { stdout, stderr } = await runNode([
          '--expose-gc',
          '--input-type=module',
          '-e',
          program,
          here.folder,
        ]);
        check(`${stdout}${stderr}`, here);
      });
  });
}

const BEGIN = `import fs from FS;
import { AsyncLocalStorage } from 'node:async_hooks';
import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
`;

for (const [name, end] of [
  ['process.exit', 'process.exit(0);'],
  ['an exception', "process.on('uncaughtException', () => process.exit(1)); throw new Error('mine');"],
])
  programTest(
    `what was begun before ${name} is done`,
    `${BEGIN}
     const handle = await fs.open('log', 'a');
     const bulk = await fs.open('bulk', 'w');
     await handle.write('first\\n');
     handle.write('last words\\n');
     for (let n = 0; n < 40; n++) bulk.write(Buffer.alloc(100_000), 0, 100_000, n * 100_000);
     ${end}`,
    () => undefined,
    (said, here) => {
      assert.equal(readFileSync(here.at('log'), 'latin1'), 'first\nlast words\n', said);
      assert.equal(readFileSync(here.at('bulk')).length, 4_000_000, said);
    },
  );

programTest(
  'a large file is that of the folder in which it was asked for',
  `${BEGIN}
   const reading = fs.readFile('large');
   await stat('large');
   process.chdir('other');
   const large = await reading;
   console.log(large.length, large[0]);`,
  (here) => {
    mkdirSync(here.at('other'));
    writeFileSync(here.at('large'), Buffer.alloc(1_000_000, 1));
    writeFileSync(here.at('other/large'), Buffer.alloc(700_000, 2));
  },
  (said) => assert.equal(said, '1000000 1\n'),
  // Node's threads may come too late for this.
  { ways: ['tsuring/fs'] },
);

programTest(
  'who makes the first call is not kept',
  `${BEGIN}
   const storage = new AsyncLocalStorage();
   let store = { of: 'the first' };
   const weak = new WeakRef(store);
   await storage.run(store, async () => {
     const handle = await fs.open('file', 'r+');
     await handle.write('x');
     await handle.close();
     await fs.readFile('file');
   });
   store = null;
   let seen;
   await storage.run('mine', () => fs.readFile('file').then(() => { seen = storage.getStore(); }));
   for (let n = 0; n < 200 && weak.deref() !== undefined; n++) { await sleep(5); gc(); }
   console.log(seen, weak.deref());`,
  (here) => here.file('file', 'content'),
  (said) => assert.equal(said, 'mine undefined\n'),
);

programTest(
  'who writes to a terminal does not wait for who reads',
  `${BEGIN}
   await (await import('node:fs/promises')).symlink('/dev/ptmx', 'terminal');
   const handle = await fs.open('terminal', 'r+');
   handle.read(Buffer.alloc(10)).catch(() => {});
   const { bytesWritten } = await handle.write('hello');
   process.stdout.write(bytesWritten + '\\n', () => process.kill(process.pid, 'SIGKILL'));`,
  () => undefined,
  (said) => assert.equal(said, '5\n'),
  { skip: lacksTerminals() },
);

function lacksTerminals(): string | false {
  try {
    closeSync(openSync('/dev/ptmx', 'r+'));
    return false;
  } catch {
    return 'needs /dev/ptmx';
  }
}
