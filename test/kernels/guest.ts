/**
 * Runs in the machine: `guest.js root|nobody PATTERN`. Most of the suite in one process, since starting node takes
 * seconds in an emulator; each file is a suite of its own there, so that `after` of a file is the end of that file.
 * Some files get a process of their own.
 */
import { AsyncResource } from 'node:async_hooks';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { describe } from 'node:test';
import { fileURLToPath } from 'node:url';
import { doctorReport } from '../../lib/doctor/report.ts';
import { type Line, MARK } from './console.ts';
import { ALONE, LEFT_OUT, ROOT_ONLY } from './left-out.ts';

const NOBODY = 65_534;
/** For one part. What a failed test left alive can keep its process from ending; the parts after it are to run. */
const PART_LIMIT_MS = 40 * 60_000;
const [, self, user, pattern, part] = process.argv;
if (part === undefined) runParts();
else if (part === 'doctor') write({ doctor: doctorReport() });
else {
  const tests = new URL('..', import.meta.url);
  // One after the other: a file that waits for a module which another import still evaluates is not evaluated in its
  // own suite's context, and its tests would be the root's.
  let last: Promise<unknown> = Promise.resolve();
  for (const name of part.split(','))
    describe(name, async () => {
      const load = AsyncResource.bind(() => import(new URL(`${name}.test.js`, tests).href));
      const loaded = last.catch(() => {}).then(load);
      last = loaded;
      // No test begins before everything is there: some measure the heap. By the next microtask all files stand in line.
      await null;
      await last.catch(() => {});
      await loaded;
    });
}

/** One part after the other. */
function runParts(): void {
  if (user !== 'root' && user !== 'nobody') throw new Error(`there is no user ${user}`);
  if (user === 'nobody') {
    process.setgroups?.([]);
    process.setgid?.(NOBODY);
    process.setuid?.(NOBODY);
  }
  const names = chosen();
  const alone = names.filter((name) => ALONE.includes(name));
  const together = names.filter((name) => !ALONE.includes(name)).join(',');
  const reporter = ['--test-reporter', fileURLToPath(new URL('reporter.js', import.meta.url))];
  const parts = new Map([['doctor', 'doctor'], ...alone.map((name) => [name, name] as const)]);
  if (together !== '') parts.set('together', together);
  write({ user, parts: [...parts.keys()] });
  for (const [part, files] of parts) {
    const flags = part === 'doctor' ? [] : reporter;
    const { status, signal } = spawnSync(process.execPath, [...flags, self, user, pattern, files], {
      stdio: 'inherit',
      timeout: PART_LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    write({ part, status, signal });
  }
}

function chosen(): string[] {
  // As it came through the kernel's command line.
  const only = new RegExp(decodeURIComponent(pattern));
  const out = user === 'root' ? LEFT_OUT : { ...LEFT_OUT, ...ROOT_ONLY };
  return readdirSync(new URL('..', import.meta.url))
    .filter((file) => file.endsWith('.test.js'))
    .map((file) => file.replace('.test.js', ''))
    .filter((name) => only.test(name) && !(name in out))
    .sort();
}

function write(line: Line): void {
  process.stdout.write(`${MARK}${JSON.stringify(line)}\n`);
}
