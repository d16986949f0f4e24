/**
 * The last consoles of each kernel, in the user's cache folder.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../support/cache.ts';
import { byVersion } from './kernels.ts';
import { isForeign, type Result, resultOf } from './results.ts';

/** Where the console of a kernel is kept; apart when not all of the suite was to run, as both users. */
export function consoleFile(name: string, whole: boolean): string {
  return join(cacheFolder('consoles', whole ? 'whole' : 'part'), name);
}

/** Of each kernel the last run of the whole suite as both users, the oldest kernel first, other architectures last. */
export function keptResults(): Result[] {
  const folder = cacheFolder('consoles', 'whole');
  const names = readdirSync(folder).sort(
    (a, b) => Number(isForeign(a)) - Number(isForeign(b)) || byVersion(a, b),
  );
  return names.map((name) => {
    const file = join(folder, name);
    return resultOf(name, readFileSync(file, 'utf8'), statSync(file).mtime);
  });
}
