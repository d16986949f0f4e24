/** What is fetched once and kept: in the user's cache folder. */
import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** A folder of the cache, made when it is not there. */
export function cacheFolder(...names: string[]): string {
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tsuring', ...names);
  mkdirSync(folder, { recursive: true });
  return folder;
}
