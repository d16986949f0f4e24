/**
 * Runs in the machine: `guest.js root|nobody [PATTERN]`. The suite in this one process, since starting node takes
 * seconds in an emulator; each file is a suite of its own, so that `after` of a file is the end of that file.
 */
import { readdirSync } from 'node:fs';
import { describe } from 'node:test';
import { LEFT_OUT } from './left-out.ts';

const NOBODY = 65_534;
const [, , user, pattern = ''] = process.argv;
if (user === 'nobody') {
  process.setgroups?.([]);
  process.setgid?.(NOBODY);
  process.setuid?.(NOBODY);
}
const tests = new URL('..', import.meta.url);
const chosen = new RegExp(pattern);
for (const file of readdirSync(tests).sort()) {
  const name = file.replace('.test.js', '');
  if (name === file || !chosen.test(name) || name in LEFT_OUT) continue;
  describe(name, async () => {
    await import(new URL(file, tests).href);
  });
}
